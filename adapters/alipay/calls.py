"""Requests to the gateway as form parameters, signed (protocols 5.1, 5.3). Pure: the same errand, the same order."""

import json
from collections.abc import Mapping
from typing import Any

from adapters.alipay.access import AlipayAccess
from adapters.alipay.beijing import text_of
from adapters.alipay.signature import SIGN_TYPE, request_base, sign
from schemas.errands import DebitErrand, QueryErrand, RefundErrand
from schemas.money import yuan_text

PAY = "alipay.trade.pay"
QUERY = "alipay.trade.query"
REFUND = "alipay.trade.refund"
REFUND_QUERY = "alipay.trade.fastpay.refund.query"


def debit_request(access: AlipayAccess, errand: DebitErrand, wall: int) -> dict[str, str]:
    """Return the agreement debit; `time_expire` is the order number's one absolute expiry, at every retry the same."""
    content = {
        "out_trade_no": errand.order_no,
        "total_amount": yuan_text(errand.amount_fen),
        "subject": access.subject,
        "product_code": access.product_code,
        "agreement_params": {"agreement_no": errand.channel_agreement},
        "time_expire": text_of(errand.expires_wall_at),
        "passback_params": f"attempt.{errand.attempt}",
    }
    return signed_request(access, PAY, content, wall, notify=True)


def query_request(access: AlipayAccess, errand: QueryErrand, wall: int) -> dict[str, str]:
    """Return the query of an order number."""
    return signed_request(access, QUERY, {"out_trade_no": errand.order_no}, wall)


def refund_request(access: AlipayAccess, errand: RefundErrand, wall: int) -> dict[str, str]:
    """Return the refund, or the question about it; a repeat has the same request number and amount."""
    content = {"out_trade_no": errand.order_no, "out_request_no": errand.refund_no}
    if errand.query:
        return signed_request(access, REFUND_QUERY, content, wall)
    content |= {"refund_amount": yuan_text(errand.amount_fen), "refund_reason": "信用就医退费"}
    return signed_request(access, REFUND, content, wall, notify=True)


def signed_request(
    access: AlipayAccess, method: str, content: Mapping[str, Any], wall: int, *, notify: bool = False
) -> dict[str, str]:
    """Return all form parameters of a call; `sign` covers `sign_type` too."""
    parameters = {
        "app_id": access.app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": SIGN_TYPE,
        "timestamp": text_of(wall),
        "version": "1.0",
        "notify_url": access.notify_url if notify else "",
        "app_cert_sn": access.app_cert_sn,
        "alipay_root_cert_sn": access.alipay_root_cert_sn,
        "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
    }
    kept = {key: value for key, value in parameters.items() if value}
    return kept | {"sign": sign(access.private_key, request_base(kept).encode())}

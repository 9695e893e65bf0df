"""Alipay's asynchronous notices: fields, signature over everything but `sign` and `sign_type`, and their defects."""

import urllib.parse
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from adapters.sandbox.beijing import text_of
from adapters.sandbox.book import Order, Refund
from adapters.sandbox.outcomes import Notice, digits
from adapters.sandbox.rsa_text import base_string, rsa2

RARE_SUBJECT = "信用就医 𠮷㐂"
"""A subject with characters that take four bytes in GB18030."""


def yuan(amount_fen: int) -> str:
    """Return an amount as Alipay writes it: yuan with two decimals."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def trade_fields(
    order: Order, status: str, seller_id: str, now_ms: int, *, amount_fen: int | None = None
) -> dict[str, str]:
    """Return the fields of a `trade_status_sync` notice, unsigned and without its id."""
    amount = yuan(order.amount_fen if amount_fen is None else amount_fen)
    fields = {
        "notify_time": text_of(now_ms),
        "notify_type": "trade_status_sync",
        "charset": "utf-8",
        "version": "1.0",
        "app_id": order.fields.get("app_id", ""),
        "auth_app_id": order.fields.get("app_id", ""),
        "trade_no": order.trade_no,
        "out_trade_no": order.order_no,
        "buyer_id": f"2088{digits(12, order.order_no, 'buyer')}",
        "seller_id": seller_id,
        "trade_status": status,
        "total_amount": amount,
        "subject": order.fields.get("subject", ""),
        "gmt_create": text_of(order.created_at),
        "body": "",
    }
    if passback := order.fields.get("passback_params"):
        fields["passback_params"] = passback
    if order.moved_wall_at is not None:
        fields |= {"gmt_payment": text_of(order.moved_wall_at), "receipt_amount": amount, "buyer_pay_amount": amount}
    return fields


def refund_fields(order: Order, refund: Refund, total_fen: int, seller_id: str, now_ms: int) -> dict[str, str]:
    """Return the fields of the notice of a refund; `refund_fee` is everything refunded so far."""
    status = "TRADE_CLOSED" if total_fen == order.amount_fen else "TRADE_SUCCESS"
    return {
        **trade_fields(order, status, seller_id, now_ms),
        "out_biz_no": refund.refund_no,
        "refund_fee": yuan(total_fen),
        "send_back_fee": yuan(refund.amount_fen),
        "gmt_refund": f"{text_of(now_ms)}.000",
    }


def unsign_fields(order: Order, now_ms: int) -> dict[str, str]:
    """Return the fields of a `dut_user_unsign` notice: the agreement of the order is dead.

    Nobody signs agreements here, so the merchant's own agreement number is not known; the order number stands for it,
    which names the payer as well.
    """
    return {
        "notify_time": text_of(now_ms),
        "notify_type": "dut_user_unsign",
        "charset": "utf-8",
        "version": "1.0",
        "app_id": order.fields.get("app_id", ""),
        "auth_app_id": order.fields.get("app_id", ""),
        "agreement_no": order.fields.get("agreement_no", ""),
        "external_agreement_no": order.order_no,
        "alipay_user_id": f"2088{digits(12, order.order_no, 'buyer')}",
        "personal_product_code": "GENERAL_WITHHOLDING_P",
        "sign_scene": "INDUSTRY|MEDICAL",
        "unsign_time": text_of(now_ms),
        "status": "UNSIGN",
    }


def body_of(key: RSAPrivateKey, fields: Mapping[str, str], defect: Notice) -> Callable[[int], bytes]:
    """Return what the n-th send of a notice carries; only `notify_time` may differ between sends, here it does not."""
    encoding = "gb18030" if defect is Notice.RARE_NAME else "utf-8"
    honest = dict(fields)
    if defect is Notice.RARE_NAME:
        honest |= {"charset": "GBK", "subject": RARE_SUBJECT}
    text = base_string(honest, (), keep_empty=True)
    good = _encoded({**honest, "sign_type": "RSA2", "sign": rsa2(key, text.encode(encoding))}, encoding)
    if defect is Notice.DUPLICATE_KEY:
        twice = good + b"&" + urllib.parse.urlencode({"total_amount": fields.get("total_amount", "")}).encode("ascii")
        return lambda _send: twice
    if defect is Notice.FIRST_HOSTILE:
        forged = _encoded({**honest, "sign_type": "RSA2", "sign": rsa2(key, b"something else")}, encoding)
        return lambda send: forged if send == 1 else good
    return lambda _send: good


def _encoded(fields: Mapping[str, str], encoding: str) -> bytes:
    return urllib.parse.urlencode(fields, encoding=encoding).encode("ascii")

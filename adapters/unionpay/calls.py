"""Requests to UnionPay as form parameters, signed (protocols 6.2). Pure: the same errand, the same order and time."""

from datetime import date

from adapters.unionpay.access import UnionPayAccess
from adapters.unionpay.signature import METHOD, VERSION, sign
from adapters.unionpay.text import text_of
from schemas.errands import DebitErrand, QueryErrand, RefundErrand

_DEBIT, _QUERY, _REFUND, _FILE = "11", "00", "04", "76"


def debit_request(access: UnionPayAccess, errand: DebitErrand) -> dict[str, str]:
    """Return the debit (代收); `payTimeout` is the one absolute expiry, `txnTime` the same at every retry."""
    token = f"{{token={errand.channel_agreement}&trId={access.mer_id}}}"
    return _signed(
        access,
        {
            "txnType": _DEBIT,
            "txnSubType": "00",
            "channelType": "07",
            "orderId": errand.order_no,
            "txnTime": text_of(errand.txn_wall_at),
            "currencyCode": "156",
            "txnAmt": str(errand.amount_fen),
            "payTimeout": text_of(errand.expires_wall_at),
            "tokenPayData": token,
            "backUrl": access.back_url,
            "reqReserved": f"attempt.{errand.attempt}",
        },
    )


def query_request(access: UnionPayAccess, errand: QueryErrand) -> dict[str, str]:
    """Return the query: the debit's own number and time."""
    return _signed(
        access,
        {
            "txnType": _QUERY,
            "txnSubType": "00",
            "orderId": errand.order_no,
            "txnTime": text_of(errand.txn_wall_at),
        },
    )


def refund_request(access: UnionPayAccess, errand: RefundErrand) -> dict[str, str]:
    """Return the refund of a settled debit, or the query of that refund: the same number and time at every repeat."""
    times = {"orderId": errand.refund_no, "txnTime": text_of(errand.txn_wall_at)}
    if errand.query:
        return _signed(access, {"txnType": _QUERY, "txnSubType": "00", **times})
    return _signed(
        access,
        {
            "txnType": _REFUND,
            "txnSubType": "00",
            "channelType": "07",
            **times,
            "currencyCode": "156",
            "txnAmt": str(errand.amount_fen),
            "origQryId": errand.trade_no,
            "backUrl": access.back_url,
        },
    )


def file_request(access: UnionPayAccess, day: date, wall: int) -> dict[str, str]:
    """Return the request for the settlement file of a day (file transfer)."""
    return _signed(
        access,
        {
            "txnType": _FILE,
            "txnSubType": "01",
            "bizType": "000000",
            "settleDate": f"{day:%m%d}",
            "fileType": "00",
            "txnTime": text_of(wall),
        },
    )


def _signed(access: UnionPayAccess, own: dict[str, str]) -> dict[str, str]:
    parameters = {
        "version": VERSION,
        "encoding": "UTF-8",
        "signMethod": METHOD,
        "certId": access.cert_id,
        "bizType": access.biz_type,
        "accessType": "0",
        "merId": access.mer_id,
        **own,
    }
    return parameters | {"signature": sign(access.private_key, parameters)}

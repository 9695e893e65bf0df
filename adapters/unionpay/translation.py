"""A believed back notice to the command of its order's account, and the books' outcome to the reply (6.3)."""

import json

from adapters.unionpay.access import UnionPayAccess
from adapters.unionpay.causes import PAID, PAID_LATE
from adapters.unionpay.notice import JSON, Fields, read_notice, refusal
from adapters.unionpay.text import moment_of
from hub.runtime.wire import HttpAnswer, Inbound, Refusal
from schemas.commands import ReceiveNotice
from schemas.ids import ID_LENGTH, account_of, message_hash
from schemas.reasons import REASONS, Reason, reason_text
from schemas.replies import Reply

RECEIVED = HttpAnswer(200, b"ok")
_DEBIT, _REFUND = "11", "04"
_STATUSES = {Reason.ORDER_UNKNOWN: 503, Reason.AMOUNT_MISMATCH: 409, Reason.REFUND_EXCEEDS: 409}
"""Where a notice that does not fit our books is answered otherwise than on other wires (rows 85, 86)."""
_CHARGED = (*PAID, PAID_LATE)
_AMOUNT_DIGITS_MAX = 12


def judge(access: UnionPayAccess, body: bytes, content_type: str) -> Inbound | Refusal | HttpAnswer:
    """Return what the bytes of a notice become: believed first, as `read_notice` says, then as `translate` says."""
    fields = read_notice(access, body, content_type)
    return fields if isinstance(fields, Refusal) else translate(access, fields)


def translate(access: UnionPayAccess, fields: Fields) -> Inbound | Refusal | HttpAnswer:
    """Return the command, the refusal, or the plain 200 for an authentic notice of a kind nobody handles yet."""
    kind, order_no, amount = fields.get("txnType", ""), fields.get("orderId", ""), fields.get("txnAmt", "")
    if fields.get("merId") != access.mer_id:
        return refusal(Reason.AMOUNT_MISMATCH, 409, "incident.money")
    if kind not in (_DEBIT, _REFUND) or fields.get("respCode") not in (PAID if kind == _REFUND else _CHARGED):
        return RECEIVED  # failures are never notified; whatever else comes is no word about money
    account = account_of(order_no) if len(order_no) == ID_LENGTH else None
    if account is None:
        return refusal(Reason.ORDER_UNKNOWN, 503, "incident.money")
    if fields.get("currencyCode") != "156" or not (amount.isascii() and amount.isdigit()):
        return refusal(Reason.AMOUNT_MISMATCH, 409, "incident.money")
    if len(amount) > _AMOUNT_DIGITS_MAX:
        return refusal(Reason.AMOUNT_SYNTAX, 400)
    return _inbound(access, account, fields, int(amount))


def notice_answer(reply: Reply | None) -> HttpAnswer:
    """Return 200 once the books took it, also as repeat or late; 503 sends it again (an unknown order too, row 85)."""
    if reply is None:
        return _refused(Reason.HUB_BUSY, 503)
    if not reply.refused:
        return RECEIVED
    reason = Reason(reply.code)
    return _refused(reason, _STATUSES.get(reason) or REASONS[reason].status)


def _inbound(access: UnionPayAccess, account: str, fields: Fields, amount: int) -> Inbound:
    refund = fields["txnType"] == _REFUND
    key = "|".join(fields.get(name, "") for name in ("merId", "orderId", "txnTime", "txnType"))
    moment = moment_of(fields.get("txnTime", ""))
    notice = ReceiveNotice(
        channel="unionpay",
        order_no=fields["orderId"],
        status="refunded" if refund else "paid",
        amount_fen=amount,
        notice_id=key,
        trade_no=fields.get("queryId", ""),
        refund_no=fields["orderId"] if refund else "",
        happened_at=int(moment.timestamp() * 1000) if moment else 0,
    )
    return Inbound(
        id=message_hash("unionpay", key, fields.get("respCode", ""), str(amount)),
        account=account,
        content_hash=message_hash(notice.status, str(amount), notice.trade_no),
        source=f"unionpay@{access.endpoint}",
        receipt_key=f"unionpay|{key}",
        body=notice,
    )


def _refused(reason: Reason, status: int) -> HttpAnswer:
    body = json.dumps({"code": reason, "message": reason_text(reason, "en")}).encode()
    return HttpAnswer(status, body, JSON)

"""A believed notice to the command of its order's account, and the books' outcome to the exact reply (5.2)."""

from typing import Literal

from adapters.alipay.access import AlipayAccess
from adapters.alipay.beijing import instant_of
from adapters.alipay.notice import FAIL, Fields, read_notice, refusal
from hub.runtime.wire import HttpAnswer, Inbound, Refusal
from schemas.commands import Body, NoteAgreementEnd, ReceiveNotice
from schemas.ids import ID_LENGTH, account_of, message_hash
from schemas.money import AmountSyntaxError, fen_from_text
from schemas.reasons import REASONS, Reason
from schemas.replies import Reply

SUCCESS = HttpAnswer(200, b"success")
Status = Literal["waiting", "paid", "closed", "finished", "refunded"]
_CONTRADICTIONS = (Reason.ORDER_UNKNOWN, Reason.AMOUNT_MISMATCH, Reason.REFUND_EXCEEDS)
"""An authentic notice that does not fit our books (rows 73, 74, 78); on other wires these reasons are no conflict."""
_STATUS: dict[str, Status] = {
    "WAIT_BUYER_PAY": "waiting",
    "TRADE_SUCCESS": "paid",
    "TRADE_CLOSED": "closed",
    "TRADE_FINISHED": "finished",
}


def judge(access: AlipayAccess, body: bytes, content_type: str) -> Inbound | Refusal | HttpAnswer:
    """Return what the bytes of a notice become: believed first, as `read_notice` says, then as `translate` says."""
    fields = read_notice(access, body, content_type)
    return fields if isinstance(fields, Refusal) else translate(access, fields)


def translate(access: AlipayAccess, fields: Fields) -> Inbound | Refusal | HttpAnswer:
    """Return the command, the refusal, or the plain `success` for an authentic notice of a kind nobody handles yet."""
    kind = fields.get("notify_type", "")
    if kind == "trade_status_sync":
        return _trade(access, fields)
    if kind == "dut_user_unsign":
        return _unsigned(access, fields)
    return SUCCESS


def notice_answer(reply: Reply | None) -> HttpAnswer:
    """Return exactly `success` once the books took it, also as repeat or late; `fail` sends it again.

    None, the outcome is not known in time, is 503.
    """
    if reply is None:
        return HttpAnswer(503, FAIL)
    if not reply.refused:
        return SUCCESS
    reason = Reason(reply.code)
    return HttpAnswer(409 if reason in _CONTRADICTIONS else REASONS[reason].status, FAIL)


def _trade(access: AlipayAccess, fields: Fields) -> Inbound | Refusal | HttpAnswer:
    order_no = fields.get("out_trade_no", "")
    account = account_of(order_no) if len(order_no) == ID_LENGTH else None
    if account is None:
        return refusal(Reason.ORDER_UNKNOWN, 409, "not one of our order numbers", "incident.money")
    status = _STATUS.get(fields.get("trade_status", ""))
    if status is None:
        return SUCCESS
    try:
        amount = _fen(fields.get("total_amount", ""))
        refunded = _fen(fields["refund_fee"]) if fields.get("refund_fee") else None
    except AmountSyntaxError:
        return refusal(Reason.AMOUNT_SYNTAX, 400, "an amount is malformed")
    if status == "closed" and refunded:
        status = "refunded"
    notice = ReceiveNotice(
        channel="alipay",
        order_no=order_no,
        status=status,
        amount_fen=amount,
        notice_id=fields.get("notify_id", ""),
        trade_no=fields.get("trade_no", ""),
        refunded_fen=refunded,
        refund_no=fields.get("out_biz_no", ""),
        happened_at=instant_of(fields.get("gmt_payment", "")),
    )
    return _inbound(access, account, fields, notice, f"{order_no}|{status}|{amount}|{refunded}")


def _fen(text: str) -> int:
    """Return the fen of an amount that cannot be negative. Raises AmountSyntaxError."""
    fen = fen_from_text(text)
    if fen < 0:
        raise AmountSyntaxError(text)
    return fen


def _unsigned(access: AlipayAccess, fields: Fields) -> Inbound | HttpAnswer:
    """Route by external_agreement_no, which we handed out and which begins with the account."""
    account = account_of(fields.get("external_agreement_no", ""))
    if account is None:
        return SUCCESS
    agreement_no = fields.get("agreement_no", "")
    end = NoteAgreementEnd(
        "alipay", agreement_no, fields.get("notify_id", ""), instant_of(fields.get("notify_time", ""))
    )
    return _inbound(access, account, fields, end, agreement_no)


def _inbound(access: AlipayAccess, account: str, fields: Fields, body: Body, content: str) -> Inbound:
    """`notify_id` is constant over the resends of one delivery: it is the command's id."""
    notify_id = fields.get("notify_id", "")
    return Inbound(
        id=message_hash("alipay", access.app_id, notify_id or content),
        account=account,
        content_hash=message_hash(content),
        source=f"alipay@{access.endpoint}",
        receipt_key=f"alipay|{notify_id}",
        body=body,
    )

"""What one call of the courier brought back: a gateway's word about an order or a refund (protocols 5, 6)."""

from msgspec.structs import replace

from hub.domain.auto_debit import fail_debit, plan_query, query
from hub.domain.bills import after_payment, release_waiting
from hub.domain.channel_refunds import book_refunds, freeze
from hub.domain.draft import MONEY_INCIDENT, Draft, Outcome, Refusal
from hub.domain.refunds import start_refund
from hub.domain.retries import TECHNICAL
from hub.domain.state import Debit, Refund
from schemas.commands import RecordGatewayResult
from schemas.events import (
    BalanceRefunded,
    DebitDoubted,
    DebitPaid,
    LatePaymentReceived,
    RefundFailed,
    RefundSettled,
    RefundUnknown,
)
from schemas.money import yuan_text
from schemas.reasons import Reason


def record_result(draft: Draft, body: RecordGatewayResult) -> Outcome | Refusal:
    """Return POSTED when money moved, RECORDED when a state changed, RESULT_REPEATED or LATE when neither."""
    if body.operation in ("refund", "refund_query"):
        return _refund_result(draft, body)
    debit = draft.core.debits.get(body.order_no)
    if debit is None:
        return Refusal(Reason.ORDER_UNKNOWN, {"order": body.order_no}, MONEY_INCIDENT)
    if body.status in ("paid", "refunded"):
        return _paid_result(draft, debit, body)
    if debit.doubt:
        return _resolve_doubt(draft, debit, body)
    if not debit.live:
        final_word = body.status in ("failed", "closed") and debit.state == "failed"
        return Outcome("RESULT_REPEATED" if final_word else "LATE", debit.bill)
    return _open_result(draft, debit, body)


def _paid_result(draft: Draft, debit: Debit, body: RecordGatewayResult) -> Outcome | Refusal:
    """The money moved; what of it went back since is counted by what is new of it."""
    if body.amount_fen is not None and body.amount_fen != debit.amount_fen:
        return contradict_amount(draft, debit, body.amount_fen)
    booked = debit.state == "paid" or debit.late
    if body.amount_fen is None and not booked:
        return _doubt_amount(draft, debit, body)
    said = debit.amount_fen if body.status == "refunded" and body.refunded_fen is None else body.refunded_fen
    if debit.state == "failed" and not debit.late and said is not None and said >= debit.amount_fen:
        # It came after the failure and has gone back already: there is nothing left to send back.
        draft.emit(DebitDoubted(debit.bill, debit.order_no, "", ""))
        return Outcome("RECORDED", debit.bill)
    outcome = take_payment(draft, debit, body.trade_no, said or 0)
    paid = draft.debit(debit.order_no)
    moved = said is not None and paid.state == "paid" and book_refunds(draft, paid, said)
    return replace(outcome, code="POSTED") if moved else outcome


def _doubt_amount(draft: Draft, debit: Debit, body: RecordGatewayResult) -> Outcome:
    """A success that names no amount could not be compared with our order: it is no money, a query decides."""
    if debit.live:
        plan_query(draft, debit, body.gateway_code)
    else:
        wait = draft.policies.ladders.queries(debit.channel).waits_ms[-1]
        draft.emit(DebitDoubted(debit.bill, debit.order_no, "paid", "", draft.now.wall + wait))
    return Outcome("RECORDED", debit.bill)


def take_payment(draft: Draft, debit: Debit, trade_no: str, returned_fen: int = 0) -> Outcome:
    """Book the money of an order once: on its bill while the order lives, back to the person after it failed.

    Of money after a failure `returned_fen` had gone back by the channel before we heard of it: only the rest is sent.
    """
    if debit.state == "paid" or debit.late:
        return _known_payment(draft, debit)
    payment = draft.new_id("Y")
    if debit.live:
        rest_at = draft.now.city if draft.bill(debit.bill).owed_fen > debit.amount_fen else 0
        draft.emit(DebitPaid(debit.bill, debit.order_no, debit.channel, debit.amount_fen, trade_no, payment, rest_at))
        release_waiting(draft, debit.bill)
        after_payment(draft, debit.bill)
        return Outcome("POSTED", debit.bill)
    _send_back(draft, debit, trade_no, payment, returned_fen)
    return Outcome("POSTED", debit.bill, Reason.PAID_AFTER_CLOSE)


def _send_back(draft: Draft, debit: Debit, trade_no: str, payment: str, returned_fen: int) -> None:
    """Book money that came after its order failed, and send back what of it is still here."""
    draft.emit(LatePaymentReceived(debit.bill, debit.order_no, debit.channel, debit.amount_fen, trade_no, payment))
    draft.set_aside(MONEY_INCIDENT, Reason.PAID_AFTER_CLOSE, "confirmed", order=debit.order_no)
    if returned_fen:
        draft.emit(BalanceRefunded(draft.new_id("R"), payment, debit.channel, returned_fen, debit.order_no))
        draft.set_aside(MONEY_INCIDENT, Reason.REFUND_FOREIGN, "not asked for by us", order=debit.order_no)
    start_refund(
        draft,
        debit.bill,
        payment,
        debit.channel,
        debit.order_no,
        trade_no,
        debit.amount_fen - returned_fen,
        from_balance=True,
    )


def _known_payment(draft: Draft, debit: Debit) -> Outcome:
    """The money is booked already; a doubt that a notice raised is settled by this word."""
    if not debit.doubt:
        return Outcome("RESULT_REPEATED", debit.bill)
    draft.emit(DebitDoubted(debit.bill, debit.order_no, "", ""))
    return Outcome("RECORDED", debit.bill)


def contradict_amount(draft: Draft, debit: Debit, said_fen: int) -> Refusal:
    """Freeze the bill: authentic word from outside names another amount; a query decides what is true."""
    freeze(draft, debit, Reason.AMOUNT_MISMATCH)
    if debit.live and debit.doubt != "amount":
        draft.emit(DebitDoubted(debit.bill, debit.order_no, "amount", draft.errand_id("query")))
        query(draft, draft.debit(debit.order_no))
    parameters = {"sent": yuan_text(said_fen), "expected": yuan_text(debit.amount_fen)}
    return Refusal(Reason.AMOUNT_MISMATCH, parameters, MONEY_INCIDENT, keep_events=True)


def _open_result(draft: Draft, debit: Debit, body: RecordGatewayResult) -> Outcome:
    if body.status == "closed" or (body.status == "failed" and body.cause not in TECHNICAL):
        fail_debit(draft, debit, body.cause, body.gateway_code, freed=True)
    elif body.status == "failed" and body.operation == "debit":
        _technical(draft, debit, body)
    elif body.status == "not_exist" and _frees(draft, debit, body):
        fail_debit(draft, debit, "expired", body.gateway_code, freed=True)
    elif body.status == "not_exist" and debit.cause in TECHNICAL and _retry_planned(draft, debit):
        return Outcome("RECORDED", debit.bill)
    else:
        plan_query(draft, debit, body.gateway_code)
    return Outcome("RECORDED", debit.bill)


def _technical(draft: Draft, debit: Debit, body: RecordGatewayResult) -> None:
    """A technical failure of a call: asked about once, then tried again under the same number (protocols 6.3)."""
    fail_debit(draft, debit, body.cause, body.gateway_code, freed=False)
    if body.cause == "technical" and _retry_planned(draft, debit):
        query(draft, draft.debit(debit.order_no))


def _retry_planned(draft: Draft, debit: Debit) -> bool:
    return f"debit_retry|{debit.bill}" in draft.core.timers


def _frees(draft: Draft, debit: Debit, body: RecordGatewayResult) -> bool:
    """Only a query sent later than expiry + 5 min proves that the order will never exist (architecture 12)."""
    free_at = debit.expires_wall_at + draft.policies.ladders.release_after_expiry_ms
    return body.operation == "query" and body.sent_wall_at > free_at


def _resolve_doubt(draft: Draft, debit: Debit, body: RecordGatewayResult) -> Outcome:
    """A query answered about an order whose notice contradicted us."""
    if debit.live:
        draft.emit(DebitDoubted(debit.bill, debit.order_no, "", ""))
        return _open_result(draft, draft.debit(debit.order_no), body)
    if body.status in ("waiting", "unknown"):
        wait = draft.policies.ladders.queries(debit.channel).waits_ms[-1]
        draft.emit(DebitDoubted(debit.bill, debit.order_no, debit.doubt, "", draft.now.wall + wait))
        return Outcome("RECORDED", debit.bill)
    if debit.doubt == "closed" and body.status == "closed":
        freeze(draft, debit, Reason.CLOSED_AFTER_PAID)
        draft.set_aside(MONEY_INCIDENT, Reason.CLOSED_AFTER_PAID, "confirmed", order=debit.order_no)
    draft.emit(DebitDoubted(debit.bill, debit.order_no, "", ""))
    return Outcome("RECORDED", debit.bill)


def _refund_result(draft: Draft, body: RecordGatewayResult) -> Outcome | Refusal:
    refund = draft.core.refunds.get(body.refund_no)
    if refund is None:
        return Refusal(Reason.ORDER_UNKNOWN, {"order": body.refund_no}, MONEY_INCIDENT)
    if refund.state in ("settled", "failed"):
        return Outcome("RESULT_REPEATED", refund.bill)
    if body.status == "refunded":
        draft.emit(RefundSettled(refund.bill, refund.payment, refund.refund_no, refund.amount_fen))
    elif body.status in ("refund_failed", "failed") and body.cause not in TECHNICAL:
        draft.emit(RefundFailed(refund.bill, refund.payment, refund.refund_no, refund.amount_fen, body.gateway_code))
    else:
        _refund_open(draft, refund, body)
        return Outcome("RECORDED", refund.bill)
    if refund.bill in draft.core.bills:
        after_payment(draft, refund.bill)
    return Outcome("POSTED", refund.bill)


def _refund_open(draft: Draft, refund: Refund, body: RecordGatewayResult) -> None:
    """Plan the next question; a refund that never came to exist is sent again, number and amount as before."""
    number = refund.queries + 1
    next_at = draft.now.wall + draft.policies.ladders.refund_queries.wait_ms(number)
    not_sent = body.operation == "refund" and body.status == "failed" and body.cause == "not_executed_same_number"
    send_again = not_sent or (body.operation == "refund_query" and body.status == "not_exist")
    draft.emit(RefundUnknown(refund.bill, refund.refund_no, number, next_at, send_again))

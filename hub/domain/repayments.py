"""Payments that already happened: to the named bill or the oldest, the rest is the person's balance (domain 6)."""

from hub.domain.bills import after_payment
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.state import Bill
from schemas.commands import RecordRepayment
from schemas.events import RepaymentApplied, RepaymentReceived
from schemas.money import AMOUNT_FEN_MAX
from schemas.reasons import Reason


def record_repayment(draft: Draft, body: RecordRepayment) -> Outcome | Refusal:
    """Book the money; a bill being debited waits for its result, and takes the money if the debit fails."""
    if not 0 < body.amount_fen <= AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    if body.bill and body.bill not in draft.core.bills:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.bill})
    bills = [draft.bill(body.bill)] if body.bill else _oldest_first(draft)
    waits_for, waiting = _waiting(bills, body)
    payment = draft.new_id("Y")
    draft.emit(
        RepaymentReceived(payment, body.method, body.receipt_no, body.amount_fen, body.event_at, waits_for, waiting)
    )
    rest = body.amount_fen - waiting
    for bill in bills:
        paid = min(rest, bill.owed_fen) if not bill.debiting else 0
        if paid > 0:
            draft.emit(RepaymentApplied(bill.id, payment, paid))
            rest -= paid
            after_payment(draft, bill.id)
    return Outcome("POSTED", payment)


def _oldest_first(draft: Draft) -> list[Bill]:
    """Return the bills on which something is owed; of equally old ones the first issued comes first."""
    owing = [bill for bill in draft.core.bills.values() if bill.owed_fen > 0]
    return sorted(owing, key=lambda bill: bill.closed_at)


def _waiting(bills: list[Bill], body: RecordRepayment) -> tuple[str, int]:
    """Return the bill being debited that the money was meant for, and how much of it: kept until the result."""
    if not bills or not bills[0].debiting:
        return "", 0
    bill = bills[0]
    return bill.id, max(0, min(body.amount_fen, bill.owed_fen - bill.payment_waiting_fen))

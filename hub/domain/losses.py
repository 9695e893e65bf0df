"""A default is borne by who lent: the loss is the funder's, the institution keeps its money (domain 10)."""

from hub.domain.bills import after_payment, plan_resume
from hub.domain.clearing_state import Clearing
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.fees import fee_book, waive_fees
from hub.domain.overdue import note_recovered
from hub.domain.state import Bill
from schemas.commands import RecordBankCollection, RecordRecovery, WriteOffBill
from schemas.events import BankCollected, BillWrittenOff, FeePaid, LossRecovered
from schemas.money import AMOUNT_FEN_MAX
from schemas.reasons import Reason


def funder_of(draft: Draft, bill: Bill) -> str:
    """Return who lent: `bank/ICBC`, or `institution/XMZSH` where the pack lets the institution fund."""
    if draft.policies.packs[bill.pack].funding.by == "institution":
        return f"institution/{bill.institution}"
    return f"bank/{draft.core.agreements[bill.agreement].bank}"


def write_off(draft: Draft, body: WriteOffBill) -> Outcome | Refusal:
    """Move what is owed to the funder's losses; a bill that is being debited, paid or not overdue is refused.

    Nobody paid the arrears by that: credit stays suspended until the loss is recovered.
    """
    bill = draft.core.bills.get(body.bill)
    if bill is None:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.bill})
    if bill.debiting or not bill.overdue_since or bill.owed_fen <= 0 or bill.reduction_waiting_fen:
        return Refusal(Reason.BILL_NOT_PAYABLE)
    owed_fen, funder = bill.owed_fen, funder_of(draft, bill)
    waive_fees(draft, bill, body.author, body.note)
    draft.emit(BillWrittenOff(bill.id, owed_fen, funder, body.author, body.note))
    after_payment(draft, bill.id)
    return Outcome("POSTED", bill.id)


def record_recovery(draft: Draft, body: RecordRecovery) -> Outcome | Refusal:
    """Book what came in for a written-off bill; more than was lost is refused, as it would be nobody's.

    Once all of it came in, the arrears are paid: credit resumes as after any other payment of them.
    """
    if not 0 < body.amount_fen <= AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    loss = (draft.core.clearing or Clearing()).losses.get(body.bill)
    if loss is None:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.bill})
    if body.amount_fen > loss.amount_fen - loss.recovered_fen:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    payment = draft.new_id("Y")
    draft.emit(LossRecovered(body.bill, payment, body.amount_fen, body.method, body.receipt_no))
    if body.amount_fen == loss.amount_fen - loss.recovered_fen and (pack := note_recovered(draft, body.bill)):
        plan_resume(draft, draft.policies.packs[pack])
    return Outcome("POSTED", payment)


def record_collection(draft: Draft, body: RecordBankCollection) -> Outcome | Refusal:
    """Book what a bank collected from its own customer: never for another's, never more than bill and fee hold."""
    bill = draft.core.bills.get(body.bill)
    if bill is None:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.bill})
    if body.amount_fen < 0 or body.fee_fen < 0 or not 0 < body.amount_fen + body.fee_fen <= AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    if body.bank and funder_of(draft, bill) != f"bank/{body.bank}":
        return Refusal(Reason.SENDER_MISMATCH)
    if bill.debiting or body.amount_fen > bill.owed_fen or body.fee_fen > fee_book(draft, bill.id).owed_fen:
        return Refusal(Reason.BILL_NOT_PAYABLE)
    payment = draft.new_id("Y") if body.amount_fen else ""
    if body.amount_fen:
        draft.emit(BankCollected(bill.id, payment, body.amount_fen, body.serial))
    if body.fee_fen:
        draft.emit(FeePaid(bill.id, body.fee_fen, body.serial))
    after_payment(draft, bill.id)
    return Outcome("POSTED", payment or bill.id)

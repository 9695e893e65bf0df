"""Bills that stand still: frozen by one person or a gateway's word, freed by two people (domain 8, architecture 5)."""

from hub.domain.bills import mark_overdue
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.state import Bill
from schemas.commands import FreezeBill, Instant, UnfreezeBill
from schemas.events import BillFrozen, BillUnfreezeProposed, BillUnfrozen
from schemas.reasons import Reason


def freeze_bill(draft: Draft, body: FreezeBill) -> Outcome | Refusal:
    """Stop the debits of a bill; an order that is already out is only asked about."""
    bill = draft.core.bills.get(body.bill)
    if bill is None:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.bill})
    if not bill.frozen:
        draft.emit(BillFrozen(bill.id, "BY_PERSON", body.author, body.note))
    return Outcome("RECORDED", bill.id)


def unfreeze_bill(draft: Draft, body: UnfreezeBill) -> Outcome | Refusal:
    """Return HELD for the first person's word, RECORDED when a second person agreed and the bill goes on."""
    bill = draft.core.bills.get(body.bill)
    if bill is None:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.bill})
    if not bill.frozen:
        return Refusal(Reason.BILL_NOT_FROZEN, {"bill": body.bill})
    if not bill.unfreezing_by:
        draft.emit(BillUnfreezeProposed(bill.id, body.author, body.note))
        return Outcome("HELD", bill.id)
    if bill.unfreezing_by == body.author:
        return Refusal(Reason.SAME_PERSON)
    draft.emit(BillUnfrozen(bill.id, body.author, bill.unfreezing_by, body.note, _debit_at(draft, bill)))
    bill = draft.bill(bill.id)
    if bill.term_passed and bill.owed_fen > 0 and not bill.debiting:
        mark_overdue(draft, bill.id)
    return Outcome("RECORDED", bill.id)


def _debit_at(draft: Draft, bill: Bill) -> Instant:
    """Return when a freed bill is debited: at its own time, or now when that passed meanwhile."""
    agreement = draft.core.agreements[bill.agreement]
    if bill.debiting or not bill.debit_at or bill.owed_fen <= 0 or not agreement.debit_consent:
        return 0
    return max(bill.debit_at, draft.now.city)

"""Bills: issued at the close, revised by late charges and reversals, overdue at the term (domain 6)."""

from typing import Final

from msgspec.structs import replace

from hub.domain.bill_states import may_close
from hub.domain.clocks import DAY_MS, at_hour
from hub.domain.draft import Draft
from hub.domain.family import child_link
from hub.domain.fee_rules import fee_from
from hub.domain.overdue import in_arrears, note_settled, record_overdue
from hub.domain.refunds import refund_payments
from hub.domain.reminders import plan_reminder
from hub.domain.state import Agreement, Bill, Encounter
from hub.domain.terms import pause_term
from hub.domain.waivers import waives
from hub.policies import Pack
from hub.policies.terms import debit_at, due_at, statement_at
from schemas.commands import Instant
from schemas.events import (
    BillClosed,
    BillIssued,
    BillOverdue,
    BillReductionDue,
    BillReductionHeld,
    BillRevised,
    LossReversed,
    ResumePlanned,
    Suspended,
    VisitSettled,
)

ARCHIVE_AFTER_MS: Final = 180 * DAY_MS


def unbilled_credit(encounter: Encounter) -> dict[str, int]:
    """Return the credit parts of a visit that no bill holds yet, by agreement."""
    amounts: dict[str, int] = {}
    for charge in encounter.charges.values():
        credit = charge.parts.credit - charge.returned.credit
        if credit and not charge.bill:
            amounts[charge.agreement] = amounts.get(charge.agreement, 0) + credit
    return amounts


def issue_bills(draft: Draft, visit: str, closed_at: Instant, *, supplementary: bool) -> None:
    """Issue one bill for each agreement that gave credit to the visit; a bill of 0 fen is not issued."""
    institution, _, visit_no = visit.partition("|")
    for agreement_id, amount in unbilled_credit(draft.state.encounters[visit]).items():
        agreement = draft.core.agreements[agreement_id]
        pack = draft.policies.packs[agreement.pack]
        paid_by = child_link(draft.core)
        if paid_by is not None:
            agreement = replace(agreement, channel=paid_by.channel, debit_consent=True)
        debited_at, ends_at = clocks(pack, agreement, closed_at)
        draft.emit(
            BillIssued(
                draft.new_id("B"),
                visit_no,
                institution,
                agreement_id,
                pack.id,
                amount,
                closed_at,
                debited_at,
                ends_at,
                supplementary,
                fee_from(pack.bank, closed_at, ends_at),
                statement_on(pack, agreement, closed_at),
            )
        )
        bill = list(draft.core.bills.values())[-1]
        if not pause_term(draft, bill.id):
            plan_reminder(draft, bill.id)


def clocks(pack: Pack, agreement: Agreement, closed_at: Instant) -> tuple[Instant, Instant]:
    """Return when a bill is debited (0: never by us) and when its term ends (domain 6, the two clocks)."""
    ends_at = due_at(pack, closed_at, agreement.bank)
    if not agreement.debit_consent or agreement.channel == "bank":
        return 0, ends_at
    return debit_at(pack, closed_at, ends_at), ends_at


def statement_on(pack: Pack, agreement: Agreement, closed_at: Instant) -> Instant:
    """Return the day of the bank's monthly statement that a bill stands on; 0 where each bill has its own due date."""
    offer = pack.offer_of(agreement.bank)
    monthly = offer is not None and offer.statement_day > 0
    return statement_at(pack, closed_at, agreement.bank) if monthly else 0


def bill_late_charge(draft: Draft, visit: str) -> None:
    """Put a late charge's credit on the bill if its debit was never begun, else on a supplementary bill."""
    for agreement, amount in unbilled_credit(draft.state.encounters[visit]).items():
        bill = next((b for b in draft.core.bills.values() if _takes_late_charge(b, visit, agreement)), None)
        if bill is not None:
            draft.emit(BillRevised(bill.id, bill.revision + 1, bill.amount_fen + amount))
    if unbilled_credit(draft.state.encounters[visit]):
        issue_bills(draft, visit, draft.accepted_at, supplementary=True)


def _takes_late_charge(bill: Bill, visit: str, agreement: str) -> bool:
    mine = bill.visit == visit and bill.agreement == agreement
    begun = bill.final or bill.attempts or bill.frozen or bill.statement
    return mine and not begun and bill.owed_fen > 0


def reduce_bill(draft: Draft, bill_id: str, amount_fen: int) -> None:
    """Take a reversal's credit part off a bill: first what it still owes or was given up, then paid money goes back."""
    bill = draft.bill(bill_id)
    if bill.debiting:
        draft.emit(BillReductionHeld(bill_id, amount_fen))
        return
    released, closable = min(amount_fen, bill.owed_fen), may_close(bill)
    draft.emit(BillRevised(bill_id, bill.revision + 1, bill.amount_fen - amount_fen, released))
    rest = amount_fen - released
    if rest:
        rest -= _reverse_loss(draft, bill_id, rest)
    if rest:
        refund_payments(draft, bill_id, rest)
    bill = draft.bill(bill_id)
    if closable and not (bill.amount_fen or bill.paid_fen):
        draft.emit(BillClosed(bill_id, "cancelled"))
    after_payment(draft, bill_id)


def _reverse_loss(draft: Draft, bill_id: str, amount_fen: int) -> int:
    """Lessen the funder's loss by what an institution returns of a written-off bill; return by how much."""
    loss = draft.core.clearing.losses.get(bill_id) if draft.core.clearing else None
    lost = min(amount_fen, loss.amount_fen - loss.recovered_fen) if loss else 0
    if lost:
        draft.emit(LossReversed(bill_id, lost))
    return lost


def release_waiting(draft: Draft, bill_id: str) -> None:
    """Let a reversal that waited for a debit's result take effect."""
    waiting = draft.bill(bill_id).reduction_waiting_fen
    if waiting:
        draft.emit(BillReductionDue(bill_id, waiting))
        reduce_bill(draft, bill_id, waiting)


def mark_overdue(draft: Draft, bill_id: str) -> None:
    """Mark a bill overdue from the end of its term, and suspend credit where the pack says so."""
    if pause_term(draft, bill_id):
        return
    bill = draft.bill(bill_id)
    draft.emit(BillOverdue(bill_id, bill.due_at))
    pack = draft.policies.packs[bill.pack]
    if pack.overdue.suspends and not waives(draft.core, pack, "suspension"):
        draft.emit(Suspended(bill_id))
    record_overdue(draft, bill_id)


def after_payment(draft: Draft, bill_id: str) -> None:
    """Plan the resume when the last arrears are gone, and the archive when the visit is settled."""
    note_settled(draft, bill_id)
    bill = draft.core.bills[bill_id]
    plan_resume(draft, draft.policies.packs[bill.pack])
    settle_visit(draft, bill.visit)


def plan_resume(draft: Draft, pack: Pack) -> None:
    """Let suspended credit come back on the pack's day after the payment that left nothing in arrears."""
    core = draft.core
    if core.suspended and not core.resume_at and not in_arrears(core):
        draft.emit(ResumePlanned(at_hour(draft.now.city, pack.overdue.resume_after_days, 0)))


def settle_visit(draft: Draft, visit: str) -> None:
    """Start the archive timer of a closed visit on which nothing is owed and nothing waits."""
    encounter = draft.state.encounters.get(visit)
    if encounter is None or not encounter.closed_at or f"archive|{visit}" in draft.core.timers:
        return
    if is_settled(draft, encounter):
        draft.emit(VisitSettled(encounter.visit, encounter.institution, draft.now.city + ARCHIVE_AFTER_MS))


def is_settled(draft: Draft, encounter: Encounter) -> bool:
    """Return True when nothing of a visit is owed, on its way, held, parked or not yet billed."""
    return not (_money_moves(draft, encounter.key) or _lines_wait(encounter))


def _money_moves(draft: Draft, visit: str) -> bool:
    bills = {bill.id: bill for bill in draft.core.bills.values() if bill.visit == visit}
    owing = any(not bill.settled or bill.frozen for bill in bills.values())
    going_back = (r for r in draft.core.refunds.values() if r.going)
    return owing or any(refund.bill in bills for refund in going_back)


def _lines_wait(encounter: Encounter) -> bool:
    held = any(charge.status == "held" for charge in encounter.charges.values())
    return held or bool(encounter.parked) or bool(unbilled_credit(encounter))

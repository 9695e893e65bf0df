"""Fees of bills as they accrue, one timer a day, and as they are waived (domain 10); the arithmetic is fee_rules'."""

from hub.domain.clearing_state import Clearing, FeeBook
from hub.domain.clocks import DAY_MS, city_midnight
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.fee_rules import Sums, charges_fees, day_adds, fee_fen, fee_from, rate_of
from hub.domain.state import Bill
from hub.policies.lpr import shipped_lpr
from schemas.commands import Instant, WaiveFees
from schemas.events import FeeAccrued, FeesReturned, FeesWaived
from schemas.reasons import Reason


def fee_due(draft: Draft, bill_id: str) -> Outcome:
    """Charge the day that is over, and plan the next; a bill on which nothing is owed costs nothing more."""
    bill = draft.bill(bill_id)
    book = fee_book(draft, bill_id)
    timer = draft.timer
    if timer is None or bill.owed_fen <= 0 or book.ended:
        return Outcome("TIMER", bill_id)
    bank, lpr_bp = draft.policies.packs[bill.pack].bank, rate_of(shipped_lpr(), timer.due_at)
    adds = day_adds(bank, bill.owed_fen, lpr_bp)
    sums = Sums(book.own + adds.own, book.cap + adds.cap)
    draft.emit(
        FeeAccrued(
            bill_id,
            book.days + 1,
            bill.owed_fen,
            lpr_bp,
            adds.own,
            adds.cap,
            fee_fen(bank, sums) - book.accrued_fen,
            timer.due_at + DAY_MS,
        )
    )
    return Outcome("TIMER", bill_id)


def fee_book(draft: Draft, bill_id: str) -> FeeBook:
    """Return the fee of a bill, an empty one where nothing was charged yet."""
    clearing = draft.core.clearing or Clearing()
    return clearing.fees.get(bill_id) or FeeBook()


def fee_after_pause(draft: Draft, bill: Bill, due_at: Instant) -> Instant:
    """Return when the first chargeable day after a pause is over, 0 for none: the day on which it ends is free too."""
    bank = draft.policies.packs[bill.pack].bank
    first = 0 if bill.owed_fen <= 0 or fee_book(draft, bill.id).ended else fee_from(bank, bill.closed_at, due_at)
    return max(first, city_midnight(draft.now.city) + 2 * DAY_MS) if first else 0


def return_fees(draft: Draft, bill: Bill, author: str, note: str) -> None:
    """Give back what was paid of a fee that was never due, as the person's balance: part of undoing (domain 8)."""
    paid = fee_book(draft, bill.id).paid_fen
    if paid:
        draft.emit(FeesReturned(bill.id, draft.new_id("Y"), paid, author, note))


def waive_fees(draft: Draft, bill: Bill, author: str, note: str) -> None:
    """Take back what a bill's fee still holds, and end it: part of undoing a wrong overdue (domain 8)."""
    book = fee_book(draft, bill.id)
    if not book.ended and (book.accrued_fen or charges_fees(draft.policies.packs[bill.pack].bank)):
        draft.emit(FeesWaived(bill.id, book.owed_fen, author, note))


def waive_bill_fees(draft: Draft, body: WaiveFees) -> Outcome | Refusal:
    """Waive the fee of a bill by a person's decision."""
    bill = draft.core.bills.get(body.bill)
    if bill is None:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.bill})
    waive_fees(draft, bill, body.author, body.note)
    return Outcome("RECORDED", bill.id)

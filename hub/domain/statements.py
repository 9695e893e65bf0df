"""One-time settlement by month: where a bank bills monthly, all bills of the month are due together (domain 6)."""

from hub.domain.draft import Draft, Outcome
from hub.domain.state import Bill
from schemas.city_time import DAY_MS
from schemas.events import StatementIssued


def statement_due(draft: Draft, agreement_id: str) -> Outcome:
    """Name the bills that are due together, once the statement's day is over; what was paid before is left out."""
    mine = [bill for bill in draft.core.bills.values() if bill.agreement == agreement_id and _waits(bill)]
    ready = [bill for bill in mine if bill.statement_on + DAY_MS <= draft.now.city]
    if not ready:
        return Outcome("TIMER", agreement_id)
    day = min(bill.statement_on for bill in ready)
    named = [bill for bill in ready if bill.statement_on == day]
    later = [bill.statement_on for bill in mine if bill.statement_on > day]
    draft.emit(
        StatementIssued(
            draft.new_id("T"),
            agreement_id,
            day,
            tuple(bill.id for bill in named),
            sum(bill.owed_fen for bill in named),
            max(bill.due_at for bill in named),
            min(later, default=0),
        )
    )
    return Outcome("TIMER", agreement_id)


def _waits(bill: Bill) -> bool:
    return bool(bill.statement_on) and not bill.statement and bill.owed_fen > 0

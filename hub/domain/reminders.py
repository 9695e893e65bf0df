"""Reminders of a bill, on the pack's days around the end of its term and never in its quiet hours (domain 7 and 8).

A reminder is an event; the ledger is its outbox, from which the person's page and any sender of messages read.
"""

from hub.domain.draft import Draft, Outcome
from hub.domain.state import Bill
from hub.policies.terms import told_at
from schemas.city_time import DAY_MS
from schemas.commands import Instant
from schemas.events import ReminderPlanned, ReminderSent


def plan_reminder(draft: Draft, bill_id: str) -> None:
    """Plan the next reminder of a bill, where the pack has one."""
    bill = draft.bill(bill_id)
    at = _next_at(draft, bill)
    if at and not bill.paused_at:
        draft.emit(ReminderPlanned(bill_id, at))


def _next_at(draft: Draft, bill: Bill) -> Instant:
    """Return when the person is next reminded, 0 for never: the first of the pack's days that is still to come."""
    pack = draft.policies.packs[bill.pack]
    instants = (bill.due_at + day * DAY_MS for day in pack.overdue.reminder_days)
    at = min((instant for instant in instants if instant > draft.now.city), default=0)
    return told_at(pack.quiet, at) if at else 0


def reminder_due(draft: Draft, bill_id: str) -> Outcome:
    """Remind of a bill that is still owed; what comes due late and in quiet hours waits for their end."""
    bill, now = draft.bill(bill_id), draft.now.city
    if bill.owed_fen <= 0 or bill.paused_at:
        return Outcome("TIMER", bill_id)
    told = told_at(draft.policies.packs[bill.pack].quiet, now)
    if told > now:
        draft.emit(ReminderPlanned(bill_id, told))
    else:
        draft.emit(ReminderSent(bill_id, (now - bill.due_at) // DAY_MS, bill.owed_fen, _next_at(draft, bill)))
    return Outcome("TIMER", bill_id)

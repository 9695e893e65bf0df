"""Messages to people about their debits, never in the pack's quiet hours (domain 7)."""

from hub.domain.draft import Draft, Outcome
from hub.policies.terms import told_at
from schemas.commands import Cause
from schemas.events import MessageKind, MessagePlanned, MessageSent


def tell(draft: Draft, bill_id: str, kind: MessageKind, cause: Cause) -> None:
    """Tell the person now, or when the quiet hours end."""
    bill, now = draft.bill(bill_id), draft.now.city
    at = told_at(draft.policies.packs[bill.pack].quiet, now)
    if at > now:
        draft.emit(MessagePlanned(bill_id, kind, at))
    else:
        draft.emit(MessageSent(bill_id, kind, cause, bill.owed_fen))


def message_due(draft: Draft, subject: str) -> Outcome:
    """Tell what waited for the morning, where something is still owed."""
    bill_id, _, kind = subject.partition("/")
    bill = draft.core.bills.get(bill_id)
    if bill is not None and bill.owed_fen > 0:
        newest = draft.core.debits.get(bill.order_no)
        told: MessageKind = "source_ended" if kind == "source_ended" else "debit_stopped"
        draft.emit(MessageSent(bill_id, told, newest.cause if newest else "", bill.owed_fen))
    return Outcome("TIMER", bill_id)

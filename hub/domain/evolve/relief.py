"""What relief events change: the case, the bill that is paid, and the terms that stand still meanwhile."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.bills import quiet, with_paid_back, with_payment
from hub.domain.evolve.changes import Applications, armed, counted, disarmed, put, with_bill, with_core, with_used
from hub.domain.standing_state import ReliefCase
from hub.domain.state import AccountState, BillPayment
from schemas import events


def _opened(state: AccountState, event: events.ReliefOpened) -> AccountState:
    core = state.core
    case = ReliefCase(
        event.case,
        event.bill,
        event.kind,
        event.asked_fen,
        event.author,
        event.reason,
        event.opened_at,
        event.pauses,
        event.needed,
    )
    return with_core(state, relief=put(core.relief, case.id, case), counters=counted(core, "S"))


def _supported(state: AccountState, event: events.ReliefSupported) -> AccountState:
    old = state.core.relief[event.case]
    changed = replace(old, by=(*old.by, event.author), approved_fen=event.amount_fen)
    return with_core(state, relief=put(state.core.relief, old.id, changed))


def _paid(state: AccountState, event: events.ReliefPaid) -> AccountState:
    core = state.core
    old = core.relief[event.case]
    case = replace(old, state="paid", by=(*old.by, event.author), paid_fen=event.amount_fen)
    payment = BillPayment(event.case, f"relief/{event.kind}", "", "", event.amount_fen)
    bill = with_payment(core.bills[event.bill], payment)
    return with_core(
        state,
        relief=put(core.relief, case.id, case),
        bills=with_bill(core, bill),
        agreements=with_used(core, bill.agreement, -event.amount_fen),
        timers=quiet(core.timers, bill),
    )


def _closed(state: AccountState, event: events.ReliefClosed) -> AccountState:
    case = replace(state.core.relief[event.case], state=event.state)
    return with_core(state, relief=put(state.core.relief, case.id, case))


def _returned(state: AccountState, event: events.ReliefReturned) -> AccountState:
    bill = with_paid_back(state.core, event.bill, event.case, event.amount_fen)
    return with_core(state, bills=with_bill(state.core, bill))


def _paused(state: AccountState, event: events.TermPaused) -> AccountState:
    bill = replace(state.core.bills[event.bill], paused_at=event.paused_at)
    timers = disarmed(state.core.timers, event.bill, "term", "overdue", "reminder", "fee")
    return with_core(state, bills=with_bill(state.core, bill), timers=timers)


def _resumed(state: AccountState, event: events.TermResumed) -> AccountState:
    """An overdue bill keeps its mark; its days in arrears leave out the pause."""
    core = state.core
    old = core.bills[event.bill]
    bill = replace(old, paused_at=0, due_at=event.due_at)
    timers, standing = armed(core.timers, "fee", bill.id, event.fee_at, city=True, outside=True), core.standing
    if bill.overdue_since and standing is not None:
        paused = event.resumed_at - old.paused_at
        marks = (
            replace(mark, paused_ms=mark.paused_ms + paused) if mark.bill == bill.id else mark
            for mark in standing.marks
        )
        standing = replace(standing, marks=tuple(marks))
        timers = armed(timers, "overdue", bill.id, event.next_at, city=True, outside=False)
    elif bill.owed_fen > 0:
        timers = armed(timers, "term", bill.id, event.due_at, city=True, outside=True)
    return with_core(state, bills=with_bill(core, bill), timers=timers, standing=standing)


APPLY: Final[Applications] = {
    events.ReliefOpened: _opened,
    events.ReliefSupported: _supported,
    events.ReliefPaid: _paid,
    events.ReliefClosed: _closed,
    events.ReliefReturned: _returned,
    events.TermPaused: _paused,
    events.TermResumed: _resumed,
}

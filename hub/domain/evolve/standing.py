"""What events of overdue, repair and reward change: the standing is a function of the bills' history alone."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import Applications, armed, disarmed, put, with_bill, with_core
from hub.domain.feedback_state import Feedback
from hub.domain.standing_state import MONTHS_KEPT, Month, OverdueMark, Standing
from hub.domain.state import AccountState, Bill, Core
from schemas import events


def standing_of(core: Core) -> Standing:
    """Return the account's standing, a fresh one where nothing is known."""
    return core.standing or Standing()


def is_barred(standing: Standing | None, lists: Mapping[str, object]) -> bool:
    """Return True when the counters or the black list bar the person."""
    return (standing is not None and standing.blacklisted) or "black" in lists


def _kept(state: AccountState, standing: Standing, **changes: object) -> AccountState:
    """Return the state with this standing; one that says nothing is not kept."""
    kept = None if standing == Standing() else standing
    barred = is_barred(kept, state.core.lists)
    return with_core(state, standing=kept, barred=barred, **changes)


def with_month(months: tuple[Month, ...], month: int, *, repaid_fen: int = 0, late: int = 0) -> tuple[Month, ...]:
    """Return the months with one more repayment on time, or with so many more or fewer late bills, in a month."""
    table = {each.month: each for each in months}
    old = table.get(month, Month(month))
    table[month] = Month(month, old.repayments + (not late), old.repaid_fen + repaid_fen, old.late + late)
    newest = max(table)
    kept = [each for each in table.values() if each.month > newest - MONTHS_KEPT and (each.repayments or each.late)]
    return tuple(sorted(kept, key=lambda each: each.month))


def _recorded(state: AccountState, event: events.OverdueRecorded) -> AccountState:
    old = standing_of(state.core)
    mark = OverdueMark(event.bill, event.pack, event.since, event.amount_fen, event.month)
    standing = replace(old, marks=(*old.marks, mark), months=with_month(old.months, event.month, late=1))
    timers = disarmed(state.core.timers, "", "repair")
    timers = armed(timers, "overdue", event.bill, event.next_at, city=True, outside=False)
    return _kept(state, standing, timers=timers)


def _with_mark(standing: Standing, bill: str, **changes: object) -> Standing:
    marks = tuple(replace(mark, **changes) if mark.bill == bill else mark for mark in standing.marks)
    return replace(standing, marks=marks)


def _grew(state: AccountState, event: events.ArrearsGrew) -> AccountState:
    standing = _with_mark(standing_of(state.core), event.bill, cut_percent=event.cut_percent)
    timers = disarmed(state.core.timers, event.bill, "overdue")
    timers = armed(timers, "overdue", event.bill, event.next_at, city=True, outside=False)
    return _kept(state, standing, timers=timers)


def _cleared(state: AccountState, event: events.ArrearsCleared) -> AccountState:
    standing = _with_mark(standing_of(state.core), event.bill, cleared_at=event.cleared_at)
    timers = disarmed(state.core.timers, event.bill, "overdue", "reminder")
    timers = armed(timers, "repair", "", event.repair_at, city=True, outside=False)
    return _kept(state, standing, timers=timers, bills=_counted(state.core, event.bill))


def _cut_ended(state: AccountState, event: events.CutEnded) -> AccountState:
    old = standing_of(state.core)
    marks = tuple(replace(mark, cut_percent=0) if mark.bill in event.bills else mark for mark in old.marks)
    return _kept(state, replace(old, marks=marks))


def _counted(core: Core, bill: str) -> dict[str, Bill]:
    """Return the bills with this one counted; one that is archived is gone."""
    return with_bill(core, replace(core.bills[bill], counted=True)) if bill in core.bills else core.bills


def _on_time(state: AccountState, event: events.RepaidOnTime) -> AccountState:
    old = standing_of(state.core)
    standing = replace(
        old,
        marks=tuple(replace(mark, in_row=mark.in_row and mark.since > event.settled_at) for mark in old.marks),
        months=with_month(old.months, event.month, repaid_fen=event.amount_fen),
        on_time=old.on_time + 1,
    )
    return _kept(state, standing, bills=_counted(state.core, event.bill))


def _planned(state: AccountState, event: events.ReminderPlanned) -> AccountState:
    timers = armed(state.core.timers, "reminder", event.bill, event.at, city=True, outside=False)
    return with_core(state, timers=timers)


def _reminded(state: AccountState, event: events.ReminderSent) -> AccountState:
    timers = disarmed(state.core.timers, event.bill, "reminder")
    timers = armed(timers, "reminder", event.bill, event.next_at, city=True, outside=False)
    return with_core(state, timers=timers)


def _told(state: AccountState, event: events.ScoreFeedback) -> AccountState:
    if event.source:
        state = with_core(state, feedback=put(state.core.feedback, event.message, _message(event)))
    standing = standing_of(state.core)
    if event.kind == "reward":
        return _kept(state, replace(standing, rewarded_month=event.month))
    if event.kind == "overdue":
        return _kept(state, _with_mark(standing, event.bill, message=event.message, told=event.source))
    return state


def _message(event: events.ScoreFeedback) -> Feedback:
    return Feedback(
        event.message,
        event.kind,
        event.source,
        event.authorisation,
        event.score_message,
        event.at,
        event.points,
        event.month,
        event.withdraws,
    )


def _blacklisted(state: AccountState, _event: events.Blacklisted) -> AccountState:
    return _kept(state, replace(standing_of(state.core), blacklisted=True))


def _lifted(state: AccountState, _event: events.BlacklistLifted) -> AccountState:
    return _kept(state, replace(standing_of(state.core), blacklisted=False))


def _repaired(state: AccountState, event: events.OverdueRepaired) -> AccountState:
    old = standing_of(state.core)
    marks = tuple(mark for mark in old.marks if mark.bill not in event.bills)
    standing = replace(old, marks=marks, repaired_at=event.repaired_at if marks else 0)
    timers = armed(state.core.timers, "repair", "", event.repair_at, city=True, outside=False)
    return _kept(state, standing, timers=timers)


def _undone(state: AccountState, event: events.OverdueUndone) -> AccountState:
    core = state.core
    timers = disarmed(core.timers, event.bill, "overdue", "reminder", "term")
    timers = armed(timers, "term", event.bill, event.due_at, city=True, outside=True)
    timers = disarmed(timers, "", "repair")
    timers = armed(timers, "repair", "", event.repair_at, city=True, outside=False)
    bill, bills = core.bills.get(event.bill), core.bills
    if bill is not None:
        bill = replace(bill, overdue_since=0, due_at=event.due_at or bill.due_at, counted=False)
        bills = with_bill(core, bill)
    return _kept(state, unmarked(standing_of(core), event.bill), timers=timers, bills=bills)


def unmarked(standing: Standing, bill: str) -> Standing:
    """Return the standing as it were had this bill never been overdue."""
    gone = standing.mark_of(bill)
    if gone is None:
        return standing
    marks = tuple(mark for mark in standing.marks if mark.bill != bill)
    changed = [replace(each, late=each.late - 1) if each.month == gone.month else each for each in standing.months]
    months = tuple(each for each in changed if each.repayments or each.late)
    return replace(standing, marks=marks, months=months, repaired_at=standing.repaired_at if marks else 0)


def _reward_planned(state: AccountState, event: events.RewardPlanned) -> AccountState:
    return with_core(state, timers=armed(state.core.timers, "reward", "", event.reward_at, city=True, outside=False))


APPLY: Final[Applications] = {
    events.OverdueRecorded: _recorded,
    events.ArrearsGrew: _grew,
    events.ArrearsCleared: _cleared,
    events.CutEnded: _cut_ended,
    events.RepaidOnTime: _on_time,
    events.ReminderPlanned: _planned,
    events.ReminderSent: _reminded,
    events.ScoreFeedback: _told,
    events.Blacklisted: _blacklisted,
    events.BlacklistLifted: _lifted,
    events.OverdueRepaired: _repaired,
    events.OverdueUndone: _undone,
    events.RewardPlanned: _reward_planned,
}

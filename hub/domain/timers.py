"""Which timer of an account is due, and when the next one will be (architecture 4, timers)."""

from typing import cast

from hub.domain.decision import Now, Timer
from hub.domain.state import AccountState, Alarm, earliest_due
from schemas.ledger import TimerKind


def next_timer(state: AccountState, now: Now) -> Timer | None:
    """Return the timer due first at `now`, in the order (due_at, kind, subject), or None when none is due."""
    first: tuple[int, str] | None = None
    for key, alarm in state.core.timers.items():
        due = alarm.due_at <= (now.city if alarm.city else now.wall)
        if due and (first is None or (alarm.due_at, key) < first):
            first = (alarm.due_at, key)
    return None if first is None else timer_of(first[1], state.core.timers[first[1]])


def timer_of(key: str, alarm: Alarm) -> Timer:
    """Return the timer of an entry of the state."""
    kind, _, subject = key.partition("|")
    return Timer(alarm.due_at, cast("TimerKind", kind), subject, alarm.city, alarm.outside)


def next_due(state: AccountState) -> tuple[int, int]:
    """Return the earliest due times by city and by wall time, NEVER without one."""
    return earliest_due(state.core)

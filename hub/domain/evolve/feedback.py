"""What the answers of score sources change: a message is on its way until one is final."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import Applications, armed, disarmed, put, with_core, without
from hub.domain.state import AccountState
from schemas import events


def _answered(state: AccountState, event: events.FeedbackAnswered) -> AccountState:
    core = state.core
    timers = disarmed(core.timers, event.message, "feedback_retry")
    return with_core(state, feedback=without(core.feedback, event.message), timers=timers)


def _delayed(state: AccountState, event: events.FeedbackDelayed) -> AccountState:
    core = state.core
    told = replace(core.feedback[event.message], attempt=event.attempt)
    timers = armed(core.timers, "feedback_retry", event.message, event.next_wall_at, city=False, outside=True)
    return with_core(state, feedback=put(core.feedback, event.message, told), timers=timers)


APPLY: Final[Applications] = {
    events.FeedbackAnswered: _answered,
    events.FeedbackDelayed: _delayed,
}

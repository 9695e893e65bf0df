"""What hold events change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import Applications, armed, counted, disarmed, put, with_core
from hub.domain.holds_state import Hold
from hub.domain.state import AccountState, Agreement, Core
from schemas import events


def _placed(state: AccountState, event: events.HoldPlaced) -> AccountState:
    core = state.core
    visit = f"{event.institution}|{event.visit}"
    hold = Hold(visit, event.source, event.agreement, event.amount_fen, event.amount_fen, event.until)
    return with_core(
        state,
        holds=put(core.holds, event.hold, hold),
        agreements=_with_held(core, hold, event.amount_fen),
        counters=counted(core, "H"),
        timers=armed(core.timers, "hold_expiry", event.hold, event.until, city=True, outside=False),
    )


def _with_held(core: Core, hold: Hold, change_fen: int) -> dict[str, Agreement]:
    """Return the agreements with more or less of a line held; a prepayment's hold leaves them as they are."""
    if hold.source != "credit":
        return core.agreements
    old = core.agreements[hold.agreement]
    return put(core.agreements, old.id, replace(old, held_fen=old.held_fen + change_fen))


def _captured(state: AccountState, event: events.HoldCaptured) -> AccountState:
    core = state.core
    hold = core.holds[event.hold]
    changed = replace(hold, left_fen=hold.left_fen - event.amount_fen)
    return with_core(
        state, holds=put(core.holds, event.hold, changed), agreements=_with_held(core, hold, -event.amount_fen)
    )


def _released(state: AccountState, event: events.HoldReleased) -> AccountState:
    core = state.core
    hold = core.holds[event.hold]
    return with_core(
        state,
        holds=put(core.holds, event.hold, replace(hold, closed=True)),
        agreements=_with_held(core, hold, -event.amount_fen),
        timers=disarmed(core.timers, event.hold, "hold_expiry"),
    )


APPLY: Final[Applications] = {
    events.HoldPlaced: _placed,
    events.HoldCaptured: _captured,
    events.HoldReleased: _released,
}

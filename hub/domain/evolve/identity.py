"""What a merge of two accounts changes: one gives everything and forwards, the other takes everything in."""

from typing import Final

from msgspec.structs import replace

from hub.domain.contents import joined_visit, united, unpacked
from hub.domain.evolve.changes import Applications, put
from hub.domain.state import AccountState, Core
from schemas import events


def _merged(state: AccountState, event: events.AccountMerged) -> AccountState:
    """Keep what recognises a relay that comes again, and the way onward; a hospital number keeps its early lines."""
    core = state.core
    if event.number:
        return AccountState(replace(core, kind="number", merged_into=event.survivor), state.encounters)
    bare = Core(
        account=core.account,
        seq=core.seq,
        name_masked=core.name_masked,
        id_masked=core.id_masked,
        counters=core.counters,
        relays=core.relays,
        merged_into=event.survivor,
        absorbed=core.absorbed,
    )
    return AccountState(bare, {})


def _absorbed(state: AccountState, event: events.AccountAbsorbed) -> AccountState:
    contents = unpacked(event.core, event.encounters)
    if contents is None:
        raise AssertionError("absorbed bytes were read when they were decided")
    core = united(state.core, contents.core)
    absorbed = (*core.absorbed, event.from_account)
    core = replace(core, absorbed=tuple(dict.fromkeys(absorbed)))
    if event.ended:
        ended = replace(core.agreements[event.ended], ended_at=event.at, limit_fen=0)
        core = replace(core, agreements=put(core.agreements, event.ended, ended))
    encounters = dict(state.encounters)
    for visit in contents.encounters:
        encounters[visit.key] = joined_visit(encounters.get(visit.key), visit)
    return AccountState(core, encounters)


APPLY: Final[Applications] = {
    events.AccountMerged: _merged,
    events.AccountAbsorbed: _absorbed,
}

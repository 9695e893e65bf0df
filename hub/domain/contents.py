"""Everything of an account as text, for the one step in which it moves to another account, and two accounts as one."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from hub.domain.frozen import Frozen
from hub.domain.standing_state import joined_standing
from hub.domain.state import (
    AccountState,
    Core,
    Encounter,
    Score,
    StateVersionError,
    decode_core,
    decode_encounter,
    encode_core,
    encode_encounter,
)

_OWN: Final = frozenset(("account", "seq", "kind", "counters", "relays", "linked_person", "linked_institution", "feed"))
"""What stays the survivor's."""
_SUMS: Final = frozenset(("insurance_fen", "refundable_fen"))


class Contents(NamedTuple):
    """A core and its encounters."""

    core: Core
    encounters: list[Encounter]


def packed(state: AccountState) -> tuple[str, tuple[str, ...]]:
    """Return core and encounters as base64 of their versioned bytes."""
    encounters = tuple(b64encode(encode_encounter(each)).decode() for each in state.encounters.values())
    return b64encode(encode_core(state.core)).decode(), encounters


def unpacked(core: str, encounters: Sequence[str]) -> Contents | None:
    """Return what was packed, or None when the text is no account's."""
    try:
        decoded = decode_core(b64decode(core, validate=True))
        return Contents(decoded, [decode_encounter(b64decode(each, validate=True)) for each in encounters])
    except (Base64Error, ValueError, IndexError, msgspec.DecodeError, StateVersionError):
        return None


def united(core: Core, other: Core) -> Core:
    """Return the survivor's core with everything of the other one: sums added, tables joined, the rest where missing.

    The same key in both tables keeps the survivor's entry; ids of things begin with their account, so none meet.
    """
    changes: dict[str, Any] = {}
    for name in Core.__struct_fields__:
        if name not in _OWN:
            mine, theirs = getattr(core, name), getattr(other, name)
            changes[name] = mine + theirs if name in _SUMS else _joined(mine, theirs)
    prepayments = {key: core.prepayments.get(key, 0) + fen for key, fen in other.prepayments.items()}
    changes["prepayments"] = {**core.prepayments, **prepayments}
    changes["scores"] = {**other.scores, **core.scores, **_newer(core.scores, other.scores)}
    changes["standing"] = joined_standing(core.standing, other.standing)
    both = {**other.seen, **core.seen}
    changes["seen"] = dict(sorted(both.items(), key=lambda entry: entry[1].at))
    return replace(core, **changes)


def _joined(mine: Any, theirs: Any) -> Any:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return {**theirs, **mine}
    if isinstance(mine, tuple) and isinstance(theirs, tuple):
        return tuple(dict.fromkeys((*mine, *theirs)))
    if isinstance(mine, Frozen) and type(mine) is type(theirs):
        return type(mine)(*(_joined(getattr(mine, name), getattr(theirs, name)) for name in mine.__struct_fields__))
    return mine or theirs


def _newer(mine: dict[str, Score], theirs: dict[str, Score]) -> dict[str, Score]:
    """Return the other's scores that are newer than the survivor's."""
    return {
        name: score
        for name, score in theirs.items()
        if name not in mine or (score.computed_at, score.sequence) > (mine[name].computed_at, mine[name].sequence)
    }


def joined_visit(mine: Encounter | None, theirs: Encounter) -> Encounter:
    """Return one visit of two that have the same number; it is open while either of them is."""
    if mine is None:
        return theirs
    return replace(
        mine,
        closed_at=max(mine.closed_at, theirs.closed_at) if mine.closed_at and theirs.closed_at else 0,
        blocked=mine.blocked or theirs.blocked,
        settlements=(*mine.settlements, *theirs.settlements),
        charges={**theirs.charges, **mine.charges},
        lines={**theirs.lines, **mine.lines},
        credits={**theirs.credits, **mine.credits},
        reductions={**theirs.reductions, **mine.reductions},
        parked={**theirs.parked, **mine.parked},
    )

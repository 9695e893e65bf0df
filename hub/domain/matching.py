"""Which charge line a credit takes back: the first rule that hits wins, two hits are none (protocols 2.4)."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from hub.domain.lines import booked_line
from hub.domain.state import AccountState, Encounter
from schemas.commands import ChargeLine


class Wanted(NamedTuple):
    """What a credit line says about its charge."""

    line_key: str
    reverses: str
    order_no: str
    item: str
    amount_fen: int


class Hit(NamedTuple):
    """The line a credit takes back: one of the same message (`visit` None) or a booked one."""

    line_key: str
    visit: Encounter | None


Match = Hit | Literal["none", "several"]
Fresh = Mapping[str, tuple[ChargeLine, str]]


def match_credit(state: AccountState, institution: str, visit: str, wanted: Wanted, fresh: Fresh) -> Match:
    """Return the line by FT1-31/FT1-30, same FT1-2, visit + order + item, visit + item + exact amount, in this order.

    A named original that is not known yet ends the search: the credit waits for it.
    """
    by_name = _named(state, institution, wanted.reverses or wanted.line_key, fresh)
    if by_name is not None or wanted.reverses:
        return by_name or "none"
    open_lines = _open_lines(state.encounters.get(f"{institution}|{visit}"), fresh)
    if wanted.order_no:
        named = (wanted.order_no, wanted.item)
        hits = [hit for hit, order, item, _ in open_lines if (order, item) == named]
        if hits:
            return hits[0] if len(hits) == 1 else "several"
    exact = (wanted.item, wanted.amount_fen)
    hits = [hit for hit, _, item, amount in open_lines if (item, amount) == exact]
    if not hits:
        return "none"
    return hits[0] if len(hits) == 1 else "several"


def _named(state: AccountState, institution: str, line_key: str, fresh: Fresh) -> Hit | None:
    if line_key in fresh:
        return Hit(line_key, None)
    known = booked_line(state, institution, line_key)
    return None if known is None or known[1].memo else Hit(line_key, known[0])


def _open_lines(encounter: Encounter | None, fresh: Fresh) -> list[tuple[Hit, str, str, int]]:
    """Return (hit, order, item, amount) of every charge line that still has something open."""
    candidates = [(Hit(key, None), line.order_no, line.item.code, line.amount_fen) for key, (line, _) in fresh.items()]
    if encounter is not None:
        candidates += [
            (Hit(key, encounter), line.order_no, line.item, line.amount_fen)
            for key, line in encounter.lines.items()
            if line.open_fen > 0 and key not in fresh
        ]
    return candidates

"""Which charge line a credit takes back: the first rule that hits wins, two hits are none (protocols 2.4)."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from hub.domain.frozen import Frozen
from hub.domain.lines import booked_line
from hub.domain.state import AccountState, Encounter
from schemas.events import PostedLine


class Wanted(Frozen, frozen=True):
    """What a credit line says about its charge."""

    line_key: str
    reverses: str
    order_no: str
    item: str
    amount_fen: int


class Hit(Frozen, frozen=True):
    """The line a credit takes back: one of the same message (`visit` None) or a booked one."""

    line_key: str
    visit: Encounter | None


Match = Hit | Literal["none", "several"]
Fresh = Mapping[str, PostedLine]
"""The new charge lines of a message by their keys."""


class OpenLines:
    """The charge lines of a message and its visit that still have something open, found by order and by amount.

    Built once for a message, and only when a credit names no original.
    """

    def __init__(self, encounter: Encounter | None, fresh: Fresh) -> None:
        self._encounter = encounter
        self._fresh = fresh

    def by_order(self, order_no: str, item: str) -> list[Hit]:
        """Return the open lines of an order and an item."""
        return self._orders.get((order_no, item), [])

    def by_amount(self, item: str, amount_fen: int) -> list[Hit]:
        """Return the open lines of an item and an exact amount."""
        return self._amounts.get((item, amount_fen), [])

    @cached_property
    def _orders(self) -> dict[tuple[str, str], list[Hit]]:
        found: dict[tuple[str, str], list[Hit]] = {}
        for hit, order_no, item, _ in self._lines:
            found.setdefault((order_no, item), []).append(hit)
        return found

    @cached_property
    def _amounts(self) -> dict[tuple[str, int], list[Hit]]:
        found: dict[tuple[str, int], list[Hit]] = {}
        for hit, _, item, amount_fen in self._lines:
            found.setdefault((item, amount_fen), []).append(hit)
        return found

    @cached_property
    def _lines(self) -> list[tuple[Hit, str, str, int]]:
        fresh = self._fresh
        lines = [(Hit(key, None), line.order_no, line.item.code, line.amount_fen) for key, line in fresh.items()]
        if self._encounter is not None:
            lines += [
                (Hit(key, self._encounter), line.order_no, line.item, line.amount_fen)
                for key, line in self._encounter.lines.items()
                if line.open_fen > 0 and key not in fresh
            ]
        return lines


def match_credit(state: AccountState, institution: str, wanted: Wanted, fresh: Fresh, lines: OpenLines) -> Match:
    """Return the line by FT1-31/FT1-30, same FT1-2, visit + order + item, visit + item + exact amount, in this order.

    A named original that is not known yet ends the search: the credit waits for it.
    """
    by_name = _named(state, institution, wanted.reverses or wanted.line_key, fresh)
    if by_name is not None or wanted.reverses:
        return by_name or "none"
    hits = lines.by_order(wanted.order_no, wanted.item) if wanted.order_no else []
    hits = hits or lines.by_amount(wanted.item, wanted.amount_fen)
    if not hits:
        return "none"
    return hits[0] if len(hits) == 1 else "several"


def _named(state: AccountState, institution: str, line_key: str, fresh: Fresh) -> Hit | None:
    if line_key in fresh:
        return Hit(line_key, None)
    known = booked_line(state, institution, line_key)
    return None if known is None or known[1].kind != "charge" else Hit(line_key, known[0])

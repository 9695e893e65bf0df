"""Advance batches: a city day's posted credit net of refunds, for each institution and bank (domain 10)."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from hub.clearing.settlement_file import detail_lines
from schemas.commands import Instant, OpenAdvance
from schemas.ids import sm3_hex

ItemKind = Literal["credit", "refund"]


class Item(NamedTuple):
    """One posting of a day: a charge's credit part, or what a reversal took back of one. `amount_fen` is positive."""

    institution: str
    bank: str
    kind: ItemKind
    reference: str
    """The charge or the reduction."""
    amount_fen: int
    at: Instant


def opened(day: str, items: Iterable[Item]) -> dict[tuple[str, str], OpenAdvance]:
    """Return the command for each pair of institution and bank that has an item on this day.

    The same items in the same order give the same command, whoever makes it: its SM3 is over the file's detail lines.
    """
    return {pair: _opened(day, pair, each) for pair, each in by_pair(items).items()}


def by_pair(items: Iterable[Item]) -> dict[tuple[str, str], list[Item]]:
    """Return the items of each (institution, bank), in their order."""
    pairs: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        pairs[item.institution, item.bank].append(item)
    return dict(sorted(pairs.items()))


def _opened(day: str, pair: tuple[str, str], items: list[Item]) -> OpenAdvance:
    credit_fen = sum(item.amount_fen for item in items if item.kind == "credit")
    returned_fen = sum(item.amount_fen for item in items if item.kind == "refund")
    lines = detail_lines((item.kind, item.reference, item.amount_fen, item.at) for item in items)
    digest = sm3_hex("".join(lines).encode("ascii"))
    return OpenAdvance(day, *pair, len(items), credit_fen, returned_fen, digest)

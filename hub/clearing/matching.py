"""Two books of one day, entry by entry: by the number both know first, then what a bare total leaves out (domain 11).

Where rows have numbers, the numbers that differ are the smallest explanation there is: no entry of another number can
make up for one of them, and nothing is netted away. Where the other side gives only a total, the fewest of our entries
that make up the difference are searched for.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from hub.clearing.books import Book, Entry
from hub.clearing.causes import Cause
from hub.clearing.explaining import Explanation, explain


class Difference(NamedTuple):
    """One entry on which two books differ; `difference_fen` is ours minus theirs."""

    cause: Cause
    kind: str
    key: str
    ours_fen: int
    theirs_fen: int
    at: int
    trade_no: str = ""

    @property
    def difference_fen(self) -> int:
        """Return ours minus theirs."""
        return self.ours_fen - self.theirs_fen


class Comparison(NamedTuple):
    """Two books side by side. `sets` are the smallest explanations; one, unless only a total was given.

    `proven` says that no smaller set explains the difference, `complete` that no other of its size does.
    """

    ours: str
    theirs: str
    ours_fen: int
    theirs_fen: int
    matched: int
    sets: tuple[tuple[Difference, ...], ...]
    proven: bool = True
    complete: bool = True

    @property
    def difference_fen(self) -> int:
        """Return ours minus theirs."""
        return self.ours_fen - self.theirs_fen

    @property
    def equal(self) -> bool:
        """Return True when nothing differs, not even in a way that cancels out."""
        return not self.difference_fen and self.sets == ((),)

    @property
    def unique(self) -> bool:
        """Return True when exactly one smallest set explains it."""
        return self.complete and len(self.sets) == 1


class Neighbours(NamedTuple):
    """What else is known of the days around: numbers that stand in the other book there, and in ours."""

    theirs: Container[tuple[str, str]] = ()
    ours: Container[tuple[str, str]] = ()


def compare(
    ours: Book, theirs: Book, neighbours: Neighbours | None = None, *, expired: Callable[[], bool] = lambda: False
) -> Comparison:
    """Return how two books of one day differ, each difference with its cause; `expired` bounds the search."""
    if theirs.stated_fen is not None and not theirs.entries:
        return _against_a_total(ours, theirs, expired)
    around = neighbours or Neighbours()
    mine, other = _by_place(ours.entries), _by_place(theirs.entries)
    found: list[Difference] = []
    matched = 0
    for place in sorted(mine.keys() | other.keys()):
        difference = _judged(mine.get(place, []), other.get(place, []), around)
        found += difference
        matched += not difference
    return Comparison(ours.name, theirs.name, ours.total_fen, theirs.total_fen, matched, (tuple(found),))


def causes(comparisons: Iterable[Comparison]) -> Mapping[Cause, int]:
    """Return how often each cause stands in the first set of each comparison."""
    return Counter(each.cause for comparison in comparisons for each in (comparison.sets or ((),))[0])


def _by_place(entries: Sequence[Entry]) -> dict[tuple[str, str], list[Entry]]:
    places: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        places[entry.place].append(entry)
    return places


def _judged(mine: Sequence[Entry], other: Sequence[Entry], around: Neighbours) -> list[Difference]:
    """Return the differences of one number: none, one, or one for each repeat."""
    closed = [entry for entry in mine if not entry.open]
    repeats = [_difference(Cause.DUPLICATE, each, None) for each in closed[1:]]
    repeats += [_difference(Cause.DUPLICATE, None, each) for each in other[1:]]
    first = closed[0] if closed else None
    told = other[0] if other else None
    if first is None and told is None:
        return []  # ours alone, and still open: nothing happened yet that could differ
    cause = _cause(first, told, around, heard_of=bool(mine))
    return repeats if cause is None else [_difference(cause, first, told), *repeats]


def _cause(ours: Entry | None, theirs: Entry | None, around: Neighbours, *, heard_of: bool) -> Cause | None:
    if ours is not None and theirs is not None:
        return None if ours.amount_fen == theirs.amount_fen else Cause.AMOUNT_DIFFERS
    alone = ours or theirs
    assert alone is not None  # noqa: S101 - one of both is there, as the caller saw
    if alone.place in (around.theirs if theirs is None else around.ours):
        return Cause.DAY_CUT
    if alone.kind == "refund":
        return Cause.PARTIAL_REFUND
    if theirs is None:
        return Cause.MISSING_THERE
    return Cause.LATE_CALLBACK if heard_of else Cause.MISSING_HERE


def _difference(cause: Cause, ours: Entry | None, theirs: Entry | None) -> Difference:
    entry = ours or theirs
    assert entry is not None  # noqa: S101 - a difference has at least one side
    trade_no = (theirs.trade_no if theirs else "") or entry.trade_no
    ours_fen, theirs_fen = ours.amount_fen if ours else 0, theirs.amount_fen if theirs else 0
    return Difference(cause, entry.kind, entry.key, ours_fen, theirs_fen, entry.at, trade_no)


def _against_a_total(ours: Book, theirs: Book, expired: Callable[[], bool]) -> Comparison:
    """Each of our entries may have been left out of the total, or been counted twice."""
    entries = [entry for entry in ours.entries if not entry.open]
    amounts = [entry.amount_fen for entry in entries]
    total_fen = sum(amounts)
    found: Explanation = explain(total_fen - theirs.total_fen, [*amounts, *(-fen for fen in amounts)], expired=expired)
    sets = tuple(tuple(_left_out(entries, each) for each in chosen) for chosen in found.sets)
    matched = len(entries) - (len(sets[0]) if sets else 0)
    return Comparison(ours.name, theirs.name, total_fen, theirs.total_fen, matched, sets, found.proven, found.complete)


def _left_out(entries: Sequence[Entry], place: int) -> Difference:
    entry = entries[place % len(entries)]
    if place < len(entries):
        return Difference(Cause.NOT_COUNTED, entry.kind, entry.key, entry.amount_fen, 0, entry.at)
    return Difference(Cause.DUPLICATE, entry.kind, entry.key, entry.amount_fen, 2 * entry.amount_fen, entry.at)

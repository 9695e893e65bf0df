"""The fewest entries whose amounts explain a difference, with a proof that no fewer do (domain 11).

The question is subset sum with the smallest number of parts. Three exact ways, by what the candidates are like: few of
them are searched whole, in two halves that meet; many with few different sums are tabled, sum by sum; the rest are
searched by size, where every size below the answer's is exhausted first, which is the proof.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice
from typing import Final, NamedTuple

SETS_SHOWN: Final = 8
"""So many equally small sets are listed; none of them is booked."""
_HALVES_MAX: Final = 32
"""Up to this many candidates all subsets are looked at: twice 65,536."""
_PAIRS_MAX: Final = 1_200
"""Up to this many candidates all pairs are kept: 720,000."""
_SUMS_MAX: Final = 1_000_000
"""So many sums are tabled before the search by size takes over."""
_SIZE_MAX: Final = 200
"""Nobody reads a set of more entries, and each entry is two levels of recursion: beyond it nothing is explained."""
_LOOK_EVERY: Final = 4_096
"""Steps of the search between two looks at the budget."""


class Explanation(NamedTuple):
    """Sets of candidates (by position) that sum to the difference: the smallest there are, or the best found.

    `proven`: no smaller set exists. `complete`: no other set of this size exists. Without both, time ran out, or no
    set of at most 200 entries gives the difference. An empty `sets` that is proven means that no set at all gives it.
    """

    sets: tuple[tuple[int, ...], ...]
    proven: bool
    complete: bool

    @property
    def size(self) -> int:
        """Return how many entries explain the difference."""
        return len(self.sets[0]) if self.sets else 0

    @property
    def unique(self) -> bool:
        """Return True when one set explains it and it is certain that no other set of its size does."""
        return self.complete and len(self.sets) == 1


_UNEXPLAINED: Final = Explanation((), proven=False, complete=False)


class _OutOfTimeError(Exception):
    """The budget is used up."""


def explain(
    difference_fen: int,
    amounts_fen: Sequence[int],
    *,
    expired: Callable[[], bool] = lambda: False,
    known: Sequence[int] = (),
) -> Explanation:
    """Return the smallest sets of candidates whose amounts sum to the difference.

    Amounts are signed; an amount of 0 explains nothing and is never chosen. `expired` says that the budget is used up:
    then the best found is returned, at worst `known`, a set that is known to sum to the difference.
    """
    if difference_fen == 0:
        return Explanation(((),), proven=True, complete=True)
    order = sorted((i for i, fen in enumerate(amounts_fen) if fen), key=lambda i: -amounts_fen[i])
    sizes = [amounts_fen[i] for i in order]
    if len(sizes) <= _HALVES_MAX:
        found = _by_halves(difference_fen, sizes)
    else:
        found = _by_sums(difference_fen, sizes) or _Search(sizes, expired).smallest(difference_fen)
    if not found.sets and not found.proven and known:
        return Explanation((tuple(sorted(known)),), proven=False, complete=False)
    return found._replace(sets=tuple(sorted(tuple(sorted(order[i] for i in each)) for each in found.sets)))


# ---- few candidates: all subsets, in two halves -------------------------------------------------------------------


def _by_halves(target: int, amounts: Sequence[int]) -> Explanation:
    middle = len(amounts) // 2
    left, right = _subsets(amounts[:middle]), _subsets(amounts[middle:])
    best = min((masks[0].bit_count() + right[target - s][0].bit_count() for s, masks in left.items()
                if target - s in right), default=0)  # fmt: skip
    if not best:
        return Explanation((), proven=True, complete=True)
    masks = _joined(target, left, right, middle, best)
    return _listed(tuple(i for i in range(len(amounts)) if mask >> i & 1) for mask in masks)


def _listed(sets: Iterator[tuple[int, ...]]) -> Explanation:
    """Return the first sets of a proven size, and whether they are all."""
    shown = tuple(islice(sets, SETS_SHOWN))
    return Explanation(shown, proven=True, complete=next(sets, None) is None)


def _subsets(amounts: Sequence[int]) -> dict[int, list[int]]:
    """Return every sum with the smallest subsets that give it, as bit masks: a smallest whole has smallest halves."""
    sums = [0]
    for amount in amounts:
        sums += [each + amount for each in sums]
    by_sum: dict[int, list[int]] = defaultdict(list)
    for mask in sorted(range(len(sums)), key=int.bit_count):
        masks = by_sum[sums[mask]]
        if not masks or mask.bit_count() == masks[0].bit_count():
            masks.append(mask)
    return by_sum


def _joined(
    target: int, left: dict[int, list[int]], right: dict[int, list[int]], middle: int, size: int
) -> Iterator[int]:
    for each, ones in left.items():
        others = right.get(target - each)
        if others and ones[0].bit_count() + others[0].bit_count() == size:
            yield from (one | other << middle for one in ones for other in others)


# ---- many candidates with few different sums: a table of the smallest size of each --------------------------------


def _by_sums(target: int, amounts: Sequence[int]) -> Explanation | None:
    """Return the explanation, or None when there are too many different sums to be tabled.

    `tables[i]` holds for each sum of the amounts from i on the fewest of them that give it.
    """
    tables: list[dict[int, int]] = [{0: 0}]
    tabled = 1
    for amount in reversed(amounts):
        after = tables[-1]
        table = dict(after)
        for each, size in after.items():
            if size + 1 < table.get(each + amount, len(amounts) + 1):
                table[each + amount] = size + 1
        tabled += len(table)
        if tabled > _SUMS_MAX:
            return None
        tables.append(table)
    tables.reverse()
    if target not in tables[0]:
        return Explanation((), proven=True, complete=True)
    if tables[0][target] > _SIZE_MAX:
        return _UNEXPLAINED
    return _listed(_traced(tables, amounts, 0, target, tables[0][target]))


def _traced(
    tables: Sequence[dict[int, int]], amounts: Sequence[int], start: int, target: int, size: int
) -> Iterator[tuple[int, ...]]:
    """Yield every choice of exactly `size` amounts from `start` on that sums to the target; no branch is in vain."""
    if not size:
        yield ()
        return
    for i in range(start, len(amounts)):
        if tables[i].get(target, size + 1) > size:
            return
        rest = target - amounts[i]
        if tables[i + 1].get(rest, size) <= size - 1:
            yield from ((i, *more) for more in _traced(tables, amounts, i + 1, rest, size - 1))


# ---- many candidates: one size after the other --------------------------------------------------------------------


class _Search:
    """Depth first over amounts in falling order; a branch whose largest or smallest sum misses the target is cut."""

    def __init__(self, amounts: Sequence[int], expired: Callable[[], bool]) -> None:
        self._amounts = amounts
        self._rising = [-each for each in amounts]
        self._sums = [0, *accumulate(amounts)]
        self._expired = expired
        self._steps = 0
        self._pairs: dict[int, list[tuple[int, int]]] | None = None

    def smallest(self, target: int) -> Explanation:
        """Return the sets of the smallest size that has any; sizes are tried in rising order."""
        sets: list[tuple[int, ...]] = []
        try:
            for size in range(1, len(self._amounts) + 1):
                if size > _SIZE_MAX:
                    return _UNEXPLAINED
                for chosen in self._of_size(size, 0, target):
                    if len(sets) == SETS_SHOWN:
                        return Explanation(tuple(sets), proven=True, complete=False)
                    sets.append(chosen)
                if sets:
                    break
        except _OutOfTimeError:
            # Smaller sizes were exhausted before this one began, so a set found here is smallest all the same.
            return Explanation(tuple(sets), proven=bool(sets), complete=False)
        return Explanation(tuple(sets), proven=True, complete=True)

    def _of_size(self, size: int, start: int, target: int) -> Iterator[tuple[int, ...]]:
        """Yield every choice of `size` positions from `start` on, in rising order, that sums to the target."""
        if size == 1:
            yield from self._equal(start, target)
            return
        if size == 2 and len(self._amounts) <= _PAIRS_MAX:
            yield from (pair for pair in self._all_pairs().get(target, ()) if pair[0] >= start)
            return
        count = len(self._amounts)
        for i in range(start, count - size + 1):
            self._step()
            if self._sums[i + size] - self._sums[i] < target:
                return  # amounts fall: no later choice reaches it either
            rest = target - self._amounts[i]
            if self._sums[count] - self._sums[count - size + 1] <= rest:
                yield from ((i, *more) for more in self._of_size(size - 1, i + 1, rest))

    def _equal(self, start: int, target: int) -> Iterator[tuple[int]]:
        for i in range(max(start, bisect_left(self._rising, -target)), len(self._amounts)):
            self._step()
            if self._amounts[i] != target:
                return
            yield (i,)

    def _all_pairs(self) -> dict[int, list[tuple[int, int]]]:
        if self._pairs is None:
            pairs: dict[int, list[tuple[int, int]]] = defaultdict(list)
            for i, one in enumerate(self._amounts):
                self._step(len(self._amounts))
                for j in range(i + 1, len(self._amounts)):
                    pairs[one + self._amounts[j]].append((i, j))
            self._pairs = pairs
        return self._pairs

    def _step(self, count: int = 1) -> None:
        before, self._steps = self._steps, self._steps + count
        if before // _LOOK_EVERY != self._steps // _LOOK_EVERY and self._expired():
            raise _OutOfTimeError

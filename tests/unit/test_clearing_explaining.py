"""The solver against every subset, planted differences, and budgets that end."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.clearing.explaining import SETS_SHOWN, Explanation, explain

small = st.lists(st.integers(-40, 40), max_size=9)
few = st.integers(1, 5)


def brute_force(target, amounts):
    """Return every smallest set of positions that sums to the target."""
    usable = [i for i, fen in enumerate(amounts) if fen]
    for size in range(len(usable) + 1):
        found = [c for c in combinations(usable, size) if sum(amounts[i] for i in c) == target]
        if found:
            return found
    return []


@given(st.integers(-80, 80), small)
@settings(max_examples=400)
def test_the_solver_and_every_subset_agree_on_size_sets_and_uniqueness(target, amounts):
    """Few candidates are searched whole: the sets are those of brute force."""
    found, every = explain(target, amounts), brute_force(target, amounts)
    assert found.proven
    assert found.complete == (len(every) <= SETS_SHOWN)
    assert set(found.sets) <= set(every)
    assert len(found.sets) == min(len(every), SETS_SHOWN)
    assert found.unique == (len(every) == 1)


@given(st.integers(-30, 30), st.lists(st.integers(-20, 20), min_size=33, max_size=38))
@settings(max_examples=20, deadline=None)
def test_many_candidates_are_searched_by_size_and_agree_with_every_subset(target, amounts):
    """More candidates than halves can hold: sizes up to 3 are compared with brute force."""
    found = explain(target, amounts)
    usable = [i for i, fen in enumerate(amounts) if fen]
    for size in range(4):
        every = [c for c in combinations(usable, size) if sum(amounts[i] for i in c) == target]
        if every:
            assert found.size == size
            assert found.unique == (len(every) == 1)
            assert set(found.sets) <= set(every)
            return
    assert not found.sets or found.size > 3


@given(st.data(), few)
@settings(max_examples=60, deadline=None)
def test_a_planted_difference_of_k_entries_is_explained_by_at_most_k(data, k):
    """What was planted is one explanation, so the smallest is never larger."""
    amounts = data.draw(st.lists(st.integers(-500_000, 500_000).filter(bool), min_size=k, max_size=60))
    planted = data.draw(st.permutations(range(len(amounts))))[:k]
    target = sum(amounts[i] for i in planted)
    found = explain(target, amounts)
    assert found.proven
    assert found.size <= k
    assert all(sum(amounts[i] for i in each) == target for each in found.sets)


def test_equal_books_are_explained_by_nothing():
    """A difference of 0 has the empty set, and it is the only smallest one."""
    assert explain(0, [5, 7]) == Explanation(((),), proven=True, complete=True)
    assert explain(0, []).unique


def test_two_equal_amounts_are_two_sets_and_none_is_chosen():
    """Which of the two is missing cannot be told from the sum."""
    found = explain(810, [810, 300, 810])
    assert found.sets == ((0,), (2,))
    assert not found.unique
    assert found.complete


@pytest.mark.parametrize("count", [10, 50])
def test_a_difference_that_no_set_gives_is_said_to_have_none(count):
    """Even amounts never make an odd difference: proven, without a set."""
    amounts = [2] * 3 + [0] * (count - 3)
    assert explain(1, amounts) == Explanation((), proven=True, complete=True)


def test_when_the_budget_ends_the_known_set_is_given_and_not_called_smallest():
    """A thousand candidates and a difference only many of them give: time runs out first."""
    amounts = [3 * n + 10_000 for n in range(1_000)]
    known = range(0, 1_000, 50)
    target = sum(amounts[i] for i in known) + 1
    looks = iter([False] * 3 + [True] * 1_000)
    found = explain(target, amounts, expired=lambda: next(looks), known=())
    assert found == Explanation((), proven=False, complete=False)
    looks = iter([False] * 3 + [True] * 1_000)
    found = explain(target - 1, amounts, expired=lambda: next(looks), known=tuple(known))
    assert found.sets == (tuple(known),)
    assert not found.proven


def test_a_set_found_before_the_budget_ends_is_smallest_all_the_same():
    """Every smaller size was exhausted before; that it is the only one stays open when time runs out."""
    odd = (300, 700, 1_100)  # all others are multiples of four: only these three make the target
    amounts = [4 * (250_000 + n) + (n in odd) for n in range(1_300)]
    target = sum(amounts[n] for n in odd)
    looks = []
    whole = explain(target, amounts, expired=lambda: bool(looks.append(1)))
    assert whole.complete
    left = iter([False] * (len(looks) - 1))
    cut = explain(target, amounts, expired=lambda: next(left, True))
    assert cut.sets == whole.sets == (odd,)
    assert whole.unique
    assert cut.proven
    assert not cut.complete


def test_four_of_three_hundred_entries_are_found_quickly():
    """A day's size: every triple is excluded first, which is the proof."""
    amounts = [7 * n * n + 13 * n + 101 for n in range(300)]
    planted = (7, 91, 188, 299)
    found = explain(sum(amounts[i] for i in planted), amounts)
    assert found.proven
    assert found.size <= 4


@pytest.mark.parametrize("amounts", [[100] * 900, [1 + 7919 * n % 999_983 for n in range(1, 1500)]])
def test_a_difference_of_hundreds_of_entries_is_not_explained_and_stops_nobody(amounts):
    """A hospital's total may lack a whole morning: no set of a size anybody reads, and no endless recursion."""
    missing = sum(amounts) - sum(amounts[:30])
    assert explain(missing, amounts) == Explanation((), proven=False, complete=False)
    known = tuple(range(30, len(amounts)))
    assert explain(missing, amounts, known=known) == Explanation((known,), proven=False, complete=False)


def test_a_difference_of_two_hundred_equal_entries_is_explained():
    """The largest set that is searched for is found."""
    found = explain(200 * 100, [100] * 250)
    assert (found.size, found.proven) == (200, True)

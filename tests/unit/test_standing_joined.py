"""One person who had two accounts has one standing: what barred or earned in either counts in both (ADT^A40)."""

from standing_world import overdue, owe, pay, person

from hub.domain.contents import united
from hub.domain.standing_state import Month, Standing, joined_standing


def test_a_merged_person_keeps_every_mark_and_every_month_of_both_accounts():
    """Counters add up, a bar of either bars, months hold the repayments of both."""
    late, punctual = person(), person()
    overdue(late)
    pay(punctual, owe(punctual, 5_000))
    merged = united(punctual.state.core, late.state.core)
    assert merged.standing == joined_standing(punctual.state.core.standing, late.state.core.standing)
    assert (len(merged.standing.marks), merged.standing.on_time, merged.suspended) == (1, 1, True)
    assert [(m.repayments, m.repaid_fen, m.late) for m in merged.standing.months] == [(1, 5_000, 1)]


def test_the_same_month_in_both_accounts_is_one_month():
    """Ascending, each month once, the newest two years."""
    mine = Standing(months=(Month(10, 1, 5), Month(40, 1, 5)), on_time=2, rewarded_month=10)
    theirs = Standing(months=(Month(40, 2, 7, 1),), on_time=2, blacklisted=True)
    both = joined_standing(mine, theirs)
    assert both.months == (Month(40, 3, 12, 1),)
    assert (both.on_time, both.rewarded_month, both.blacklisted) == (4, 10, True)
    assert joined_standing(None, theirs) is theirs

"""The instants of a debit: its number's life, when it is asked about, what waits for its end (architecture 12)."""

import pytest
from domain_world import DAY, HOUR, MINUTE, SECOND, World, charge, line

from schemas.commands import FreezeBill, RecordRepayment, UnfreezeBill

LIFE = 3 * HOUR
FREED = LIFE + 5 * MINUTE + 1
"""After it a number that does not exist may be freed: expiry, five minutes, and later than that."""


def debiting(fen=10_000, channel="alipay"):
    """Return a world whose bill is being debited, and the wall time at which the order was made."""
    world = World()
    world.enrol(200_000, channel=channel)
    world.send(charge(line("F1", fen)))
    world.close()
    world.move(city=72 * HOUR)
    return world, world.wall


def until_asked(world):
    """Move to the next question; return the wall time it took."""
    before, count = world.wall, len(world.query_errands)
    due = min(alarm.due_at for key, alarm in world.state.core.timers.items() if key.startswith("debit_query"))
    world.move(wall=due - world.wall - 1)
    assert len(world.query_errands) == count
    world.move(wall=1)
    assert len(world.query_errands) == count + 1
    return world.wall - before


def test_an_order_that_is_never_heard_of_is_asked_about_when_it_may_be_freed_and_then_hourly():
    """The first question leaves exactly when its answer can decide; silence is asked about every hour."""
    world, _ = debiting()
    assert [until_asked(world) for _ in range(3)] == [FREED, HOUR, HOUR]


def test_a_retry_under_the_same_number_that_is_never_heard_of_is_asked_about_too():
    """Sent again after a minute, silent since: one hour later at the latest a question leaves."""
    world, _ = debiting()
    world.answer(world.debit_errands[-1], "failed", cause="technical")
    world.move(wall=MINUTE + MINUTE // 10)
    assert len(world.debit_errands) == 2
    assert until_asked(world) <= HOUR


def test_an_order_in_doubt_is_asked_about_the_moment_its_number_may_be_freed():
    """Between two hourly questions: a not-exist to that question frees it, whatever the ladder says."""
    world, made_at = debiting()
    world.answer(status="unknown")
    times = []
    while world.wall < made_at + 5 * HOUR:
        until_asked(world)
        times.append(world.wall - made_at)
        world.answer(world.query_errands[-1], "waiting")
    assert FREED in times
    assert [at for at in times if at > FREED] == [FREED + HOUR, FREED + 2 * HOUR]


@pytest.mark.parametrize("late_by", [0, HOUR])
def test_a_retry_that_comes_due_at_its_orders_expiry_or_later_only_asks(late_by):
    """The hub was away: a number whose life has ended is never debited again."""
    world, made_at = debiting()
    world.answer(world.debit_errands[-1], "failed", cause="not_executed_same_number")
    world.wall = made_at + LIFE + late_by
    world.move()
    assert (len(world.debit_errands), len(world.query_errands)) == (1, 1)


def test_a_retry_a_millisecond_before_its_orders_expiry_is_still_sent():
    """The number lives to its last instant; the call's own window ends with it."""
    world, made_at = debiting()
    world.answer(world.debit_errands[-1], "failed", cause="not_executed_same_number")
    world.wall = made_at + LIFE - 1
    world.move()
    assert len(world.debit_errands) == 2


def test_a_technical_failure_whose_retry_would_outlive_the_order_is_asked_about_instead():
    """Half a minute before the expiry a retry in a minute comes too late: no retry, questions only."""
    world, _ = debiting()
    world.move(wall=LIFE - 30 * SECOND)
    world.answer(world.debit_errands[-1], "failed", cause="technical")
    assert not [key for key in world.state.core.timers if key.startswith("debit_retry")]
    world.move(wall=HOUR)
    assert len(world.debit_errands) == 1
    assert world.query_errands


def test_after_the_last_technical_retry_questions_follow_at_once():
    """1, 5, 30 and 120 minutes are used up: the fifth failure is asked about within the ladder's first steps."""
    world, _ = debiting()
    for wait in (1, 5, 30, 120):
        world.answer(world.debit_errands[-1], "failed", cause="not_executed_same_number")
        world.move(wall=wait * MINUTE * 11 // 10)
    assert len(world.debit_errands) == 5
    world.answer(world.debit_errands[-1], "failed", cause="not_executed_same_number")
    assert until_asked(world) <= 5 * SECOND


def test_a_balance_that_was_not_meant_for_a_bill_is_not_taken_when_its_debit_fails():
    """50.00 too much on an earlier bill stay the person's; the failed bill still owes all of its 100.00."""
    world = World()
    world.enrol(200_000)
    world.send(charge(line("E1", 1_000), visit="V0"))
    world.close("V0")
    world.send(RecordRepayment(world.city, 6_000), interface="api")
    world.send(charge(line("F1", 10_000)))
    world.close()
    world.move(city=72 * HOUR)
    world.answer(world.debit_errands[-1], "failed", cause="nsf")
    assert (world.bill.owed_fen, world.state.core.refundable_fen) == (10_000, 5_000)


def test_a_bill_paid_by_what_waited_is_not_overdue_though_its_term_passed():
    """The money came in time and waited for the debit: no mark; half a year later the visit is archived."""
    world, _ = debiting()
    world.answer(status="unknown")
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    world.move(city=5 * DAY)
    assert world.bill.term_passed
    world.answer(world.debit_errands[-1], "failed", cause="card")
    assert (world.bill.owed_fen, world.bill.overdue_since, world.state.core.suspended) == (0, 0, False)
    world.move(city=180 * DAY)
    assert not world.state.encounters


def test_a_frozen_bill_whose_debit_fails_after_the_term_is_marked_when_it_is_freed():
    """While people look at it nothing is marked; then it is, dated back to the end of its term."""
    world, _ = debiting()
    world.answer(status="unknown")
    world.send(FreezeBill(world.bill.id, world.city, "wang", "dispute"), interface="api")
    world.move(city=5 * DAY)
    world.answer(world.debit_errands[-1], "failed", cause="card")
    assert (world.bill.overdue_since, world.state.core.suspended) == (0, False)
    for author in ("wang", "li"):
        world.send(UnfreezeBill(world.bill.id, world.city, author, "agreed"), interface="api")
    assert (world.bill.overdue_since, world.state.core.suspended) == (world.bill.due_at, True)

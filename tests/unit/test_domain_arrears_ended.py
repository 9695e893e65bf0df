"""How arrears end: cuts that come back, a bar that stays, an undoing among other marks (domain 8)."""

import pytest
from domain_world import DAY, HOUR, charge, line
from standing_world import CITED, happened, overdue, overdue_and_paid, owe, pay, person, undo

from hub.domain.clocks import at_hour
from hub.policies.clauses import Overdue, Repair
from schemas.events import BlacklistLifted, CutEnded, ReminderSent, Resumed


def credit(world, fen=100):
    """Charge a little on a visit of its own; return the reason for no credit."""
    world.send(charge(line(f"C{len(world.ledger)}", fen), visit=f"C{len(world.ledger)}", at=world.city))
    return world.reply.result["reason"]


def test_where_the_pack_repairs_nothing_a_cut_line_comes_back_with_the_service():
    """Cut to a half and paid: at the next midnight the service resumes and the line is what the score gives."""
    world = person(repair=Repair())
    bill = overdue(world)
    world.move(city=5 * DAY)
    assert world.agreement.limit_fen == 50_000
    pay(world, bill)
    assert world.agreement.limit_fen == 50_000
    world.move(city=DAY)
    assert [event.bills for event in happened(world, CutEnded)] == [(bill,)]
    assert (world.agreement.limit_fen, world.state.core.suspended) == (100_000, False)


def test_where_the_pack_suspends_nobody_a_cut_line_comes_back_with_the_payment():
    """There is no resume to wait for."""
    world = person(repair=Repair(), overdue=Overdue(suspends=False, resume_after_days=0, citation=CITED))
    bill = overdue(world)
    world.move(city=5 * DAY)
    assert (world.agreement.limit_fen, world.state.core.suspended) == (50_000, False)
    pay(world, bill)
    assert world.agreement.limit_fen == 100_000


def test_an_unpaid_bill_keeps_its_cut_when_another_is_paid():
    """Two overdue bills: the payment of one ends neither the suspension nor the other's cut."""
    world = person(repair=Repair())
    first, second = owe(world), owe(world)
    world.move(city=7 * DAY + 5 * DAY)
    pay(world, first)
    world.move(city=2 * DAY)
    assert (world.state.core.suspended, world.agreement.limit_fen) == (True, 50_000)
    pay(world, second)
    world.move(city=DAY)
    assert (world.state.core.suspended, world.agreement.limit_fen) == (False, 100_000)


def test_undoing_one_of_five_marks_leaves_four_and_the_bar():
    """Barred above three: with one mark less the count is still above; with two less it is lifted."""
    world = person(200_000, repair=Repair())
    bills = [owe(world, 1_000) for _ in range(5)]
    world.move(city=7 * DAY)
    assert world.state.core.barred
    for bill in bills:
        pay(world, bill)
    undo(world, bills[0])
    assert (world.state.core.barred, happened(world, BlacklistLifted)) == (True, [])
    undo(world, bills[1])
    assert (world.state.core.barred, len(happened(world, BlacklistLifted))) == (False, 1)


def test_undoing_a_mark_of_somebody_who_was_never_barred_lifts_nothing():
    """There is no bar to lift."""
    world = person()
    undo(world, overdue_and_paid(world))
    assert not happened(world, BlacklistLifted)


def test_undoing_a_mark_leaves_the_suspension_of_another_unpaid_bill():
    """One of two was marked wrongly: the other's arrears still stop the service."""
    world = person()
    first, second = owe(world), owe(world)
    world.move(city=7 * DAY)
    undo(world, first, due_at=world.city + 3 * DAY)
    assert (world.state.core.suspended, credit(world)) == (True, "SUSPENDED")
    undo(world, second, due_at=world.city + 3 * DAY)
    assert (world.state.core.suspended, credit(world)) == (False, "")


def test_undoing_a_mark_leaves_the_day_after_another_payment_as_it_was():
    """The other bill was paid an hour ago: its day of waiting is not cut short by the undoing."""
    world = person()
    first, second = owe(world), owe(world)
    world.move(city=7 * DAY + HOUR)
    pay(world, second)
    paid_at = world.city
    undo(world, first, due_at=world.city + 3 * DAY)
    assert world.state.core.suspended
    world.move(city=at_hour(paid_at, 1, 0) - world.city)
    assert not world.state.core.suspended
    assert len(happened(world, Resumed)) == 1


@pytest.mark.parametrize("due_in", [3, 5])
def test_a_bill_whose_mark_was_undone_is_reminded_before_its_new_term(due_in):
    """It is still owed: a day before the new term the person hears of it, once."""
    world = person()
    bill = overdue(world)
    reminded = len(happened(world, ReminderSent))
    undo(world, bill, due_at=world.city + due_in * DAY)
    world.move(city=(due_in - 1) * DAY)
    assert [event.days for event in happened(world, ReminderSent)[reminded:]] == [-1]

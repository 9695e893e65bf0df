"""Months on time, points, steps of the line, privileges and waived deposits (domain 8, reward)."""

import pytest
from domain_world import DAY, START, A, World, score
from standing_world import (
    STEPPING,
    happened,
    next_month,
    overdue,
    overdue_and_paid,
    owe,
    pay,
    person,
    repaid_each_month,
)

from hub.domain.rewards import city_month, month_start, months_in_row
from hub.domain.standing_state import Month, Standing
from hub.policies.clauses import Repair
from schemas.commands import CheckEligibility, ConfirmProposal, ProposeListing, UndoOverdue
from schemas.events import RepaidOnTime, RewardPlanned, ScoreFeedback


def rewards(world: World) -> list[ScoreFeedback]:
    """Return the messages that told the score's source of a reward."""
    return [told for told in happened(world, ScoreFeedback) if told.kind == "reward"]


def ask(world: World) -> dict:
    """Ask the kiosk's question."""
    world.send(CheckEligibility(A, "outpatient", world.city), interface="api")
    return world.reply.result


@pytest.mark.parametrize(("months", "count"), [(11, 0), (12, 1), (23, 1), (24, 2)])
def test_twelve_months_on_time_in_a_row_earn_points_once(months, count):
    """Not after eleven; again only after twelve more."""
    world = person()
    repaid_each_month(world, months)
    assert len(rewards(world)) == count


def test_the_reward_waits_for_the_end_of_the_twelfth_month():
    """Its amount and frequency then hold the whole month; it is counted at its first instant after."""
    world = person()
    repaid_each_month(world, 11)
    pay(world, owe(world, 5_000))
    assert not rewards(world)
    planned = happened(world, RewardPlanned)[0].reward_at
    assert planned == month_start(city_month(world.city) + 1)
    pay(world, owe(world, 5_000))
    world.move(city=planned - world.city)
    assert [(told.points, told.month) for told in rewards(world)] == [(70, city_month(planned) - 1)]


@pytest.mark.parametrize(
    ("fen", "bills", "points"), [(1_000, 1, 50), (4_166, 1, 50), (4_167, 1, 70), (9_000, 2, 100), (9_000, 1, 70)]
)
def test_points_grow_with_amount_and_frequency(fen, bills, points):
    """50 for any, 70 from 500.00 and twelve bills, 100 from 2,000.00 and twenty-four bills."""
    world = person()
    for _ in range(12):
        for _ in range(bills):
            pay(world, owe(world, fen))
        next_month(world)
    assert [told.points for told in rewards(world)] == [points]


def test_a_month_without_a_bill_or_with_an_overdue_one_begins_the_row_anew():
    """Twelve in a row means twelve in a row."""
    world = person()
    repaid_each_month(world, 6)
    next_month(world)
    repaid_each_month(world, 11)
    assert not rewards(world)
    overdue_and_paid(world, 1_000)
    next_month(world)
    repaid_each_month(world, 11)
    assert not rewards(world)
    repaid_each_month(world, 1)
    assert len(rewards(world)) == 1


def test_an_overdue_bill_in_the_last_days_spoils_the_planned_reward():
    """The timer fires and finds the month spoiled."""
    world = person()
    repaid_each_month(world, 11)
    world.move(city=15 * DAY)
    pay(world, owe(world, 5_000))
    at = world.state.core.timers["reward|"].due_at
    bill = owe(world, 5_000)
    world.move(city=world.state.core.bills[bill].due_at - world.city)
    assert world.city < at
    world.move(city=at - world.city)
    assert not rewards(world)


def test_undoing_a_wrong_overdue_gives_the_reward_that_it_kept_back():
    """The twelve months are in a row after all."""
    world = person(repair=Repair())
    repaid_each_month(world, 5)
    wrong = overdue_and_paid(world, 1_000)
    pay(world, owe(world, 5_000))
    next_month(world)
    repaid_each_month(world, 6)
    assert not rewards(world)
    world.send(UndoOverdue(wrong, "clerk-1", "paid in time at the counter", world.city), interface="api")
    world.send(ConfirmProposal(world.reply.result["proposal"], "clerk-2", world.city), interface="api")
    assert len(rewards(world)) == 1


def test_every_repayment_on_time_raises_the_line_to_a_maximum():
    """100.00 each, up to 800.00 (`zhongshan-2021`); an overdue bill adds nothing."""
    world = person(50_000, step_up=STEPPING, reductions=())
    lines = []
    for number in range(5):
        pay(world, owe(world, 1_000)) if number != 1 else overdue_and_paid(world, 1_000)
        lines.append(world.agreement.limit_fen)
    assert lines == [60_000, 60_000, 70_000, 80_000, 80_000]


def test_a_line_above_the_maximum_is_never_lowered_by_a_step():
    """The tier's own line stands."""
    world = person(100_000, step_up=STEPPING)
    pay(world, owe(world, 1_000))
    assert world.agreement.limit_fen == 100_000


def test_a_bill_repaid_in_parts_counts_once_with_all_of_its_amount():
    """The last part settles it."""
    world = person()
    bill = owe(world, 5_000)
    pay(world, bill, 2_000)
    assert not happened(world, RepaidOnTime)
    pay(world, bill)
    assert [event.amount_fen for event in happened(world, RepaidOnTime)] == [5_000]


def test_a_pack_without_rewards_keeps_no_record_of_months():
    """The state of such a person does not grow."""
    world = World()
    world.enrol(50_000, channel="bank")
    pay(world, owe(world, 1_000))
    assert world.state.core.standing is None


@pytest.mark.parametrize(("value", "codes"), [(150, []), (250, []), (350, ["priority_bed"])])
def test_privileges_follow_the_score(value, codes):
    """The pack's list, by the lowest score of the person's band."""
    world = person(50_000)
    world.send(score(world.policies, value, at=world.city, sequence=5), interface="score")
    assert ask(world)["entitlements"] == codes


def test_privileges_follow_the_months_on_time():
    """From the third month in a row on, and no longer once the row ends."""
    world = person(50_000)
    repaid_each_month(world, 2)
    assert ask(world)["entitlements"] == []
    repaid_each_month(world, 1)
    assert ask(world)["entitlements"] == ["dedicated_booking"]
    world.move(city=40 * DAY)
    assert ask(world)["entitlements"] == []


def test_the_deposit_is_waived_from_the_packs_score_up_to_its_amount():
    """A waiver the kiosk and the ward can ask for."""
    assert not ask(person(50_000))["deposit_waived"]
    answer = ask(person(100_000))
    assert (answer["deposit_waived"], answer["deposit_waived_up_to_fen"]) == (True, 300_000)


@pytest.mark.parametrize("why", ["suspended", "barred"])
def test_nobody_who_is_suspended_or_barred_has_privileges(why):
    """They come back with the service."""
    world = person(200_000)
    assert ask(world)["entitlements"] == ["priority_bed"]
    if why == "suspended":
        overdue(world)
    else:
        until = world.city + DAY
        world.send(ProposeListing("black", "clerk-1", "fraud", world.city, until), interface="api")
        world.send(ConfirmProposal(world.reply.result["proposal"], "clerk-2", world.city), interface="api")
    answer = ask(world)
    assert (answer["entitlements"], answer["deposit_waived"]) == ([], False)


def test_months_in_row_end_with_the_last_month_that_has_ended():
    """The running month need not have a repayment yet; a late bill in it ends the row."""
    standing = Standing(months=(Month(10, 1, 5), Month(11, 2, 5), Month(12, 1, 5)))
    assert [months_in_row(standing, month) for month in (12, 13, 14)] == [3, 3, 0]
    late = Standing(months=(Month(12, 1, 5), Month(13, 1, 5, 1)))
    assert months_in_row(late, 13) == 0
    assert month_start(city_month(START)) <= START < month_start(city_month(START) + 1)

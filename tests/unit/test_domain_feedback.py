"""What leaves for the score's source, until it is answered: overdue, taken back, rewards (domain 6 and 8)."""

import pytest
from domain_world import DAY, HOUR, MINUTE
from msgspec.structs import replace
from standing_world import happened, heard, overdue, owe, person, repaid_each_month, told, undo

from hub.policies import DEFAULT_LADDERS
from schemas.commands import RevokeConsent
from schemas.events import FeedbackAnswered, FeedbackDelayed, ScoreFeedback

WAITS = DEFAULT_LADDERS.feedback_retries_ms


def test_an_overdue_bill_is_reported_to_the_score_source_once():
    """Domain 8: named by the score's own authorisation and message; neither bill nor amount leaves."""
    world = person()
    bill = overdue(world)
    [errand] = told(world)
    score = world.state.core.scores["egret"]
    assert (errand.kind, errand.source, errand.channel) == ("overdue", "egret", "score-egret")
    assert (errand.authorisation, errand.score_message) == (score.authorisation, score.message_id)
    assert errand.at == happened(world, ScoreFeedback)[0].at
    assert bill not in str(errand)
    assert errand.account == world.state.core.account


def test_a_reward_leaves_with_fifty_to_a_hundred_points():
    """Domain 8: 12 months on time; the source hears points and the last month that counts."""
    world = person()
    score = world.state.core.scores["egret"]
    lasting = replace(world.state.core, scores={"egret": replace(score, authorisation_until=world.city + 800 * DAY)})
    world.state = replace(world.state, core=lasting)
    repaid_each_month(world, 12)
    [errand] = [each for each in told(world) if each.kind == "reward"]
    assert (errand.points, errand.month) == (70, happened(world, ScoreFeedback)[-1].month)


def test_a_wrong_overdue_is_taken_back_by_a_message_that_names_the_first():
    """Domain 8: the compensating event restores the score message too."""
    world = person()
    bill = overdue(world)
    undo(world, bill, due_at=world.city + DAY)
    first, second = told(world)
    assert (second.kind, second.withdraws, second.message != first.message) == (
        "overdue_withdrawn",
        first.message,
        True,
    )


def test_on_time_repayments_alone_tell_the_source_nothing():
    """Domain 8 names overdue and the reward: what nobody asked for does not leave."""
    world = person()
    repaid_each_month(world, 3)
    assert not told(world)


def test_an_overdue_after_the_withdrawal_stays_here_and_is_not_taken_back_outside():
    """Domain 5: a bill from before still becomes overdue; nobody is told, so nothing is taken back."""
    world = person()
    bill = owe(world)
    world.send(RevokeConsent("egret", world.city, "auth-1"), interface="score")
    world.move(city=8 * DAY)
    assert [each.source for each in happened(world, ScoreFeedback)] == [""]
    undo(world, bill, due_at=world.city + DAY)
    assert not told(world)
    assert not world.state.core.feedback


def test_what_was_told_is_taken_back_even_after_the_withdrawal():
    """A correction in the person's favour needs no authorisation: the source knows its own message."""
    world = person()
    bill = overdue(world)
    world.send(RevokeConsent("egret", world.city, "auth-1"), interface="score")
    undo(world, bill, due_at=world.city + DAY)
    first, second = told(world)
    assert (second.withdraws, second.authorisation, second.source) == (first.message, "", "egret")


def test_an_authorisation_that_has_ended_tells_nothing():
    """Its period covers what may be exchanged, in both directions."""
    world = person()
    owe(world)
    score = replace(world.state.core.scores["egret"], authorisation_until=world.city)
    world.state = replace(world.state, core=replace(world.state.core, scores={"egret": score}))
    world.move(city=8 * DAY)
    assert happened(world, ScoreFeedback)
    assert not told(world)


def test_a_taken_message_is_over():
    """Nothing of it stays in the state; the receipt stands in the ledger; a second word changes nothing."""
    world = person()
    overdue(world)
    [errand] = told(world)
    heard(world, errand, receipt="R-1")
    assert not world.state.core.feedback
    assert happened(world, FeedbackAnswered) == [FeedbackAnswered(errand.message, "taken", "", "R-1")]
    assert heard(world, errand).record.outcome == "LATE"
    assert len(told(world)) == 1


def test_without_a_certain_answer_the_same_message_leaves_again():
    """Same message, authorisation and time; a new errand, so that its own answer counts."""
    world = person()
    overdue(world)
    [first] = told(world)
    heard(world, first, "unknown", "NO_ANSWER")
    assert happened(world, FeedbackDelayed)[0].next_wall_at == world.wall + MINUTE
    world.move(wall=MINUTE - 1)
    assert len(told(world)) == 1
    world.move(wall=1)
    again = told(world)[1]
    assert again.id != first.id
    assert replace(again, id=first.id, attempt=1) == first
    assert again.attempt == 2


def test_two_words_about_one_attempt_plan_one_retry():
    """A redelivered errand that hears something else again does not shorten the ladder."""
    world = person()
    overdue(world)
    [first] = told(world)
    heard(world, first, "unknown", "NO_ANSWER")
    assert heard(world, first, "unknown", "HTTP_503").record.outcome == "RESULT_REPEATED"
    world.move(wall=HOUR)
    assert len(told(world)) == 2


def test_a_late_yes_to_an_earlier_attempt_ends_the_retries():
    """The receiver recognises the message whatever attempt carried it."""
    world = person()
    overdue(world)
    [first] = told(world)
    heard(world, first, "unknown", "NO_ANSWER")
    heard(world, first)
    world.move(wall=30 * DAY)
    assert len(told(world)) == 1
    assert not any(key.startswith("feedback_retry") for key in world.state.core.timers)


def test_after_the_last_wait_a_person_looks():
    """A week of attempts, then a dead letter; what stays with the source stays honest in the books."""
    world = person()
    overdue(world)
    for number in range(len(WAITS) + 1):
        heard(world, told(world)[number], "unknown", "HTTP_503")
        world.move(wall=WAITS[min(number, len(WAITS) - 1)])
    assert len(told(world)) == len(WAITS) + 1
    assert happened(world, FeedbackAnswered)[-1].status == "abandoned"
    letters = [each for decision in world.decisions for each in decision.quarantine]
    assert [(each.interface, each.reason) for each in letters] == [("score", "FEEDBACK_UNDELIVERED")]
    assert not world.state.core.feedback


def test_a_refused_message_is_not_repeated():
    """A final no: a person settles it with the source."""
    world = person()
    overdue(world)
    decision = heard(world, told(world)[0], "refused", "SUBJECT_UNKNOWN")
    assert decision.quarantine[0].parameters["code"] == "SUBJECT_UNKNOWN"
    world.move(wall=30 * DAY)
    assert len(told(world)) == 1


def test_a_source_that_takes_no_messages_is_noted_and_no_fault():
    """No address is configured: nothing was sent, nobody has to look."""
    world = person()
    overdue(world)
    decision = heard(world, told(world)[0], "untold", "CHANNEL_NOT_CONFIGURED")
    assert not decision.quarantine
    assert happened(world, FeedbackAnswered)[0].status == "untold"


@pytest.mark.parametrize("scale", [1.0, 0.001])
def test_the_waits_grow_and_end_within_eight_days(scale: float):
    """Ours; shortened in the demo only."""
    waits = DEFAULT_LADDERS.shortened(scale).feedback_retries_ms
    assert list(waits) == sorted(waits)
    assert sum(waits) < 8 * DAY
    assert waits[0] >= 1_000


def test_a_plain_charge_keeps_nothing_for_the_source():
    """Idle accounts do not grow."""
    world = person()
    owe(world)
    assert (world.state.core.feedback, told(world)) == ({}, [])

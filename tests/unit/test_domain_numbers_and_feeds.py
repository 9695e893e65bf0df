"""Accounts that hand on: hospital numbers before and after their link, and score feeds (architecture 5)."""

import pytest
from domain_world import EXAMPLES, FEED, HOUR, NUMBER, PERSON, A, World, charge, line, score, signing

from schemas.commands import (
    DepositPrepayment,
    IdentifyPatient,
    ReceiveFeedMessage,
    ReceiveTransfer,
    RecordVisit,
    RevokeConsent,
    Subject,
    Via,
)
from schemas.ids import account_id

BOTH = Subject(person=PERSON, number=NUMBER, name_masked="林**")
ALONE = Subject(number=NUMBER)
OTHER = account_id(b"x" * 32, "person", "another")


def number():
    """Return a hospital number's account with 50.00 prepaid and one charge of 80.00, not yet linked."""
    world = World(account=NUMBER)
    world.send(DepositPrepayment(A, world.city, 5_000, subject=ALONE), interface="api")
    world.send(charge(line("N1", 8_000), subject=ALONE))
    return world


def pass_on(source, target):
    """Deliver the relays of one account to another, as the courier does; returns their decisions."""
    relays = [errand.command for errand in source.relay_errands if errand.command.account == target.state.core.account]
    return [target.take(command) for command in relays]


def test_an_unlinked_number_has_no_credit():
    """Prepayment pays 50.00, the window the rest."""
    world = number()
    assert world.state.core.kind == "number"
    result = world.reply.result
    assert (result["allocation"]["prepayment_fen"], result["allocation"]["self_pay_fen"]) == (5_000, 3_000)
    assert result["reason"] == "AGREEMENT_MISSING"
    assert world.send(signing("example-city-2025", subject=ALONE), interface="api").record.outcome == "REFUSED"


def test_a_message_with_both_ids_links_and_prepayment_goes_ahead_of_the_first_forward():
    """Transfer first, then the forward with id, time, sender, reply address and sealed bytes as they were."""
    world = World(account=NUMBER)
    world.send(DepositPrepayment(A, world.city, 5_000, subject=ALONE), interface="api")
    original = world.command(charge(line("N1", 8_000), subject=BOTH), named="M1")
    decision = world.take(original)
    assert decision.record.outcome == "FORWARDED"
    transfer, forwarded = [errand.command for errand in decision.errands]
    assert isinstance(transfer.body, ReceiveTransfer)
    assert (transfer.account, transfer.body.prepayment_fen) == (PERSON, 5_000)
    assert (forwarded.id, forwarded.accepted_at, forwarded.source, forwarded.reply) == (
        original.id, original.accepted_at, original.source, original.reply,
    )  # fmt: skip
    assert (forwarded.via.account, forwarded.via.accounts) == (NUMBER, (NUMBER,))
    assert world.state.core.prepayments == {A: 0}


def test_a_forwarded_command_gets_no_reply_from_the_number():
    """The person answers."""
    world = World(account=NUMBER)
    replies = len(world.replies)
    world.send(charge(line("N1", 8_000), subject=BOTH))
    assert len(world.replies) == replies


def test_the_person_uses_the_transferred_prepayment_and_credit():
    """50.00 prepaid came over, the rest goes on credit."""
    source, target = World(account=NUMBER), World()
    target.enrol(50_000)
    source.send(DepositPrepayment(A, source.city, 5_000, subject=ALONE), interface="api")
    source.send(charge(line("N1", 8_000), subject=BOTH))
    _, decision = pass_on(source, target)
    assert decision.record.outcome == "POSTED"
    assert target.reply.result["allocation"]["prepayment_fen"] == 5_000
    assert target.agreement.used_fen == 3_000


def test_a_relay_delivered_again_is_recognised_and_counted_apart():
    """RELAY_REPEATED for both relays of one record, in any later place; nothing moves."""
    source, target = World(account=NUMBER), World()
    target.enrol(50_000)
    source.send(DepositPrepayment(A, source.city, 5_000, subject=ALONE), interface="api")
    source.send(charge(line("N1", 8_000), subject=BOTH))
    source.send(charge(line("N2", 1_000), subject=ALONE))
    pass_on(source, target)
    used = target.agreement.used_fen
    assert [d.record.outcome for d in pass_on(source, target)] == ["RELAY_REPEATED"] * 3
    assert target.agreement.used_fen == used


def test_an_outside_repeat_is_forwarded_too_and_judged_by_the_person():
    """The second forward is another relay: the person finds the duplicate, exactly once."""
    source, target = World(account=NUMBER), World()
    target.enrol(50_000)
    body = charge(line("N1", 8_000), subject=BOTH)
    source.send(body, named="M1")
    source.send(body, named="M1")
    assert [d.record.outcome for d in pass_on(source, target)] == ["POSTED", "DUPLICATE"]
    assert [d.record.outcome for d in pass_on(source, target)] == ["RELAY_REPEATED", "RELAY_REPEATED"]


def test_what_was_decided_before_the_link_stays_and_is_reversed_here():
    """A repeat of an early message, and a credit to its line, are judged by the number."""
    world = number()
    early = charge(line("N1", 8_000), subject=ALONE)
    world.send(IdentifyPatient(A, world.city, BOTH))
    assert world.send(early, named="message-2").record.outcome == "DUPLICATE"
    decision = world.send(charge(line("K1", 1_000, kind="credit", reverses="N1"), subject=ALONE))
    assert decision.record.outcome == "POSTED"
    assert world.reply.result["refund_at_window_fen"] == 1_000
    assert world.send(charge(line("N9", 100), subject=ALONE)).record.outcome == "FORWARDED"


def test_a_link_to_a_second_person_is_refused():
    """LINK_CONFLICT, an incident; the first link stays."""
    world = number()
    world.send(IdentifyPatient(A, world.city, BOTH))
    decision = world.send(IdentifyPatient(A, world.city, Subject(person=OTHER, number=NUMBER)))
    assert (decision.record.reason, decision.quarantine[0].interface) == ("LINK_CONFLICT", "incident.money")
    assert world.state.core.linked_person == PERSON


@pytest.mark.parametrize("visited", [(PERSON,), ("a", "b", "c", "d")])
def test_a_circle_or_more_than_four_hops_is_stopped(visited):
    """FORWARD_LOOP, an incident."""
    world = number()
    world.send(IdentifyPatient(A, world.city, BOTH))
    decision = world.send(charge(line("N9", 100), subject=ALONE), via=Via(0, "a", 7, visited))
    assert decision.record.reason == "FORWARD_LOOP"
    assert decision.quarantine[0].interface == "incident.money"


def test_a_person_tells_a_number_once_that_it_may_link():
    """Routed by citizen id: the person hears both ids first, the number links and gives its prepayment."""
    person, account = World(), number()
    account.send(DepositPrepayment(A, account.city, 700, subject=ALONE), interface="api")
    for _ in range(2):
        person.send(IdentifyPatient(A, person.city, BOTH))
    assert len(person.relay_errands) == 1
    (decision,) = pass_on(person, account)
    assert decision.record.outcome == "RECORDED"
    assert account.state.core.linked_person == PERSON
    assert [d.record.outcome for d in pass_on(account, person)] == ["POSTED"]
    assert person.state.core.prepayments == {A: 700}


def test_a_discharge_that_is_forwarded_also_ends_the_stay_begun_before_the_link():
    """The early lines' visit closes here, the person's there."""
    world = World(account=NUMBER)
    world.send(charge(line("N1", 8_000), scene="inpatient", subject=ALONE))
    world.send(RecordVisit(A, "V1", "discharged", world.city, subject=BOTH))
    assert world.state.encounters[f"{A}|V1"].closed_at == world.city


def message(sequence, value=150, name="", world=None):
    """Return a feed message for the person."""
    observed = score(EXAMPLES, value, at=world.city if world else 1_782_900_000_000, sequence=sequence)
    return ReceiveFeedMessage("egret", sequence, name or f"m{sequence}", f"sm3-{sequence}-{value}", PERSON, observed)


def feed(world, body):
    """Send a feed message under its own id."""
    return world.send(body, named=body.message_id, interface="score", content=body.payload_sm3)


def test_a_feed_takes_messages_in_order_and_relays_them():
    """FORWARDED to the person, who keeps the band and sets the line."""
    source, target = World(account=FEED), World()
    target.send(signing("example-city-2025"), interface="api")
    assert feed(source, message(1)).record.outcome == "FORWARDED"
    (decision,) = pass_on(source, target)
    assert decision.record.outcome == "RECORDED"
    assert target.agreement.limit_fen == 50_000
    assert target.reply.result == {"message_id": "score-1-150", "sequence": 1, "provider": "egret"}


def test_a_feed_with_a_gap_says_what_it_expects():
    """SEQ_GAP with the expected number; the right one is still accepted."""
    source = World(account=FEED)
    feed(source, message(1))
    decision = feed(source, message(3))
    assert (decision.record.reason, decision.record.parameters["expected"]) == ("SEQ_GAP", "2")
    assert source.reply.parameters == {"expected": "2", "got": "3"}
    assert feed(source, message(2)).record.outcome == "FORWARDED"
    assert feed(source, message(3)).record.outcome == "FORWARDED"


def test_an_exact_replay_gets_the_stored_receipt_from_the_person():
    """The person answers DUPLICATE with the first answer."""
    source, target = World(account=FEED), World()
    feed(source, message(1))
    feed(source, message(2, 250))
    feed(source, message(1))
    assert [d.record.outcome for d in pass_on(source, target)] == ["RECORDED", "RECORDED", "DUPLICATE"]
    assert (target.reply.code, target.reply.repeated) == ("RECORDED", True)


@pytest.mark.parametrize("altered", [message(1, 250), message(1, name="other")])
def test_a_used_sequence_with_other_content_is_a_conflict(altered):
    """SEQ_CONFLICT, nothing relayed."""
    source = World(account=FEED)
    feed(source, message(1))
    decision = feed(source, altered)
    assert decision.record.reason == "SEQ_CONFLICT"
    assert not decision.errands


def test_a_feed_keeps_only_its_last_thousand_messages():
    """State stays small; an older number can no longer be proven equal."""
    source = World(account=FEED)
    for sequence in range(1, 1_005):
        feed(source, message(sequence))
    assert len(source.state.core.feed.digests) == 8_000
    assert not source.state.core.seen
    assert feed(source, message(1)).record.reason == "SEQ_CONFLICT"
    assert feed(source, message(5)).record.outcome == "FORWARDED"


def test_an_older_score_is_recorded_and_not_applied_and_an_equal_one_changes_nothing():
    """Newest wins by computed_at, ties by sequence."""
    world = World()
    world.enrol(100_000)
    assert world.send(score(EXAMPLES, 350, at=world.city - HOUR, sequence=9)).record.outcome == "LATE"
    assert world.send(score(EXAMPLES, 350, at=world.city, sequence=1)).record.outcome == "LATE"
    assert world.agreement.limit_fen == 100_000
    assert world.send(score(EXAMPLES, 350, at=world.city, sequence=2)).record.outcome == "RECORDED"
    assert world.agreement.limit_fen == 200_000


def test_a_line_below_what_is_used_never_claws_back():
    """Available is 0 until repaid."""
    world = World()
    world.enrol(100_000)
    world.send(charge(line("F1", 80_000)))
    world.send(score(EXAMPLES, 150, at=world.city + 1, sequence=2))
    assert (world.agreement.limit_fen, world.agreement.used_fen) == (50_000, 80_000)
    world.send(charge(line("F2", 1_000)))
    assert world.reply.result["allocation"]["self_pay_fen"] == 1_000


@pytest.mark.parametrize(
    "changed",
    [
        {"authorisation": ""},
        {"authorisation_scopes": ("other",)},
        {"authorisation_until": 1_782_900_000_000 - 1},
        {"authorisation_from": 1_782_900_000_000 + 1},
    ],
)
def test_a_score_without_a_consent_in_force_is_not_stored(changed):
    """CONSENT: absent, of another scope, expired or not yet begun."""
    world = World()
    decision = world.send(score(EXAMPLES, 350, at=world.city, **changed), interface="score")
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", "CONSENT")
    assert not world.state.core.scores
    assert not decision.record.events


def test_a_revoked_consent_freezes_the_line_for_new_use_and_debts_stay():
    """The band is forgotten; the same authorisation cannot come back; a new one restores the line."""
    world = World()
    world.enrol(100_000)
    world.send(charge(line("F1", 30_000)))
    world.send(RevokeConsent("egret", world.city, "auth-1"), interface="score")
    assert not world.state.core.scores
    world.send(charge(line("F2", 100)))
    assert world.reply.result["reason"] == "CONSENT"
    assert world.agreement.used_fen == 30_000
    again = score(EXAMPLES, 250, at=world.city + 1, sequence=3)
    assert world.send(again, interface="score").record.reason == "CONSENT"
    renewed = score(EXAMPLES, 250, at=world.city + 2, sequence=4, authorisation="auth-2")
    assert world.send(renewed, interface="score").record.outcome == "RECORDED"
    assert world.agreement.limit_fen == 100_000


def test_a_band_made_with_an_unknown_list_is_to_be_sent_again():
    """HUB_BUSY is transient and not remembered: after the packs are there the same message counts."""
    world = World()
    observed = score(EXAMPLES, 350, at=world.city)
    from msgspec.structs import replace

    unknown = replace(observed, cut_points_hash="of a newer hub")
    assert world.send(unknown, named="s").record.reason == "HUB_BUSY"
    assert not world.decisions[-1].quarantine
    assert world.send(unknown, named="s").record.outcome == "REFUSED"


def test_a_heartbeat_uses_its_number_and_relays_nothing():
    """RECORDED; its exact replay is a duplicate; the next number is expected."""
    source = World(account=FEED)
    heartbeat = ReceiveFeedMessage("egret", 1, "hb1", "sm3-of-hb1", "")
    assert feed(source, heartbeat).record.outcome == "RECORDED"
    assert feed(source, heartbeat).record.outcome == "DUPLICATE"
    assert (source.reply.code, source.reply.repeated) == ("RECORDED", True)
    assert not source.relay_errands
    assert feed(source, message(2)).record.outcome == "FORWARDED"

"""Lines of a charge: netting, matching of credits, parking, repeats, conflicts, replacing (protocols 2.4)."""

import pytest
from domain_world import DAY, HOUR, A, B, World, charge, line

from schemas.commands import InsuranceSplit, RecordVisit
from schemas.events import ChargePosted, ChargeReduced, CreditUnparked
from schemas.money import AMOUNT_FEN_MAX


@pytest.fixture
def person():
    """Someone with a line of 2,000.00."""
    world = World()
    world.enrol(200_000)
    return world


def booked(world, key, visit="V1", institution=A):
    """Return a booked line."""
    return world.state.encounters[f"{institution}|{visit}"].lines[key]


def credit(key, fen, **about):
    """Return a credit line."""
    return line(key, fen, kind="credit", **about)


def test_credits_of_one_message_are_netted_and_the_net_is_split_once(person):
    """100 + 50 − 30 is one charge of 120; the line keeps what is open."""
    decision = person.send(charge(line("F1", 10_000), line("F2", 5_000), credit("F3", 3_000, reverses="F1")))
    (posted,) = [e for e in decision.record.events if isinstance(e, ChargePosted)]
    assert posted.total_fen == 12_000
    assert booked(person, "F1").open_fen == 7_000


def test_a_credit_above_its_line_in_the_same_message_is_refused(person):
    """CREDIT_EXCEEDS; nothing of the message is booked."""
    decision = person.send(charge(line("F1", 1_000), credit("F2", 1_001, reverses="F1")))
    assert decision.record.reason == "CREDIT_EXCEEDS"
    assert not person.state.encounters


def test_a_credit_is_matched_by_its_own_line_key(person):
    """The same FT1-2 as the charge names it."""
    person.send(charge(line("F1", 1_000)))
    person.send(charge(credit("F1", 400)))
    assert booked(person, "F1").open_fen == 600


def test_a_credit_is_matched_by_order_and_item(person):
    """Visit, FT1-23 and item name one line among several."""
    person.send(charge(line("F1", 1_000, order_no="O1"), line("F2", 2_000, order_no="O2")))
    person.send(charge(credit("F3", 400, order_no="O2")))
    assert (booked(person, "F1").open_fen, booked(person, "F2").open_fen) == (1_000, 1_600)


def test_a_credit_is_matched_by_item_and_exact_amount_when_only_one_fits(person):
    """The last rule: one open line of the visit with this item and amount."""
    person.send(charge(line("F1", 1_000), line("F2", 2_000), line("F3", 1_000, item="XD0002")))
    person.send(charge(credit("F4", 2_000)))
    assert booked(person, "F2").open_fen == 0


def test_two_lines_that_fit_a_credit_are_refused_at_once(person):
    """CREDIT_UNMATCHED in quarantine."""
    person.send(charge(line("F1", 1_000), line("F2", 1_000)))
    decision = person.send(charge(credit("F3", 1_000)))
    assert (decision.record.reason, decision.quarantine[0].interface) == ("CREDIT_UNMATCHED", "quarantine.charge")


def test_a_credit_before_its_charge_waits_and_is_applied_when_it_comes(person):
    """HELD; the charge comes on another connection; the credit is applied along its split."""
    assert person.send(charge(credit("F2", 400, reverses="F1"))).record.outcome == "HELD"
    assert person.reply.code == "HELD"
    decision = person.send(charge(line("F1", 1_000)))
    assert [e.applied for e in decision.record.events if isinstance(e, CreditUnparked)] == [True]
    assert [e.amount_fen for e in decision.record.events if isinstance(e, ChargeReduced)] == [400]
    assert person.agreement.used_fen == 600


def test_a_parked_credit_is_given_up_after_24_hours_of_city_time(person):
    """CREDIT_UNMATCHED as a notice, exactly then."""
    person.send(charge(credit("F2", 400, reverses="F1"), scene="inpatient"))
    assert not person.move(city=DAY - 1)
    (fired,) = person.move(city=1)
    assert fired.record.source.kind == "parked_credit"
    assert [letter.reason for letter in fired.quarantine] == ["CREDIT_UNMATCHED"]
    person.send(charge(line("F1", 1_000)))
    assert person.agreement.used_fen == 1_000


def test_entered_in_error_takes_back_all_that_is_open(person):
    """A full reversal of the line with the same key."""
    person.send(charge(line("F1", 1_000)))
    person.send(charge(credit("K1", 300, reverses="F1")))
    person.send(charge(credit("F1", 0, entered_in_error=True)), interface="fhir")
    assert booked(person, "F1").open_fen == 0
    assert person.agreement.used_fen == 0


def test_a_known_line_among_new_ones_is_not_booked_twice(person):
    """Only the new line of the second message is charged."""
    person.send(charge(line("F1", 1_000)))
    decision = person.send(charge(line("F1", 1_000), line("F2", 500)))
    (posted,) = [e for e in decision.record.events if isinstance(e, ChargePosted)]
    assert posted.total_fen == 500


def test_the_same_line_by_another_wire_and_quantity_form_is_one_line(person):
    """HL7 says 14, FHIR says 14.0: a duplicate with the stored charge as its answer."""
    person.send(charge(line("F1", 1_834, quantity="14")))
    stored = person.reply.result["charge"]
    decision = person.send(charge(line("F1", 1_834, quantity="14.0")), interface="fhir")
    assert decision.record.outcome == "DUPLICATE"
    assert (person.reply.result["charge"], person.reply.code) == (stored, "POSTED")


def test_a_line_key_is_unique_within_the_institution(person):
    """The same key in another visit is changed content; at another institution it is another line."""
    person.send(charge(line("F1", 1_000)))
    assert person.send(charge(line("F1", 1_000), visit="V2")).record.reason == "LINE_CHANGED"
    assert person.send(charge(line("F1", 1_000), visit="V2", institution=B)).record.outcome == "POSTED"


def test_a_profile_that_replaces_reverses_the_old_line_and_posts_the_new(person):
    """Both are in one record; the line stands at its new amount."""
    person.send(charge(line("F1", 1_000)))
    decision = person.send(charge(line("F1", 1_500), replace_lines=True))
    names = [type(e).__name__ for e in decision.record.events]
    assert names == ["ChargeReduced", "ChargePosted"]
    assert person.agreement.used_fen == 1_500
    assert booked(person, "F1").open_fen == 1_500


def test_a_conditional_create_answers_with_what_is_stored_even_if_the_body_differs(person):
    """If-None-Exist with a match posts nothing."""
    person.send(charge(line("F1", 1_000), condition_key="F1"), interface="fhir")
    stored = person.reply.result
    decision = person.send(charge(line("F1", 9_999), condition_key="F1"), interface="fhir")
    assert decision.record.outcome == "DUPLICATE"
    assert person.reply.result == stored


def test_a_payment_line_twice_in_one_message_is_deposited_once(person):
    """The same key and content is one payment; another amount under the key is a conflict and books nothing."""
    decision = person.send(charge(line("P1", 5_000, kind="payment"), line("P1", 5_000, kind="payment")))
    assert decision.record.outcome == "POSTED"
    assert person.state.core.prepayments == {A: 5_000}
    assert [type(e).__name__ for e in decision.record.events].count("PrepaymentDeposited") == 1
    conflict = person.send(charge(line("P2", 100, kind="payment"), line("P2", 200, kind="payment")))
    assert (conflict.record.reason, person.state.core.prepayments) == ("LINE_CHANGED", {A: 5_000})


def test_a_charge_and_a_payment_under_one_key_of_a_message_are_a_conflict_in_either_order(person):
    """A key names one line; nothing of the message is booked."""
    paid, charged = line("F1", 5_000, kind="payment"), line("F1", 5_000)
    for lines in ((paid, charged), (charged, paid)):
        assert person.send(charge(*lines)).record.reason == "LINE_CHANGED"
    assert not person.state.encounters
    assert not person.state.core.prepayments


def test_memo_and_payment_lines_are_never_charged(person):
    """A memo line is remembered; a payment line is a prepayment."""
    person.send(charge(line("F1", 0), line("F2", 5_000, kind="payment"), line("F3", 700, kind="memo")))
    assert person.agreement.used_fen == 0
    assert person.state.core.prepayments == {A: 5_000}
    assert person.send(charge(line("F2", 5_000, kind="payment"))).record.outcome == "DUPLICATE"
    assert person.state.core.prepayments == {A: 5_000}


def test_a_fhir_charge_needs_a_known_visit(person):
    """VISIT_UNKNOWN, quarantined; once the visit is known it is posted."""
    body = charge(line("F1", 100), visit_required=True)
    assert person.send(body, interface="fhir").record.reason == "VISIT_UNKNOWN"
    person.send(RecordVisit(A, "V1", "opened", person.city, "outpatient"))
    assert person.send(body, interface="fhir", named="again").record.outcome == "POSTED"


def test_a_cancelled_visit_waits_until_its_charges_are_reversed(person):
    """cancel_pending, then cancelled; a new charge is refused."""
    person.send(charge(line("F1", 1_000)))
    person.send(RecordVisit(A, "V1", "cancelled", person.city))
    assert person.state.encounters[f"{A}|V1"].cancelled == "pending"
    person.send(charge(credit("F2", 1_000, reverses="F1")))
    assert person.state.encounters[f"{A}|V1"].cancelled == "cancelled"
    assert person.send(charge(line("F3", 10))).record.reason == "VISIT_CLOSED"


def test_a_reversal_gives_self_pay_back_first(person):
    """Of 2,500.00 the window paid 500.00: that comes back before credit."""
    person.send(charge(line("F1", 250_000)))
    person.send(charge(credit("F2", 60_000, reverses="F1")))
    assert person.reply.result["refund_at_window_fen"] == 50_000
    assert person.reply.result["returned"]["credit_fen"] == 10_000


def test_a_repeat_of_a_reversal_gets_the_stored_answer(person):
    """Rebuilt from state, equal to the first."""
    person.send(charge(line("F1", 1_000)))
    body = charge(credit("F2", 300, reverses="F1"))
    person.send(body, named="R1")
    first = person.reply
    person.send(charge(credit("F3", 100, reverses="F1")))
    person.send(body, named="R1")
    assert person.reply.result == first.result
    assert person.reply.code == first.code


def test_a_repeat_of_a_refusal_is_refused_alike_and_makes_no_second_letter(person):
    """Code, parameters and text are the first ones."""
    body = charge(credit("F2", 300, reverses="F1"), line("F1", 100))
    first = person.send(body, named="R1")
    answer = person.reply
    again = person.send(body, named="R1")
    assert again.record.outcome == "DUPLICATE"
    assert (
        (person.reply.code, person.reply.parameters)
        == (answer.code, answer.parameters)
        == (
            "CREDIT_EXCEEDS",
            {"asked": "3.00", "left": "1.00"},
        )
    )
    assert first.quarantine
    assert not again.quarantine


def test_ids_are_forgotten_after_35_days_of_later_events(person):
    """The line key still knows the charge."""
    body = charge(line("F1", 100), scene="inpatient")
    person.send(body, named="M1")
    person.move(city=35 * DAY + 1)
    person.send(charge(line("F2", 100)), named="M2")
    assert len(person.state.core.seen) == 1
    assert person.send(body, named="M1").record.outcome == "DUPLICATE"
    assert person.agreement.used_fen == 200


def test_a_strict_control_id_with_other_content_is_reused(person):
    """CONTROL_ID_REUSED; the same content is a duplicate."""
    person.send(charge(line("F1", 100), strict_control_id="7"), named="a")
    assert person.send(charge(line("F2", 100), strict_control_id="7"), named="b").record.reason == "CONTROL_ID_REUSED"
    assert person.send(charge(line("F1", 100), strict_control_id="7"), named="a").record.outcome == "DUPLICATE"


def test_a_visit_event_twice_changes_nothing(person):
    """Discharged again by another message: RECORDED, no second bill."""
    person.send(charge(line("F1", 100)))
    person.close()
    person.move(city=HOUR)
    decision = person.close()
    assert decision.record.outcome == "RECORDED"
    assert not decision.record.events
    assert len(person.state.core.bills) == 1


def test_two_credits_of_one_message_together_never_exceed_their_line(person):
    """Twice 6.00 off a line of 10.00: each alone fits, the second finds 4.00 (4.2, example 12); nothing is booked."""
    twice = (credit("F2", 600, reverses="F1"), credit("F3", 600, reverses="F1"))
    decision = person.send(charge(line("F1", 1_000), *twice))
    assert (decision.record.reason, decision.record.parameters) == ("CREDIT_EXCEEDS", {"asked": "6.00", "left": "4.00"})
    assert not person.state.encounters


def test_two_credits_of_one_message_against_a_booked_line_are_taken_together(person):
    """4.00 and 6.00 off a booked 10.00 are one reduction of 10.00; 4.00 and 6.01 move nothing."""
    person.send(charge(line("F1", 1_000)))
    above = person.send(charge(credit("K1", 400, reverses="F1"), credit("K2", 601, reverses="F1")))
    assert (above.record.reason, person.agreement.used_fen) == ("CREDIT_EXCEEDS", 1_000)
    person.send(charge(credit("K1", 400, reverses="F1"), credit("K2", 600, reverses="F1")))
    assert [each["amount_fen"] for each in person.reply.result["reductions"]] == [1_000]
    assert (person.agreement.used_fen, booked(person, "F1").open_fen) == (0, 0)


@pytest.mark.parametrize("fen", [-1, AMOUNT_FEN_MAX + 1])
def test_no_line_of_any_kind_is_outside_the_bounds_of_an_amount(person, fen):
    """A credit or a payment of less than nothing, or above the maximum, is no amount (4.2, example 11)."""
    person.send(charge(line("F1", 1_000)))
    for kind in ("credit", "payment", "memo"):
        decision = person.send(charge(line("F2", fen, kind, reverses="F1" if kind == "credit" else "")))
        assert decision.record.reason == "AMOUNT_OUT_OF_RANGE"
    assert (person.agreement.used_fen, person.state.core.prepayments) == (1_000, {})


def test_the_charges_of_one_message_together_stay_below_the_maximum(person):
    """Two lines of which each is allowed alone: their sum is the charge, and is refused."""
    half = AMOUNT_FEN_MAX // 2 + 1
    assert person.send(charge(line("F1", half), line("F2", half))).record.reason == "AMOUNT_OUT_OF_RANGE"
    with_memo = person.send(charge(line("F1", half), line("F2", half), line("F3", 0, "memo")))
    assert with_memo.record.reason == "AMOUNT_OUT_OF_RANGE"
    assert not person.state.encounters


def test_entered_in_error_again_is_a_repeat_whatever_amount_the_wire_gave_it(person):
    """The resource's own price is no amount of a credit: 8.00 open are taken back once, the repeat takes nothing."""
    person.send(charge(line("F1", 1_000), credit("K1", 200, reverses="F1")))
    wrong = charge(credit("K2", 1_000, reverses="F1", entered_in_error=True))
    decision = person.send(wrong, interface="fhir")
    (reduced,) = [event for event in decision.record.events if isinstance(event, ChargeReduced)]
    assert (reduced.amount_fen, [each.amount_fen for each in reduced.lines]) == (800, [800])
    assert person.send(wrong, interface="fhir").record.outcome == "DUPLICATE"
    assert (person.agreement.used_fen, booked(person, "F1").open_fen) == (0, 0)


def test_entered_in_error_in_the_message_of_its_own_charge_nets_all_that_is_open(person):
    """10.00, less 2.00, less what is left: a charge of nothing."""
    lines = (
        line("F1", 1_000),
        credit("K1", 200, reverses="F1"),
        credit("K2", 0, reverses="F1", entered_in_error=True),
    )
    person.send(charge(*lines), interface="fhir")
    assert (person.reply.result["total_fen"], booked(person, "F1").open_fen) == (0, 0)
    assert person.agreement.used_fen == 0


def test_a_parked_entered_in_error_takes_back_all_of_its_charge_when_that_comes(person):
    """It came first and named no amount; then the line of 10.00 is opened and closed."""
    person.send(charge(credit("F1", 0, entered_in_error=True)), interface="fhir")
    person.send(charge(line("F2", 500), line("F1", 1_000)))
    assert (booked(person, "F1").open_fen, booked(person, "F2").open_fen) == (0, 500)
    assert person.agreement.used_fen == 500


def test_a_settlement_that_adds_up_excuses_no_credit_above_its_line(person):
    """The insurer's parts of the new line agree; the credit on an older line does not fit and nothing is booked."""
    person.send(charge(line("F1", 1_000)))
    parts = InsuranceSplit("S1", 5_000, 2_000, 0, 0, 3_000)
    decision = person.send(charge(line("F2", 5_000), credit("K1", 1_001, reverses="F1"), settlement=parts))
    assert decision.record.reason == "CREDIT_EXCEEDS"
    assert (person.agreement.used_fen, booked(person, "F1").open_fen) == (1_000, 1_000)


def test_a_replaced_line_that_was_taken_back_before_returns_nothing_twice(person):
    """10.00 were reversed in full; the corrected 15.00 is posted without a reduction of nothing."""
    person.send(charge(line("F1", 1_000)))
    person.send(charge(credit("K1", 1_000, reverses="F1")))
    decision = person.send(charge(line("F1", 1_500), replace_lines=True))
    assert [type(event).__name__ for event in decision.record.events] == ["ChargePosted"]
    assert (person.agreement.used_fen, booked(person, "F1").open_fen) == (1_500, 1_500)


def test_a_payment_line_of_nothing_is_no_deposit(person):
    """The line is remembered, no money is."""
    person.send(charge(line("F1", 1_000), line("P1", 0, "payment")))
    assert (person.state.core.deposits, person.state.core.prepayments) == ({}, {})


def test_a_credit_that_found_its_charge_is_not_given_up_a_day_later(person):
    """Its timer goes with it: nothing is set aside, and the same credit again is a repeat."""
    parked = charge(credit("F2", 400, reverses="F1"), scene="inpatient")
    person.send(parked)
    assert person.send(parked).record.outcome == "DUPLICATE"
    person.send(charge(line("F1", 1_000), scene="inpatient"))
    assert not [letter for decision in person.move(city=2 * DAY) for letter in decision.quarantine]
    assert person.send(parked).record.outcome == "DUPLICATE"
    assert person.agreement.used_fen == 600


def test_a_credit_that_was_given_up_may_be_sent_again(person):
    """The key of what nobody applied is free: with its charge there, it is taken now."""
    parked = charge(credit("F2", 400, reverses="F1"), scene="inpatient")
    person.send(parked)
    person.move(city=DAY)
    person.send(charge(line("F1", 1_000), scene="inpatient"))
    assert person.agreement.used_fen == 1_000
    assert person.send(parked).record.outcome == "POSTED"
    assert person.agreement.used_fen == 600


def test_a_reversal_under_a_known_key_is_taken_once_whatever_message_brings_it(person):
    """The same credit line in a message with other lines is not taken a second time; another amount is a conflict."""
    person.send(charge(line("F1", 1_000)))
    person.send(charge(credit("K1", 400, reverses="F1")))
    person.send(charge(credit("K1", 400, reverses="F1"), line("F2", 50)))
    assert person.agreement.used_fen == 650
    assert person.send(charge(credit("K1", 401, reverses="F1"))).record.reason == "LINE_CHANGED"

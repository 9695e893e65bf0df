"""The conditions of the credit step at their exact borders, and what a decision says about them (domain 4.1)."""

import pytest
from domain_world import EXAMPLE, EXAMPLES, XIAMEN, A, B, World, charge, line, score, signing

from hub.policies import Policies
from hub.policies.clauses import Presets, Settlement
from schemas.commands import DepositPrepayment, InsuranceSplit, WithdrawAgreement

HOSPITAL = "XMZSH"


def world_of(**clauses):
    """Return someone with a line of 2,000.00 under the example pack with other clauses."""
    world = World(Policies([EXAMPLES.packs[EXAMPLE]._replace(**clauses)]))
    world.enrol(200_000)
    return world


def given(world, fen, key="", **about):
    """Charge one line; return its credit part and the reason for less."""
    item = about.pop("item", "XD0001")
    world.send(charge(line(key or f"F{len(world.ledger)}", fen, item=item), **about))
    result = world.reply.result
    return result["allocation"]["credit_fen"], result["reason"]


def test_a_settled_charge_explains_the_insurers_three_parts_as_one_step():
    """Fund 500, account 60 and other 20 are one insurance step of 580; the window is asked for nothing (4, 4.2)."""
    world = world_of()
    decision = world.send(
        charge(line("F1", 80_000), settlement=InsuranceSplit("S1", 80_000, 50_000, 6_000, 2_000, 22_000))
    )
    taken = {step.name: (step.available_fen, step.taken_fen) for step in decision.record.explanation}
    assert taken == {
        "insurance": (58_000, 58_000),
        "prepayment": (0, 0),
        "credit": (200_000, 22_000),
        "self_pay": (0, 0),
    }


def test_a_credit_step_cites_the_tier_that_gave_the_line():
    """A line of 2,000 is the third step of the pack's scores."""
    decision = world_of().send(charge(line("F1", 100)))
    assert decision.record.explanation[2].clause == "example-city-2025 tiers[2]"


def test_consent_holds_to_its_last_instant_and_not_a_millisecond_longer():
    """Signed for a year: a charge at that instant is on credit, the next millisecond is paid at the window."""
    world = world_of()
    until = world.agreement.consent_until
    assert given(world, 100, at=until) == (100, "")
    assert given(world, 100, at=until + 1) == (0, "CONSENT")


def test_an_agreement_gives_no_credit_where_another_pack_applies():
    """Signed under the first pilot of Zhongshan: at another hospital the newest pack that covers it applies."""
    world = World(XIAMEN)
    world.send(score(XIAMEN, 700, at=world.city), interface="score")
    world.send(signing("zhongshan-2021", at=world.city), interface="api")
    assert given(world, 100, institution=HOSPITAL) == (100, "")
    assert given(world, 100, institution="XMDYY") == (0, "SCENE_NOT_COVERED")


def test_a_charge_above_a_preset_is_told_what_the_preset_would_leave():
    """300 a visit, 301 asked: nothing is given, 300.00 were available."""
    world = world_of(presets=Presets(per_visit_fen=30_000))
    decision = world.send(charge(line("F1", 30_100)))
    posted = decision.record.events[-1]
    assert (posted.allocation.credit_fen, posted.reason) == (0, "PRESET_EXCEEDED")
    assert posted.parameters == {"available": "300.00", "rest": "301.00"}


def test_where_the_line_ends_at_its_preset_the_line_is_what_ends():
    """With 300 free and 300 a visit, 301 get 300: the preset takes nothing away."""
    world = world_of(presets=Presets(per_visit_fen=30_000))
    assert given(world, 170_000, visit="V0")[0] == 0
    world = World(Policies([EXAMPLES.packs[EXAMPLE]._replace(presets=Presets(per_visit_fen=50_000))]))
    world.enrol(50_000)
    assert given(world, 50_001) == (50_000, "CREDIT_EXHAUSTED")


def test_credit_that_a_reversal_gave_back_is_free_again_under_the_visits_preset():
    """300 a visit: after 200 on credit and 150 of it reversed, 250 more are allowed and 251 are not."""
    world = world_of(presets=Presets(per_visit_fen=30_000))
    assert given(world, 20_000, key="F1") == (20_000, "")
    world.send(charge(line("K1", 15_000, "credit", reverses="F1")))
    assert given(world, 25_100) == (0, "PRESET_EXCEEDED")
    assert given(world, 25_000) == (25_000, "")


def test_the_days_preset_of_a_pack_counts_only_what_that_pack_gave():
    """A charge under one pack, then another agreement under another: the new pack's day begins at nothing."""
    first = EXAMPLES.packs[EXAMPLE]._replace(presets=Presets(per_day_fen=20_000))
    second = first._replace(id="second-city-2025")
    world = World(Policies([first, second]))
    world.enrol(200_000)
    assert given(world, 15_000, visit="V1", at=world.city) == (15_000, "")
    world.send(WithdrawAgreement(world.city, world.agreement.id), interface="api")
    world.send(signing("second-city-2025", at=world.city), interface="api")
    assert given(world, 15_000, visit="V2", at=world.city) == (15_000, "")
    assert given(world, 5_100, visit="V3", at=world.city) == (0, "PRESET_EXCEEDED")


@pytest.mark.parametrize(("fen", "expected"), [(2_000, (2_000, "")), (2_001, (0, "PRESET_EXCEEDED"))])
def test_an_item_class_may_come_exactly_to_its_preset(fen, expected):
    """Class XD has 100 a visit: after 80, 20.00 are allowed and 20.01 are not."""
    world = world_of(presets=Presets(per_item_class_fen=(("XD", 10_000),)))
    assert given(world, 8_000, item="XD01") == (8_000, "")
    assert given(world, fen, item="XD02") == expected


def test_not_a_fen_is_given_above_an_item_class():
    """The class is used up: a charge of one fen more gets nothing."""
    world = world_of(presets=Presets(per_item_class_fen=(("XD", 10_000),)))
    assert given(world, 10_000, item="XD01") == (10_000, "")
    assert given(world, 1, item="XD01") == (0, "PRESET_EXCEEDED")


def test_what_waits_for_the_insurer_is_counted_once_when_it_is_settled():
    """Two charges of 60 wait; the settlement of both is 120 against a class of 150 and gets its credit."""
    world = world_of(
        presets=Presets(per_item_class_fen=(("XD", 15_000),)),
        settlement=Settlement(all_at_visit_end=True),
    )
    world.send(charge(line("F1", 6_000, item="XD01")))
    world.send(charge(line("F2", 6_000, item="XD02")))
    decision = world.close()
    (posted,) = [event for event in decision.record.events if type(event).__name__ == "ChargePosted"]
    assert (posted.total_fen, posted.allocation.credit_fen, posted.reason) == (12_000, 12_000, "")


def test_prepayment_that_another_institution_keeps_is_no_part_of_the_step():
    """300 at A and 70 at B: B's charge of 200 takes 70 in advance and 130 on credit (4.2, example 4)."""
    world = world_of()
    world.send(DepositPrepayment(A, world.city, 30_000), interface="api")
    world.send(DepositPrepayment(B, world.city, 7_000), interface="api")
    decision = world.send(charge(line("F1", 20_000), institution=B))
    steps = [(step.name, step.available_fen, step.taken_fen) for step in decision.record.explanation]
    assert steps[1:3] == [("prepayment", 7_000, 7_000), ("credit", 200_000, 13_000)]
    assert world.state.core.prepayments == {A: 30_000, B: 0}


def test_an_item_class_is_measured_after_the_credits_of_its_own_message():
    """Class XD has 100 a visit: 120 less 30 in one message are 90; 10 more are allowed, and then no fen."""
    world = world_of(presets=Presets(per_item_class_fen=(("XD", 10_000),)))
    world.send(charge(line("F1", 12_000, item="XD01"), line("K1", 3_000, "credit", item="XD01", reverses="F1")))
    assert world.reply.result["allocation"]["credit_fen"] == 9_000
    assert given(world, 1_000, item="XD02") == (1_000, "")
    assert given(world, 1, item="XD02") == (0, "PRESET_EXCEEDED")

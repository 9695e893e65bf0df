"""Agreements, eligibility, deposits, keys used again, and the packs' choice (domain 3 and 5, protocols 11)."""

import pytest
from domain_world import (
    CITY,
    DAY,
    EXAMPLE,
    EXAMPLES,
    PERSON,
    PLATFORM,
    START,
    XIAMEN,
    A,
    B,
    World,
    charge,
    line,
    score,
    signing,
)

from hub.policies import Policies
from hub.policies.pack import Presets
from schemas.commands import (
    CheckEligibility,
    DepositInsuranceAccount,
    DepositPrepayment,
    Subject,
    WithdrawAgreement,
)


def ask(world, scene="outpatient"):
    """Ask the kiosk's question and return its answer."""
    world.send(CheckEligibility(A, scene, world.city), interface="api")
    return world.reply.result


def test_signing_gives_the_line_at_once_and_the_answer_is_stored():
    """A repeat gets the same answer even after the line changed."""
    world = World()
    world.send(score(world.policies, 250, at=world.city), interface="score")
    body = signing(EXAMPLE)
    world.send(body, named="key", interface="api")
    first = world.reply
    assert first.result["limit_fen"] == 100_000
    world.send(score(world.policies, 350, at=world.city + 1, sequence=2), interface="score")
    world.send(body, named="key", interface="api")
    assert world.reply.result == first.result
    assert world.reply.repeated
    assert world.state.core.name_masked == "林**"


def test_a_second_agreement_needs_the_first_to_end():
    """AGREEMENT_EXISTS; after the withdrawal a new one, with a line of its own."""
    world = World()
    world.enrol(50_000)
    first = world.agreement
    assert world.send(signing(EXAMPLE), interface="api").record.reason == "AGREEMENT_EXISTS"
    world.send(charge(line("F1", 20_000)))
    world.send(WithdrawAgreement(world.city, first.id), interface="api")
    assert ask(world)["reason"] == "AGREEMENT_MISSING"
    world.send(signing(EXAMPLE, "unionpay"), interface="api")
    assert world.agreement.id != first.id
    world.close()
    assert (world.bill.agreement, world.bill.amount_fen) == (first.id, 20_000)


@pytest.mark.parametrize(
    ("pack", "about", "reason"),
    [("no-such-pack", {}, "PACK_UNKNOWN"), (EXAMPLE, {"at": 1_600_000_000_000}, "PACK_UNKNOWN")],
)
def test_an_agreement_needs_a_pack_in_force(pack, about, reason):
    """PACK_UNKNOWN for an id nobody knows and for a day before the pack."""
    assert World().send(signing(pack, **about), interface="api").record.reason == reason


def test_an_agreement_whose_consent_has_ended_is_refused():
    """CONSENT."""
    body = signing(EXAMPLE)
    from msgspec.structs import replace

    assert World().send(replace(body, consent_until=body.event_at), interface="api").record.reason == "CONSENT"


def test_withdrawing_what_is_not_in_force_is_refused():
    """AGREEMENT_UNKNOWN."""
    assert World().send(WithdrawAgreement(0, "X"), interface="api").record.reason == "AGREEMENT_UNKNOWN"


def test_an_idempotency_key_with_another_body_is_refused_and_the_first_stays_known():
    """IDEMPOTENCY_KEY_REUSED; both bodies are remembered apart."""
    world = World()
    first, other = DepositPrepayment(A, world.city, 100), DepositPrepayment(A, world.city, 200)
    world.send(first, named="key", interface="api")
    for outcome in ("REFUSED", "DUPLICATE"):
        assert world.send(other, named="key", interface="api").record.outcome == outcome
        assert (world.reply.code, world.reply.refused) == ("IDEMPOTENCY_KEY_REUSED", True)
    assert world.send(first, named="key", interface="api").record.outcome == "DUPLICATE"
    assert (world.reply.code, world.state.core.prepayments) == ("POSTED", {A: 100})


@pytest.mark.parametrize("fen", [0, -1, 5_000_000_001])
def test_a_deposit_outside_the_range_is_refused(fen):
    """AMOUNT_OUT_OF_RANGE."""
    decision = World().send(DepositPrepayment(A, 0, fen), interface="api")
    assert (decision.record.reason, decision.quarantine[0].interface) == ("AMOUNT_OUT_OF_RANGE", "api")


def test_the_kiosk_is_told_in_one_answer():
    """Eligible with how much, prepayment, insurance; asked again it is judged anew."""
    world = World()
    world.enrol(100_000)
    world.send(DepositPrepayment(A, world.city, 700), interface="api")
    answer = ask(world)
    assert (answer["eligible"], answer["available_fen"], answer["prepayment_fen"]) == (True, 100_000, 700)
    assert not answer["insurance_linked"]
    world.send(DepositInsuranceAccount(world.city, 5), interface="api")
    world.send(charge(line("F1", 40_705)))
    assert ask(world)["available_fen"] == 60_000
    assert ask(world, "pharmacy")["reason"] == "SCENE_NOT_COVERED"


def test_the_pack_follows_the_agreement():
    """The same score gives other lines under other packs; without an agreement the newest pack is cited."""
    lines = {}
    for pack in (CITY, PLATFORM):
        world = World(XIAMEN)
        world.enrol(650, pack=pack)
        decision = world.send(charge(line("F1", 100)))
        assert (decision.record.pack, decision.record.pack_hash) == (pack, XIAMEN.packs[pack].hash)
        lines[pack] = world.agreement.limit_fen
    assert lines == {CITY: 300_000, PLATFORM: 500_000}
    assert World(XIAMEN).send(charge(line("F1", 100))).record.pack == PLATFORM


@pytest.mark.parametrize(
    ("value", "bank", "limit_fen"),
    [
        (480, "CCB", 50_000),
        (500, "CCB", 50_000),
        (501, "CCB", 100_000),
        (600, "CCB", 100_000),
        (601, "CCB", 300_000),
        (650, "CCB", 300_000),
        (651, "CCB", 800_000),
        (720, "A bank without an offer", 300_000),
    ],
)
def test_the_city_packs_tiers_meet_at_the_published_points(value, bank, limit_fen):
    """From 651 the bank's own offer counts, never below 3,000.00."""
    world = World(XIAMEN)
    world.enrol(value, pack=CITY, bank=bank)
    assert world.agreement.limit_fen == limit_fen


def test_a_score_below_every_tier_gives_no_line():
    """NO_LINE under the platform pack at 649."""
    world = World(XIAMEN)
    world.enrol(649, pack=PLATFORM)
    world.send(charge(line("F1", 100)))
    assert world.reply.result["reason"] == "NO_LINE"


def test_a_consent_that_has_run_out_gives_no_credit():
    """A year later the agreement's consent text no longer covers new use."""
    world = World()
    world.enrol(50_000)
    world.move(city=366 * DAY)
    world.send(charge(line("F1", 100), at=world.city))
    assert world.reply.result["reason"] == "CONSENT"


def test_a_charge_before_every_pack_is_set_aside():
    """PACK_UNKNOWN in quarantine."""
    decision = World().send(charge(line("F1", 100), at=1_500_000_000_000))
    assert (decision.record.reason, decision.quarantine[0].interface) == ("PACK_UNKNOWN", "quarantine.charge")


def test_a_charge_also_tells_who_the_person_is():
    """Masked, and only what changed."""
    world = World()
    about = Subject(person=PERSON, name_masked="王*", id_masked="3502**********1234")
    first = world.send(charge(line("F1", 100), subject=about))
    assert [type(e).__name__ for e in first.record.events][-1] == "PersonIdentified"
    second = world.send(charge(line("F2", 100), subject=about))
    assert "PersonIdentified" not in [type(e).__name__ for e in second.record.events]


def test_a_repeated_deposit_names_the_same_deposit():
    """The answer's reference begins with the account, as everything that is handed out."""
    world = World()
    body = DepositPrepayment(A, world.city, 100)
    world.send(body, named="key", interface="api")
    first = world.reply.result
    world.send(DepositPrepayment(A, world.city, 200), interface="api")
    world.send(body, named="key", interface="api")
    assert world.reply.result == first == {"reference": f"{PERSON}P00001", "institution": A}


def test_a_charge_that_exceeds_a_fee_control_preset_gets_no_credit_at_all():
    """Domain 4.1: credit is used only if the presets are not exceeded; otherwise the step gives 0 with a reason."""
    pack = EXAMPLES.packs[EXAMPLE]._replace(presets=Presets(per_visit_fen=30_000, per_day_fen=20_000))
    world = World(Policies([pack]))
    world.enrol(50_000)
    answers = []
    for key, fen, wait in (("F1", 20_001, 0), ("F2", 20_000, DAY), ("F3", 10_001, 0), ("F4", 10_000, 0)):
        world.send(charge(line(key, fen), scene="inpatient", at=world.city))
        result = world.reply.result
        answers.append((result["allocation"]["credit_fen"], result["allocation"]["self_pay_fen"], result["reason"]))
        world.move(city=wait)
    exceeded = "PRESET_EXCEEDED"
    assert answers == [(0, 20_001, exceeded), (20_000, 0, ""), (0, 10_001, exceeded), (10_000, 0, "")]
    assert [step.available_fen for step in world.ledger[-2].explanation if step.name == "credit"] == [0]


def test_a_preset_is_measured_by_what_credit_would_give():
    """A line that is used up gives what is left of it: that exceeds nothing, whatever the charge costs."""
    pack = EXAMPLES.packs[EXAMPLE]._replace(presets=Presets(per_visit_fen=60_000))
    world = World(Policies([pack]))
    world.enrol(50_000)
    world.send(charge(line("F1", 90_000)))
    result = world.reply.result
    assert (result["allocation"]["credit_fen"], result["reason"]) == (50_000, "CREDIT_EXHAUSTED")


def test_the_kiosk_is_told_what_a_preset_leaves():
    """Available is what one charge may have now: the lesser of line and preset."""
    pack = EXAMPLES.packs[EXAMPLE]._replace(presets=Presets(per_day_fen=20_000))
    world = World(Policies([pack]))
    world.enrol(50_000)
    assert ask(world)["available_fen"] == 20_000
    world.send(charge(line("F1", 20_000), at=world.city))
    assert (ask(world)["available_fen"], ask(world)["reason"]) == (0, "PRESET_EXCEEDED")


def test_the_days_preset_counts_every_visit_of_the_day_at_every_institution_of_the_pack():
    """200 a day: after 150 on one visit another 150 exceeds it, 50 elsewhere does not; the next day has its own 200."""
    pack = EXAMPLES.packs[EXAMPLE]._replace(presets=Presets(per_day_fen=20_000))
    world = World(Policies([pack]))
    world.enrol(200_000)
    given = [
        world.send(charge(line("F1", 15_000), visit="V1")),
        world.send(charge(line("F2", 15_000), visit="V2")),
        world.send(charge(line("F3", 5_000), visit="V3", institution=B)),
        world.send(charge(line("F4", 15_000), visit="V2", at=START + DAY)),
    ]
    assert [decision.record.events[-1].allocation.credit_fen for decision in given] == [15_000, 0, 5_000, 15_000]
    assert given[1].record.events[-1].reason == "PRESET_EXCEEDED"
    world.send(charge(line("K1", 10_000, "credit", reverses="F1"), visit="V1"))
    again = world.send(charge(line("F5", 10_000), visit="V4"))
    assert again.record.events[-1].allocation.credit_fen == 10_000

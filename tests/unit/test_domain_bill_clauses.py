"""The clauses of deduction, bills and debits in the packs that ship, each decided end to end (domain 3, 4, 6, 7)."""

import pytest
from domain_world import CITY, DAY, HOUR, PLATFORM, START, XIAMEN, World, charge, line

from hub.domain.bill_states import bill_state
from hub.domain.clocks import at_hour
from schemas.commands import ConsentedSource, HoldCredit, RecordVisit, SetRepaymentSources
from schemas.events import ChargePosted, MessageSent

CLINIC, HOSPITAL = "PTYY", "XMZSH"
SECOND_CHANNEL = ConsentedSource("second_channel", "unionpay", "token-2")


def person(pack, score=720):
    """Return a world whose person signed under a pack."""
    world = World(XIAMEN)
    world.enrol(score, pack=pack)
    return world


def credit(world, fen, institution=HOSPITAL, item="XD0001", **about):
    """Charge one line; return credit part and reason."""
    world.send(charge(line(f"F{len(world.ledger)}", fen, item=item), institution=institution, at=world.city, **about))
    result = world.reply.result
    return result["allocation"]["credit_fen"], result["reason"]


@pytest.mark.clause("zhongshan-2021 presets")
def test_fee_control_at_zhongshan_counts_visit_day_and_consumables():
    """1,000 of consumables a visit, 2,000 a visit, 3,000 a day: a charge above one of them gets no credit."""
    world = person("zhongshan-2021")
    steps = (
        ("V1", 60_000, "C01", 60_000),
        ("V1", 40_001, "C02", 0),
        ("V1", 140_001, "XD01", 0),
        ("V1", 140_000, "XD02", 140_000),
    )
    for visit, fen, item, given in steps:
        assert credit(world, fen, visit=visit, item=item) == (given, "" if given else "PRESET_EXCEEDED")


@pytest.mark.clause("xiamen-city-2023 holds", "xiamen-platform-2024 holds")
@pytest.mark.parametrize("pack", [CITY, PLATFORM])
def test_a_stay_is_held_at_admission_for_60_days_and_an_outpatient_visit_is_not(pack):
    """Both packs hold for stays only; after 60 days what nobody captured is free."""
    world = person(pack)
    refused = world.send(HoldCredit(HOSPITAL, "V1", world.city, 10_000, scene="outpatient"), interface="api")
    assert refused.record.reason == "SCENE_NOT_COVERED"
    world.send(HoldCredit(HOSPITAL, "S1", world.city, 10_000), interface="api")
    world.move(city=60 * DAY - 1)
    assert world.agreement.held_fen == 10_000
    world.move(city=1)
    assert world.agreement.held_fen == 0


@pytest.mark.clause("pingtan-2025 settlement")
def test_at_pingtan_everything_is_settled_once_when_the_visit_ends():
    """Three charges are held; the end of the visit makes one split of all of them."""
    world = World(XIAMEN)
    for number in range(3):
        body = charge(line(f"F{number}", 1_000), institution=CLINIC, at=world.city)
        assert world.send(body).record.outcome == "HELD"
    closing = world.send(RecordVisit(CLINIC, "V1", "discharged", world.city))
    (posted,) = [event for event in closing.record.events if isinstance(event, ChargePosted)]
    assert (posted.total_fen, posted.pack, len(posted.absorbs)) == (3_000, "pingtan-2025", 3)


@pytest.mark.clause("xiamen-city-2023 coverage", "xiamen-platform-2024 coverage")
@pytest.mark.parametrize(
    ("pack", "scene", "covered"),
    [(CITY, scene, True) for scene in ("outpatient", "emergency", "inpatient", "pharmacy", "internet")]
    + [(PLATFORM, scene, scene != "internet") for scene in ("outpatient", "inpatient", "pharmacy", "internet")],
)
def test_credit_is_given_in_the_scenes_that_the_pack_covers(pack, scene, covered):
    """Where a pack does not cover the scene, credit gives nothing and says SCENE_NOT_COVERED."""
    expected = (5_000, "") if covered else (0, "SCENE_NOT_COVERED")
    assert credit(person(pack), 5_000, scene=scene) == expected


def debited(pack, *sources):
    """Return a world whose bill's first debit is out, with these further sources."""
    world = person(pack)
    if sources:
        world.send(SetRepaymentSources(world.agreement.id, world.city, sources, "2026-07"), interface="api")
    credit(world, 20_000, visit="V1")
    world.close()
    world.move(city=world.bill.debit_at - world.city)
    return world


@pytest.mark.clause("xiamen-platform-2024 retry", "xiamen-platform-2024 debit")
def test_the_platform_tries_at_72_hours_the_next_day_at_ten_and_last_on_the_day_before_the_term_ends():
    """Closed on 1 July at 18:00: 4 July 18:00, 5 July 10:00, 7 July 10:00; the term ends on the 8th at 18:00."""
    world = debited(PLATFORM)
    tried = [world.city]
    for day in (4, 6):
        world.answer(world.debit_errands[-1], "failed", cause="nsf")
        world.move(city=at_hour(START, day, 10) - world.city)
        tried.append(world.debit.started_at)
    assert tried == [START + 72 * HOUR, at_hour(START, 4, 10), at_hour(START, 6, 10)]
    world.answer(world.debit_errands[-1], "failed", cause="nsf")
    world.move(city=2 * DAY)
    assert len(world.debit_errands) == 3
    assert bill_state(world.bill) == "overdue"


@pytest.mark.clause("xiamen-city-2023 fallbacks", "xiamen-platform-2024 fallbacks")
@pytest.mark.parametrize("pack", [CITY, PLATFORM])
def test_a_dead_contract_is_followed_by_the_consented_second_channel_only(pack):
    """With consent UnionPay is debited at once; without it nobody is."""
    for sources, debits in (((SECOND_CHANNEL,), 2), ((), 1)):
        world = debited(pack, *sources)
        world.answer(world.debit_errands[-1], "failed", cause="agreement_dead")
        world.move()
        assert len(world.debit_errands) == debits


@pytest.mark.clause("xiamen-city-2023 quiet", "xiamen-platform-2024 quiet")
@pytest.mark.parametrize("pack", [CITY, PLATFORM])
def test_nobody_is_told_between_22_and_8(pack):
    """A debit that stops at 23:00 is told of at 08:00 of the next day."""
    world = debited(pack)
    world.move(city=at_hour(world.city, 0, 23) - world.city)
    world.answer(world.debit_errands[-1], "failed", cause="card")
    told = [decision for decision in world.move(city=9 * HOUR - 1) if _tells(decision)]
    assert told == []
    assert [decision.record.now for decision in world.move(city=1) if _tells(decision)] == [world.city]


def _tells(decision):
    return any(isinstance(event, MessageSent) for event in decision.record.events)

"""The six packs against the table of domain 3, written down here a second time."""

import pytest
from domain_world import DAY, HOUR, PERSON, World, charge, line, score, signing

from hub.policies import Policies, load_policies
from schemas.commands import RecordVisit, Subject
from schemas.reasons import Reason

POLICIES = load_policies()
PACKS = POLICIES.packs
YUAN = 100
HOME = {
    "zhongshan-pilot-2020": "XMZSH",
    "stomatology-2020": "XMKQY",
    "zhongshan-2021": "XMZSH",
    "xiamen-city-2023": "XMDYY",
    "xiamen-platform-2024": "XMDYY",
    "pingtan-2025": "PTYY",
}
"""An institution that each pack covers."""


NOBODY_ASKED = {
    "dishonesty_check": False,
    "insured_only": False,
    "insurance_link": False,
    "insurance_credit_check": False,
}
OPEN = Policies([pack._replace(enrolment=pack.enrolment._replace(**NOBODY_ASKED)) for pack in PACKS.values()])
"""The packs without what they ask before they give credit, which has tests of its own."""


def instant_in(name: str) -> int:
    """Return an instant a hundred days after a pack came into force."""
    return PACKS[name].valid_from + 100 * DAY + 10 * HOUR


def world_of(name: str, egret: int | None = None, **about: object) -> World:
    """Return a person who signed under a pack, with this Egret score or none."""
    world = World(OPEN)
    world.city = world.wall = instant_in(name)
    if egret is not None:
        world.send(score(POLICIES, egret, at=world.city), interface="score")
    world.send(signing(name, at=world.city, **about), interface="api")
    return world


@pytest.mark.clause(
    "zhongshan-pilot-2020 tiers[0]",
    "stomatology-2020 tiers[0]",
    "zhongshan-2021 tiers[0]",
    "zhongshan-2021 tiers[1]",
    "zhongshan-2021 tiers[2]",
    "zhongshan-2021 tiers[9]",
    "xiamen-city-2023 tiers[0]",
    "xiamen-city-2023 tiers[1]",
    "xiamen-city-2023 tiers[2]",
    "xiamen-city-2023 tiers[3]",
    "xiamen-platform-2024 tiers[0]",
    "pingtan-2025 tiers[0]",
)
@pytest.mark.parametrize(
    ("name", "egret", "yuan"),
    [
        ("zhongshan-pilot-2020", 583, 0),
        ("zhongshan-pilot-2020", 584, 2_000),
        ("stomatology-2020", 649, 0),
        ("stomatology-2020", 650, 2_000),
        ("zhongshan-2021", None, 500),
        ("zhongshan-2021", 0, 500),
        ("zhongshan-2021", 583, 500),
        ("zhongshan-2021", 584, 2_000),
        ("zhongshan-2021", 649, 2_000),
        ("zhongshan-2021", 650, 3_000),
        ("xiamen-city-2023", None, 0),
        ("xiamen-city-2023", 0, 500),
        ("xiamen-city-2023", 500, 500),
        ("xiamen-city-2023", 501, 1_000),
        ("xiamen-city-2023", 600, 1_000),
        ("xiamen-city-2023", 601, 3_000),
        ("xiamen-city-2023", 650, 3_000),
        ("xiamen-city-2023", 651, 5_000),
        ("xiamen-platform-2024", 649, 0),
        ("xiamen-platform-2024", 650, 5_000),
        ("pingtan-2025", None, 3_000),
        ("pingtan-2025", 900, 3_000),
    ],
)
def test_a_score_gives_the_line_of_its_tier(name, egret, yuan):
    """At both edges of each tier, through a score and a signature."""
    assert granted_fen(name, "egret", egret) == yuan * YUAN


@pytest.mark.clause(
    "zhongshan-pilot-2020 tiers[1]",
    "zhongshan-2021 tiers[3]",
    "zhongshan-2021 tiers[4]",
    "zhongshan-2021 tiers[5]",
    "zhongshan-2021 tiers[6]",
    "zhongshan-2021 tiers[7]",
    "zhongshan-2021 tiers[8]",
)
@pytest.mark.parametrize(
    ("name", "provider", "value", "yuan"),
    [
        ("zhongshan-pilot-2020", "sesame", 649, 0),
        ("zhongshan-pilot-2020", "sesame", 650, 2_000),
        ("zhongshan-2021", "sesame", 649, 500),
        ("zhongshan-2021", "sesame", 650, 2_000),
        ("zhongshan-2021", "sesame", 699, 2_000),
        ("zhongshan-2021", "sesame", 700, 3_000),
        ("zhongshan-2021", "bank", 59, 500),
        ("zhongshan-2021", "bank", 60, 2_000),
        ("zhongshan-2021", "bank", 79, 2_000),
        ("zhongshan-2021", "bank", 80, 3_000),
    ],
)
def test_other_providers_scores_give_lines_too(name, provider, value, yuan):
    """Sesame in the pilot, Sesame and banks at the hospital."""
    assert granted_fen(name, provider, value) == yuan * YUAN


def granted_fen(name: str, provider: str, value: int | None) -> int:
    """Return the line that one score, or none, gives under a pack with the bank ICBC."""
    pack = PACKS[name]
    if value is not None:
        band, cuts = POLICIES.band(provider, value), POLICIES.cut_points_hash(provider)
        grant = POLICIES.grant(pack, provider, band, cuts, "ICBC")
        if grant is not None:
            return grant.limit_fen
    unscored = POLICIES.unscored(pack, "ICBC")
    return unscored.limit_fen if unscored else 0


def test_the_citys_score_counts_before_sesame_and_the_banks():
    """`zhongshan-2021` asks Egret first, then Sesame, then a bank, then gives the line of nobody's score."""
    assert PACKS["zhongshan-2021"].providers == ("egret", "sesame", "bank", "none")
    assert PACKS["zhongshan-pilot-2020"].providers == ("egret", "sesame")


@pytest.mark.clause("xiamen-city-2023 offers[0]", "xiamen-city-2023 offers[1]", "xiamen-city-2023 offers[2]")
@pytest.mark.parametrize(("bank", "yuan"), [("ICBC", 5_000), ("CCB", 8_000), ("XIB", 6_000), ("ABC", 3_000)])
def test_from_651_the_banks_own_offer_counts_never_below_3000(bank, yuan):
    """A bank without an offer gives what the tier does."""
    world = world_of("xiamen-city-2023", 651, bank=bank)
    assert world.agreement.limit_fen == yuan * YUAN
    assert world_of("xiamen-city-2023", 650, bank=bank).agreement.limit_fen == 3_000 * YUAN


@pytest.mark.clause("zhongshan-2021 enrolment")
def test_every_patient_is_served_at_zhongshan_hospital_from_2021():
    """A person without any score signs and is treated on credit."""
    world = world_of("zhongshan-2021")
    world.send(charge(line("F1", 30_000), institution="XMZSH", at=world.city))
    assert world.state.core.agreements[world.state.core.agreement].used_fen == 30_000
    assert PACKS["zhongshan-2021"].enrolment.who == "everyone"


@pytest.mark.clause(
    "zhongshan-pilot-2020 coverage",
    "stomatology-2020 coverage",
    "zhongshan-2021 coverage",
    "xiamen-city-2023 coverage",
    "xiamen-platform-2024 coverage",
    "pingtan-2025 coverage",
)
@pytest.mark.parametrize(
    ("name", "allowed", "refused", "elsewhere"),
    [
        ("zhongshan-pilot-2020", "outpatient emergency", "inpatient pharmacy internet", "XMDYY"),
        ("stomatology-2020", "outpatient emergency", "inpatient pharmacy internet", "XMDYY"),
        ("zhongshan-2021", "outpatient emergency", "inpatient pharmacy internet", "XMDYY"),
        ("xiamen-city-2023", "outpatient emergency inpatient pharmacy internet", "", ""),
        ("xiamen-platform-2024", "outpatient emergency inpatient pharmacy", "internet", ""),
        ("pingtan-2025", "outpatient emergency pharmacy", "inpatient internet", "XMDYY"),
    ],
)
def test_a_pack_covers_its_institutions_scenes_and_time_and_no_others(name, allowed, refused, elsewhere):
    """Scene by scene, at home and elsewhere, an instant before it came into force."""
    pack, at = PACKS[name], instant_in(name)
    assert pack.scenes == set(allowed.split())
    assert not pack.scenes & set(refused.split())
    assert pack.covers(HOME[name], at)
    assert not pack.covers(HOME[name], pack.valid_from - 1)
    assert pack.covers(elsewhere or "ANY", at) == (not elsewhere)
    assert POLICIES.pack_for(HOME[name], name, at) == pack


def test_the_pilot_ends_on_the_day_the_hospitals_own_pack_begins():
    """One instant, one pack: no day without, none with both."""
    assert PACKS["zhongshan-pilot-2020"].valid_to == PACKS["zhongshan-2021"].valid_from


def test_the_pack_is_chosen_by_institution_agreement_and_event_time():
    """The agreement's own where it covers both, else the newest that does, else none."""
    now, choose = instant_in("pingtan-2025"), POLICIES.pack_for
    assert choose("XMZSH", "zhongshan-2021", now).id == "zhongshan-2021"
    assert choose("XMDYY", "zhongshan-2021", now).id == "xiamen-platform-2024"
    assert choose("PTYY", "", now).id == "pingtan-2025"
    assert choose("PTYY", "xiamen-city-2023", now).id == "xiamen-city-2023"
    assert choose("XMKQY", "", instant_in("stomatology-2020")).id == "stomatology-2020"
    assert choose("XMDYY", "", instant_in("stomatology-2020")) is None


@pytest.mark.clause(
    "zhongshan-pilot-2020 deduction",
    "stomatology-2020 deduction",
    "zhongshan-2021 deduction",
    "xiamen-city-2023 deduction",
    "xiamen-platform-2024 deduction",
    "pingtan-2025 deduction",
)
@pytest.mark.parametrize("name", sorted(HOME))
def test_every_pack_deducts_insurance_then_prepayment_then_credit(name):
    """100 of insurance, 50 of prepayment, the rest on credit; the steps cite the pack."""
    from schemas.commands import DepositInsuranceAccount, DepositPrepayment

    world = world_of(name, 660)
    world.send(DepositInsuranceAccount(world.city, 10_000), interface="api")
    world.send(DepositPrepayment(HOME[name], world.city, 5_000), interface="api")
    decision = world.send(charge(line("F1", 47_500), institution=HOME[name], at=world.city))
    if PACKS[name].settlement.all_at_visit_end:
        decision = world.send(RecordVisit(HOME[name], "V1", "discharged", world.city))
    steps = decision.record.explanation
    assert [(step.name, step.taken_fen) for step in steps] == [
        ("insurance", 10_000), ("prepayment", 5_000), ("credit", 32_500), ("self_pay", 0),
    ]  # fmt: skip
    assert steps[0].clause == f"{name} deduction"
    assert steps[2].clause.split("[")[0] == f"{name} {'presets' if name == 'zhongshan-2021' else 'tiers'}"


@pytest.mark.clause(
    "zhongshan-pilot-2020 idle",
    "stomatology-2020 idle",
    "zhongshan-2021 idle",
    "xiamen-city-2023 idle",
    "xiamen-platform-2024 idle",
    "pingtan-2025 idle",
)
@pytest.mark.parametrize(("name", "hours"), [(name, 6 if name == "pingtan-2025" else 12) for name in sorted(HOME)])
def test_an_outpatient_visit_closes_after_its_idle_hours(name, hours):
    """Not a millisecond earlier; then there is a bill."""
    world = world_of(name, 660)
    world.send(charge(line("F1", 10_000), institution=HOME[name], at=world.city))
    world.move(city=hours * HOUR - 1)
    assert not world.state.core.bills
    world.move(city=1)
    assert world.bill.amount_fen == 10_000


@pytest.mark.clause(
    "zhongshan-pilot-2020 overdue", "stomatology-2020 overdue", "zhongshan-2021 overdue", "xiamen-city-2023 overdue",
    "xiamen-platform-2024 overdue", "pingtan-2025 overdue",
)  # fmt: skip
@pytest.mark.parametrize("name", sorted(HOME))
def test_an_unpaid_term_stops_the_service_until_the_day_after_payment_except_at_pingtan(name):
    """Overdue at the term's end, suspended where the pack says so, active again at midnight after payment."""
    from schemas.commands import RecordRepayment

    world = world_of(name, 660, channel="bank")
    world.send(charge(line("F1", 10_000), institution=HOME[name], at=world.city))
    world.send(RecordVisit(HOME[name], "V1", "discharged", world.city))
    bill = world.bill
    world.move(city=bill.due_at - world.city)
    assert world.bill.overdue_since == bill.due_at
    assert world.state.core.suspended == (name != "pingtan-2025")
    world.move(city=2 * HOUR)
    world.send(RecordRepayment(world.city, 10_000, bill.id), interface="api")
    assert world.state.core.suspended == (name != "pingtan-2025")
    world.move(city=DAY)
    assert not world.state.core.suspended


@pytest.mark.clause(
    "zhongshan-pilot-2020 funding",
    "stomatology-2020 funding",
    "zhongshan-2021 funding",
    "xiamen-city-2023 funding",
    "xiamen-platform-2024 funding",
    "pingtan-2025 funding",
)
def test_banks_lend_in_the_citys_service_and_institutions_elsewhere():
    """The 2020 packs and the hospital wait for their own money (domain 10)."""
    assert {name for name, pack in PACKS.items() if pack.funding.by == "bank"} == {"xiamen-city-2023"}


@pytest.mark.clause(
    "zhongshan-pilot-2020 enrolment",
    "stomatology-2020 enrolment",
    "xiamen-city-2023 enrolment",
    "xiamen-platform-2024 enrolment",
    "pingtan-2025 enrolment",
)
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("zhongshan-pilot-2020", ("consenting", False, True, False, False)),
        ("stomatology-2020", ("consenting", True, True, False, False)),
        ("zhongshan-2021", ("everyone", False, False, False, False)),
        ("xiamen-city-2023", ("consenting", False, False, False, False)),
        ("xiamen-platform-2024", ("consenting", False, False, False, False)),
        ("pingtan-2025", ("consenting", False, True, True, True)),
    ],
)
def test_what_is_asked_before_signing(name, asked):
    """Who, dishonesty record, insurance, card linked at a counter, the insurer's check."""
    assert PACKS[name].enrolment[:5] == asked


@pytest.mark.clause("pingtan-2025 settlement")
def test_pingtan_settles_everything_at_the_end_of_the_visit():
    """And no other pack does."""
    assert {name for name, pack in PACKS.items() if pack.settlement.all_at_visit_end} == {"pingtan-2025"}


@pytest.mark.clause("xiamen-city-2023 family", "xiamen-platform-2024 family")
def test_children_under_18_share_and_grown_children_may_repay():
    """In both city-wide packs."""
    families = {name: pack.family[:2] for name, pack in PACKS.items() if pack.family.citation.clause}
    assert families == {"xiamen-city-2023": (18, True), "xiamen-platform-2024": (18, True)}


@pytest.mark.clause("xiamen-city-2023 holds", "xiamen-platform-2024 holds")
def test_inpatient_credit_is_held_for_at_most_60_days():
    """Only in the packs that cover stays."""
    holding = {name: (set(pack.holds.scenes), pack.holds.days) for name, pack in PACKS.items() if pack.holds.scenes}
    assert holding == {"xiamen-city-2023": ({"inpatient"}, 60), "xiamen-platform-2024": ({"inpatient"}, 60)}


@pytest.mark.clause("xiamen-city-2023 fallbacks", "xiamen-platform-2024 fallbacks")
def test_a_failed_debit_goes_to_the_second_channel_then_the_family_then_stays_on_the_banks_line():
    """Where no bank lends, it does not stay there."""
    assert PACKS["xiamen-city-2023"].fallbacks.order == ("second_channel", "family", "bank_line")
    assert PACKS["xiamen-platform-2024"].fallbacks.order == ("second_channel", "family")


@pytest.mark.clause("zhongshan-2021 relief[0]", "zhongshan-2021 relief[1]", "zhongshan-2021 relief[2]")
def test_hardship_is_relieved_by_civil_affairs_insurance_or_the_treasury():
    """Two people agree; nothing becomes overdue while a case is open."""
    assert [each[:3] for each in PACKS["zhongshan-2021"].relief] == [
        ("civil_affairs", True, 2), ("insurance_claim", True, 2), ("fiscal", True, 2),
    ]  # fmt: skip


@pytest.mark.clause("zhongshan-2021 lists")
def test_white_and_black_lists_need_two_people():
    """Kept at the hospital only; no entry ends by itself unless it says so."""
    assert PACKS["zhongshan-2021"].lists[:4] == (True, True, 2, 0)
    assert {name for name, pack in PACKS.items() if pack.lists.black} == {"zhongshan-2021"}


def test_a_person_is_bound_by_the_pack_signed_and_not_by_the_newest():
    """At a hospital of the city the agreement's own pack decides, although a newer one covers it too."""
    world = world_of("xiamen-city-2023", 500)
    world.send(charge(line("F1", 60_000), institution="XMDYY", at=world.city), content="other")
    assert world.ledger[-1].pack == "xiamen-city-2023"
    assert world.ledger[-1].events[-1].allocation.self_pay_fen == 10_000


def test_a_pack_refuses_signatures_outside_its_time():
    """The pilot takes nobody after its last day."""
    world = World(POLICIES)
    world.city = PACKS["zhongshan-pilot-2020"].valid_to
    decision = world.send(
        signing("zhongshan-pilot-2020", at=world.city, subject=Subject(person=PERSON)), interface="api"
    )
    assert decision.record.reason == Reason.PACK_UNKNOWN

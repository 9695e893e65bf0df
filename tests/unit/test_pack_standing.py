"""Enrolment, overdue, reward, lists and relief under the packs that ship, clause by clause (domain 3, 5, 8, 12)."""

import pytest
from domain_world import DAY, HOUR, NUMBER, PERSON, START, XIAMEN, A, World, charge, line, score, signing
from msgspec.structs import replace
from standing_world import FIVE_YEARS, happened, kinds, owe, pay, repaid_each_month

from hub.policies import Policies
from schemas.commands import (
    ApplyRelief,
    ApproveRelief,
    CheckEligibility,
    ConfirmProposal,
    DepositInsuranceAccount,
    LinkInsurance,
    ProposeListing,
    RecordDishonesty,
    RecordInsuranceCredit,
    Subject,
)
from schemas.events import Blacklisted, ReminderSent, ScoreFeedback

PILOT, STOMATOLOGY, HOSPITAL = "zhongshan-pilot-2020", "stomatology-2020", "zhongshan-2021"
PLATFORM, PINGTAN = "xiamen-platform-2024", "pingtan-2025"


def under(pack: str) -> World:
    """Return a person in a city with this pack alone, a month after it began where it has ended since."""
    world = World(Policies([XIAMEN.packs[pack]]))
    if XIAMEN.packs[pack].valid_to < START:
        world.city = world.wall = XIAMEN.packs[pack].valid_from + 30 * DAY
    return world


def signed(pack: str, egret: int = 0, *, insured: bool = True) -> World:
    """Return a person who signed under a shipped pack, whose bank debits itself."""
    world = under(pack)
    if insured:
        world.send(DepositInsuranceAccount(world.city, 1), interface="api")
        world.send(charge(line("first", 1), visit="first", at=world.city))
    if egret:
        known = replace(score(world.policies, egret, at=world.city), valid_until=world.city + FIVE_YEARS)
        world.send(known, interface="score")
    body = replace(signing(pack, "bank", at=world.city), consent_until=world.city + FIVE_YEARS)
    world.send(body, interface="api")
    return world


def ask(world: World, institution: str = A) -> dict:
    """Ask the kiosk's question."""
    world.send(CheckEligibility(institution, "outpatient", world.city), interface="api")
    return world.reply.result


def term(world: World, bill: str) -> None:
    """Go to the end of a bill's term."""
    world.move(city=world.state.core.bills[bill].due_at - world.city)


# zhongshan-2021


@pytest.mark.clause("zhongshan-2021 enrolment", "zhongshan-2021 tiers[9]")
def test_the_hospital_serves_every_patient():
    """Without any score there is a first line."""
    world = signed(HOSPITAL)
    assert world.agreement.limit_fen == 50_000
    assert ask(world)["eligible"]


@pytest.mark.clause("zhongshan-2021 blacklist", "zhongshan-2021 overdue")
def test_the_fourth_overdue_in_total_bars_at_the_hospital():
    """Three do not; each is reported to the score's source."""
    world = signed(HOSPITAL, egret=650)
    for number in range(4):
        assert not world.state.core.barred
        bill = owe(world, 1_000)
        term(world, bill)
        assert len([f for f in happened(world, ScoreFeedback) if f.kind == "overdue"]) == number + 1
        pay(world, bill)
        world.move(city=2 * DAY)
    assert [event.total for event in happened(world, Blacklisted)] == [4]
    assert ask(world)["reason"] == "BARRED"


@pytest.mark.clause("zhongshan-2021 overdue", "zhongshan-2021 quiet")
def test_the_hospital_reminds_around_the_term_and_never_at_night():
    """Two days before, at its end, and one, three and seven days after."""
    world = signed(HOSPITAL)
    owe(world, 1_000)
    world.move(city=30 * DAY)
    assert [event.days for event in happened(world, ReminderSent)] == [-2, 0, 1, 3, 7]
    hours = {(r.now + 8 * HOUR) % DAY // HOUR for r in world.ledger if "ReminderSent" in str(r.events)}
    assert all(8 <= hour < 22 for hour in hours)


@pytest.mark.clause("zhongshan-2021 step_up")
def test_each_repayment_on_time_raises_the_hospitals_line():
    """100.00 each, from 500.00."""
    world = signed(HOSPITAL)
    lines = []
    for _ in range(3):
        pay(world, owe(world, 1_000))
        lines.append(world.agreement.limit_fen)
    assert lines == [60_000, 70_000, 80_000]


@pytest.mark.clause("zhongshan-2021 lists")
def test_the_hospitals_lists_take_two_people():
    """The same one twice is refused."""
    world = signed(HOSPITAL)
    world.send(ProposeListing("black", "clerk-1", "evidence", world.city), interface="api")
    proposal = world.reply.result["proposal"]
    world.send(ConfirmProposal(proposal, "clerk-1", world.city), interface="api")
    assert world.reply.code == "SAME_PERSON"
    world.send(ConfirmProposal(proposal, "clerk-2", world.city), interface="api")
    assert ask(world)["reason"] == "BARRED"


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("civil_affairs", marks=pytest.mark.clause("zhongshan-2021 relief[0]")),
        pytest.param("insurance_claim", marks=pytest.mark.clause("zhongshan-2021 relief[1]")),
        pytest.param("fiscal", marks=pytest.mark.clause("zhongshan-2021 relief[2]")),
    ],
)
def test_the_hospitals_hardship_patients_are_relieved(kind):
    """Applied for, approved by somebody else, nothing overdue meanwhile, the bill paid by the third party."""
    world = signed(HOSPITAL)
    bill = owe(world, 1_000)
    world.send(ApplyRelief(bill, kind, "desk-1", "hardship", world.city), interface="api")
    case = world.reply.result["case"]
    world.move(city=30 * DAY)
    assert not world.state.core.bills[bill].overdue_since
    world.send(ApproveRelief(case, "desk-2", world.city), interface="api")
    assert world.state.core.bills[bill].final == "relieved"


@pytest.mark.clause("zhongshan-2021 deposit")
def test_the_hospital_waives_the_deposit_for_everybody():
    """No score is asked for."""
    assert ask(signed(HOSPITAL))["deposit_waived"]


# the pilots of 2020


@pytest.mark.parametrize(
    ("days", "fen", "percent"),
    [
        pytest.param(0, 10_000, 0, marks=pytest.mark.clause("zhongshan-pilot-2020 overdue")),
        pytest.param(1, 50_000, 20, marks=pytest.mark.clause("zhongshan-pilot-2020 reductions[0]")),
        pytest.param(7, 50_001, 40, marks=pytest.mark.clause("zhongshan-pilot-2020 reductions[1]")),
        pytest.param(8, 50_000, 50, marks=pytest.mark.clause("zhongshan-pilot-2020 reductions[2]")),
        pytest.param(30, 50_001, 80, marks=pytest.mark.clause("zhongshan-pilot-2020 reductions[3]")),
        pytest.param(31, 1_000, 100, marks=pytest.mark.clause("zhongshan-pilot-2020 reductions[4]")),
    ],
)
def test_the_pilots_line_is_cut_by_days_and_amount(days, fen, percent):
    """The service stops at once; the day after the payment it resumes with the whole line, as nothing is repaired."""
    world = signed(PILOT, egret=600)
    bill = owe(world, fen)
    term(world, bill)
    world.move(city=days * DAY)
    assert world.agreement.limit_fen == 200_000 * (100 - percent) // 100
    assert world.state.core.suspended
    pay(world, bill)
    world.move(city=DAY)
    assert (world.state.core.suspended, world.agreement.limit_fen) == (False, 200_000)


@pytest.mark.clause("stomatology-2020 enrolment")
def test_the_stomatological_hospital_signs_nobody_with_a_dishonesty_record():
    """DISHONESTY, whatever the score."""
    world = under(STOMATOLOGY)
    world.send(DepositInsuranceAccount(world.city, 1), interface="api")
    world.send(score(world.policies, 700, at=world.city), interface="score")
    world.send(RecordDishonesty("SX-1", "office-1", "court order", world.city), interface="api")
    world.send(signing(STOMATOLOGY, "bank", at=world.city), interface="api")
    assert world.reply.code == "DISHONESTY"


@pytest.mark.clause("zhongshan-pilot-2020 enrolment")
def test_the_pilot_signs_only_the_insured():
    """NOT_INSURED until something shows it."""
    world = signed(PILOT, egret=600, insured=False)
    assert world.reply.code == "NOT_INSURED"


# pingtan-2025


@pytest.mark.clause("pingtan-2025 enrolment")
def test_pingtan_sends_the_first_visit_to_the_counter():
    """Linked once, checked by the insurer, then eligible at the kiosk in one call."""
    world = under(PINGTAN)
    institution = next(iter(XIAMEN.packs[PINGTAN].institutions), A)
    assert ask(world, institution)["next_step"] == "link_insurance_at_counter"
    subject = Subject(person=PERSON, number=NUMBER)
    world.send(LinkInsurance(institution, world.city, "counter-1", subject), interface="api")
    assert ask(world, institution)["reason"] == "INSURANCE_CREDIT"
    world.send(RecordInsuranceCredit(passed=True, event_at=world.city), interface="api")
    world.send(signing(PINGTAN, "bank"), interface="api")
    assert world.reply.code == "RECORDED"


# xiamen-platform-2024


@pytest.mark.clause("xiamen-platform-2024 reward")
def test_twelve_months_on_time_on_the_platform_earn_egret_points():
    """50 for any twelve months in a row."""
    world = signed(PLATFORM, egret=700)
    repaid_each_month(world, 12, 1_000)
    rewards = [f for f in happened(world, ScoreFeedback) if f.kind == "reward"]
    assert [(f.provider, f.points) for f in rewards] == [("egret", 50)]


@pytest.mark.clause("xiamen-platform-2024 repair")
def test_six_clean_months_on_the_platform_repair_one_overdue():
    """The counter goes back by one."""
    world = signed(PLATFORM, egret=700)
    bill = owe(world, 1_000)
    term(world, bill)
    pay(world, bill)
    world.move(city=180 * DAY)
    assert len(world.state.core.standing.marks) == 1
    world.move(city=6 * DAY)
    assert len(world.state.core.standing.marks) == 0
    assert "OverdueRepaired" in kinds(world, len(world.ledger))


@pytest.mark.clause(*(f"xiamen-platform-2024 privileges[{number}]" for number in range(15)))
def test_the_platforms_fifteen_privileges_are_answered_by_score_and_months():
    """Each one exactly from its score and its months on time."""
    pack = XIAMEN.packs[PLATFORM]
    assert len(pack.privileges) == 15
    for egret in (650, 700, 750, 1000):
        world = signed(PLATFORM, egret=egret)
        for months in (0, 1, 12):
            while (world.state.core.standing is None and months) or months_on_time(world) < months:
                repaid_each_month(world, 1, 1_000)
            count = months_on_time(world)
            expected = [p.code for p in pack.privileges if egret >= p.min_score and count >= p.months_on_time]
            assert ask(world)["entitlements"] == expected


def months_on_time(world: World) -> int:
    """Return how many months in a row are on time, as the ledger last said it."""
    views = [v for record in world.ledger for v in record.after if type(v).__name__ == "StandingView"]
    return views[-1].months_in_row if views else 0


@pytest.mark.clause("xiamen-platform-2024 deposit")
def test_the_platform_waives_deposits_from_650():
    """The person with the score that gives the line."""
    assert ask(signed(PLATFORM, egret=650))["deposit_waived"]

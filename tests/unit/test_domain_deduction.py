"""The twelve worked examples of the deduction order, in fen (domain 4.2)."""

import pytest
from domain_world import A, B, World, charge, line, score

from schemas.commands import DepositInsuranceAccount, DepositPrepayment, InsuranceSplit
from schemas.events import FamilyHoldPlaced, Suspended
from schemas.ledger import ChargeView


def split(decision):
    """Return (account, prepayment, credit, self-pay) of the charge that was posted."""
    view = next(view for view in decision.record.after if isinstance(view, ChargeView))
    parts = view.allocation
    return parts.account_fen, parts.prepayment_fen, parts.credit_fen, parts.self_pay_fen


def balances(world):
    """Return (account, prepayment at A, used)."""
    core = world.state.core
    return core.insurance_fen, core.prepayments.get(A, 0), world.agreement.used_fen


@pytest.fixture
def person():
    """Someone with 100.00 in the personal account, 50.00 prepaid at A and a line of 500.00."""
    world = World()
    world.enrol(50_000)
    world.send(DepositInsuranceAccount(world.city, 10_000), interface="api")
    world.send(DepositPrepayment(A, world.city, 5_000), interface="api")
    return world


def with_event(world, event):
    """Change the account by an event that no command of this slice makes."""
    from hub.domain.evolve import apply

    world.state = apply(world.state, event)


def test_example_1_insurance_then_prepayment_then_credit(person):
    """475 is paid 100 / 50 / 325 / 0 and leaves 175 of the line."""
    decision = person.send(charge(line("F1", 47_500)))
    assert split(decision) == (10_000, 5_000, 32_500, 0)
    assert person.agreement.limit_fen - person.agreement.used_fen == 17_500
    assert [step.name for step in decision.record.explanation] == ["insurance", "prepayment", "credit", "self_pay"]
    cited = [(step.clause, step.source) for step in decision.record.explanation]
    assert cited[2] == ("example-city-2025 tiers[0]", "invented ¶2")
    assert {cited[0], cited[1], cited[3]} == {("example-city-2025 deduction", "invented ¶7")}
    assert decision.record.pack_hash == person.policies.packs["example-city-2025"].hash


def test_example_2_an_exhausted_line_leaves_the_rest_to_the_window():
    """With 400 of 500 used, 475 gives 100 of credit and 375 at the window, with the reason."""
    world = World()
    world.enrol(50_000)
    world.send(charge(line("F0", 40_000), visit="V0"))
    decision = world.send(charge(line("F1", 47_500)))
    assert split(decision) == (0, 0, 10_000, 37_500)
    assert decision.record.explanation[2].reason == "CREDIT_EXHAUSTED"
    assert world.reply.result["reason"] == "CREDIT_EXHAUSTED"
    assert world.reply.result["parameters"] == {"available": "100.00", "rest": "375.00"}


def test_example_3_the_insurers_settlement_is_fact_and_the_hubs_balance_stays():
    """Of 800 the insurer took 500 and 60; only the 240 cash reach the line."""
    world = World()
    world.enrol(200_000)
    world.send(DepositInsuranceAccount(world.city, 10_000), interface="api")
    settlement = InsuranceSplit("S1", 80_000, 50_000, 6_000, 0, 24_000)
    decision = world.send(charge(line("F1", 80_000), settlement=settlement, settlement_mode="in_message"))
    assert split(decision) == (6_000, 0, 24_000, 0)
    assert world.state.core.insurance_fen == 10_000


def test_example_4_prepayment_belongs_to_its_institution():
    """300 at A pay nothing at B."""
    world = World()
    world.enrol(100_000)
    world.send(DepositPrepayment(A, world.city, 30_000), interface="api")
    decision = world.send(charge(line("F1", 20_000), institution=B))
    assert split(decision) == (0, 0, 20_000, 0)


def test_example_5_a_suspended_account_gives_no_credit(person):
    """As example 1, but credit gives 0 and says SUSPENDED."""
    with_event(person, Suspended("some bill"))
    decision = person.send(charge(line("F1", 47_500)))
    assert split(decision) == (10_000, 5_000, 0, 32_500)
    assert decision.record.explanation[2].reason == "SUSPENDED"


def test_example_6_a_part_reversal_returns_credit_first(person):
    """200 of the 475 come back as credit: 125 stay used."""
    person.send(charge(line("F1", 47_500)))
    person.send(charge(line("F2", 20_000, kind="credit", reverses="F1")))
    assert balances(person) == (0, 0, 12_500)
    assert person.reply.result["returned"]["credit_fen"] == 20_000
    assert person.reply.result["refund_at_window_fen"] == 0


def test_example_7_a_full_reversal_restores_everything(person):
    """Credit 325, prepayment 50 and account 100 are as before, and no bill is issued."""
    before = balances(person)
    person.send(charge(line("F1", 47_500)))
    person.send(charge(line("F2", 47_500, kind="credit", reverses="F1")))
    person.close()
    assert balances(person) == before
    assert not person.state.core.bills


def test_example_8_the_same_message_again_changes_nothing(person):
    """The repeat gets the same answer; the outcome is DUPLICATE and cites the first."""
    body = charge(line("F1", 47_500))
    first = person.send(body, named="M1")
    answer = person.reply
    repeat = person.send(body, named="M1")
    assert repeat.record.outcome == "DUPLICATE"
    assert repeat.record.duplicate_of == first.record.seq
    assert not repeat.record.events
    assert (person.reply.code, person.reply.result, person.reply.at) == (answer.code, answer.result, answer.at)
    assert person.reply.repeated
    assert not answer.repeated


def test_example_9_the_same_line_with_another_amount_is_refused(person):
    """LINE_CHANGED, a quarantined message, nothing moved."""
    person.send(charge(line("F1", 47_500)))
    before = balances(person)
    decision = person.send(charge(line("F1", 48_000)))
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", "LINE_CHANGED")
    assert decision.record.parameters == {"line": "F1"}
    assert [letter.interface for letter in decision.quarantine] == ["quarantine.charge"]
    assert balances(person) == before


def test_example_10_holds_count_against_the_limit():
    """With 300 held by a family member, 475 gets 200 of 500."""
    world = World()
    world.enrol(50_000)
    agreement = world.agreement
    held = FamilyHoldPlaced("H1", "L1", A, "V9~", "outpatient", agreement.id, agreement.pack, 30_000, world.city)
    with_event(world, held)
    decision = world.send(charge(line("F1", 47_500)))
    assert split(decision) == (0, 0, 20_000, 27_500)


@pytest.mark.parametrize(("fen", "outcome"), [(1, "POSTED"), (5_000_000_000, "POSTED"), (5_000_000_001, "REFUSED")])
def test_example_11_the_smallest_charge_is_posted_and_one_above_the_maximum_refused(fen, outcome):
    """0.01 is accepted; above 50,000,000.00 is AMOUNT_OUT_OF_RANGE."""
    decision = World().send(charge(line("F1", fen)))
    assert decision.record.outcome == outcome
    assert decision.record.reason == ("AMOUNT_OUT_OF_RANGE" if outcome == "REFUSED" else "")


def test_example_12_a_reversal_above_what_is_left_is_refused(person):
    """After 200 of 475 came back, 300 more are too much; the refusal says what is left."""
    person.send(charge(line("F1", 47_500)))
    person.send(charge(line("F2", 20_000, kind="credit", reverses="F1")))
    decision = person.send(charge(line("F3", 30_000, kind="credit", reverses="F1")))
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", "CREDIT_EXCEEDS")
    assert decision.record.parameters == {"asked": "300.00", "left": "275.00"}


def score_named(decision):
    """Return the version of the score that the credit step names."""
    return decision.record.explanation[2].score


def test_a_decision_names_the_version_of_the_score_used(person):
    """Provider and message of the newest score, also where its band gives the same line (domain 4.1)."""
    assert score_named(person.send(charge(line("F1", 1_000)))) == "egret/score-1-150"
    person.send(score(person.policies, 160, person.city, 2), interface="score")
    decision = person.send(charge(line("F2", 1_000)))
    assert score_named(decision) == "egret/score-2-160"
    assert [step.score for step in decision.record.explanation if step.name != "credit"] == ["", "", ""]


def test_a_decision_names_the_score_that_gave_no_line():
    """Who asks why credit gave nothing finds the score that was too low."""
    world = World()
    world.enrol(0)
    assert score_named(world.send(charge(line("F1", 1_000)))) == "egret/score-1-50"


def test_a_decision_without_agreement_names_no_score():
    """A score that was known but not looked at is not named."""
    world = World()
    world.send(score(world.policies, 150, world.city), interface="score")
    assert score_named(world.send(charge(line("F1", 1_000)))) == ""

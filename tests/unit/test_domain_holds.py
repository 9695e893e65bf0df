"""Pre-authorisation of a stay: what is held, captured, released, and never lost on the way (domain 1, hold; 4.1)."""

import pytest
from domain_world import DAY, EXAMPLE, EXAMPLES, World, charge, line
from domain_world import A as HERE
from domain_world import B as THERE
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.policies import Policies
from hub.policies.clauses import Holds
from schemas.commands import (
    CaptureHold,
    DepositPrepayment,
    HoldCredit,
    RecordVisit,
    RefundPrepayment,
    VoidHold,
    WithdrawAgreement,
)

STAYS = Policies([EXAMPLES.packs[EXAMPLE]._replace(holds=Holds(frozenset(("inpatient",)), 30))])


def admitted(held_fen=30_000, source="credit", limit=50_000, prepaid=0):
    """Return a world in which a stay holds this much."""
    world = World(STAYS)
    world.enrol(limit)
    if prepaid:
        world.send(DepositPrepayment(HERE, world.city, prepaid, "R1"), interface="api")
    world.send(HoldCredit(HERE, "S1", world.city, held_fen, source), interface="api")
    return world


def stay(key, fen, visit="S1", **about):
    """Return a charge of the stay."""
    return charge(line(key, fen), visit=visit, scene="inpatient", **about)


def credit_of(decision):
    """Return the credit part of the charge that was posted."""
    return decision.record.events[-1].allocation.credit_fen


def test_a_hold_counts_against_the_limit_for_others_and_is_captured_by_its_own_stay():
    """With 300 of 500 held, another visit gets 200; the stay still gets its 300 and the line is full."""
    world = admitted()
    hold = world.reply.result["hold"]
    assert (world.agreement.held_fen, world.agreement.used_fen) == (30_000, 0)
    assert credit_of(world.send(charge(line("F1", 40_000)))) == 20_000
    assert credit_of(world.send(stay("F2", 25_000))) == 25_000
    assert (world.agreement.held_fen, world.agreement.used_fen) == (5_000, 45_000)
    assert world.state.core.holds[hold].left_fen == 5_000
    assert credit_of(world.send(stay("F3", 25_000))) == 5_000
    assert (world.agreement.held_fen, world.agreement.used_fen) == (0, 50_000)


def test_discharge_releases_what_no_charge_captured_and_bills_the_rest():
    """Held 300, charged 120: at discharge 180 are free again and the bill is 120."""
    world = admitted()
    world.send(stay("F1", 12_000))
    world.close("S1")
    assert (world.agreement.held_fen, world.agreement.used_fen) == (0, 12_000)
    assert world.bill.amount_fen == 12_000
    assert not [key for key in world.state.core.timers if key.startswith("hold_expiry")]


def test_a_hold_expires_after_the_days_of_its_clause():
    """After 30 days nothing is held any more; a later charge gets what is free."""
    world = admitted(limit=50_000)
    world.move(city=30 * DAY)
    assert world.agreement.held_fen == 0
    assert credit_of(world.send(charge(line("F1", 60_000)))) == 50_000


def test_a_hold_is_completed_in_one_charge_of_at_most_what_it_holds():
    """Capture 210 of 300: one charge in the order of every charge, the rest free at once, closed for good."""
    world = admitted()
    hold = world.reply.result["hold"]
    record = world.send(CaptureHold(hold, world.city, 30_001), interface="api").record
    assert (record.reason, record.parameters) == ("HOLD_EXCEEDS", {"asked": "300.01", "left": "300.00"})
    captured = world.send(CaptureHold(hold, world.city, 21_000, "C1"), interface="api")
    assert captured.record.outcome == "POSTED"
    assert world.reply.result["allocation"]["credit_fen"] == 21_000
    assert (world.agreement.held_fen, world.agreement.used_fen) == (0, 21_000)
    assert world.send(CaptureHold(hold, world.city, 1), interface="api").record.reason == "HOLD_CLOSED"


def test_a_voided_hold_is_free_and_voiding_again_changes_nothing():
    """What was captured stays used."""
    world = admitted()
    hold = world.reply.result["hold"]
    world.send(stay("F1", 10_000))
    world.send(VoidHold(hold, world.city), interface="api")
    again = world.send(VoidHold(hold, world.city), interface="api")
    assert not again.record.events
    assert (world.agreement.held_fen, world.agreement.used_fen) == (0, 10_000)
    assert world.send(VoidHold("nothing", world.city), interface="api").record.reason == "HOLD_UNKNOWN"


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"amount_fen": 20_001}, "HOLD_EXCEEDS"),
        ({"amount_fen": 0}, "AMOUNT_OUT_OF_RANGE"),
        ({"scene": "outpatient"}, "SCENE_NOT_COVERED"),
        ({"source": "prepayment"}, "HOLD_EXCEEDS"),
    ],
)
def test_a_hold_above_what_is_free_or_outside_its_clause_is_refused(about, reason):
    """Nothing is held by a refusal; no prepayment is there to hold."""
    world = admitted()
    body = {"amount_fen": 20_000, "source": "credit", "scene": "inpatient"} | about
    decision = world.send(HoldCredit(HERE, "S2", world.city, **body), interface="api")
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", reason)
    assert world.agreement.held_fen == 30_000


def test_a_hold_without_an_agreement_or_for_a_closed_stay_is_refused():
    """The reason is the one that a charge's credit step would give."""
    world = World(STAYS)
    assert world.send(HoldCredit(HERE, "S1", world.city, 100), interface="api").record.reason == "AGREEMENT_MISSING"
    world = admitted()
    world.close("S1")
    assert world.send(HoldCredit(HERE, "S1", world.city, 100), interface="api").record.reason == "VISIT_CLOSED"


def test_a_held_prepayment_is_kept_for_its_stay():
    """Of 100 prepaid 80 are held: another visit takes 20, a refund gets nothing, the stay gets its 80."""
    world = admitted(8_000, "prepayment", prepaid=10_000)
    world.send(charge(line("F1", 3_000)))
    assert world.state.core.prepayments == {HERE: 8_000}
    assert world.send(RefundPrepayment(HERE, world.city, 1), interface="api").record.reason == "PREPAYMENT_EXCEEDS"
    world.send(stay("F2", 9_000))
    assert world.state.core.prepayments == {HERE: 0}
    assert world.reply.result["allocation"]["prepayment_fen"] == 8_000
    assert world.reply.result["allocation"]["credit_fen"] == 1_000


def test_leaving_the_agreement_and_cancelling_the_stay_free_the_hold():
    """Neither leaves an orphan behind."""
    world = admitted()
    world.send(WithdrawAgreement(world.city, world.agreement.id), interface="api")
    assert world.agreement.held_fen == 0
    world = admitted()
    world.send(RecordVisit(HERE, "S1", "cancelled", world.city))
    assert world.agreement.held_fen == 0


STEP = st.tuples(
    st.sampled_from(["hold", "held prepayment", "charge", "reverse", "capture", "void", "close", "days", "deposit"]),
    st.sampled_from(["S1", "S2"]),
    st.integers(1, 40_000),
)


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(STEP, max_size=25))
def test_what_is_held_is_always_the_sum_of_open_holds_and_within_the_limit(steps):
    """Invariants 3, 4 and 6 for random stays: `domain_world` checks the rest after every decision."""
    world = World(STAYS)
    world.enrol(50_000)
    for number, (step, visit, fen) in enumerate(steps):
        holds = list(world.state.core.holds)
        if step in ("hold", "held prepayment"):
            source = "credit" if step == "hold" else "prepayment"
            world.send(HoldCredit(HERE, visit, world.city, fen, source), interface="api")
        elif step == "charge":
            place = HERE if fen % 5 else THERE
            world.send(stay(f"F{number}", fen, visit=visit, institution=place, at=world.city))
        elif step == "reverse":
            world.send(charge(line(f"K{number}", fen, "credit", reverses=f"F{number - 1}"), visit=visit))
        elif step == "capture" and holds:
            world.send(CaptureHold(holds[fen % len(holds)], world.city, fen), interface="api")
        elif step == "void" and holds:
            world.send(VoidHold(holds[fen % len(holds)], world.city), interface="api")
        elif step == "deposit":
            world.send(DepositPrepayment(HERE, world.city, fen, f"R{number}"), interface="api")
        elif step == "close":
            world.send(RecordVisit(HERE, visit, "discharged", world.city))
        else:
            world.move(city=fen % 20 * DAY)
        core, agreement = world.state.core, world.agreement
        open_fen = {
            source: sum(hold.open_fen for hold in core.holds.values() if hold.source == source)
            for source in ("credit", "prepayment")
        }
        assert agreement.held_fen == open_fen["credit"]
        assert agreement.used_fen + agreement.held_fen <= agreement.limit_fen
        assert open_fen["prepayment"] <= core.prepayments.get(HERE, 0)


def test_a_charge_captures_two_holds_of_its_stay_one_after_the_other():
    """200 and 150 held; a charge of 250 takes all of the first and 50 of the second: 100 stay held."""
    world = admitted(20_000)
    world.send(HoldCredit(HERE, "S1", world.city, 15_000), interface="api")
    assert credit_of(world.send(stay("F1", 25_000))) == 25_000
    assert [hold.left_fen for hold in world.state.core.holds.values()] == [0, 10_000]
    assert (world.agreement.held_fen, world.agreement.used_fen) == (10_000, 25_000)


def test_the_end_of_one_stay_leaves_the_hold_of_another():
    """Two stays hold 200 and 100; the first is discharged."""
    world = admitted(20_000)
    world.send(HoldCredit(HERE, "S2", world.city, 10_000), interface="api")
    world.close("S1")
    assert [hold.closed for hold in world.state.core.holds.values()] == [True, False]
    assert world.agreement.held_fen == 10_000


def test_a_hold_on_prepayment_gives_its_stay_no_more_credit():
    """500 of credit, 300 of prepayment held for the stay: 900 charged are 300, 500 and 100 at the window."""
    world = admitted(30_000, source="prepayment", prepaid=30_000)
    decision = world.send(stay("F1", 90_000))
    allocation = decision.record.events[-1].allocation
    assert (allocation.prepayment_fen, allocation.credit_fen, allocation.self_pay_fen) == (30_000, 50_000, 10_000)


def test_prepayment_held_at_one_institution_keeps_nothing_back_at_another():
    """300 held here; the 200 that were paid there pay there."""
    world = admitted(30_000, source="prepayment", prepaid=30_000)
    world.send(DepositPrepayment(THERE, world.city, 20_000, "R9"), interface="api")
    decision = world.send(charge(line("F1", 20_000), visit="V9", institution=THERE))
    assert decision.record.events[-1].allocation.prepayment_fen == 20_000


def test_withdrawing_frees_the_holds_on_the_line_and_keeps_those_on_prepayment():
    """Nothing new may be put on the line; money paid in advance stays held for its stay."""
    world = admitted(20_000, prepaid=10_000)
    world.send(HoldCredit(HERE, "S1", world.city, 10_000, "prepayment"), interface="api")
    world.send(WithdrawAgreement(world.city, world.agreement.id), interface="api")
    assert [(hold.source, hold.closed) for hold in world.state.core.holds.values()] == [
        ("credit", True),
        ("prepayment", False),
    ]

"""The insurer's parts: in the message, or after, with contra entries and figures that do not add up (protocols 4)."""

import pytest
from domain_world import HOUR, A, World, charge, line

from schemas.commands import InsuranceSplit, ReverseSettlement, SettleInsurance
from schemas.events import ChargePosted

FACTS = InsuranceSplit("S1", 3_810, 2_000, 1_000, 0, 810)


@pytest.fixture
def person():
    """Someone with a line of 2,000.00."""
    world = World()
    world.enrol(200_000)
    return world


def hold(world):
    """Send the two lines of the worked visit, held for the insurer."""
    world.send(charge(line("F1", 1_976), scene="inpatient", settlement_mode="after"))
    return world.send(charge(line("F2", 1_834), scene="inpatient", settlement_mode="after"))


def settle(world, split=FACTS):
    """Send the insurer's result."""
    return world.send(SettleInsurance(A, "V1", world.city, split), interface="fhir")


def test_held_lines_are_split_once_by_the_settlement(person):
    """3810 = 2000 + 1000 + 810; only the 810 reach the line; every part has its posting."""
    assert hold(person).record.outcome == "HELD"
    assert person.agreement.used_fen == 0
    decision = settle(person)
    assert decision.record.outcome == "POSTED"
    (posted,) = [e for e in decision.record.events if isinstance(e, ChargePosted)]
    assert (posted.total_fen, posted.allocation.credit_fen) == (3_810, 810)
    assert {p.debit for p in decision.record.journal} == {
        "insurer/fund",
        "insurer/account",
        f"agreement/{person.agreement.id}/receivable",
    }
    statuses = {view.status for view in decision.record.after if type(view).__name__ == "ChargeView"}
    assert statuses == {"settled", "posted"}


def test_the_close_splits_what_no_settlement_came_for(person):
    """Without a settlement the whole is cash."""
    hold(person)
    person.close()
    assert person.bill.amount_fen == 3_810


def test_a_credit_to_a_held_line_reduces_what_the_insurer_must_confirm(person):
    """After a credit of 10.00 the settlement must say 28.10."""
    hold(person)
    person.send(charge(line("K1", 1_000, kind="credit", reverses="F2"), scene="inpatient"))
    assert settle(person).record.reason == "SPLIT_LINES"
    assert settle(person, InsuranceSplit("S2", 2_810, 2_000, 0, 0, 810)).record.outcome == "POSTED"


@pytest.mark.parametrize(
    ("split", "reason", "blocks"),
    [
        (InsuranceSplit("S1", 3_810, 2_000, 1_000, 0, 811), "SPLIT_TOTAL", True),
        (InsuranceSplit("S1", 3_811, 2_000, 1_000, 0, 811), "SPLIT_LINES", True),
        (InsuranceSplit("S1", 3_810, 4_000, -1_000, 0, 810), "SPLIT_NEGATIVE", False),
    ],
)
def test_figures_that_do_not_add_up_block_split_and_bill_until_corrected(person, split, reason, blocks):
    """Quarantined; discharged without a bill; the right figures bill it."""
    hold(person)
    decision = settle(person, split)
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", reason)
    assert decision.quarantine[0].interface == "quarantine.charge"
    if not blocks:
        return
    person.close()
    assert not person.state.core.bills
    settle(person)
    assert person.bill.amount_fen == 810


def test_a_second_settlement_needs_the_contra_entry_first(person):
    """SETTLEMENT_CONTRA_REQUIRED; after 2208 the lines wait again and the new figures count."""
    hold(person)
    settle(person)
    other = InsuranceSplit("S2", 3_810, 3_000, 0, 0, 810)
    assert settle(person, other).record.reason == "SETTLEMENT_CONTRA_REQUIRED"
    person.send(ReverseSettlement(A, "V1", person.city, "S1"))
    assert person.agreement.used_fen == 0
    assert settle(person, other).record.outcome == "POSTED"
    assert person.agreement.used_fen == 810


def test_only_cash_parts_of_a_settled_charge_move_without_a_contra_entry(person):
    """Up to the cash part a reversal goes back; beyond it the settlement must be undone first."""
    hold(person)
    settle(person)
    person.send(charge(line("K1", 800, kind="credit", reverses="F2"), scene="inpatient"))
    assert person.agreement.used_fen == 10
    beyond = person.send(charge(line("K2", 800, kind="credit", reverses="F2"), scene="inpatient"))
    assert beyond.record.reason == "SETTLEMENT_CONTRA_REQUIRED"


def test_an_unknown_settlement_cannot_be_reversed(person):
    """NOT_FOUND."""
    hold(person)
    assert person.send(ReverseSettlement(A, "V1", person.city, "S9")).record.reason == "NOT_FOUND"


def test_a_settlement_in_the_message_must_equal_its_lines(person):
    """SPLIT_LINES; nothing of the message is booked."""
    decision = person.send(charge(line("F1", 3_811), settlement=FACTS, settlement_mode="in_message"))
    assert decision.record.reason == "SPLIT_LINES"
    assert not person.state.encounters


def test_a_late_settlement_after_the_close_bills_supplementarily(person):
    """Held lines of a blocked stay are billed when the figures are right, with clocks of their own."""
    hold(person)
    settle(person, InsuranceSplit("S1", 1, 1, 0, 0, 0))
    person.close()
    person.move(city=5 * HOUR)
    settle(person)
    assert (person.bill.supplementary, person.bill.closed_at) == (True, person.city)


def test_undoing_one_settlement_of_a_visit_leaves_the_other_alone(person):
    """One was reported after its line, one came with it: the second's contra entry gives back its own 0.34 only."""
    person.send(charge(line("F1", 1_976), scene="inpatient", settlement_mode="after"))
    settle(person, InsuranceSplit("S1", 1_976, 1_900, 0, 0, 76))
    second = InsuranceSplit("S2", 1_834, 1_800, 0, 0, 34)
    person.send(charge(line("F2", 1_834), scene="inpatient", settlement=second, settlement_mode="in_message"))
    assert person.agreement.used_fen == 110
    person.send(ReverseSettlement(A, "V1", person.city, "S2"))
    assert person.agreement.used_fen == 76
    (visit,) = person.state.encounters.values()
    assert [booked.status for booked in visit.charges.values()] == ["settled", "posted", "posted"]
    person.send(ReverseSettlement(A, "V1", person.city, "S1"))
    (visit,) = person.state.encounters.values()
    assert next((booked.status, booked.into) for booked in visit.charges.values()) == ("held", "")
    assert (person.agreement.used_fen, visit.settlements) == (0, ())


def test_lines_that_wait_for_the_insurer_keep_their_visit_open_for_its_idle_hours():
    """An outpatient's held charge closes with the visit twelve hours later, and is cash then."""
    world = World()
    world.enrol(200_000)
    world.send(charge(line("F1", 1_000), settlement_mode="after"))
    world.move(city=6 * HOUR)
    world.send(charge(line("F2", 500), settlement_mode="after"))
    world.move(city=12 * HOUR - 1)
    assert not world.state.core.bills
    world.move(city=1)
    assert world.bill.amount_fen == 1_500


def test_a_repeat_of_held_lines_names_the_record_that_held_them(person):
    """The stored answer is found by the record's number (4.2, example 8)."""
    held = hold(person)
    again = person.send(charge(line("F2", 1_834), scene="inpatient", settlement_mode="after"))
    assert (again.record.outcome, again.record.duplicate_of) == ("DUPLICATE", held.record.seq)

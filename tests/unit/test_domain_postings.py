"""The double entry behind a charge, a reversal and a merge, posting by posting (domain 11, invariant 1)."""

from domain_world import NUMBER, A, World, charge, line
from family_world import Town
from test_domain_merging import NEW, OLD, enrolled, in_transit, merge

from schemas.commands import (
    DepositInsuranceAccount,
    DepositPrepayment,
    InsuranceSplit,
    RecordRepayment,
    ReverseSettlement,
    Subject,
)

CHARGES, WINDOW = f"institution/{A}/charges", f"institution/{A}/window"


def entries(decision):
    """Return debit account, credit account and fen of every posting of a decision, in order."""
    return [(each.debit, each.credit, each.amount_fen) for each in decision.record.journal]


def test_every_part_of_a_settled_charge_comes_from_its_own_source():
    """Fund 500, account 60, other 20, prepaid 30, credit 500 and 40 at the window: six postings of one charge."""
    world = World()
    world.enrol(50_000)
    world.send(DepositPrepayment(A, world.city, 3_000), interface="api")
    parts = InsuranceSplit("S1", 115_000, 50_000, 6_000, 2_000, 57_000)
    decision = world.send(charge(line("F1", 115_000), settlement=parts, settlement_mode="in_message"))
    person = f"person/{world.state.core.account}"
    there = [
        ("insurer/fund", CHARGES, 50_000),
        ("insurer/other", CHARGES, 2_000),
        ("insurer/account", CHARGES, 6_000),
        (f"{person}/prepayment/{A}", CHARGES, 3_000),
        (f"agreement/{world.agreement.id}/receivable", CHARGES, 50_000),
        (WINDOW, CHARGES, 4_000),
    ]
    assert entries(decision) == there
    undone = world.send(ReverseSettlement(A, "V1", world.city, "S1"))
    assert entries(undone) == [(credit, debit, fen) for debit, credit, fen in there]
    assert not {
        name: fen for name, fen in world.balances.items() if fen and "prepayment" not in name and name != WINDOW
    }


def test_an_unsettled_charge_takes_the_personal_account_that_the_hub_keeps():
    """100 of it, 0 on credit, the rest at the window: the person's balance, not the insurer's, goes down."""
    world = World(account=NUMBER)
    world.send(DepositInsuranceAccount(world.city, 10_000), interface="api")
    decision = world.send(charge(line("F1", 12_500)))
    assert entries(decision) == [(f"person/{NUMBER}/insurance", CHARGES, 10_000), (WINDOW, CHARGES, 2_500)]
    back = world.send(charge(line("K1", 3_000, "credit", reverses="F1")))
    assert entries(back) == [(CHARGES, f"person/{NUMBER}/insurance", 500), (CHARGES, WINDOW, 2_500)]
    assert world.state.core.insurance_fen == 500


def test_a_merge_carries_the_personal_account_the_balance_and_what_waits_for_a_debit():
    """100 insured, 50 of balance, 30 prepaid and a reversal of 20 that waits: nothing is left behind."""
    town = Town()
    enrolled(town, OLD)
    enrolled(town, NEW)
    town.send(OLD, DepositInsuranceAccount(town.city, 10_000), interface="api")
    town.send(OLD, RecordRepayment(town.city, 5_000), interface="api")
    town.send(OLD, DepositPrepayment(A, town.city, 3_000, subject=Subject(person=OLD)), interface="api")
    town.send(OLD, charge(line("F1", 25_000)))
    world = town.world(OLD)
    world.close()
    town.move(city=world.bill.debit_at - town.city)
    town.send(OLD, charge(line("K1", 2_000, "credit", reverses="F1")))
    assert (world.bill.debiting, world.bill.reduction_waiting_fen) == (True, 2_000)
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    core = town.world(NEW).state.core
    assert (core.insurance_fen, core.refundable_fen, core.prepayments) == (0, 5_000, {A: 0})
    assert (world.balances[f"person/{OLD}/refundable"], in_transit(town)) == (0, {})
    assert [bill.reduction_waiting_fen for bill in core.bills.values()] == [2_000]

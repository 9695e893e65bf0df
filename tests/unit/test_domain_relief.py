"""Hardship relief: apply, approve by another person, pay; clock 1 stands still meanwhile (domain 12)."""

import pytest
from domain_world import DAY, HOUR, START, World, charge
from standing_world import CITED, happened, kinds, overdue, owe, pay, person

from hub.domain.views import bill_state
from hub.policies.clauses import Bank, Repayment
from schemas.city_time import at_hour
from schemas.commands import ApplyRelief, ApproveRelief, ChargeLine, CloseRelief, Item
from schemas.events import BillOverdue, FeeAccrued, ReliefPaid, ReliefReturned, RepaidOnTime, TermPaused, TermResumed


def apply(world: World, bill: str, kind: str = "civil_affairs", fen: int = 0, author: str = "desk-1") -> str:
    """Open a case; return it, or the reason why not."""
    world.send(ApplyRelief(bill, kind, author, "minimum living allowance", world.city, fen), interface="api")
    return world.reply.result.get("case") or world.reply.code


def approve(world: World, case: str, fen: int = 0, author: str = "desk-2"):
    """Approve a case; return the decision."""
    return world.send(ApproveRelief(case, author, world.city, fen), interface="api")


@pytest.mark.parametrize("kind", ["civil_affairs", "insurance_claim"])
def test_relief_pays_the_whole_bill(kind):
    """Balanced postings from the third party to the line; the bill is relieved, the line free again."""
    world = person()
    bill = owe(world)
    case = apply(world, bill, kind)
    decision = approve(world, case)
    assert decision.record.outcome == "POSTED"
    assert [(p.debit, p.amount_fen) for p in decision.record.journal] == [(f"relief/{kind}", 20_000)]
    assert bill_state(world.state.core.bills[bill]) == "relieved"
    assert (world.agreement.used_fen, world.state.core.relief[case].state) == (0, "paid")


def test_relief_pays_a_part_and_the_person_the_rest():
    """Partially paid, then paid; only the person's own money counts as repaid on time."""
    world = person()
    bill = owe(world)
    approve(world, apply(world, bill, fen=12_000))
    assert bill_state(world.state.core.bills[bill]) == "partially_paid"
    pay(world, bill)
    assert bill_state(world.state.core.bills[bill]) == "paid"
    assert [event.amount_fen for event in happened(world, RepaidOnTime)] == [8_000]


def test_a_bill_that_relief_paid_alone_is_no_repayment_on_time():
    """Somebody else's money earns nobody a reward."""
    world = person()
    approve(world, apply(world, owe(world)))
    assert not happened(world, RepaidOnTime)


def test_the_approver_may_name_less_but_not_more():
    """RELIEF_EXCEEDS above what was asked or is owed."""
    world = person()
    bill = owe(world)
    assert apply(world, bill, fen=20_001) == "RELIEF_EXCEEDS"
    case = apply(world, bill, fen=10_000)
    assert approve(world, case, 10_001).record.reason == "RELIEF_EXCEEDS"
    approve(world, case, 4_000)
    assert world.state.core.bills[bill].owed_fen == 16_000


def test_approving_takes_another_person_and_where_the_pack_says_so_two_others():
    """SAME_PERSON for the author; the fiscal backstop takes three people in all."""
    world = person()
    case = apply(world, owe(world), "fiscal")
    assert approve(world, case, author="desk-1").record.reason == "SAME_PERSON"
    assert approve(world, case).record.outcome == "HELD"
    assert approve(world, case).record.reason == "SAME_PERSON"
    assert approve(world, case, author="desk-3").record.outcome == "POSTED"


def test_clock_1_stands_still_while_a_case_is_open():
    """Stopped three days before its end, refused after ten days: three days are left, to the millisecond."""
    world = person()
    bill = owe(world)
    world.move(city=4 * DAY)
    case = apply(world, bill)
    assert kinds(world) == ["ReliefOpened", "TermPaused"]
    world.move(city=10 * DAY)
    assert not happened(world, BillOverdue)
    world.send(CloseRelief(case, "refused", "desk-2", world.city, "no hardship"), interface="api")
    assert world.state.core.bills[bill].due_at == START + 17 * DAY
    world.move(city=3 * DAY - 1)
    assert not happened(world, BillOverdue)
    world.move(city=1)
    assert [event.since for event in happened(world, BillOverdue)] == [START + 17 * DAY]


def test_the_other_bills_of_the_person_wait_too_and_so_do_new_ones():
    """It is the person's overdue that is paused; a bill issued meanwhile begins with a clock that stands still."""
    world = person()
    first, second = owe(world, visit="V1"), owe(world, visit="V2")
    case = apply(world, first)
    third = owe(world, visit="V3")
    assert len(happened(world, TermPaused)) == 3
    world.move(city=20 * DAY)
    world.send(CloseRelief(case, "withdrawn", "desk-1", world.city), interface="api")
    assert [world.state.core.bills[b].due_at for b in (second, third)] == [START + 27 * DAY] * 2
    assert len(happened(world, TermResumed)) == 3


def test_the_clock_goes_on_only_when_the_last_case_ends():
    """Two cases, two bills."""
    world = person()
    first, second = owe(world, visit="V1"), owe(world, visit="V2")
    one, other = apply(world, first), apply(world, second)
    approve(world, one)
    assert not happened(world, TermResumed)
    world.move(city=10 * DAY)
    approve(world, other)
    assert {event.bill for event in happened(world, TermResumed)} == {first, second}


def test_days_in_arrears_leave_out_the_pause():
    """Overdue one day, a case of twenty days, then three days more: four days in arrears."""
    world = person()
    bill = overdue(world)
    world.move(city=DAY)
    assert world.agreement.limit_fen == 80_000
    case = apply(world, bill)
    world.move(city=20 * DAY)
    assert world.agreement.limit_fen == 80_000
    world.send(CloseRelief(case, "refused", "desk-2", world.city, "no"), interface="api")
    world.move(city=3 * DAY - 1)
    assert world.agreement.limit_fen == 80_000
    world.move(city=1)
    assert world.agreement.limit_fen == 50_000


def test_relief_of_an_overdue_bill_clears_the_arrears():
    """The service resumes as after a payment."""
    world = person()
    bill = overdue(world)
    approve(world, apply(world, bill))
    assert world.state.core.standing.marks[0].cleared_at
    world.move(city=DAY)
    assert not world.state.core.suspended


def test_no_reminder_comes_while_a_case_is_open():
    """They go on with the clock."""
    from schemas.events import ReminderSent

    world = person()
    case = apply(world, owe(world))
    world.move(city=20 * DAY)
    assert not happened(world, ReminderSent)
    world.send(CloseRelief(case, "refused", "desk-2", world.city, "no"), interface="api")
    world.move(city=7 * DAY + HOUR)
    assert len(happened(world, ReminderSent)) == 2


def lent(fen: int = 90_000) -> tuple[World, str]:
    """Return a person who owes a bank that charges after 42 free days, and the bill."""
    bank = Bank(free_days=42, penalty_bp=300, interest_bp=150, citation=CITED)
    world = person(bank=bank, repayment=Repayment("due_date", 42, 23, CITED), debit=None)
    return world, owe(world, fen)


def test_a_bank_charges_nothing_while_a_case_is_open_nor_before_the_later_term_ends():
    """The clock that stood still for 50 days moves the first chargeable day by as much."""
    world, bill = lent()
    world.move(city=10 * DAY)
    case = apply(world, bill)
    world.move(city=50 * DAY)
    world.send(CloseRelief(case, "refused", "desk-2", world.city, "no"), interface="api")
    due_at = world.bill.due_at
    world.move(city=due_at - world.city)
    assert not happened(world, FeeAccrued)
    world.move(city=DAY)
    assert len(happened(world, FeeAccrued)) == 1


def test_the_fee_of_an_overdue_bill_stands_still_with_the_case():
    """Neither the days of the case nor the one on which it ends are charged; the next ones are."""
    world, bill = lent()
    world.move(city=50 * DAY)
    before = len(happened(world, FeeAccrued))
    case = apply(world, bill)
    world.move(city=20 * DAY)
    world.send(CloseRelief(case, "refused", "desk-2", world.city, "no"), interface="api")
    assert len(happened(world, FeeAccrued)) == before > 0
    world.move(city=at_hour(world.city, 2, 0) - 1 - world.city)
    assert len(happened(world, FeeAccrued)) == before
    world.move(city=1)
    assert len(happened(world, FeeAccrued)) == before + 1
    assert happened(world, FeeAccrued)[-1].days == before + 1


def test_a_reversal_after_relief_gives_the_money_back_to_the_third_party():
    """Not to the person, who did not pay it."""
    world = person()
    bill = owe(world, visit="V1")
    approve(world, apply(world, bill))
    credit = ChargeLine("R1", "credit", 5_000, Item("XD0001", "NHSA", "药品"), world.city, reverses="F-V1")
    decision = world.send(charge(credit, visit="V1", at=world.city))
    assert [event.amount_fen for event in happened(world, ReliefReturned)] == [5_000]
    assert world.state.core.refundable_fen == 0
    assert ("relief/civil_affairs", 5_000) in [(p.credit, p.amount_fen) for p in decision.record.journal]


def test_a_reopened_visit_does_not_bill_relieved_charges_again():
    """What was relieved stays on its bill."""
    from schemas.commands import RecordVisit

    world = person()
    bill = owe(world, visit="V1")
    approve(world, apply(world, bill))
    world.send(RecordVisit("XMZSH", "V1", "reopened", world.city))
    world.close("V1")
    assert list(world.state.core.bills) == [bill]


@pytest.mark.parametrize(
    ("kind", "relief", "reason"),
    [("civil_affairs", (), "RELIEF_NOT_COVERED"), ("insurance_claim", None, "BILL_NOT_PAYABLE")],
)
def test_what_the_pack_does_not_know_or_nobody_owes_is_not_relieved(kind, relief, reason):
    """RELIEF_NOT_COVERED without the clause, BILL_NOT_PAYABLE when it is paid."""
    world = person() if relief is None else person(relief=relief)
    bill = owe(world)
    if relief is None:
        pay(world, bill)
    assert apply(world, bill, kind) == reason


def test_a_case_is_opened_once_and_decided_once():
    """RELIEF_CASE_EXISTS, RELIEF_CASE_CLOSED, RELIEF_CASE_UNKNOWN; only its author withdraws it."""
    world = person()
    bill = owe(world)
    case = apply(world, bill)
    assert apply(world, bill, "insurance_claim") == "RELIEF_CASE_EXISTS"
    world.send(CloseRelief(case, "withdrawn", "desk-9", world.city), interface="api")
    assert world.reply.code == "NOT_THE_AUTHOR"
    world.send(CloseRelief(case, "withdrawn", "desk-1", world.city), interface="api")
    assert approve(world, case).record.reason == "RELIEF_CASE_CLOSED"
    assert approve(world, "nowhere").record.reason == "RELIEF_CASE_UNKNOWN"
    assert not happened(world, ReliefPaid)


def test_a_bill_that_is_being_debited_waits_for_its_result():
    """BILL_NOT_PAYABLE, so that nobody pays twice; clock 2 runs on while a case is open."""
    from standing_world import city

    world = World(city())
    world.enrol(100_000)
    bill = owe(world)
    case = apply(world, bill)
    world.move(city=3 * DAY)
    assert world.state.core.bills[bill].debiting
    assert approve(world, case).record.reason == "BILL_NOT_PAYABLE"
    world.answer(world.debit_errands[0], "failed", cause="nsf", gateway_code="X")
    assert approve(world, case).record.outcome == "POSTED"


def test_a_term_that_would_pass_while_a_debit_is_open_does_not_pass_in_a_case():
    """The failure comes while a case is open: the mark waits, and the clock has nothing left when it goes on."""
    from standing_world import city

    world = World(city())
    world.enrol(100_000)
    bill = owe(world)
    world.move(city=3 * DAY)
    world.answer(world.debit_errands[0], "unknown")
    world.move(city=4 * DAY)
    assert world.state.core.bills[bill].term_passed
    other = owe(world, visit="V9")
    case = apply(world, other)
    world.answer(world.debit_errands[0], "failed", cause="card", gateway_code="X")
    assert not happened(world, BillOverdue)
    world.move(city=DAY)
    world.send(CloseRelief(case, "refused", "desk-2", world.city, "no"), interface="api")
    world.move(city=DAY)
    assert [event.bill for event in happened(world, BillOverdue)] == [bill]


def test_the_ledger_shows_the_case():
    """Open, then paid, with who approved it."""
    world = person()
    case = apply(world, owe(world))
    views = [v for record in world.ledger for v in record.after if type(v).__name__ == "ReliefView"]
    assert [(v.case, v.state) for v in views] == [(case, "open")]
    approve(world, case)
    view = next(v for v in world.ledger[-1].after if type(v).__name__ == "ReliefView")
    assert (view.state, view.paid_fen, view.approved_by) == ("paid", 20_000, ("desk-2",))


def test_a_repeated_application_names_the_same_case():
    """Stored with the outcome."""
    world = person()
    body = ApplyRelief(owe(world), "civil_affairs", "desk-1", "hardship", world.city)
    world.send(body, named="key", interface="api")
    first = world.reply.result
    world.send(body, named="key", interface="api")
    assert (world.reply.result, world.reply.repeated) == (first, True)

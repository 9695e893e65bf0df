"""Money that goes back: prepayments by receipt, over-payments by payment, bills frozen by people (domain 4 and 6)."""

import pytest
from domain_world import DAY, HOUR, NUMBER, PERSON, A, B, World, charge, line
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.commands import (
    DepositPrepayment,
    FreezeBill,
    RecordRepayment,
    RefundBalance,
    RefundPrepayment,
    Subject,
    UnfreezeBill,
)
from schemas.events import BalanceRefunded, PrepaymentRefunded, RefundStarted


def deposited(world: World, *fens: int, place: str = A) -> None:
    """Pay in advance, each time with a receipt of its own."""
    for number, fen in enumerate(fens):
        world.send(DepositPrepayment(place, world.city, fen, f"R{place}{number}"), interface="api")


def events_of(decision, kind):
    """Return the events of a kind in a decision."""
    return [event for event in decision.record.events if isinstance(event, kind)]


def test_a_receipt_is_booked_once_whatever_message_brings_it():
    """The second message with the receipt is a duplicate of the first and gets its answer."""
    world = World()
    world.send(DepositPrepayment(A, world.city, 5_000, "R1"), interface="api")
    first = world.reply.result
    again = world.send(DepositPrepayment(A, world.city + 1, 5_000, "R1"), interface="api")
    assert (again.record.outcome, again.record.duplicate_of) == ("DUPLICATE", 1)
    assert world.reply.result == first
    assert world.state.core.prepayments == {A: 5_000}
    line_again = world.send(charge(line("R1", 5_000, "payment")))
    assert world.state.core.prepayments == {A: 5_000}
    assert line_again.record.outcome == "POSTED"


def test_a_receipt_with_another_amount_is_refused_and_belongs_to_its_institution():
    """RECEIPT_CHANGED books nothing; the same number at another institution is another receipt."""
    world = World()
    world.send(DepositPrepayment(A, world.city, 5_000, "R1"), interface="api")
    changed = world.send(DepositPrepayment(A, world.city, 6_000, "R1"), interface="api")
    assert (changed.record.outcome, changed.record.reason) == ("REFUSED", "RECEIPT_CHANGED")
    by_line = world.send(charge(line("R1", 6_000, "payment"), line("F1", 100)))
    assert by_line.record.reason == "RECEIPT_CHANGED"
    world.send(DepositPrepayment(B, world.city, 6_000, "R1"), interface="api")
    assert world.state.core.prepayments == {A: 5_000, B: 6_000}


def test_what_is_left_of_a_prepayment_goes_back_to_the_newest_deposits():
    """Of 100, 50 and 30 a charge took 60; the 120 left go back as 30, 50 and 40."""
    world = World()
    deposited(world, 10_000, 5_000, 3_000)
    world.send(charge(line("F1", 6_000)))
    decision = world.send(RefundPrepayment(A, world.city, 12_000, "back-1"), interface="api")
    (refund,) = events_of(decision, PrepaymentRefunded)
    assert [amount for _, amount in refund.sources] == [3_000, 5_000, 4_000]
    assert world.state.core.prepayments == {A: 0}
    assert world.reply.result == {"reference": refund.refund, "institution": A}


@pytest.mark.parametrize(("fen", "reason"), [(5_001, "PREPAYMENT_EXCEEDS"), (0, "AMOUNT_OUT_OF_RANGE")])
def test_a_refund_above_the_prepayment_or_of_nothing_is_refused(fen, reason):
    """What another institution holds does not count."""
    world = World()
    deposited(world, 5_000)
    deposited(world, 9_000, place=B)
    decision = world.send(RefundPrepayment(A, world.city, fen), interface="api")
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", reason)
    assert world.state.core.prepayments == {A: 5_000, B: 9_000}


def test_a_number_account_knows_its_own_receipts_after_the_link():
    """A deposit that was booked before the link is not forwarded and booked again at the person."""
    world = World(account=NUMBER)
    alone, both = Subject(number=NUMBER), Subject(person=PERSON, number=NUMBER)
    world.send(DepositPrepayment(A, world.city, 5_000, "R1", alone), interface="api")
    world.send(DepositPrepayment(A, world.city, 100, "R2", both), interface="api")
    assert [errand.command.body.__class__.__name__ for errand in world.relay_errands] == [
        "ReceiveTransfer",
        "DepositPrepayment",
    ]
    again = world.send(DepositPrepayment(A, world.city + 1, 5_000, "R1", alone), interface="api")
    assert again.record.outcome == "DUPLICATE"
    assert len(world.relay_errands) == 2


def test_what_a_counter_took_too_much_goes_back_to_its_payments_newest_first():
    """Of 60 and 70 paid on a bill of 100 the balance is 30; it goes back by the way of the second payment."""
    world = World()
    world.enrol(100_000)
    world.send(charge(line("F1", 10_000)))
    world.close()
    world.send(RecordRepayment(world.city, 6_000, method="counter"), interface="api")
    world.send(RecordRepayment(world.city, 7_000, method="wechat"), interface="api")
    decision = world.send(RefundBalance(world.city, 3_000, "slip-9"), interface="api")
    (refund,) = events_of(decision, BalanceRefunded)
    assert (refund.method, refund.amount_fen) == ("wechat", 3_000)
    assert world.state.core.refundable_fen == 0
    assert world.balances["clearing/wechat"] == 4_000
    too_much = world.send(RefundBalance(world.city, 1), interface="api")
    assert too_much.record.reason == "BALANCE_EXCEEDS"
    assert too_much.record.parameters == {"asked": "0.01", "left": "0.00"}


def test_a_refund_that_the_gateway_refused_is_tried_again_through_it():
    """The refused refund became balance; paying the balance back sends a new refund of the same order."""
    world = World()
    world.enrol(100_000)
    world.send(charge(line("F1", 10_000)))
    world.close()
    world.move(city=72 * HOUR)
    world.answer()
    world.send(charge(line("K1", 4_000, "credit", reverses="F1")))
    world.answer(world.refund_errands[-1], "failed", cause="refund_refused")
    assert world.state.core.refundable_fen == 4_000
    decision = world.send(RefundBalance(world.city, 4_000), interface="api")
    (again,) = events_of(decision, RefundStarted)
    assert (again.order_no, again.from_balance) == (world.debit.order_no, True)
    assert world.refund_errands[-1].amount_fen == 4_000
    world.answer(world.refund_errands[-1], "refunded")
    assert world.balances["clearing/alipay"] == 6_000


def test_money_kept_for_a_bill_that_is_being_debited_is_not_paid_back():
    """A payment that waits for a debit's result is not free."""
    world = World()
    world.enrol(100_000)
    world.send(charge(line("F1", 10_000)))
    world.close()
    world.move(city=72 * HOUR)
    world.send(RecordRepayment(world.city, 10_500), interface="api")
    assert world.send(RefundBalance(world.city, 501), interface="api").record.reason == "BALANCE_EXCEEDS"
    assert world.send(RefundBalance(world.city, 500), interface="api").record.outcome == "POSTED"
    world.answer(world.debit_errands[-1], "failed", cause="nsf")
    assert world.bill.owed_fen == 0
    assert world.state.core.refundable_fen == 0


def test_a_frozen_bill_is_not_debited_until_two_people_free_it():
    """One person's word is HELD, the same person's second SAME_PERSON; the second person's frees it."""
    world = World()
    world.enrol(100_000)
    world.send(charge(line("F1", 10_000)))
    world.close()
    bill = world.bill.id
    world.send(FreezeBill(bill, world.city, "wang", "the line is booked under two accounts"), interface="api")
    world.move(city=3 * DAY)
    assert not world.debit_errands
    assert world.send(UnfreezeBill(bill, world.city, "wang", "looked at"), interface="api").record.outcome == "HELD"
    same = world.send(UnfreezeBill(bill, world.city, "wang", "again"), interface="api")
    assert same.record.reason == "SAME_PERSON"
    assert world.send(UnfreezeBill(bill, world.city, "li", "agreed"), interface="api").record.outcome == "RECORDED"
    world.move(city=1)
    assert len(world.debit_errands) == 1
    assert world.send(UnfreezeBill(bill, world.city, "li", "x"), interface="api").record.reason == "BILL_NOT_FROZEN"
    assert world.send(FreezeBill("nothing", world.city, "li", "x"), interface="api").record.reason == "BILL_UNKNOWN"


def test_a_term_that_passed_while_frozen_marks_the_bill_when_it_is_freed():
    """Clock 1 ran on: the mark is dated back to the end of the term."""
    world = World()
    world.enrol(100_000)
    world.send(charge(line("F1", 10_000)))
    world.close()
    world.send(FreezeBill(world.bill.id, world.city, "wang", "dispute"), interface="api")
    world.move(city=8 * DAY)
    assert world.bill.overdue_since == 0
    world.send(UnfreezeBill(world.bill.id, world.city, "wang", "ok"), interface="api")
    world.send(UnfreezeBill(world.bill.id, world.city, "li", "ok"), interface="api")
    assert world.bill.overdue_since == world.bill.due_at


STEPS = st.lists(
    st.tuples(st.sampled_from(["deposit", "charge", "refund", "reverse"]), st.integers(1, 9_000)), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_no_deposit_gives_back_more_than_it_brought(steps):
    """Invariants 4 and 6: prepayment is never negative, and what goes back is within each deposit."""
    world = World()
    for number, (step, fen) in enumerate(steps):
        if step == "deposit":
            world.send(DepositPrepayment(A, world.city, fen, f"R{number}"), interface="api")
        elif step == "charge":
            world.send(charge(line(f"F{number}", fen)))
        elif step == "refund":
            world.send(RefundPrepayment(A, world.city, fen), interface="api")
        else:
            world.send(charge(line(f"K{number}", fen, "credit", reverses=f"F{number - 1}")))
        core = world.state.core
        left = sum(d.amount_fen - d.returned_fen for d in core.deposits.values())
        assert all(0 <= d.returned_fen <= d.amount_fen for d in core.deposits.values())
        assert 0 <= core.prepayments.get(A, 0) <= left

"""Repayments and the balance to the fen: which bill takes what, what waits, what goes back where (domain 6)."""

import pytest
from domain_world import HOUR, A, World, charge, line

from schemas.commands import DepositInsuranceAccount, DepositPrepayment, RecordRepayment, RefundBalance
from schemas.events import BalanceRefunded, RefundStarted
from schemas.money import AMOUNT_FEN_MAX


def owing(*fens, channel="alipay"):
    """Return a world with one bill for each amount, each closed an hour after the one before."""
    world = World()
    world.enrol(200_000, channel=channel)
    for number, fen in enumerate(fens, start=1):
        world.send(charge(line(f"F{number}", fen), visit=f"V{number}"))
        world.close(f"V{number}")
        world.move(city=HOUR)
    return world


def repay(world, fen, **about):
    """Repay; return what was applied to which bill, in order, and what stays as balance."""
    world.send(RecordRepayment(world.city, fen, **about), interface="api")
    result = world.reply.result
    return [entry["amount_fen"] for entry in result["applied"]], result["refundable_fen"]


def owed(world):
    """Return what is owed on each bill."""
    return [bill.owed_fen for bill in world.state.core.bills.values()]


def debiting(world):
    """Move to the first bill's debit: 72 h after its close."""
    first = next(iter(world.state.core.bills.values()))
    world.move(city=first.debit_at - world.city)
    assert first.id == world.debit.bill
    return world


def test_one_repayment_is_spent_once_over_two_bills():
    """100 for bills of 80 and 90: the older is paid, the younger gets the 20 that are left."""
    world = owing(8_000, 9_000)
    assert repay(world, 10_000) == ([8_000, 2_000], 0)
    assert owed(world) == [0, 7_000]
    assert world.agreement.used_fen == 7_000


def test_a_repayment_that_names_a_bill_pays_no_other():
    """100 for the younger bill of 90: the older still owes all of its 80, 10 are the person's balance."""
    world = owing(8_000, 9_000)
    assert repay(world, 10_000, bill=world.bill.id) == ([9_000], 1_000)
    assert owed(world) == [8_000, 0]


@pytest.mark.parametrize("fen", [0, -1, AMOUNT_FEN_MAX + 1])
def test_a_repayment_outside_the_bounds_of_an_amount_books_nothing(fen):
    """AMOUNT_OUT_OF_RANGE, the same bounds as a charge's (4.2, example 11)."""
    world = owing(8_000)
    decision = world.send(RecordRepayment(world.city, fen), interface="api")
    assert (decision.record.reason, decision.record.journal) == ("AMOUNT_OUT_OF_RANGE", ())
    assert owed(world) == [8_000]


@pytest.mark.parametrize("fen", [1, AMOUNT_FEN_MAX])
def test_the_smallest_and_the_greatest_repayment_are_booked(fen):
    """A fen pays a fen of the bill; what is above the bill is a balance."""
    world = owing(8_000)
    paid = min(fen, 8_000)
    assert repay(world, fen) == ([paid], fen - paid)
    assert owed(world) == [8_000 - paid]


def test_a_repayment_while_the_oldest_bill_is_debited_keeps_its_money_for_it():
    """100 with the bill of 80 under debit: 80 wait for it, 20 go to the bill of 90; if the debit fails both count."""
    world = debiting(owing(8_000, 9_000))
    assert repay(world, 10_000) == ([2_000], 8_000)
    assert owed(world) == [8_000, 7_000]
    world.answer(world.debit_errands[0], "failed", cause="nsf")
    assert owed(world) == [0, 7_000]
    assert world.state.core.refundable_fen == 0


def test_two_payments_for_a_bill_under_debit_keep_no_more_than_it_owes():
    """60 and 60 for a bill of 100: 60 and 40 wait, 20 stay free; after the failure the bill is paid once."""
    world = debiting(owing(10_000))
    assert repay(world, 6_000) == ([], 6_000)
    assert repay(world, 6_000) == ([], 6_000)
    above = world.send(RefundBalance(world.city, 2_001), interface="api")
    assert above.record.parameters == {"asked": "20.01", "left": "20.00"}
    world.answer(world.debit_errands[0], "failed", cause="nsf")
    assert (world.bill.paid_fen, world.state.core.refundable_fen) == (10_000, 2_000)
    assert [payment.amount_fen for payment in world.bill.payments] == [6_000, 4_000]


def test_a_named_bill_under_debit_takes_nothing_of_what_is_above_it():
    """150 for the bill of 100 that is being debited: nothing is applied, 100 wait and 50 are free."""
    world = debiting(owing(10_000))
    assert repay(world, 15_000, bill=world.bill.id) == ([], 15_000)
    assert owed(world) == [10_000]
    assert world.send(RefundBalance(world.city, 5_000), interface="api").record.outcome == "POSTED"


def test_the_oldest_bill_that_owes_something_is_the_one_a_payment_waits_for():
    """The first bill is paid, the second is being debited: the money waits for the second."""
    world = owing(8_000, 9_000)
    assert repay(world, 8_000) == ([8_000], 0)
    world.move(city=world.bill.debit_at - world.city)
    assert repay(world, 9_000) == ([], 9_000)
    world.answer(world.debit_errands[0], "failed", cause="nsf")
    assert (owed(world), world.state.core.refundable_fen) == ([0, 0], 0)


def over_paid(*methods_and_fens):
    """Return a world whose bill of 10.00 was paid, and then these payments came on top."""
    world = owing(1_000)
    repay(world, 1_000, method="counter")
    for method, fen in methods_and_fens:
        repay(world, fen, method=method)
    return world


def test_a_balance_goes_back_over_its_payments_the_newest_first():
    """Of 30 by WeChat and 50 by bank, 60 go back: 50 by bank, 10 by WeChat; both refunds are named."""
    world = over_paid(("wechat", 3_000), ("bank", 5_000))
    body = RefundBalance(world.city, 6_000)
    decision = world.send(body, named="refund-1", interface="api")
    back = [event for event in decision.record.events if isinstance(event, BalanceRefunded)]
    assert [(each.method, each.amount_fen) for each in back] == [("bank", 5_000), ("wechat", 1_000)]
    assert world.reply.result == {"refunds": [each.refund for each in back]}
    assert world.send(body, named="refund-1", interface="api").record.outcome == "DUPLICATE"
    assert world.reply.result == {"refunds": [each.refund for each in back]}
    assert world.state.core.refundable_fen == 2_000
    assert (world.balances["clearing/wechat"], world.balances["clearing/bank"]) == (2_000, 0)


@pytest.mark.parametrize("fen", [0, -1])
def test_a_refund_of_nothing_is_refused(fen):
    """AMOUNT_OUT_OF_RANGE; one fen is an amount."""
    world = over_paid(("wechat", 100))
    assert world.send(RefundBalance(world.city, fen), interface="api").record.reason == "AMOUNT_OUT_OF_RANGE"
    assert world.send(RefundBalance(world.city, 1), interface="api").record.outcome == "POSTED"
    assert world.state.core.refundable_fen == 99


def test_each_gateway_payment_goes_back_by_its_own_order():
    """Two bills debited by two orders and reversed; the refused refunds go again to the order that each came from."""
    world = owing(4_000, 5_000)
    world.move(city=72 * HOUR)
    for errand in list(world.debit_errands):
        world.answer(errand)
    for number, fen in ((1, 4_000), (2, 5_000)):
        world.send(charge(line(f"K{number}", fen, "credit", reverses=f"F{number}"), visit=f"V{number}"))
        world.answer(world.refund_errands[-1], "failed", cause="refund_refused")
    orders = [errand.order_no for errand in world.debit_errands]
    decision = world.send(RefundBalance(world.city, 9_000), interface="api")
    again = [event for event in decision.record.events if isinstance(event, RefundStarted)]
    assert [(each.order_no, each.amount_fen) for each in again] == [(orders[1], 5_000), (orders[0], 4_000)]


def test_a_reversal_of_a_paid_bill_goes_back_over_its_payments_the_newest_first():
    """A bill of 100, paid 30, 20 and then 50 by debit: of 60 reversed 50 go to the gateway and 10 to the balance."""
    world = owing(10_000)
    repay(world, 3_000, method="counter")
    repay(world, 2_000, method="wechat")
    debiting(world)
    world.answer()
    world.send(charge(line("K1", 6_000, "credit", reverses="F1"), visit="V1"))
    assert [errand.amount_fen for errand in world.refund_errands] == [5_000]
    assert world.state.core.refundable_fen == 1_000
    world.send(charge(line("K2", 2_500, "credit", reverses="F1"), visit="V1"))
    assert [errand.amount_fen for errand in world.refund_errands] == [5_000]
    assert [payment.returned_fen for payment in world.bill.payments] == [1_500, 2_000, 5_000]
    assert (world.state.core.refundable_fen, world.agreement.used_fen) == (3_500, 0)


@pytest.mark.parametrize(
    ("fen", "outcome"), [(0, "REFUSED"), (1, "POSTED"), (AMOUNT_FEN_MAX, "POSTED"), (AMOUNT_FEN_MAX + 1, "REFUSED")]
)
def test_money_in_advance_has_the_bounds_of_an_amount(fen, outcome):
    """For the prepayment of an institution and for the personal account alike."""
    world = World()
    assert world.send(DepositPrepayment(A, world.city, fen), interface="api").record.outcome == outcome
    assert world.send(DepositInsuranceAccount(world.city, fen), interface="api").record.outcome == outcome
    booked = fen if outcome == "POSTED" else 0
    assert (world.state.core.prepayments.get(A, 0), world.state.core.insurance_fen) == (booked, booked)


def test_a_refund_of_which_nothing_is_heard_is_asked_about_again_and_again():
    """The guard of the question is the ladder's last wait; the refund is the same number and amount each time."""
    world = debiting(owing(10_000))
    world.answer()
    world.send(charge(line("K1", 4_000, "credit", reverses="F1"), visit="V1"))
    wait = world.policies.ladders.refund_queries.waits_ms[-1]
    world.move(wall=world.policies.ladders.order_expiry_ms - 1)
    assert [errand.query for errand in world.refund_errands] == [False]
    world.move(wall=1)
    for asked in (1, 2, 3):
        assert len(world.refund_errands) == asked + 1
        world.move(wall=wait - 1)
        assert len(world.refund_errands) == asked + 1
        world.move(wall=1)
    assert {(errand.refund_no, errand.amount_fen) for errand in world.refund_errands} == {
        (world.refund_errands[0].refund_no, 4_000)
    }
    assert all(errand.query for errand in world.refund_errands[1:])

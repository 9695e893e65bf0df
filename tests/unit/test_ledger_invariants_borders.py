"""The invariants of `verify` to the last fen: what is allowed is silent, one fen more is not (domain 15)."""

import pytest
from domain_world import DAY, HOUR, XIAMEN, World, charge, line
from test_ledger_invariants import a_life, broken, with_event

from schemas import events
from schemas.commands import RefundBalance


def debited(words):
    """Return the records of a bill of 100.00 whose debits bring back these words, one after the other."""
    world = World(XIAMEN)
    world.enrol(700, pack="xiamen-platform-2024")
    world.send(charge(line("F1", 10_000)))
    world.close()
    world.move(city=72 * HOUR)
    for status, about in words:
        world.answer(world.debit_errands[-1], status, **about)
        world.move(city=DAY, wall=HOUR)
    return world


@pytest.mark.parametrize(("limit", "found"), [(9_000, set()), (8_999, {3})])
def test_a_line_may_be_used_to_its_last_fen(limit, found):
    """90.00 used of 90.00 is allowed, of 89.99 it is not."""
    assert broken(with_event(a_life(), events.AgreementSigned, limit_fen=limit)) == found


@pytest.mark.parametrize(("fen", "found"), [(7_500, set()), (7_501, {6})])
def test_all_of_a_payment_may_go_back_and_no_fen_more(fen, found):
    """The debit brought 75.00."""
    assert broken(with_event(a_life(), events.RefundStarted, amount_fen=fen)) == found


@pytest.mark.parametrize(("fen", "found"), [(-1, {2}), (1, {2}), (0, set())])
def test_a_reduction_is_the_sum_of_its_parts(fen, found):
    """20.00 taken back are 20.00 of its sources."""
    assert broken(with_event(a_life(), events.ChargeReduced, amount_fen=2_000 + fen)) - {1} == found


def test_a_technical_retry_under_its_number_is_one_live_debit():
    """Failed technically and sent again: the number lives on; paid in the end, once."""
    world = debited([("failed", {"cause": "technical"}), ("paid", {})])
    assert [event.order_no for event in orders(world)] == [world.debit.order_no] * 2
    assert world.bill.owed_fen == 0
    assert not broken(world.ledger)


def orders(world):
    """Return every call for a debit."""
    return [event for record in world.ledger for event in record.events if isinstance(event, events.DebitStarted)]


def test_a_new_number_while_the_old_one_lives_on_is_noticed():
    """The failure freed the first number; had it kept it, the second order would be one too many."""
    world = debited([("failed", {"cause": "nsf"}), ("paid", {})])
    assert len({event.order_no for event in orders(world)}) == 2
    assert not broken(world.ledger)
    assert broken(with_event(world.ledger, events.DebitFailed, same_number=True)) == {5}


def test_late_money_counts_as_received_and_goes_back_once():
    """100.00 after the failure, 30.00 of them back already and 70.00 sent: exact; a fen more of either is noticed."""
    world = debited([("failed", {"cause": "card"})])
    world.answer(world.debit_errands[-1], refunded_fen=3_000)
    assert not broken(world.ledger)
    assert 6 in broken(with_event(world.ledger, events.BalanceRefunded, amount_fen=3_001))
    assert 6 in broken(with_event(world.ledger, events.RefundStarted, amount_fen=7_001))
    assert 6 in broken(with_event(world.ledger, events.LatePaymentReceived, amount_fen=9_999))


def test_a_refund_that_failed_may_be_paid_out_another_way():
    """Refused by the gateway, then paid by hand: what failed did not go back."""
    world = debited([("paid", {})])
    world.send(charge(line("K1", 10_000, "credit", reverses="F1")))
    world.answer(world.refund_errands[-1], "failed", cause="refund_refused")
    world.send(RefundBalance(world.city, 10_000), interface="api")
    assert not broken(world.ledger)
    assert 6 in broken(with_event(world.ledger, events.RefundFailed, amount_fen=9_999))

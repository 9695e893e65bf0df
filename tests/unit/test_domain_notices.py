"""The transition table of a gateway's notices, cell by cell, and refunds (protocols 5.2, 11 rows 73–78, 85–87)."""

import pytest
from domain_world import DAY, HOUR, SECOND, World, charge, line

from schemas.commands import ReceiveNotice
from schemas.events import ChannelRefunded, DebitFinished, LatePaymentReceived, RefundSettled

OWED = 10_000


def debited(channel="alipay", state="sent"):
    """Return a world whose bill is in this state at the gateway."""
    world = World()
    world.enrol(200_000, channel=channel)
    world.send(charge(line("F1", OWED)))
    world.close()
    world.move(city=72 * HOUR)
    if state in ("paid", "part", "refunded", "finished"):
        world.answer()
    if state == "part":
        notice(world, "paid", refunded=3_000)
    if state == "refunded":
        notice(world, "refunded", refunded=OWED)
    if state == "finished":
        notice(world, "finished")
    if state == "unknown":
        world.answer(status="unknown")
    if state == "failed":
        world.answer(status="failed", cause="card")
    return world


def notice(world, status, amount=OWED, refunded=None, order="", named=""):
    """Send a verified notice about the newest order."""
    serial = f"notice-{len(world.ledger)}"
    body = ReceiveNotice("alipay", order or world.debit.order_no, status, amount, serial, "T1", refunded)
    return world.send(body, interface="alipay", named=named)


def outcome(decision):
    """Return outcome and reason."""
    return decision.record.outcome, decision.record.reason


def moved(decision):
    """Return whether the record moved money."""
    return bool(decision.record.journal)


@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_open_orders_follow_the_first_row(state):
    """WAIT waits, SUCCESS and FINISHED pay, CLOSED fails."""
    assert not moved(notice(debited(state=state), "waiting"))
    assert outcome(notice(debited(state=state), "paid")) == ("POSTED", "")
    finished = notice(debited(state=state), "finished")
    assert any(isinstance(e, DebitFinished) for e in finished.record.events)
    closed = debited(state=state)
    notice(closed, "closed")
    assert (closed.debit.state, closed.bill.debiting) == ("failed", False)
    assert closed.bill.owed_fen == OWED


def test_an_open_order_paid_and_partly_refunded_in_one_notice():
    """PAID, then refund by the difference: that much is owed again and a person must look."""
    world = debited()
    notice(world, "paid", refunded=4_000)
    assert (world.debit.state, world.bill.owed_fen, bool(world.bill.frozen)) == ("paid", 4_000, True)


def test_an_open_order_closed_with_its_whole_refund():
    """PAID, then REFUNDED: the money came and went."""
    world = debited()
    notice(world, "refunded", refunded=OWED)
    assert (world.debit.state, world.bill.owed_fen) == ("paid", OWED)


def test_a_paid_order_ignores_a_late_wait():
    """LATE: answered with success, nothing posted."""
    decision = notice(debited(state="paid"), "waiting")
    assert outcome(decision) == ("LATE", "LATE")
    assert not decision.record.events


def test_the_first_notice_after_a_paid_result_confirms_and_moves_nothing():
    """It is no duplicate of an outside message, so it is not counted as one."""
    decision = notice(debited(state="paid"), "paid")
    assert outcome(decision) == ("RECORDED", "")
    assert not moved(decision)


def test_a_resent_notice_is_a_duplicate():
    """The same notify_id again: DUPLICATE, the same answer."""
    world = debited()
    first = ReceiveNotice("alipay", world.debit.order_no, "paid", OWED, "n1", "T1")
    world.send(first, interface="alipay", named="n1")
    again = world.send(first, interface="alipay", named="n1")
    assert again.record.outcome == "DUPLICATE"
    assert not world.reply.refused
    assert world.reply.result == {"order_no": world.debit.order_no}


def test_a_paid_order_said_to_be_closed_is_asked_about_and_frozen_if_confirmed():
    """Query; an incident only if the gateway confirms."""
    world = debited(state="paid")
    decision = notice(world, "closed")
    assert not decision.quarantine
    confirmed = world.answer(world.query_errands[-1], status="closed")
    assert [letter.interface for letter in confirmed.quarantine] == ["incident.money"]
    assert world.bill.frozen == "CLOSED_AFTER_PAID"


def test_a_paid_order_said_to_be_closed_is_believed_paid_if_the_query_says_so():
    """The doubt is settled and nothing is frozen."""
    world = debited(state="paid")
    notice(world, "closed")
    assert outcome(world.answer(world.query_errands[-1])) == ("RECORDED", "")
    assert not world.bill.frozen
    assert not world.debit.doubt


def test_a_cumulative_refund_posts_only_what_is_new():
    """30.00, then 30.00 again, then 50.00, then 40.00 late: 30.00 and 20.00 are posted."""
    world = debited(state="paid")
    sums = []
    for said in (3_000, 3_000, 5_000, 4_000):
        decision = notice(world, "paid", refunded=said)
        sums.append(sum(e.amount_fen for e in decision.record.events if isinstance(e, ChannelRefunded)))
    assert sums == [3_000, 0, 2_000, 0]


@pytest.mark.parametrize("state", ["part", "refunded", "finished"])
def test_later_states_ignore_a_late_wait_and_a_repeated_success(state):
    """Nothing moves backwards."""
    world = debited(state=state)
    assert outcome(notice(world, "waiting"))[0] == "LATE"
    assert not moved(notice(world, "paid"))


def test_a_refund_above_what_was_paid_freezes_the_bill():
    """REFUND_EXCEEDS, an incident, 409."""
    world = debited(state="paid")
    decision = notice(world, "paid", refunded=OWED + 1)
    assert outcome(decision) == ("REFUSED", "REFUND_EXCEEDS")
    assert [letter.interface for letter in decision.quarantine] == ["incident.money"]
    assert world.bill.frozen == "REFUND_EXCEEDS"
    assert not moved(decision)


def test_money_after_a_failure_is_asked_about_and_goes_back():
    """PAID_AFTER_CLOSE: incident, query, refund; the bill is still owed and debited no more by this number."""
    world = debited(state="failed")
    decision = notice(world, "paid")
    assert outcome(decision) == ("RECORDED", "PAID_AFTER_CLOSE")
    assert not world.reply.refused
    assert [letter.reason for letter in decision.quarantine] == ["PAID_AFTER_CLOSE"]
    confirmed = world.answer(world.query_errands[-1])
    assert any(isinstance(e, LatePaymentReceived) for e in confirmed.record.events)
    (refund,) = world.refund_errands
    assert (refund.amount_fen, refund.order_no) == (OWED, world.debit.order_no)
    assert world.bill.owed_fen == OWED
    world.answer(refund, status="refunded")
    assert world.state.core.refundable_fen == 0


def test_money_after_a_failure_that_the_gateway_denies_stays_where_it_is():
    """The query says closed: nothing is refunded."""
    world = debited(state="failed")
    notice(world, "paid")
    world.answer(world.query_errands[-1], status="closed")
    assert not world.refund_errands
    assert not world.debit.doubt


def test_a_closed_notice_after_a_failure_confirms_it():
    """Duplicate cell: nothing posted."""
    decision = notice(debited(state="failed"), "closed")
    assert outcome(decision) == ("RECORDED", "")
    assert not decision.record.events


def test_an_unknown_order_is_an_incident_and_makes_no_account():
    """ORDER_UNKNOWN; the repeat is a duplicate, so there is one incident."""
    world = World()
    first = notice_of(world, world.state.core.account + "D00001")
    assert outcome(first) == ("REFUSED", "ORDER_UNKNOWN")
    again = notice_of(world, world.state.core.account + "D00001")
    assert again.record.outcome == "DUPLICATE"
    assert not again.quarantine
    assert (world.reply.refused, world.reply.code) == (True, "ORDER_UNKNOWN")


def notice_of(world, order):
    """Send the same notice about any order."""
    body = ReceiveNotice("unionpay", order, "paid", 100, "n1")
    return world.send(body, interface="unionpay", named="n1")


def test_another_amount_freezes_the_bill_and_a_query_decides():
    """AMOUNT_MISMATCH: nothing is paid by the notice; the query's own word pays, the bill stays frozen."""
    world = debited()
    decision = notice(world, "paid", amount=OWED + 1)
    assert outcome(decision) == ("REFUSED", "AMOUNT_MISMATCH")
    assert decision.record.parameters == {"sent": "100.01", "expected": "100.00"}
    assert [letter.interface for letter in decision.quarantine] == ["incident.money"]
    assert world.bill.frozen == "AMOUNT_MISMATCH"
    assert not moved(decision)
    assert outcome(world.answer(world.query_errands[-1])) == ("POSTED", "")
    assert world.bill.frozen


def test_a_frozen_bill_is_not_debited_again():
    """No debit until a person decides."""
    world = debited()
    notice(world, "paid", amount=OWED + 1)
    world.answer(world.query_errands[-1], status="failed", cause="nsf")
    world.move(city=5 * DAY, wall=DAY)
    assert len(world.debit_errands) == 1


def reversed_after_payment(channel="alipay"):
    """Return a world where 40.00 of a paid 100.00 came back as a refund on its way."""
    world = debited(channel=channel, state="paid")
    world.send(charge(line("K1", 4_000, kind="credit", reverses="F1"), at=world.city))
    return world


def test_a_reversal_of_a_paid_charge_refunds_through_its_gateway():
    """One refund errand under a number of its own; a repeat of the answer moves nothing."""
    world = reversed_after_payment()
    (refund,) = world.refund_errands
    assert (refund.amount_fen, refund.trade_no, refund.query) == (4_000, world.debit.trade_no, False)
    assert world.agreement.used_fen == 0
    assert outcome(world.answer(refund, status="refunded")) == ("POSTED", "")
    assert outcome(world.answer(refund, status="refunded", gateway_code="again")) == ("RESULT_REPEATED", "")


def test_an_unknown_refund_is_asked_about_under_its_number():
    """Query ladder of refunds, never a second refund."""
    world = reversed_after_payment()
    world.answer(status="unknown")
    world.move(wall=10 * SECOND)
    first, asked = world.refund_errands
    assert (asked.query, asked.refund_no) == (True, first.refund_no)
    world.answer(asked, status="refunded")
    world.move(wall=DAY)
    assert len(world.refund_errands) == 2


def test_a_refused_refund_becomes_the_persons_balance():
    """The money is not lost: it waits for a person."""
    world = reversed_after_payment()
    world.answer(status="refund_failed", gateway_code="36")
    assert world.state.core.refundable_fen == 4_000


def test_our_own_refund_is_proven_by_a_cumulative_notice():
    """The notice settles the refund we asked for; nothing is owed again."""
    world = reversed_after_payment()
    decision = notice(world, "paid", refunded=4_000)
    assert any(isinstance(e, RefundSettled) for e in decision.record.events)
    assert not world.bill.frozen


def test_a_unionpay_refund_notice_names_the_refund():
    """It carries the refund's own number."""
    world = reversed_after_payment("unionpay")
    body = ReceiveNotice("unionpay", world.refund_errands[0].refund_no, "refunded", 4_000, "r1", refund_no="x")
    assert outcome(world.send(body, interface="unionpay")) == ("POSTED", "")


def test_a_reversal_while_debiting_waits_for_the_result():
    """Paid: the money goes back. Failed: the debt shrinks."""
    for status, refunds, owed in (("paid", 1, 0), ("failed", 0, 6_000)):
        world = debited()
        world.send(charge(line("K1", 4_000, kind="credit", reverses="F1"), at=world.city))
        assert (world.bill.amount_fen, world.bill.reduction_waiting_fen) == (OWED, 4_000)
        about = {"cause": "card"} if status == "failed" else {}
        world.answer(world.debit_errands[0], status=status, **about)
        assert len(world.refund_errands) == refunds
        assert (world.bill.owed_fen, world.bill.reduction_waiting_fen) == (owed, 0)


def test_refunds_go_to_the_newest_payment_first():
    """Counter 60.00, then gateway 40.00: a refund of 50.00 takes 40.00 from the gateway and 10.00 to the balance."""
    from schemas.commands import RecordRepayment

    world = World()
    world.enrol(200_000)
    world.send(charge(line("F1", OWED)))
    world.close()
    world.send(RecordRepayment(world.city, 6_000), interface="api")
    world.move(city=72 * HOUR)
    world.answer()
    world.send(charge(line("K1", 5_000, kind="credit", reverses="F1"), at=world.city))
    assert [refund.amount_fen for refund in world.refund_errands] == [4_000]
    assert world.state.core.refundable_fen == 1_000


def test_a_refund_that_never_came_to_exist_is_sent_again_under_its_number():
    """NOT_EXIST to the query, and a call that was not made: same number, same amount."""
    world = reversed_after_payment()
    world.answer(status="unknown")
    world.move(wall=10 * SECOND)
    world.answer(world.refund_errands[-1], status="not_exist")
    world.move(wall=20 * SECOND)
    first, asked, again = world.refund_errands
    assert (asked.query, again.query) == (True, False)
    assert (again.refund_no, again.amount_fen) == (first.refund_no, first.amount_fen)
    assert outcome(world.answer(again, status="refunded")) == ("POSTED", "")


def test_a_unionpay_refund_we_never_asked_for_is_owed_again():
    """It names the debit by its trade number; a sum above the debit freezes the bill."""
    world = debited(channel="unionpay", state="paid")
    body = ReceiveNotice("unionpay", "X" * 26 + "R00009", "refunded", 4_000, "r1", world.debit.trade_no)
    decision = world.send(body, interface="unionpay")
    assert outcome(decision) == ("POSTED", "")
    assert (world.bill.owed_fen, world.bill.frozen) == (4_000, "REFUND_FOREIGN")
    more = ReceiveNotice("unionpay", "X" * 26 + "R00010", "refunded", 6_001, "r2", world.debit.trade_no)
    assert outcome(world.send(more, interface="unionpay")) == ("REFUSED", "REFUND_EXCEEDS")


def test_a_query_that_finds_the_trade_refunded_books_both():
    """Paid and given back at the channel: the money is owed again."""
    world = debited(state="unknown")
    world.move(wall=2 * SECOND)
    decision = world.answer(world.query_errands[-1], status="refunded", amount_fen=OWED)
    assert outcome(decision) == ("POSTED", "")
    assert world.bill.owed_fen == OWED


def test_a_frozen_bill_is_not_marked_overdue():
    """Our doubt is not the person's arrears."""
    world = debited()
    notice(world, "paid", amount=OWED + 1)
    world.answer(world.query_errands[-1], status="failed", cause="card")
    world.move(city=30 * DAY)
    assert world.bill.term_passed
    assert not world.bill.overdue_since
    assert not world.state.core.suspended


def test_a_frozen_bill_is_only_asked_about_when_a_technical_retry_comes_due():
    """No call that could move money."""
    world = debited()
    world.answer(status="failed", cause="not_executed_same_number")
    notice(world, "paid", amount=OWED + 1)
    before = len(world.query_errands)
    world.move(wall=66 * SECOND)
    assert len(world.debit_errands) == 1
    assert len(world.query_errands) > before


def test_a_query_that_could_not_be_made_is_asked_again_and_debits_nothing():
    """The courier's word about a query is no word about the debit."""
    world = debited(state="unknown")
    world.move(wall=2 * SECOND)
    world.answer(world.query_errands[-1], status="failed", cause="not_executed_same_number")
    world.move(wall=2 * 60 * SECOND)
    assert len(world.debit_errands) == 1
    assert len(world.query_errands) == 2


def test_money_after_a_failure_that_already_went_back_is_not_sent_back_again():
    """The query finds the trade paid and wholly refunded by the channel: nothing moves."""
    world = debited(state="failed")
    notice(world, "refunded", refunded=OWED)
    decision = world.answer(world.query_errands[-1], status="refunded", amount_fen=OWED)
    assert outcome(decision) == ("RECORDED", "")
    assert not world.refund_errands
    assert not moved(decision)
    assert not world.debit.doubt

"""What a call brought back, compared with the order before any money is booked (architecture 12, domain 15.5)."""

import pytest
from domain_world import DAY, HOUR, MINUTE, SECOND, World, charge, line

from schemas.commands import ReceiveNotice, RecordGatewayResult, RecordRepayment, RefundBalance
from schemas.events import BillFrozen, DebitPaid, LatePaymentReceived, RefundStarted

OWED = 10_000


def debiting(channel="alipay"):
    """Return a world whose bill of 100.00 is being debited."""
    world = World()
    world.enrol(200_000, channel=channel)
    world.send(charge(line("F1", OWED)))
    world.close()
    world.move(city=72 * HOUR)
    return world


def notice(world, status, amount=OWED, refunded=None):
    """Send a verified notice about the newest order."""
    body = ReceiveNotice("alipay", world.debit.order_no, status, amount, f"notice-{len(world.ledger)}", "T1", refunded)
    return world.send(body, interface="alipay")


def late():
    """Return a world in which the money of a failed order came after all."""
    world = debiting()
    errand = world.debit_errands[-1]
    world.answer(errand, "failed", cause="card")
    decision = world.answer(errand, trade_no="T9")
    return world, decision


def all_of(world, kind):
    """Return every event of a kind so far."""
    return [event for record in world.ledger for event in record.events if isinstance(event, kind)]


@pytest.mark.parametrize("said", [OWED - 1, OWED + 1])
def test_a_success_over_another_amount_is_no_money(said):
    """99.99 or 100.01 for an order of 100.00: frozen, before a person, asked again; nothing is booked."""
    world = debiting()
    decision = world.answer(world.debit_errands[-1], amount_fen=said)
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", "AMOUNT_MISMATCH")
    assert [letter.interface for letter in decision.quarantine] == ["incident.money"]
    assert (decision.record.journal, world.bill.paid_fen, world.agreement.used_fen) == ((), 0, OWED)
    assert (world.bill.frozen, world.debit.doubt, len(world.query_errands)) == ("AMOUNT_MISMATCH", "amount", 1)


def test_a_second_word_over_another_amount_freezes_and_asks_no_second_time():
    """The bill is frozen once, one question is under way."""
    world = debiting()
    world.answer(world.debit_errands[-1], amount_fen=1)
    world.answer(world.debit_errands[-1], amount_fen=2)
    assert (len(all_of(world, BillFrozen)), len(world.query_errands)) == (1, 1)


def test_the_query_decides_what_a_doubted_order_brought():
    """It says 100.00: booked once, the doubt is gone, and the same word again is a repeat."""
    world = debiting()
    world.answer(world.debit_errands[-1], amount_fen=1)
    assert world.answer(world.query_errands[-1]).record.outcome == "POSTED"
    assert (world.debit.state, world.debit.doubt, world.bill.owed_fen) == ("paid", "", 0)
    assert world.answer(world.debit_errands[-1]).record.outcome == "RESULT_REPEATED"
    assert len(all_of(world, DebitPaid)) == 1


def test_a_doubted_order_that_failed_after_all_is_free_of_its_doubt():
    """The query says that it failed: the order ends, nothing was paid, the bill stays frozen for a person."""
    world = debiting()
    world.answer(world.debit_errands[-1], amount_fen=1)
    world.answer(world.query_errands[-1], "failed", cause="card")
    assert (world.debit.state, world.debit.doubt) == ("failed", "")
    assert (world.bill.owed_fen, world.bill.frozen) == (OWED, "AMOUNT_MISMATCH")


def test_a_doubt_about_a_failed_order_is_asked_until_the_gateway_knows():
    """It was said to be paid after its failure; waiting and unknown are no answer, an hour later it is asked again."""
    world = debiting()
    world.answer(status="failed", cause="card")
    notice(world, "paid")
    hour = world.policies.ladders.queries("alipay").waits_ms[-1]
    for asked, word in ((1, "waiting"), (2, "unknown")):
        assert len(world.query_errands) == asked
        world.answer(world.query_errands[-1], word)
        assert world.debit.doubt == "paid"
        world.move(wall=hour - 1)
        assert len(world.query_errands) == asked
        world.move(wall=1)
    world.answer(world.query_errands[-1], "closed")
    assert (world.debit.doubt, world.bill.frozen) == ("", "")
    world.move(wall=DAY)
    assert len(world.query_errands) == 3


@pytest.mark.parametrize("operation", ["debit", "query", "refund", "refund_query"])
def test_a_result_of_an_order_that_was_never_made_is_an_incident(operation):
    """ORDER_UNKNOWN before a person; no money moves, whatever it says."""
    world = debiting()
    body = RecordGatewayResult("E1", operation, "alipay", "D-none", "paid", world.wall, amount_fen=OWED, refund_no="R9")
    decision = world.send(body, interface="courier")
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", "ORDER_UNKNOWN")
    assert [letter.interface for letter in decision.quarantine] == ["incident.money"]
    assert not decision.record.journal


def test_money_of_a_failed_order_goes_back_whole_and_before_a_person():
    """It pays no bill; all of it is on its way back under the order that brought it, with its trade number."""
    world, decision = late()
    assert (decision.record.outcome, decision.record.reason) == ("POSTED", "PAID_AFTER_CLOSE")
    assert [(letter.interface, letter.reason) for letter in decision.quarantine] == [
        ("incident.money", "PAID_AFTER_CLOSE")
    ]
    (errand,) = world.refund_errands
    assert (errand.amount_fen, errand.order_no, errand.trade_no) == (OWED, world.debit.order_no, "T9")
    assert (world.bill.owed_fen, world.state.core.refundable_fen) == (OWED, 0)
    assert (world.debit.late, world.debit.doubt, world.debit.refunded_fen) == (True, "", OWED)


@pytest.mark.parametrize("amount", [OWED, None])
def test_late_money_that_is_said_again_is_not_sent_back_again(amount):
    """With or without an amount: one payment, one refund."""
    world, _ = late()
    again = world.answer(world.debit_errands[-1], trade_no="T9", amount_fen=amount, gateway_code="again")
    assert again.record.outcome == "RESULT_REPEATED"
    assert (len(all_of(world, LatePaymentReceived)), len(world.refund_errands)) == (1, 1)


def test_of_late_money_only_what_did_not_go_back_already_is_sent():
    """Paid after its failure and 30.00 refunded by the channel: 70.00 are sent; refused, 70.00 are balance."""
    world = debiting()
    world.answer(world.debit_errands[-1], "failed", cause="card")
    decision = world.answer(world.debit_errands[-1], refunded_fen=3_000)
    assert [errand.amount_fen for errand in world.refund_errands] == [7_000]
    assert {letter.reason for letter in decision.quarantine} == {"PAID_AFTER_CLOSE", "REFUND_FOREIGN"}
    assert (world.state.core.refundable_fen, world.balances["clearing/alipay"]) == (0, 7_000)
    world.answer(world.refund_errands[-1], "failed", cause="refund_refused")
    assert world.state.core.refundable_fen == 7_000


def test_a_live_order_said_to_be_refunded_brought_its_money_and_lost_what_went_back():
    """Refunded without a sum is all of it, with a sum that much: owed again, and before a person."""
    for said, owed in ((None, OWED), (3_000, 3_000)):
        world = debiting()
        decision = world.answer(world.debit_errands[-1], "refunded", refunded_fen=said, amount_fen=OWED)
        assert (decision.record.outcome, world.debit.state) == ("POSTED", "paid")
        assert (world.bill.owed_fen, world.agreement.used_fen) == (owed, owed)
        assert world.bill.frozen == "REFUND_FOREIGN"


def test_a_refund_said_again_with_the_payment_moves_what_is_new_of_it():
    """Paid; then 30.00 went back, then 45.00 in all: 15.00 more are owed, the code says that money moved."""
    world = debiting()
    world.answer()
    moved = [world.answer(world.debit_errands[-1], refunded_fen=fen).record.outcome for fen in (3_000, 4_500, 4_500)]
    assert moved == ["POSTED", "POSTED", "RESULT_REPEATED"]
    assert world.bill.owed_fen == 4_500


def test_late_money_whose_refund_was_refused_goes_back_by_its_own_order_when_asked():
    """The refused refund is balance; paying it out goes through the order that brought it."""
    world, _ = late()
    world.answer(world.refund_errands[-1], "failed", cause="refund_refused")
    assert world.state.core.refundable_fen == OWED
    decision = world.send(RefundBalance(world.city, OWED), interface="api")
    (started,) = [event for event in decision.record.events if isinstance(event, RefundStarted)]
    assert (started.order_no, started.trade_no, started.from_balance) == (world.debit.order_no, "T9", True)


def test_payments_by_debit_by_counter_and_late_have_numbers_of_their_own():
    """No payment stands under another's number: each keeps its amount (domain 15.5)."""
    world = debiting()
    world.answer(world.debit_errands[-1], "failed", cause="nsf")
    world.answer(world.debit_errands[0])
    world.send(RecordRepayment(world.city, 4_000), interface="api")
    world.move(city=DAY)
    world.answer(world.debit_errands[-1])
    world.send(RecordRepayment(world.city, 500), interface="api")
    assert [payment.amount_fen for payment in world.state.core.payments.values()] == [OWED, 4_000, 6_000, 500]


def test_a_finished_order_gives_nothing_back_through_its_gateway():
    """After TRADE_FINISHED a reversal is the person's balance, and leaves it by hand (protocols 5.2)."""
    world = debiting()
    world.answer()
    notice(world, "finished")
    world.send(charge(line("K1", 4_000, "credit", reverses="F1")))
    assert (world.refund_errands, world.state.core.refundable_fen) == ([], 4_000)
    world.send(RefundBalance(world.city, 4_000, "slip-1"), interface="api")
    assert (world.refund_errands, world.state.core.refundable_fen) == ([], 0)


def test_a_technical_failure_is_asked_about_at_once_and_tried_again_in_a_minute():
    """The question may find that the call arrived after all (protocols 6.3)."""
    world = debiting("unionpay")
    world.answer(world.debit_errands[-1], "failed", cause="technical")
    assert [errand.order_no for errand in world.query_errands] == [world.debit.order_no]
    world.move(wall=MINUTE + MINUTE // 10)
    assert [errand.order_no for errand in world.debit_errands] == [world.debit.order_no] * 2


def test_a_question_that_is_never_answered_is_asked_again():
    """Its guard is the hour or the end of the number's life, whichever comes first; never silence."""
    world = debiting()
    world.answer(status="unknown")
    world.move(wall=2 * SECOND)
    assert len(world.query_errands) == 1
    world.move(wall=HOUR - 1)
    assert len(world.query_errands) == 1
    world.move(wall=1)
    assert len(world.query_errands) == 2


def test_a_visit_is_not_archived_before_its_refund_arrived():
    """Paid, reversed, the refund is under way for a year: the visit stays; 180 days after it arrived it goes."""
    world = debiting()
    world.answer()
    world.send(charge(line("K1", OWED, "credit", reverses="F1")))
    world.move(city=360 * DAY)
    assert world.state.encounters
    world.answer(world.refund_errands[-1], "refunded")
    world.move(city=180 * DAY - 1)
    assert world.state.encounters
    world.move(city=1)
    assert not world.state.encounters


@pytest.mark.parametrize(
    ("first", "then", "code"),
    [
        ("failed", "failed", "RESULT_REPEATED"),
        ("failed", "closed", "RESULT_REPEATED"),
        ("failed", "waiting", "LATE"),
        ("failed", "not_exist", "LATE"),
        ("paid", "failed", "LATE"),
        ("paid", "closed", "LATE"),
    ],
)
def test_a_word_that_was_overtaken_moves_nothing(first, then, code):
    """The same final word again is a repeat, any other is late."""
    world = debiting()
    cause = {"cause": "card"} if first == "failed" else {}
    world.answer(world.debit_errands[-1], first, **cause)
    before = (world.debit, world.bill)
    decision = world.answer(world.debit_errands[-1], then, cause="card", gateway_code="again")
    assert (decision.record.outcome, decision.record.journal) == (code, ())
    assert (world.debit, world.bill) == before


def test_a_paid_order_said_to_be_paid_without_an_amount_is_a_repeat():
    """What is booked needs no second comparison."""
    world = debiting()
    world.answer()
    assert world.answer(world.debit_errands[-1], amount_fen=None, gateway_code="x").record.outcome == "RESULT_REPEATED"


def test_a_success_without_an_amount_after_a_failure_is_asked_about_in_an_hour():
    """Nothing is booked and nothing goes back before a query names the amount."""
    world = debiting()
    world.answer(world.debit_errands[-1], "failed", cause="card")
    world.answer(world.debit_errands[-1], amount_fen=None)
    assert (world.debit.doubt, world.refund_errands) == ("paid", [])
    world.move(wall=HOUR - 1)
    assert not world.query_errands
    world.move(wall=1)
    assert len(world.query_errands) == 1


def test_a_word_of_the_courier_alone_is_not_asked_about():
    """The call never left: there is nothing to ask; the number is tried again in a minute."""
    world = debiting()
    world.answer(world.debit_errands[-1], "failed", cause="not_executed_same_number")
    assert not world.query_errands


def test_an_order_that_does_not_exist_yet_waits_for_its_planned_retry():
    """The question after a technical failure found nothing: no ladder of questions, the retry comes first."""
    world = debiting()
    world.answer(world.debit_errands[-1], "failed", cause="technical")
    decision = world.answer(world.query_errands[-1], "not_exist")
    assert (decision.record.outcome, decision.record.events) == ("RECORDED", ())
    world.move(wall=MINUTE + MINUTE // 10)
    assert (len(world.query_errands), len(world.debit_errands)) == (1, 2)


@pytest.mark.parametrize("cause", ["technical", "not_executed_same_number"])
def test_a_refund_that_failed_technically_is_nobodys_balance_yet(cause):
    """It is asked about or sent again under its number; only a final refusal gives the money to the person."""
    world = debiting()
    world.answer()
    world.send(charge(line("K1", 4_000, "credit", reverses="F1")))
    world.answer(world.refund_errands[-1], "failed", cause=cause)
    assert world.state.core.refundable_fen == 0
    world.move(wall=10 * SECOND)
    first, second = world.refund_errands
    assert (second.refund_no, second.amount_fen) == (first.refund_no, 4_000)
    assert second.query == (cause == "technical")


def two_refunds():
    """Return a world with refunds of 20.00 and 30.00 of one order on their way."""
    world = debiting()
    world.answer()
    world.send(charge(line("K1", 2_000, "credit", reverses="F1")))
    world.send(charge(line("K2", 3_000, "credit", reverses="F1")))
    return world


@pytest.mark.parametrize(("said", "settled"), [(1_999, 0), (2_000, 1), (4_999, 1), (5_000, 2)])
def test_a_cumulative_sum_proves_as_many_refunds_as_it_covers(said, settled):
    """20.00 and 30.00 are under way: 49.99 prove the first only, 50.00 both; nothing of it is foreign."""
    world = two_refunds()
    notice(world, "paid", refunded=said)
    assert [refund.state == "settled" for refund in world.state.core.refunds.values()].count(True) == settled
    assert (world.bill.owed_fen, world.bill.frozen) == (0, "")


def test_what_a_cumulative_sum_says_beyond_our_refunds_is_foreign_and_before_a_person():
    """50.00 are ours, 60.00 went back: 10.00 are owed again, the bill is frozen."""
    world = two_refunds()
    notice(world, "paid", refunded=5_000)
    decision = notice(world, "paid", refunded=6_000)
    assert (decision.record.outcome, world.bill.owed_fen, world.bill.frozen) == ("POSTED", 1_000, "REFUND_FOREIGN")
    assert [(letter.interface, letter.parameters) for letter in decision.quarantine] == [
        ("incident.money", {"order": world.debit.order_no})
    ]


def test_one_fen_beyond_our_refunds_is_foreign_too():
    """The least sum counts."""
    world = two_refunds()
    notice(world, "paid", refunded=5_001)
    assert (world.bill.owed_fen, world.bill.frozen) == (1, "REFUND_FOREIGN")


def test_a_refund_that_its_own_notice_proved_is_settled_once():
    """UnionPay names the refund; the second notice moves nothing, and the visit is archived in the end."""
    world = debiting("unionpay")
    world.answer()
    world.send(charge(line("K1", OWED, "credit", reverses="F1")))
    number = world.refund_errands[-1].refund_no
    for serial, code in (("n1", "POSTED"), ("n2", "RECORDED")):
        body = ReceiveNotice("unionpay", number, "refunded", OWED, serial)
        decision = world.send(body, interface="unionpay")
        assert (decision.record.outcome, bool(decision.record.journal)) == (code, code == "POSTED")
    world.move(city=180 * DAY)
    assert not world.state.encounters


def test_a_refund_of_one_order_is_not_proven_by_anothers_sum():
    """Two bills were debited, both give 20.00 back; what one order returned settles its own refund only."""
    world = debiting()
    world.answer()
    world.send(charge(line("G1", OWED), visit="V2", at=world.city))
    world.close("V2")
    world.move(city=72 * HOUR)
    world.answer()
    world.send(charge(line("K1", 2_000, "credit", reverses="F1")))
    world.send(charge(line("K2", 2_000, "credit", reverses="G1"), visit="V2"))
    notice(world, "paid", refunded=2_000)
    refunds = {refund.order_no: refund.state for refund in world.state.core.refunds.values()}
    assert (refunds[world.debit.order_no], sorted(refunds.values())) == ("settled", ["sent", "settled"])

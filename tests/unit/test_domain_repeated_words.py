"""Words of gateways and people that come again, or late: money moves once and every question ends (domain 6, 7)."""

import pytest
from domain_world import DAY, HOUR, SECOND, A, World, charge, line

from schemas.commands import FreezeBill, RecordRepayment, RecordVisit, RefundBalance, UnfreezeBill
from schemas.events import BillOverdue, Blacklisted, DebitStarted, OverdueRecorded, RefundFailed

OUTSIDE = {"auto_debit", "debit_retry", "debit_query", "refund_query", "term", "fee", "overdue", "reminder"}


def owing(fen=10_000, channel="alipay"):
    """Return a world in which one visit closed with this much on credit."""
    world = World()
    world.enrol(200_000, channel=channel)
    world.send(charge(line("F1", fen)))
    world.close()
    return world


def debited(fen=10_000):
    """Return a world whose bill is being debited."""
    world = owing(fen)
    world.move(city=72 * HOUR)
    return world


def refunding(fen=4_000):
    """Return a world in which this much of a debited bill is on its way back through the gateway."""
    world = debited()
    world.answer()
    world.send(charge(line("K1", fen, "credit", reverses="F1")))
    return world


def all_of(world, kind):
    """Return every event of a kind so far."""
    return [event for record in world.ledger for event in record.events if isinstance(event, kind)]


def timers_of(world, *kinds):
    """Return the armed timers of these kinds."""
    return [key for key in world.state.core.timers if key.partition("|")[0] in kinds]


def test_a_refund_that_failed_is_the_persons_once_however_often_it_is_said():
    """Refused by the call, and refused again by a query: 40.00 of balance, not 80.00; nobody is asked any more."""
    world = refunding()
    world.answer(world.refund_errands[-1], "failed", cause="refund_refused")
    again = world.answer(world.refund_errands[-1], "refund_failed", cause="refund_refused", gateway_code="again")
    assert again.record.outcome == "RESULT_REPEATED"
    assert (world.state.core.refundable_fen, len(all_of(world, RefundFailed))) == (4_000, 1)
    assert not timers_of(world, "refund_query")
    world.move(wall=DAY)
    assert len(world.refund_errands) == 1


def test_a_refund_that_arrived_is_never_the_persons_balance_as_well():
    """Settled, and then a late refusal of the same number: the money is where it arrived."""
    world = refunding()
    world.answer(world.refund_errands[-1], "refunded")
    late = world.answer(world.refund_errands[-1], "refund_failed", cause="refund_refused")
    assert late.record.outcome == "RESULT_REPEATED"
    assert (world.state.core.refundable_fen, world.balances["clearing/alipay"]) == (0, 6_000)


def test_a_refund_in_doubt_is_asked_about_along_its_ladder():
    """After 10, 20, 30 s and then every five minutes, each wait counted from the answer before (protocols 5.3)."""
    world = refunding()
    waits = []
    for _ in range(5):
        world.answer(world.refund_errands[-1], "unknown")
        asked, before = len(world.refund_errands), world.wall
        while len(world.refund_errands) == asked:
            world.move(wall=SECOND)
        waits.append((world.wall - before) // SECOND)
    assert waits == [10, 20, 30, 300, 300]


def test_a_refund_that_does_not_exist_is_sent_again_once_and_then_asked_about():
    """NOT_EXIST to the question: the same number and amount leave again; unheard, the next step is a question."""
    world = refunding()
    world.answer(world.refund_errands[-1], "unknown")
    world.move(wall=10 * SECOND)
    world.answer(world.refund_errands[-1], "not_exist")
    world.move(wall=20 * SECOND)
    assert [errand.query for errand in world.refund_errands] == [False, True, False]
    world.move(wall=world.policies.ladders.refund_queries.waits_ms[-1])
    assert [errand.query for errand in world.refund_errands] == [False, True, False, True]
    assert {(errand.refund_no, errand.amount_fen) for errand in world.refund_errands} == {
        (world.refund_errands[0].refund_no, 4_000)
    }


def test_a_later_payment_waits_for_what_the_next_debit_is_about():
    """60 waited and paid when the first debit failed; during the second, of 100 more only the 40 still owed wait."""
    world = debited()
    world.send(RecordRepayment(world.city, 6_000), interface="api")
    world.answer(world.debit_errands[-1], "failed", cause="nsf")
    world.move(city=DAY)
    assert world.debit_errands[-1].amount_fen == 4_000
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    above = world.send(RefundBalance(world.city, 6_001), interface="api")
    assert above.record.parameters == {"asked": "60.01", "left": "60.00"}
    world.answer(world.debit_errands[-1], "failed", cause="card")
    assert (world.bill.owed_fen, world.state.core.refundable_fen) == (0, 6_000)


def test_a_repayment_that_is_sent_again_gets_the_answer_of_its_first_time():
    """It waited for a debit and was applied since: the stored answer still says that it waited (architecture 4)."""
    world = debited()
    body = RecordRepayment(world.city, 10_000, receipt_no="R1")
    world.send(body, named="repayment-1", interface="api")
    first = world.reply.result
    world.answer(world.debit_errands[-1], "failed", cause="nsf")
    assert world.bill.owed_fen == 0
    again = world.send(body, named="repayment-1", interface="api")
    assert (again.record.outcome, world.reply.result) == ("DUPLICATE", first)
    assert (first["applied"], first["refundable_fen"]) == ([], 10_000)


def test_a_bill_frozen_again_needs_two_people_again():
    """Wang and Li freed it once; frozen anew, Li's word alone is HELD."""
    world = owing()
    bill = world.bill.id
    world.send(FreezeBill(bill, world.city, "wang", "dispute"), interface="api")
    for author in ("wang", "li"):
        world.send(UnfreezeBill(bill, world.city, author, "agreed"), interface="api")
    world.send(FreezeBill(bill, world.city, "wang", "another dispute"), interface="api")
    assert world.send(UnfreezeBill(bill, world.city, "li", "agreed"), interface="api").record.outcome == "HELD"
    assert world.bill.frozen


def test_a_term_that_passed_during_a_debit_marks_the_bill_once():
    """Unknown beyond the term, then the channel's limit: overdue; the debit of the half that fails too adds no mark."""
    world = debited(40_000)
    world.answer(status="unknown")
    world.move(city=5 * DAY)
    assert world.bill.term_passed
    world.answer(world.debit_errands[-1], "failed", cause="limit")
    assert world.bill.overdue_since == world.bill.due_at
    world.move(city=1)
    assert [errand.amount_fen for errand in world.debit_errands] == [40_000, 20_000]
    world.answer(world.debit_errands[-1], "failed", cause="card")
    assert (len(all_of(world, BillOverdue)), len(all_of(world, OverdueRecorded))) == (1, 1)
    assert not all_of(world, Blacklisted)


def test_a_debit_that_succeeds_after_the_term_leaves_no_mark_for_a_later_failure():
    """Half of the bill arrives after the term passed: nothing is overdue by that; the rest is debited at once."""
    world = debited(40_000)
    world.answer(world.debit_errands[-1], "failed", cause="limit")
    world.move(city=1)
    world.answer(status="unknown")
    world.move(city=5 * DAY)
    assert world.bill.term_passed
    world.answer(world.debit_errands[-1])
    assert (world.bill.owed_fen, world.bill.term_passed) == (20_000, False)


def test_a_technical_retry_keeps_its_order_and_the_next_failure_counts_from_it():
    """The same number again is no new order: one order is in the state, its second call is its second try."""
    world = debited()
    world.answer(world.debit_errands[-1], "failed", cause="technical")
    world.move(wall=2 * 60 * SECOND)
    assert len(world.debit_errands) == 2
    assert (len(world.state.core.debits), world.debit.technical, world.debit.state) == (1, 1, "sent")
    assert [event.new_number for event in all_of(world, DebitStarted)] == [True, False]


@pytest.mark.parametrize("by", ["repayment", "reversal", "debit"])
def test_a_bill_on_which_nothing_is_owed_leaves_no_timer(by):
    """However it was settled: no debit, no term, no reminder and no fee wait for it."""
    world = owing() if by != "debit" else debited()
    if by == "repayment":
        world.send(RecordRepayment(world.city, 10_000), interface="api")
    elif by == "reversal":
        world.send(charge(line("K1", 10_000, "credit", reverses="F1")))
    else:
        world.answer()
    assert world.bill.owed_fen == 0
    assert not timers_of(world, *OUTSIDE)


def test_taking_back_a_supplementary_bill_leaves_the_charges_of_the_paid_one_alone():
    """100 were debited; a late 20 is taken back with the discharge and billed by the next: nobody owes 120 again."""
    world = debited()
    world.answer()
    world.send(charge(line("F2", 2_000)))
    assert world.bill.supplementary
    world.send(RecordVisit(A, "V1", "reopened", world.city))
    world.close()
    assert [(bill.amount_fen, bill.final) for bill in world.state.core.bills.values() if not bill.final] == [
        (10_000, ""),
        (2_000, ""),
    ]
    assert world.agreement.used_fen == 2_000


def test_only_what_calls_outside_waits_for_the_log_before_it_fires():
    """A timer that moves money by a call, or marks a bill, first hears what the log holds; a visit's own need not."""
    world = refunding()
    world.send(charge(line("G1", 9_000), visit="V2"))
    world.close("V2")
    world.send(charge(line("H1", 100), visit="V3"))
    world.move(city=72 * HOUR)
    world.answer(world.debit_errands[-1], "failed", cause="technical")
    alarms = {key.partition("|")[0]: (alarm.city, alarm.outside) for key, alarm in world.state.core.timers.items()}
    outside_by_city, outside_by_wall = (True, True), (False, True)
    assert alarms["term"] == outside_by_city
    assert {alarms[kind] for kind in ("debit_query", "debit_retry", "refund_query")} == {outside_by_wall}
    assert alarms["archive"] == (True, False)

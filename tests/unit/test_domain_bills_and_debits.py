"""From the close to the money: bill, debit at 72 hours, its failures, repayments, terms (domain 6 and 7)."""

import pytest
from domain_world import (
    CITY,
    DAY,
    EXAMPLE,
    EXAMPLES,
    HOUR,
    MINUTE,
    PLATFORM,
    SECOND,
    START,
    XIAMEN,
    A,
    World,
    charge,
    line,
    signing,
)

from hub.domain.clocks import at_hour, city_midnight
from hub.policies import Policies
from schemas.commands import (
    DepositPrepayment,
    FreezeBill,
    NoteAgreementEnd,
    RecordRepayment,
    RecordVisit,
    WithdrawAgreement,
)
from schemas.events import BillOverdue, DebitFailed, DebitPaid, DebitStarted, ResumePlanned


def owing(fen=10_000, channel="alipay", visit="V1", **about):
    """Return a world in which one visit closed with this much on credit."""
    world = World()
    world.enrol(200_000, channel=channel)
    world.send(charge(line("F1", fen), visit=visit, **about))
    world.close(visit)
    return world


def view(decision, tag):
    """Return the first view of a kind in the record."""
    return next(v for v in decision.record.after if type(v).__name__ == tag)


def test_the_close_issues_one_bill_of_the_credit_part():
    """Prepayment pays its part; the bill holds the credit, with both clocks."""
    world = World()
    world.enrol(50_000)
    world.send(DepositPrepayment(A, world.city, 4_000), interface="api")
    world.send(charge(line("F1", 10_000)))
    world.move(city=HOUR)
    decision = world.close()
    assert world.bill.amount_fen == 6_000
    assert world.bill.closed_at == world.city
    assert world.bill.debit_at == world.city + 72 * HOUR
    assert world.bill.due_at == world.city + 7 * DAY
    assert view(decision, "BillView").state == "issued"


def test_an_outpatient_visit_closes_after_twelve_idle_hours():
    """The idle rule closes it exactly twelve hours after it was last heard of."""
    world = World()
    world.enrol(50_000)
    world.send(charge(line("F1", 5_000)))
    world.move(city=3 * HOUR)
    world.send(charge(line("F2", 5_000)))
    assert not world.move(city=12 * HOUR - 1)
    fired = world.move(city=1)
    assert [d.record.source.kind for d in fired] == ["idle_close"]
    assert world.bill.amount_fen == 10_000
    assert world.bill.closed_at == START + 15 * HOUR


def test_a_stay_never_closes_by_itself():
    """An inpatient is discharged, however long nothing is heard."""
    world = World()
    world.enrol(50_000)
    world.send(charge(line("F1", 5_000), scene="inpatient"))
    world.move(city=90 * DAY)
    assert not world.state.core.bills


def test_a_visit_without_credit_gets_no_bill():
    """A bill of 0 fen is not issued."""
    world = World()
    world.send(charge(line("F1", 5_000)))
    world.close()
    assert not world.state.core.bills


@pytest.mark.parametrize("channel", ["alipay", "unionpay"])
def test_the_debit_leaves_exactly_72_hours_after_the_close_and_is_paid_once(channel):
    """One errand at +72 h through the person's channel; the result pays the bill and frees the line."""
    world = owing(channel=channel)
    assert not world.move(city=72 * HOUR - 1)
    world.move(city=1)
    (errand,) = world.debit_errands
    assert (errand.amount_fen, errand.channel, errand.attempt) == (10_000, channel, 1)
    assert errand.expires_wall_at == world.wall + world.policies.ladders.order_expiry_ms
    assert errand.not_after_wall_at <= errand.expires_wall_at
    decision = world.answer()
    assert decision.record.outcome == "POSTED"
    assert view(decision, "BillView").state == "paid"
    assert world.agreement.used_fen == 0
    assert world.answer().record.outcome == "RESULT_REPEATED"
    world.move(city=100 * DAY, wall=2 * DAY)
    assert len(world.debit_errands) == 1


def test_a_repayment_in_full_before_the_debit_prevents_it():
    """What the person repaid is not debited; the bill is paid and no timer of it is left."""
    world = owing()
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    world.move(city=30 * DAY)
    assert not world.debit_errands
    assert world.reply.result["refundable_fen"] == 0
    assert not [key for key in world.state.core.timers if "B" in key and "archive" not in key and "idle" not in key]


def test_a_part_repayment_leaves_the_rest_to_the_debit():
    """30 of 100 repaid: 70 are debited."""
    world = owing()
    world.send(RecordRepayment(world.city, 3_000), interface="api")
    world.move(city=72 * HOUR)
    assert world.debit_errands[0].amount_fen == 7_000
    world.answer()
    assert world.agreement.used_fen == 0


def test_repayments_go_to_the_oldest_bill_and_the_rest_becomes_a_balance():
    """Without a name the oldest bill comes first; an overpayment never vanishes."""
    world = owing(4_000, visit="V1")
    world.move(city=HOUR)
    world.send(charge(line("G1", 5_000), visit="V2"))
    world.close("V2")
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    assert [entry["amount_fen"] for entry in world.reply.result["applied"]] == [4_000, 5_000]
    assert world.reply.result["refundable_fen"] == world.state.core.refundable_fen == 1_000


def test_a_repayment_of_an_unknown_bill_is_refused():
    """BILL_UNKNOWN, nothing booked."""
    world = owing()
    decision = world.send(RecordRepayment(world.city, 100, bill="X"), interface="api")
    assert decision.record.reason == "BILL_UNKNOWN"
    assert not decision.record.journal


def test_a_payment_during_the_debit_waits_and_pays_if_it_fails():
    """Money that came while debiting is a refundable balance, applied when the debit fails."""
    world = owing()
    world.move(city=72 * HOUR)
    world.send(RecordRepayment(world.city, 10_000, bill=world.bill.id), interface="api")
    assert (world.bill.paid_fen, world.state.core.refundable_fen) == (0, 10_000)
    decision = world.answer(status="failed", cause="nsf")
    assert view(decision, "BillView").state == "paid"
    assert world.state.core.refundable_fen == 0
    world.move(city=10 * DAY)
    assert len(world.debit_errands) == 1


def test_a_payment_during_a_debit_that_succeeds_stays_refundable():
    """Nobody pays twice unseen: the counter's money is the person's balance."""
    world = owing()
    world.move(city=72 * HOUR)
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    world.answer()
    assert world.state.core.refundable_fen == 10_000
    assert world.bill.owed_fen == 0


def test_insufficient_funds_are_tried_three_times_on_later_days():
    """A new number each time, at ten in the morning of the next city days, then no more."""
    world = owing()
    world.move(city=72 * HOUR)
    for attempt in (1, 2, 3):
        assert len(world.debit_errands) == attempt
        decision = world.answer(status="failed", cause="nsf", gateway_code="BUYER_BALANCE_NOT_ENOUGH")
        failed = next(e for e in decision.record.events if isinstance(e, DebitFailed))
        planned = failed.retry_at
        assert planned == (at_hour(world.city, 1, 10) if attempt < 3 else 0)
        world.move(city=2 * DAY)
    assert len({errand.order_no for errand in world.debit_errands}) == 3


def test_a_debit_failed_twice_and_then_paid():
    """The third attempt pays; the bill was never overdue."""
    world = owing()
    world.move(city=72 * HOUR)
    world.answer(status="failed", cause="nsf")
    world.move(city=DAY)
    world.answer(status="failed", cause="limit")
    world.move(city=DAY)
    assert world.answer().record.outcome == "POSTED"
    assert not world.bill.overdue_since


@pytest.mark.parametrize("cause", ["agreement_dead", "card", "config"])
def test_a_dead_agreement_a_dead_card_and_our_own_fault_stop_the_debit(cause):
    """No retry; a dead agreement is never debited again."""
    world = owing()
    world.move(city=72 * HOUR)
    world.answer(status="failed", cause=cause)
    world.move(city=3 * DAY, wall=3 * DAY)
    assert len(world.debit_errands) == 1
    assert world.agreement.channel_ended == (cause == "agreement_dead")


def test_risk_is_tried_once_more_after_hours():
    """One retry, then no more."""
    world = owing()
    world.move(city=72 * HOUR)
    world.answer(status="failed", cause="risk")
    world.move(city=6 * HOUR)
    assert len(world.debit_errands) == 2
    world.answer(status="failed", cause="risk")
    world.move(city=3 * DAY)
    assert len(world.debit_errands) == 2


def test_a_channel_that_ended_its_agreement_is_not_debited():
    """The unsign notice comes before the debit: nothing leaves, the bill stays owed."""
    world = owing()
    end = NoteAgreementEnd("alipay", world.agreement.channel_agreement, "n1", world.city)
    world.send(end, interface="alipay")
    world.move(city=72 * HOUR)
    assert not world.debit_errands
    assert world.bill.owed_fen == 10_000


def test_technical_failures_repeat_the_same_number_after_1_5_30_and_120_minutes():
    """Each wait is up to a tenth longer; number, time and expiry are equal; afterwards only queries go out."""
    world = owing()
    world.move(city=72 * HOUR)
    first = world.debit_errands[0]
    for wait in (1, 5, 30, 120):
        world.answer(world.debit_errands[-1], status="failed", cause="technical")
        before = len(world.debit_errands)
        world.move(wall=wait * MINUTE - 1)
        assert len(world.debit_errands) == before
        world.move(wall=wait * MINUTE // 10 + 1)
        assert len(world.debit_errands) == before + 1
    same = {(e.order_no, e.txn_wall_at, e.expires_wall_at, e.amount_fen) for e in world.debit_errands}
    assert same == {(first.order_no, first.txn_wall_at, first.expires_wall_at, first.amount_fen)}
    assert len({e.id for e in world.debit_errands}) == 5
    world.answer(world.debit_errands[-1], status="failed", cause="technical")
    world.move(wall=DAY)
    assert len(world.debit_errands) == 5
    assert world.query_errands


def test_a_couriers_word_never_frees_an_order_number():
    """Expired, throttled or stopped before the call: the same number again."""
    world = owing()
    world.move(city=72 * HOUR)
    world.answer(status="failed", cause="not_executed_same_number")
    world.move(wall=MINUTE + MINUTE // 10)
    first, second = world.debit_errands
    assert first.order_no == second.order_no
    started = [e for r in world.ledger for e in r.events if isinstance(e, DebitStarted)]
    assert [e.new_number for e in started] == [True, False]


@pytest.mark.parametrize(
    ("channel", "seconds"), [("alipay", (2, 5, 10, 30, 60, 360)), ("unionpay", (1, 3, 7, 15, 31, 63))]
)
def test_an_unknown_outcome_is_asked_along_the_channels_ladder(channel, seconds):
    """Queries leave at the published instants, never a new number."""
    world = owing(channel=channel)
    world.move(city=72 * HOUR)
    start = world.wall
    world.answer(status="unknown")
    asked = []
    for _ in seconds:
        before = len(world.query_errands)
        while len(world.query_errands) == before:
            world.move(wall=SECOND)
        asked.append((world.wall - start) // SECOND)
        world.answer(world.query_errands[-1], status="waiting")
    assert tuple(asked) == seconds
    assert len(world.debit_errands) == 1


def test_an_unknown_debit_is_resolved_by_a_query():
    """UNKNOWN, then PAID by the query: one payment."""
    world = owing()
    world.move(city=72 * HOUR)
    decision = world.answer(status="unknown")
    assert view(decision, "DebitView").state == "unknown"
    world.move(wall=2 * SECOND)
    assert world.answer(world.query_errands[-1]).record.outcome == "POSTED"
    assert world.bill.owed_fen == 0
    # The first call's own late answer is heard too, and moves nothing.
    assert world.answer(world.debit_errands[0]).record.outcome == "RESULT_REPEATED"
    paid = [e for r in world.ledger for e in r.events if isinstance(e, DebitPaid)]
    assert len(paid) == 1


def test_not_exist_frees_a_number_only_later_than_expiry_and_five_minutes():
    """Before that instant the same number is asked again; after it a new one is made."""
    world = owing()
    world.move(city=72 * HOUR)
    errand = world.debit_errands[0]
    world.answer(status="unknown")
    free_at = errand.expires_wall_at + 5 * MINUTE
    world.move(wall=2 * SECOND)
    world.answer(world.query_errands[-1], status="not_exist", sent_at=free_at)
    assert world.debit.live
    world.move(wall=free_at + 1 - world.wall)
    assert world.query_errands[-1].order_no == errand.order_no
    assert world.answer(world.query_errands[-1], status="not_exist", sent_at=free_at + 1).record.events
    assert not world.debit.live
    world.move(wall=MINUTE + MINUTE // 10)
    assert world.debit_errands[-1].order_no != errand.order_no


def test_an_order_of_which_nothing_is_ever_heard_is_asked_about_at_last():
    """A lost result cannot leave a bill debiting for ever."""
    world = owing()
    world.move(city=72 * HOUR)
    world.move(wall=4 * HOUR)
    assert world.query_errands


def test_the_term_marks_a_bill_overdue_and_suspends_until_the_day_after_payment():
    """Seven days unpaid: overdue and suspended; paid: credit again at the next midnight."""
    world = owing()
    world.send(NoteAgreementEnd("alipay", world.agreement.channel_agreement, "n1", world.city), interface="alipay")
    world.move(city=7 * DAY)
    assert world.bill.overdue_since == world.bill.due_at
    refused = world.send(charge(line("G1", 1_000), visit="V2"))
    assert refused.record.explanation[2].reason == "SUSPENDED"
    world.move(city=HOUR)
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    resume_at = city_midnight(world.city) + DAY
    world.move(city=resume_at - world.city - 1)
    assert world.state.core.suspended
    world.move(city=1)
    assert not world.state.core.suspended
    granted = world.send(charge(line("G2", 1_000), visit="V2"))
    assert granted.record.explanation[2].taken_fen == 1_000


def test_a_bill_is_not_overdue_while_its_debit_is_unknown_but_dated_back():
    """The term passes during an unknown debit: no mark; the failure brings it, from the term's end."""
    world = owing()
    world.move(city=72 * HOUR)
    world.answer(status="unknown")
    world.move(city=5 * DAY)
    assert not world.bill.overdue_since
    decision = world.answer(world.debit_errands[0], status="failed", cause="card")
    overdue = next(e for e in decision.record.events if isinstance(e, BillOverdue))
    assert overdue.since == world.bill.due_at < world.city
    assert world.state.core.suspended


def test_an_unknown_debit_that_was_paid_is_never_overdue():
    """The term passed, the money had moved: no mark."""
    world = owing()
    world.move(city=72 * HOUR)
    world.answer(status="unknown")
    world.move(city=5 * DAY)
    world.answer(world.debit_errands[0])
    assert not world.bill.overdue_since
    assert not world.state.core.suspended


def test_the_city_pack_debits_on_the_due_date_after_42_free_days():
    """Without the 72 h clause the only debit is on the due date, by consent."""
    world = World(XIAMEN)
    world.enrol(700, pack=CITY, bank="CCB")
    assert world.agreement.limit_fen == 800_000
    world.send(charge(line("F1", 10_000)))
    world.close()
    free = world.bill.debit_at - world.bill.closed_at
    assert free >= 42 * DAY
    assert world.bill.debit_at < world.bill.due_at
    world.move(city=free - 1)
    assert not world.debit_errands
    world.move(city=1)
    assert len(world.debit_errands) == 1


def test_the_platform_pack_debits_at_72_hours_and_is_overdue_after_seven_days():
    """Both clocks of xiamen-platform-2024."""
    world = World(XIAMEN)
    world.enrol(650, pack=PLATFORM)
    world.send(charge(line("F1", 10_000)))
    world.close()
    assert world.agreement.limit_fen == 500_000
    assert world.bill.debit_at == world.bill.closed_at + 72 * HOUR
    assert world.bill.due_at == world.bill.closed_at + 7 * DAY


def test_a_late_charge_before_the_debit_revises_the_bill_and_after_it_makes_another():
    """Same id, next revision, same clocks; once a debit began, a supplementary bill with its own."""
    world = owing()
    first = world.bill
    world.move(city=DAY)
    world.send(charge(line("F2", 2_500)))
    assert (world.bill.id, world.bill.revision, world.bill.amount_fen) == (first.id, 2, 12_500)
    assert (world.bill.debit_at, world.bill.due_at) == (first.debit_at, first.due_at)
    world.move(city=2 * DAY)
    assert world.debit_errands[0].amount_fen == 12_500
    world.send(charge(line("F3", 1_000)))
    assert world.bill.supplementary
    assert (world.bill.amount_fen, world.bill.debit_at) == (1_000, world.city + 72 * HOUR)


def test_a_cancelled_discharge_takes_back_an_untouched_bill():
    """The visit is open again; the next close bills everything once."""
    world = owing()
    world.send(RecordVisit(A, "V1", "reopened", world.city))
    assert world.bill.final == "cancelled"
    world.send(charge(line("F2", 2_000)))
    world.close()
    assert (world.bill.amount_fen, world.bill.supplementary) == (12_000, False)
    world.move(city=72 * HOUR)
    assert [e.amount_fen for e in world.debit_errands] == [12_000]


def test_a_settled_visit_is_archived_after_180_days_and_its_id_stays_known():
    """Lines, bill and order leave the state; a line for it is set aside as VISIT_ARCHIVED."""
    world = owing()
    world.move(city=72 * HOUR)
    world.answer()
    world.move(city=180 * DAY)
    assert not world.state.encounters
    assert not world.state.core.bills
    decision = world.send(charge(line("F9", 100)))
    assert decision.record.reason == "VISIT_ARCHIVED"
    assert decision.quarantine[0].interface == "quarantine.charge"


def test_a_success_that_names_no_amount_is_no_money():
    """A paid word without an amount cannot be compared with the order: it is asked about, and then booked once."""
    world = owing()
    world.move(city=72 * HOUR)
    decision = world.answer(world.debit_errands[-1], "paid", amount_fen=None)
    assert decision.record.outcome == "RECORDED"
    assert not decision.record.journal
    assert world.debit.state == "unknown"
    world.move(wall=10 * SECOND)
    world.answer(world.query_errands[-1])
    assert (world.debit.state, world.bill.paid_fen) == ("paid", 10_000)


def test_a_success_without_an_amount_after_a_failure_is_asked_about():
    """Money that may have come late is not booked on such a word; a query decides."""
    world = owing()
    world.move(city=72 * HOUR)
    world.answer(world.debit_errands[-1], "failed", cause="card")
    decision = world.answer(world.debit_errands[-1], "paid", amount_fen=None)
    assert not decision.record.journal
    assert world.debit.doubt == "paid"
    world.move(wall=2 * HOUR)
    world.answer(world.query_errands[-1], "paid")
    assert world.debit.late
    assert world.refund_errands[-1].amount_fen == 10_000


def test_a_late_charge_paid_in_advance_lets_the_visit_be_archived_later():
    """Closed and settled; 90 days on a late line takes prepayment only: the 180 days begin again, and end once."""
    world = World()
    world.enrol(50_000)
    world.send(DepositPrepayment(A, world.city, 3_000), interface="api")
    world.send(charge(line("F1", 1_000)))
    world.close()
    world.move(city=90 * DAY)
    world.send(charge(line("F2", 2_000), at=world.city))
    assert world.agreement.used_fen == 0
    world.move(city=180 * DAY - 1)
    assert world.state.encounters
    world.move(city=1)
    assert not world.state.encounters


def test_arrears_that_a_reversal_took_away_end_the_suspension_like_a_payment():
    """The overdue bill is reversed in full: credit comes back at the next midnight of the city."""
    world = owing()
    world.send(NoteAgreementEnd("alipay", world.agreement.channel_agreement, "n1", world.city), interface="alipay")
    world.move(city=8 * DAY)
    assert world.state.core.suspended
    world.send(charge(line("K1", 10_000, "credit", reverses="F1")))
    resume_at = city_midnight(world.city) + DAY
    world.move(city=resume_at - world.city - 1)
    assert world.state.core.suspended
    world.move(city=1)
    assert not world.state.core.suspended


def test_a_pack_that_suspends_nobody_leaves_credit_to_an_overdue_person():
    """The bill is overdue all the same."""
    pack = EXAMPLES.packs[EXAMPLE]
    world = World(Policies([pack._replace(overdue=pack.overdue._replace(suspends=False))]))
    world.enrol(200_000)
    world.send(charge(line("F1", 10_000)))
    world.close()
    world.send(NoteAgreementEnd("alipay", world.agreement.channel_agreement, "n1", world.city), interface="alipay")
    world.move(city=8 * DAY)
    assert (world.bill.overdue_since, world.state.core.suspended) == (world.bill.due_at, False)


def test_a_payment_in_time_plans_no_resume():
    """There is nothing to resume."""
    world = owing()
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    assert not [event for record in world.ledger for event in record.events if isinstance(event, ResumePlanned)]


def test_a_late_charge_goes_on_no_bill_that_a_person_must_look_at():
    """A frozen bill keeps its amount: the late 25.00 have a supplementary bill and a term of their own."""
    world = owing()
    world.send(FreezeBill(world.bill.id, world.city, "wang", "dispute"), interface="api")
    world.send(charge(line("F2", 2_500)))
    bills = world.state.core.bills
    assert [(bill.amount_fen, bill.supplementary) for bill in bills.values()] == [(10_000, False), (2_500, True)]


def test_a_late_charge_goes_on_no_bill_of_an_agreement_that_gave_nothing_to_it():
    """Withdrawn and signed again in between: each agreement's credit stands on a bill of its own."""
    world = owing()
    world.send(WithdrawAgreement(world.city, world.agreement.id), interface="api")
    world.send(signing(EXAMPLE, "unionpay", at=world.city), interface="api")
    world.send(charge(line("F2", 2_500)))
    bills, agreements = world.state.core.bills.values(), list(world.state.core.agreements.values())
    assert [(bill.agreement, bill.amount_fen) for bill in bills] == [
        (agreements[0].id, 10_000),
        (agreements[1].id, 2_500),
    ]
    assert [agreement.used_fen for agreement in agreements] == [10_000, 2_500]


def test_a_late_charge_after_a_repayment_in_full_has_a_bill_of_its_own():
    """The first bill is paid and stays so."""
    world = owing()
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    world.send(charge(line("F2", 2_500)))
    assert [bill.amount_fen for bill in world.state.core.bills.values()] == [10_000, 2_500]

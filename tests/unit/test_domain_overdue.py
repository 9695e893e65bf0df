"""Overdue, repair and undoing (domain 8): counters, line, bar, reminders, the word to the score's source."""

import pytest
from domain_world import DAY, HOUR, START, World, charge, encoded, line
from msgspec.structs import replace
from standing_world import CITED, happened, heard, overdue, overdue_and_paid, owe, pay, person, told, undo

from hub.domain.clocks import at_hour
from hub.domain.overdue import months_later
from hub.policies.clauses import Bank, Blacklist, Repair, Repayment
from schemas.commands import (
    ConfirmProposal,
    ProposeUnlisting,
    RecordBankCollection,
    RefundBalance,
    RejectProposal,
    UndoOverdue,
)
from schemas.events import (
    ArrearsGrew,
    Blacklisted,
    BlacklistLifted,
    FeesWaived,
    OverdueRecorded,
    OverdueUndone,
    ReminderSent,
    ScoreFeedback,
)


def marks(world: World) -> list[str]:
    """Return the bills that count as overdue."""
    standing = world.state.core.standing
    return [mark.bill for mark in standing.marks] if standing else []


# what passing the term does


def test_an_overdue_bill_counts_once_suspends_and_is_reported():
    """One mark with its day and amount, service stopped, one message for the score's source."""
    world = person()
    bill = overdue(world)
    core = world.state.core
    assert marks(world) == [bill]
    assert (core.standing.marks[0].since, core.standing.marks[0].amount_fen) == (START + 7 * DAY, 20_000)
    assert core.suspended
    assert [(f.kind, f.provider, f.bill) for f in happened(world, ScoreFeedback)] == [("overdue", "egret", bill)]


def test_a_bill_paid_on_the_last_instant_of_its_term_never_counts():
    """One millisecond before the term there is no mark, and none comes later."""
    world = person()
    bill = owe(world)
    world.move(city=7 * DAY - 1)
    pay(world, bill)
    world.move(city=30 * DAY)
    assert marks(world) == []
    assert not happened(world, OverdueRecorded)


@pytest.mark.parametrize(
    ("days", "owed_fen", "limit_fen"),
    [
        (0, 20_000, 100_000),
        (1, 20_000, 80_000),
        (1, 9_999, 90_000),
        (3, 20_000, 80_000),
        (4, 20_000, 50_000),
        (9, 20_000, 50_000),
        (10, 20_000, 0),
    ],
)
def test_the_line_is_cut_by_days_and_amount_in_arrears(days, owed_fen, limit_fen):
    """Each band of the pack from its first instant on; the last one cancels the line."""
    world = person()
    overdue(world, owed_fen)
    world.move(city=days * DAY)
    assert world.agreement.limit_fen == limit_fen


def test_the_line_is_not_cut_a_millisecond_early():
    """The bands begin after whole days from the end of the term."""
    world = person()
    overdue(world)
    world.move(city=4 * DAY - 1)
    assert world.agreement.limit_fen == 80_000


def test_a_late_tick_cuts_to_the_band_of_its_instant():
    """After an outage over several bands the one that is due applies, in one step."""
    world = person()
    overdue(world)
    world.city += 5 * DAY
    world.move()
    assert world.agreement.limit_fen == 50_000
    assert [event.cut_percent for event in happened(world, ArrearsGrew)] == [50]


def test_a_cancelled_line_says_so():
    """After the arrears are paid the service resumes, but the cancelled line gives nothing until it is repaired."""
    world = person()
    bill = overdue(world)
    world.move(city=10 * DAY)
    pay(world, bill)
    world.move(city=2 * DAY)
    world.send(charge(line("F1", 100), visit="after", at=world.city))
    assert world.reply.result["reason"] == "LINE_CANCELLED"


def test_a_partial_payment_lowers_the_next_band_but_never_undoes_a_cut():
    """Within an episode the line is only cut more."""
    world = person()
    bill = overdue(world)
    world.move(city=DAY)
    pay(world, bill, 15_000)
    assert world.agreement.limit_fen == 80_000
    world.move(city=DAY)
    assert world.agreement.limit_fen == 80_000
    assert not [event for event in happened(world, ArrearsGrew) if event.days > 1]


def test_a_cut_line_below_what_is_used_claws_nothing_back():
    """Available is 0, what is owed stays owed."""
    world = person()
    overdue(world, 60_000)
    world.move(city=5 * DAY)
    assert (world.agreement.limit_fen, world.agreement.used_fen) == (50_000, 60_000)


def test_a_new_score_does_not_lift_a_cut():
    """The line is the new tier, cut by the same share."""
    from domain_world import score

    world = person()
    overdue(world)
    world.move(city=DAY)
    world.send(score(world.policies, 350, at=world.city, sequence=9), interface="score")
    assert world.agreement.limit_fen == 160_000


def test_service_resumes_the_day_after_the_arrears_are_paid():
    """At 00:00 of the next city day, not before."""
    world = person()
    bill = overdue(world)
    world.move(city=DAY)
    pay(world, bill)
    assert world.state.core.resume_at == at_hour(world.city, 1, 0)
    world.move(city=world.state.core.resume_at - world.city - 1)
    assert world.state.core.suspended
    world.move(city=1)
    assert not world.state.core.suspended


# counters and the bar


def test_more_than_three_overdue_in_total_bars_and_blacklists():
    """The fourth one, not the third (`zhongshan-2021`); credit says BARRED."""
    world = person(200_000, repair=Repair())
    for _ in range(3):
        overdue_and_paid(world)
    assert not world.state.core.barred
    bill = overdue_and_paid(world)
    assert world.state.core.barred
    assert [(e.bill, e.total, e.in_row) for e in happened(world, Blacklisted)] == [(bill, 4, 4)]
    world.send(charge(line("F1", 100), visit="after", at=world.city))
    assert (world.reply.result["reason"], world.reply.result["allocation"]["credit_fen"]) == ("BARRED", 0)


def test_counters_in_a_row_begin_anew_after_a_bill_on_time():
    """In total two, in a row one."""
    world = person(blacklist=Blacklist(after_in_row=1, citation=CITED))
    overdue_and_paid(world, 1_000)
    pay(world, owe(world, 1_000))
    overdue(world, 1_000)
    standing = world.state.core.standing
    assert (len(standing.marks), standing.in_row) == (2, 1)
    assert not world.state.core.barred
    world.move(city=HOUR)
    pay(world, world.bill.id)
    world.move(city=2 * DAY)
    overdue(world, 1_000)
    assert world.state.core.barred


# reminders


def test_reminders_follow_the_packs_days_and_stop_with_the_payment():
    """A day before the term, at its end, and after one and three days; none after the money came."""
    world = person()
    bill = owe(world)
    world.move(city=7 * DAY + 2 * DAY)
    assert [(r.days, r.owed_fen) for r in happened(world, ReminderSent)] == [(-1, 20_000), (0, 20_000), (1, 20_000)]
    pay(world, bill)
    world.move(city=30 * DAY)
    assert len(happened(world, ReminderSent)) == 3


def test_no_reminder_comes_in_quiet_hours():
    """What falls between 22:00 and 08:00 is told at 08:00."""
    world = person()
    world.move(city=5 * HOUR)  # 23:00
    owe(world)
    world.move(city=12 * DAY)
    told = [record.now for record in world.ledger if any(isinstance(e, ReminderSent) for e in record.events)]
    assert [at - at_hour(at, 0, 0) for at in told] == [8 * HOUR] * 4


def test_a_reminder_that_is_late_into_the_night_waits_for_the_morning():
    """A lane that was away until 23:30 sends nothing then."""
    world = person()
    owe(world)
    world.city = at_hour(START, 6, 23) + HOUR // 2
    world.move()
    assert not happened(world, ReminderSent)
    world.move(city=9 * HOUR)
    assert len(happened(world, ReminderSent)) == 1


# repair


@pytest.mark.parametrize(("months", "total"), [(6, 1), (12, 0)])
def test_a_clean_record_lowers_the_counters(months, total):
    """Every six clean months one bill less counts, on the day, and its cut goes with it."""
    world = person()
    overdue_and_paid(world)
    overdue_and_paid(world)
    clean_from = world.state.core.standing.clean_from
    world.move(city=months_later(clean_from, months) - world.city - 1)
    assert len(marks(world)) == total + 1
    world.move(city=1)
    assert len(marks(world)) == total


def test_a_repair_gives_the_line_back():
    """The cut goes with the bill that it came from."""
    world = person()
    bill = overdue(world)
    world.move(city=5 * DAY)
    pay(world, bill)
    assert world.agreement.limit_fen == 50_000
    world.move(city=200 * DAY)
    assert world.agreement.limit_fen == 100_000
    assert world.state.core.standing.marks == ()


def test_a_new_overdue_begins_the_clean_record_anew():
    """The months count from when the last arrears were paid."""
    world = person()
    overdue_and_paid(world)
    world.move(city=150 * DAY)
    overdue_and_paid(world)
    world.move(city=60 * DAY)
    assert len(marks(world)) == 2


def test_a_repair_that_brings_the_counters_down_lifts_the_bar():
    """The bar follows the counters both ways."""
    world = person(200_000)
    for _ in range(4):
        overdue_and_paid(world, 1_000)
    assert world.state.core.barred
    world.move(city=190 * DAY)
    assert not world.state.core.barred
    assert [event.cause for event in happened(world, BlacklistLifted)] == ["repair"]


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [("2026-08-31", 6, "2027-02-28"), ("2027-08-31", 6, "2028-02-29"), ("2026-12-15", 1, "2027-01-15")],
)
def test_months_end_on_the_last_day_of_a_shorter_month(start, months, expected):
    """Leap years included."""
    from datetime import date

    from hub.domain.clocks import HOUR_MS
    from schemas.city_time import day_start

    assert months_later(day_start(date.fromisoformat(start)) + HOUR_MS, months) == (
        day_start(date.fromisoformat(expected)) + HOUR_MS
    )


# undoing


def test_a_wrong_overdue_is_undone_as_if_it_had_never_been():
    """Line, counters, suspension, score message: what the state holds is what it held before, byte for byte."""
    world = person()
    bill = owe(world)
    world.move(city=7 * DAY - 1)
    before, limit = world.state.core, world.agreement.limit_fen
    world.move(city=1 + 5 * DAY)
    assert world.agreement.limit_fen == 50_000
    undo(world, bill, due_at=world.city + DAY)
    after = world.state.core
    assert (world.agreement.limit_fen, after.standing, after.suspended, after.barred) == (limit, None, False, False)
    told = happened(world, ScoreFeedback)
    assert [f.kind for f in told] == ["overdue", "overdue_withdrawn"]
    assert told[1].withdraws == told[0].message
    kept = {"agreements": after.agreements, "scores": after.scores, "prepayments": after.prepayments}
    assert kept == {name: getattr(before, name) for name in kept}
    assert after.bills[bill] == replace(before.bills[bill], due_at=world.city + DAY)


def test_the_state_after_an_undone_and_paid_bill_is_that_of_a_bill_paid_on_time():
    """Byte for byte, but for what is remembered of messages and proposals, and the day its visit is archived."""
    states = []
    for wrong in (False, True):
        world = person()
        bill = owe(world)
        world.move(city=7 * DAY - (0 if wrong else HOUR))
        pay(world, bill)
        if wrong:
            world.move(city=HOUR)
            undo(world, bill)
        for errand in told(world):
            heard(world, errand)
        world.move(city=START + 20 * DAY - world.city)
        core = world.state.core
        timers = {key: alarm for key, alarm in core.timers.items() if not key.startswith("archive")}
        counters = {kind: count for kind, count in core.counters.items() if kind != "Q"}
        neutral = replace(core, seq=0, seen={}, timers=timers, counters=counters)
        states.append(encoded(replace(world.state, core=neutral)))
    assert states[0] == states[1]


def test_undoing_takes_the_fee_back():
    """A bank's penalty and interest for the days in arrears are waived with the mark."""
    bank = Bank(free_days=42, penalty_bp=300, interest_bp=150, citation=CITED)
    term = Repayment("due_date", 42, 23, CITED)
    world = person(bank=bank, repayment=term, debit=None)
    bill = owe(world, 90_000)
    world.move(city=60 * DAY)
    fee = world.state.core.clearing.fees[bill].owed_fen
    assert fee > 0
    undo(world, bill, due_at=world.city + 9 * DAY)
    assert world.state.core.clearing.fees[bill].owed_fen == 0
    assert [event.amount_fen for event in happened(world, FeesWaived)] == [fee]


def test_undoing_gives_back_a_fee_that_was_paid():
    """What the bank took for days that were never late is the person's balance, and its income is taken back."""
    bank = Bank(free_days=42, penalty_bp=300, interest_bp=150, citation=CITED)
    world = person(bank=bank, repayment=Repayment("due_date", 42, 23, CITED), debit=None)
    bill = owe(world, 90_000)
    world.move(city=60 * DAY)
    fee = world.state.core.clearing.fees[bill].owed_fen
    world.send(RecordBankCollection(world.city, bill, 90_000, fee, "B1"), interface="clerk")
    income = world.balances["bank/ICBC/fees"]
    undo(world, bill)
    book = world.state.core.clearing.fees[bill]
    assert (book.owed_fen, book.paid_fen, world.state.core.refundable_fen) == (0, 0, fee)
    assert (income, world.balances["bank/ICBC/fees"]) == (-fee, 0)
    world.send(RefundBalance(world.city, fee), interface="api")
    assert world.reply.code == "POSTED"


def test_undoing_takes_two_people():
    """SAME_PERSON for whoever proposed it; nothing changed."""
    world = person()
    bill = overdue(world)
    decision = undo(world, bill, due_at=world.city + DAY, confirmed_by="clerk-1")
    assert decision.record.reason == "SAME_PERSON"
    assert marks(world) == [bill]
    assert not happened(world, OverdueUndone)


def test_undoing_what_is_still_owed_needs_a_new_term():
    """TERM_NEEDED; with one the bill can become overdue again, once."""
    world = person()
    bill = overdue(world)
    world.send(UndoOverdue(bill, "clerk-1", "wrong day", world.city), interface="api")
    assert world.reply.code == "TERM_NEEDED"
    undo(world, bill, due_at=world.city + 2 * DAY)
    assert marks(world) == []
    world.move(city=2 * DAY)
    assert marks(world) == [bill]


@pytest.mark.parametrize(("bill", "reason"), [("nowhere", "BILL_UNKNOWN"), ("", "BILL_NOT_OVERDUE")])
def test_only_an_overdue_bill_can_be_undone(bill, reason):
    """BILL_UNKNOWN for no bill of theirs, BILL_NOT_OVERDUE for one that is not."""
    world = person()
    mine = owe(world)
    world.send(UndoOverdue(bill or mine, "clerk-1", "a mistake", world.city), interface="api")
    assert world.reply.code == reason


def test_undoing_lifts_the_bar_that_the_wrong_mark_brought():
    """Three are left, and three bar nobody."""
    world = person(200_000, repair=Repair())
    bills = [overdue_and_paid(world, 1_000) for _ in range(4)]
    assert world.state.core.barred
    undo(world, bills[1])
    assert not world.state.core.barred
    assert marks(world) == [bills[0], *bills[2:]]


def test_undoing_one_of_two_arrears_leaves_the_other_suspension():
    """Credit stays suspended while another bill is in arrears."""
    world = person()
    first, second = owe(world, visit="V1"), owe(world, visit="V2")
    world.move(city=8 * DAY)
    undo(world, first, due_at=world.city + DAY)
    assert world.state.core.suspended
    pay(world, second)
    undo(world, second)
    assert not world.state.core.suspended


def test_a_proposal_can_be_rejected_and_expires():
    """Rejected by anybody at once, dropped after thirty days; then it is unknown."""
    world = person()
    bill = overdue(world)
    for outcome in ("rejected", "expired"):
        world.send(UndoOverdue(bill, "clerk-1", "a mistake", world.city, world.city + 90 * DAY), interface="api")
        proposal = world.reply.result["proposal"]
        if outcome == "rejected":
            world.send(RejectProposal(proposal, "clerk-1", world.city), interface="api")
        else:
            world.move(city=30 * DAY)
        assert world.ledger[-1].after[-1].state == outcome
        world.send(ConfirmProposal(proposal, "clerk-2", world.city), interface="api")
        assert world.reply.code == "PROPOSAL_UNKNOWN"


def test_the_same_proposal_twice_is_refused():
    """PROPOSAL_EXISTS names the first."""
    world = person()
    bill = overdue(world)
    for _ in range(2):
        world.send(UndoOverdue(bill, "clerk-1", "a mistake", world.city, world.city + DAY), interface="api")
    assert world.reply.code == "PROPOSAL_EXISTS"


def test_two_people_can_take_off_the_bar_of_the_counters():
    """The black list also holds whom the counters put there."""
    world = person(200_000, repair=Repair())
    for _ in range(4):
        overdue_and_paid(world, 1_000)
    world.send(ProposeUnlisting("black", "clerk-1", "heard", world.city), interface="api")
    world.send(ConfirmProposal(world.reply.result["proposal"], "clerk-2", world.city), interface="api")
    assert not world.state.core.barred


def test_the_ledger_shows_how_the_person_stands():
    """The record that marks the bill carries the standing after it."""
    world = person()
    overdue(world)
    view = next(v for v in world.ledger[-1].after if type(v).__name__ == "StandingView")
    assert (view.overdue_total, view.overdue_in_row, view.cut_percent) == (1, 1, 0)
    world.move(city=DAY)
    views = [v for record in world.ledger for v in record.after if type(v).__name__ == "StandingView"]
    assert views[-1].cut_percent == 20

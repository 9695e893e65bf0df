"""Fees within the cap, nothing in the free days, a default borne by who lent, batches that net refunds (domain 10)."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from domain_world import CITY, DAY, HOUR, START, XIAMEN, A, World, charge, line
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.clocks import city_midnight
from hub.domain.fee_rules import Sums, day_adds, fee_fen, fee_from, rate_of
from hub.policies.clauses import Bank
from hub.policies.lpr import cap_fen, shipped_lpr
from schemas.commands import (
    CloseDay,
    OpenAdvance,
    RecordAdvanceWord,
    RecordBankCollection,
    RecordRecovery,
    RecordRepayment,
    Tick,
    WaiveFees,
    WriteOffBill,
)
from schemas.events import AdvanceOpened, FeeAccrued
from schemas.ids import account_id
from schemas.reasons import Reason

BANK = XIAMEN.packs[CITY].bank
LPR = shipped_lpr()
KEY = b"a city's key for tests only......"
PAIR = account_id(KEY, "feed", "advance|XMZSH|ICBC")


def owing(fen: int = 300_000) -> World:
    """Return a person who owes one bill to the bank, closed on the day the world begins."""
    world = World(XIAMEN)
    world.enrol(700, channel="bank", pack=CITY)
    world.send(charge(line("L1", fen)))
    world.close()
    return world


def fee_of(world: World):
    """Return the fee book of the newest bill."""
    return world.state.core.clearing.fees[world.bill.id]


def days_after(bank: Bank, principal: int, first: date, days: int) -> int:
    """Return the fee of an unchanged principal, day by day."""
    sums = Sums()
    for n in range(days):
        adds = day_adds(bank, principal, LPR.rate_on(first + timedelta(n)))
        sums = Sums(sums.own + adds.own, sums.cap + adds.cap)
    return fee_fen(bank, sums)


@pytest.mark.clause("xiamen-city-2023 bank")
def test_the_worked_example_three_thousand_yuan_thirty_days_is_1109_fen():
    """Domain 10: 3,000.00, 30 days at 4.5 % = 11.0958… floored."""
    assert days_after(BANK, 300_000, date(2025, 6, 1), 30) == 1109
    assert cap_fen(BANK, LPR, 300_000, date(2025, 6, 1), 30) == 1109


@given(
    st.integers(1, 10**8),
    st.integers(0, 400),
    st.dates(date(2023, 8, 21), date(2027, 1, 1)),
    st.integers(0, 2000),
    st.integers(0, 2000),
)
def test_fees_are_the_floor_of_exact_fractions_and_never_above_the_cap(principal, days, first, penalty, interest):
    """An independent arithmetic with fractions, over changes of the LPR."""
    bank = BANK._replace(penalty_bp=penalty, interest_bp=interest)
    rates = [LPR.rate_on(first + timedelta(n)) for n in range(days)]
    cap = sum((Fraction(principal) * Fraction(3, 2) * Fraction(bp, 10_000) / 365 for bp in rates), Fraction())
    own = Fraction(principal) * Fraction(penalty + interest, 10_000) * days / 365
    fee = days_after(bank, principal, first, days)
    assert fee == min(int(own), int(cap))
    assert fee <= cap_fen(bank, LPR, principal, first, days)


@pytest.mark.clause("xiamen-city-2023 bank")
def test_nothing_is_charged_before_day_43_and_the_first_day_counts_when_it_is_over():
    """42 whole days are free, and the term itself ends on the 43rd at 23:00."""
    world = owing()
    fired = world.move(city=43 * DAY - HOUR)
    assert not [e for d in fired for e in d.record.events if isinstance(e, FeeAccrued)]
    world.move(city=city_midnight(START) + 44 * DAY - world.city)
    assert fee_of(world).days == 1
    assert fee_of(world).accrued_fen == 300_000 * 450 // (10_000 * 365)
    world.move(city=29 * DAY)
    assert fee_of(world).days == 30
    assert fee_of(world).accrued_fen == 1109
    assert world.balances[f"agreement/{world.agreement.id}/fees"] == 1109


def test_a_part_repaid_costs_less_from_that_day_and_a_paid_bill_nothing_more():
    """The principal of each day is what is still owed when it is over."""
    world = owing()
    world.move(city=city_midnight(START) + 44 * DAY - world.city)
    world.send(RecordRepayment(world.city, 200_000))
    world.move(city=DAY)
    assert fee_of(world).accrued_fen == (300_000 + 100_000) * 450 // (10_000 * 365)
    world.send(RecordRepayment(world.city, 100_000))
    world.move(city=30 * DAY)
    assert fee_of(world).days == 2


def test_who_pays_in_time_never_sees_a_fee():
    """No fee book, no timer: an account without fees keeps nothing of them."""
    world = owing()
    world.send(RecordRepayment(world.city, 300_000))
    world.move(city=60 * DAY)
    assert world.state.core.clearing is None
    assert not any(key.startswith("fee|") for key in world.state.core.timers)


def test_a_waived_fee_is_taken_back_and_accrues_no_more():
    """Undoing a wrong overdue restores the fee too (domain 8)."""
    world = owing()
    world.move(city=50 * DAY)
    accrued = fee_of(world).accrued_fen
    assert accrued > 0
    world.send(WaiveFees(world.city, world.bill.id, "C. Lin", "recorded in error"))
    world.move(city=10 * DAY)
    assert fee_of(world).owed_fen == 0
    assert fee_of(world).accrued_fen == accrued
    assert world.balances[f"agreement/{world.agreement.id}/fees"] == 0


def test_the_bank_collects_bill_and_fee_and_never_more():
    """Its number is the message's id; a collection above what is owed is refused."""
    world = owing()
    world.move(city=50 * DAY)
    fee = fee_of(world).owed_fen
    refused = world.send(RecordBankCollection(world.city, world.bill.id, 300_001, 0, "S1"))
    assert refused.record.reason == Reason.BILL_NOT_PAYABLE
    world.send(RecordBankCollection(world.city, world.bill.id, 300_000, fee, "S2"))
    assert world.bill.owed_fen == 0
    assert fee_of(world).owed_fen == 0
    assert world.balances["clearing/bank"] == 300_000 + fee


def test_a_bank_collects_only_for_what_it_lent():
    """A file of another bank that names the bill is refused, and nothing is paid by it."""
    world = owing()
    refused = world.send(RecordBankCollection(world.city, world.bill.id, 1_000, 0, "S1", "CCB"), interface="clerk")
    assert (refused.record.reason, world.bill.paid_fen) == (Reason.SENDER_MISMATCH, 0)
    assert [letter.interface for letter in refused.quarantine] == ["commands"]
    world.send(RecordBankCollection(world.city, world.bill.id, 1_000, 0, "S2", "ICBC"), interface="clerk")
    assert world.bill.paid_fen == 1_000


@pytest.mark.clause("xiamen-city-2023 bank")
def test_a_default_is_the_banks_loss_and_a_recovery_lessens_it():
    """The receivable goes to the bank's losses; what comes in afterwards is the bank's, never more than was lost."""
    world = owing()
    early = world.send(WriteOffBill(world.city, world.bill.id, "ICBC", "gone"))
    assert early.record.reason == Reason.BILL_NOT_PAYABLE
    world.move(city=200 * DAY)
    world.send(WriteOffBill(world.city, world.bill.id, "ICBC", "gone"))
    assert world.bill.final == "written_off"
    assert world.balances["bank/ICBC/losses"] == 300_000
    assert world.balances[f"institution/{A}/charges"] == -300_000
    assert world.state.core.clearing.fees[world.bill.id].owed_fen == 0
    world.send(RecordRecovery(world.city, world.bill.id, 120_000, "counter", "R1"))
    assert world.balances["bank/ICBC/losses"] == 180_000
    more = world.send(RecordRecovery(world.city, world.bill.id, 180_001, "counter", "R2"))
    assert more.record.reason == Reason.AMOUNT_OUT_OF_RANGE
    assert world.decisions[-3].record.after[1].state == "written_off"


def test_a_write_off_pays_nobodys_arrears_and_credit_resumes_the_day_after_the_whole_loss_came_in():
    """Suspended while any of the loss is open; its last part is the payment that lets credit resume (domain 8)."""
    world = owing()
    world.move(city=60 * DAY)
    world.send(WriteOffBill(world.city, world.bill.id, "ICBC", "gone"))
    world.move(city=5 * DAY)
    assert (world.state.core.suspended, world.state.core.resume_at) == (True, 0)
    world.send(RecordRecovery(world.city, world.bill.id, 299_999, "counter", "R1"))
    assert world.state.core.resume_at == 0
    world.send(RecordRecovery(world.city, world.bill.id, 1, "counter", "R2"))
    assert world.state.core.standing.mark_of(world.bill.id).cleared_at == world.city
    assert world.state.core.resume_at == city_midnight(world.city) + DAY
    world.move(city=DAY)
    assert not world.state.core.suspended


@pytest.mark.clause("xiamen-city-2023 bank")
def test_a_reversal_of_what_was_written_off_lessens_the_loss_and_gives_back_what_came_in():
    """The institution returns the charge: the loss goes first, then the recovery goes to the person's balance."""
    world = owing()
    world.move(city=200 * DAY)
    bill = world.bill.id
    world.send(WriteOffBill(world.city, bill, "ICBC", "gone"))
    world.send(RecordRecovery(world.city, bill, 120_000, "counter", "R1"))
    world.send(charge(line("K1", 50_000, kind="credit", reverses="L1"), at=world.city))
    assert world.balances["bank/ICBC/losses"] == 130_000
    assert world.state.core.refundable_fen == 0
    world.send(charge(line("K2", 250_000, kind="credit", reverses="L1"), at=world.city))
    assert world.balances["bank/ICBC/losses"] == 0
    assert world.balances[f"institution/{A}/charges"] == 0
    assert world.state.core.refundable_fen == 120_000
    assert world.agreement.used_fen == 0
    assert world.state.core.bills[bill].final == "written_off"


def opening(day: str, credit: int, returned: int) -> OpenAdvance:
    """Return the command for a day of the pair."""
    return OpenAdvance(day, A, "ICBC", 3, credit, returned, "0" * 64)


@pytest.mark.clause("xiamen-city-2023 bank")
def test_refunds_beyond_a_days_credit_net_against_later_batches():
    """A batch is never negative: the rest is carried, and the sums over all days agree."""
    world = World(XIAMEN, PAIR)
    days = [("2026-07-01", 1_000, 200), ("2026-07-02", 100, 700), ("2026-07-03", 0, 50), ("2026-07-04", 900, 0)]
    opened = []
    for day in days:
        opened += [e for e in world.send(opening(*day)).record.events if isinstance(e, AdvanceOpened)]
    assert [(e.carried_fen, e.amount_fen, e.carry_fen) for e in opened] == [
        (0, 800, 0), (0, 0, -600), (-600, 0, -650), (-650, 250, 0),
    ]  # fmt: skip
    assert sum(e.amount_fen for e in opened) == sum(credit - back for _, credit, back in days)
    assert world.send(opening("2026-07-03", 5, 0)).record.outcome == "LATE"


def test_a_batch_is_paid_once_in_full_and_posts_what_the_bank_advanced():
    """Another amount is no confirmation; a refused batch can still be paid."""
    world = World(XIAMEN, PAIR)
    batch = world.send(opening("2026-07-01", 1_000, 200)).record.reference
    wrong = world.send(RecordAdvanceWord(world.city, batch, paid=True, amount_fen=799, serial="S1"))
    assert wrong.record.reason == Reason.AMOUNT_MISMATCH
    world.send(RecordAdvanceWord(world.city, batch, paid=False, amount_fen=0, serial="S2", note="closed"))
    world.send(RecordAdvanceWord(world.city, batch, paid=True, amount_fen=800, serial="S3"))
    assert world.balances[f"institution/{A}/advanced"] == 800
    again = world.send(RecordAdvanceWord(world.city, batch, paid=True, amount_fen=800, serial="S4"))
    assert again.record.reason == Reason.BILL_NOT_PAYABLE


def test_days_close_in_their_order_and_a_tick_only_moves_the_clocks():
    """A second close of a day changes nothing; a tick has no events."""
    world = World(XIAMEN, PAIR)
    assert world.send(Tick("2026-07-01"), interface="clerk").record.events == ()
    close = CloseDay("2026-07-01", "ab" * 32, 10, 1, 2, 3, "audit-1", "cd" * 64)
    assert world.send(close, interface="clerk").record.outcome == "RECORDED"
    assert world.send(close, interface="clerk").record.outcome == "LATE"
    assert world.state.core.clearing.calendar.day == "2026-07-01"


def test_the_first_fee_day_never_lies_within_the_term_and_its_rate_is_that_days():
    """A due date later than the free days moves the first fee behind it; a pack without rates has no fees."""
    closed = START
    assert fee_from(BANK, closed, closed + 60 * DAY) == city_midnight(closed + 61 * DAY)
    assert fee_from(Bank(), closed, closed) == 0
    assert rate_of(LPR, city_midnight(START)) == 300

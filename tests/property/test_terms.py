"""The two clocks of every pack against dates computed another way: the calendar of the standard library (domain 6)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from domain_world import XIAMEN
from hypothesis import example, given
from hypothesis import strategies as st

from hub.policies.terms import debit_at, due_at

CITY = ZoneInfo("Asia/Shanghai")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 31)).map(lambda at: at.replace(tzinfo=CITY))  # noqa: DTZ001
EDGES = [
    datetime(2024, 2, 28, 23, 59, 59, tzinfo=CITY),
    datetime(2024, 2, 29, tzinfo=CITY),
    datetime(2027, 2, 28, 12, tzinfo=CITY),
    datetime(2026, 12, 31, 23, 30, tzinfo=CITY),
    datetime(2026, 1, 31, tzinfo=CITY),
]


def millis(moment: datetime) -> int:
    """Return milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


def moment_of(at: int) -> datetime:
    """Return the city's moment of an instant."""
    return datetime.fromtimestamp(at / 1000, CITY)


def at_hour_of(day: datetime, days: int, hour: int) -> datetime:
    """Return an hour of a later calendar day, by the calendar."""
    later = day.date() + timedelta(days=days)
    return datetime(later.year, later.month, later.day, hour, tzinfo=CITY)


def with_edges(test):
    """Run a test with every edge of the calendar as an example."""
    for edge in EDGES:
        test = example(closed=edge)(test)
    return test


@with_edges
@given(closed=MOMENTS)
def test_the_pilot_of_2020_is_due_at_23_of_the_day_after(closed):
    """`zhongshan-pilot-2020`: by 23:00 of the day after treatment."""
    assert due_at(XIAMEN.packs["zhongshan-pilot-2020"], millis(closed)) == millis(at_hour_of(closed, 1, 23))


@with_edges
@given(closed=MOMENTS)
@pytest.mark.parametrize(
    ("pack", "days"), [("stomatology-2020", 3), ("zhongshan-2021", 7), ("xiamen-platform-2024", 7)]
)
def test_terms_in_days_are_so_many_times_24_hours(pack, days, closed):
    """3 and 7 days from the close, months and leap days notwithstanding."""
    assert due_at(XIAMEN.packs[pack], millis(closed)) == millis(closed + timedelta(days=days))


@with_edges
@given(closed=MOMENTS)
def test_the_citys_due_date_leaves_at_least_42_whole_days_free_for_every_bank(closed):
    """`xiamen-city-2023`: whatever the bank, 42 whole city days lie between the close and the due date."""
    pack = XIAMEN.packs["xiamen-city-2023"]
    for bank in ("", *(offer.bank for offer in pack.offers)):
        due = moment_of(due_at(pack, millis(closed), bank))
        assert (due.date() - closed.date()).days >= 43
        assert due.hour == 23
        offer = pack.offer_of(bank)
        assert (due.date() - closed.date()).days <= 43 + (31 if offer and offer.statement_day else 0)


@with_edges
@given(closed=MOMENTS)
def test_all_bills_of_a_month_are_due_on_one_day_where_the_bank_bills_monthly(closed):
    """Every close after one statement day up to the next has the same due date, counted from that statement."""
    pack = XIAMEN.packs["xiamen-city-2023"]
    offer = pack.offers[0]._replace(bank="MONTHLY", statement_day=5)
    pack = pack._replace(offers=(offer,))
    day = closed.replace(day=5, hour=0, minute=0, second=0, microsecond=0)
    if closed.day > 5:
        day = (day + timedelta(days=31)).replace(day=5)
    assert due_at(pack, millis(closed), "MONTHLY") == millis(at_hour_of(day, 43, 23))


@with_edges
@given(closed=MOMENTS)
def test_a_debit_is_at_72_hours_or_on_the_due_date_and_never_after_the_term(closed):
    """Clock 2 never runs beyond clock 1, for every pack that has it."""
    for pack in XIAMEN.packs.values():
        ends = due_at(pack, millis(closed))
        debit = debit_at(pack, millis(closed), ends)
        assert debit <= ends
        if pack.id == "xiamen-platform-2024":
            assert debit == millis(closed + timedelta(hours=72))
        if pack.id == "xiamen-city-2023":
            assert moment_of(debit).date() == moment_of(ends).date()

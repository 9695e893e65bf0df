"""The instants that packs give, against calendars worked out by hand and with the standard library (domain 6, 7)."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.policies import load_policies
from hub.policies.clauses import UNCITED, Quiet, Repayment, Retry
from hub.policies.terms import debit_at, due_at, last_try_at, retry_at, told_at

PACKS = load_policies().packs
CITY = timezone(timedelta(hours=8))
INSTANTS = st.integers(1_577_836_800_000, 2_208_988_800_000)
"""2020 to 2040, leap days included."""


def at(text: str) -> int:
    """Return the instant of a city time as `2026-07-03 10:15`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=CITY).timestamp() * 1000)


def city(instant: int) -> datetime:
    """Return an instant as the city's clock shows it."""
    return datetime.fromtimestamp(instant / 1000, UTC).astimezone(CITY)


@pytest.mark.clause("zhongshan-pilot-2020 repayment")
@pytest.mark.parametrize("closed", ["2020-06-30 00:00", "2020-06-30 10:00", "2020-06-30 23:59"])
def test_the_pilot_is_overdue_at_23_of_the_day_after_treatment(closed):
    """Whatever the hour of the treatment: two days, ending at 23:00."""
    assert due_at(PACKS["zhongshan-pilot-2020"], at(closed)) == at("2020-07-01 23:00")


@pytest.mark.clause("stomatology-2020 repayment")
def test_the_stomatological_hospital_waits_three_days():
    """Three times 24 hours."""
    assert due_at(PACKS["stomatology-2020"], at("2021-02-27 09:30")) == at("2021-03-02 09:30")


@pytest.mark.clause("zhongshan-2021 repayment")
def test_zhongshan_hospital_waits_seven_days_from_2021():
    """Seven times 24 hours, over a month's end."""
    assert due_at(PACKS["zhongshan-2021"], at("2021-12-28 17:05")) == at("2022-01-04 17:05")


@pytest.mark.clause("xiamen-platform-2024 repayment", "xiamen-platform-2024 debit")
def test_the_platform_debits_at_72_hours_and_waits_seven_days():
    """72 hours are 72 hours, over a leap day too."""
    closed = at("2024-02-27 10:00")
    ends = due_at(PACKS["xiamen-platform-2024"], closed)
    assert ends == at("2024-03-05 10:00")
    assert debit_at(PACKS["xiamen-platform-2024"], closed, ends) == at("2024-03-01 10:00")


@pytest.mark.clause("xiamen-city-2023 repayment", "xiamen-city-2023 debit")
def test_the_banks_due_date_leaves_42_whole_days_and_the_debit_comes_that_morning():
    """Closed on day 0, free on days 1 to 42, due until 23:00 of day 43, debited at 9:00 of it."""
    closed = at("2026-07-03 00:00")
    ends = due_at(PACKS["xiamen-city-2023"], closed, "ICBC")
    assert ends == at("2026-08-15 23:00")
    assert debit_at(PACKS["xiamen-city-2023"], closed, ends) == at("2026-08-15 09:00")


@pytest.mark.clause("xiamen-city-2023 offers[2]")
@pytest.mark.parametrize(
    ("closed", "ends"),
    [
        ("2026-07-05 23:59", "2026-08-17 23:00"),
        ("2026-07-06 00:00", "2026-09-17 23:00"),
        ("2026-12-06 08:00", "2027-02-17 23:00"),
    ],
)
def test_a_bank_that_bills_by_the_month_counts_the_free_days_from_its_statement(closed, ends):
    """Statement on the 5th: what closes on it is on it, what closes later waits for the next month's."""
    assert due_at(PACKS["xiamen-city-2023"], at(closed), "XIB") == at(ends)


@pytest.mark.clause("pingtan-2025 repayment")
def test_pingtan_is_paid_until_the_end_of_the_day_on_which_the_visit_ends():
    """Midnight after the close; nothing is debited later."""
    closed = at("2025-05-20 08:15")
    assert due_at(PACKS["pingtan-2025"], closed) == at("2025-05-21 00:00")
    assert debit_at(PACKS["pingtan-2025"], closed, at("2025-05-21 00:00")) == 0


@given(closed=INSTANTS, days=st.integers(1, 90), hour=st.integers(0, 23))
def test_every_form_of_a_term_agrees_with_the_calendar_of_the_standard_library(closed, days, hour):
    """Each kind against datetime arithmetic in the city's zone."""
    base, midnight = PACKS["xiamen-platform-2024"], city(closed).replace(hour=0, minute=0, second=0, microsecond=0)
    expected = {
        "days": city(closed) + timedelta(days=days),
        "day_hour": midnight + timedelta(days=days, hours=hour),
        "due_date": midnight + timedelta(days=days + 1, hours=hour),
        "visit_end": midnight + timedelta(days=days + 1),
    }
    for kind, ends in expected.items():
        pack = base._replace(repayment=Repayment(kind, days, hour, UNCITED))
        assert due_at(pack, closed) == round(ends.timestamp() * 1000)
        assert due_at(pack, closed) > closed


@given(closed=INSTANTS, days=st.integers(42, 90), hour=st.integers(0, 23), bank=st.sampled_from(["ICBC", "XIB", ""]))
def test_free_days_are_never_cut_short(closed, days, hour, bank):
    """At least so many whole city days lie between the close and the end of the term (invariant 7)."""
    pack = PACKS["xiamen-city-2023"]
    ends = due_at(pack._replace(repayment=Repayment("due_date", days, hour, UNCITED)), closed, bank)
    assert (city(ends).date() - city(closed).date()).days > days
    assert (city(ends).date() - city(closed).date()).days <= days + 32


@given(failed=INSTANTS, attempt=st.integers(1, 9), hours=st.lists(st.integers(0, 23), min_size=1, max_size=4))
def test_a_retry_comes_on_a_later_city_day_at_a_likely_hour(failed, attempt, hours):
    """Never on the same day, always at one of the pack's hours, in turn."""
    again = city(retry_at(Retry(tuple(hours), 3, 0, UNCITED), attempt, failed))
    assert again.date() == city(failed).date() + timedelta(days=1)
    assert (again.hour, again.minute) == (hours[(attempt - 1) % len(hours)], 0)


@pytest.mark.clause("xiamen-platform-2024 retry")
def test_the_platforms_last_try_falls_on_the_day_before_the_term_ends():
    """At 10:00 of that day, three attempts in all."""
    pack = PACKS["xiamen-platform-2024"]
    assert (pack.retry.hours, pack.retry.attempts) == ((10,), 3)
    assert last_try_at(pack, at("2026-07-10 18:00")) == at("2026-07-09 10:00")
    assert last_try_at(pack, at("2026-07-10 00:00")) == at("2026-07-08 10:00")
    assert last_try_at(PACKS["pingtan-2025"], at("2026-07-10 18:00")) == 0


@pytest.mark.clause("xiamen-city-2023 retry")
def test_the_citys_debit_is_tried_three_times_at_ten():
    """The next city day at 10:00, and no last try before the due date, on which the first one falls."""
    pack = PACKS["xiamen-city-2023"]
    assert (pack.retry.attempts, last_try_at(pack, at("2026-07-10 23:00"))) == (3, 0)
    assert retry_at(pack.retry, 1, at("2026-07-10 09:01")) == at("2026-07-11 10:00")


@pytest.mark.clause(
    "zhongshan-pilot-2020 quiet",
    "stomatology-2020 quiet",
    "zhongshan-2021 quiet",
    "xiamen-city-2023 quiet",
    "xiamen-platform-2024 quiet",
)
@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("2026-07-03 21:59", "2026-07-03 21:59"),
        ("2026-07-03 22:00", "2026-07-04 08:00"),
        ("2026-07-03 23:59", "2026-07-04 08:00"),
        ("2026-07-04 00:00", "2026-07-04 08:00"),
        ("2026-07-04 07:59", "2026-07-04 08:00"),
        ("2026-07-04 08:00", "2026-07-04 08:00"),
    ],
)
def test_nobody_is_told_anything_between_22_and_8(now, told):
    """What falls into the quiet hours waits for their end."""
    quiet = {PACKS[name].quiet[:2] for name in PACKS if name != "pingtan-2025"}
    assert quiet == {(22, 8)}
    assert told_at(Quiet(22, 8), at(now)) == at(told)


@given(now=INSTANTS, begin=st.integers(0, 23), end=st.integers(0, 23))
def test_quiet_hours_end_within_a_day_and_never_hold_twice(now, begin, end):
    """A message leaves at an hour that is not quiet, less than 24 hours late."""
    quiet = Quiet(begin, end)
    told = told_at(quiet, now)
    assert now <= told < now + 24 * 3_600_000
    assert told_at(quiet, told) == told
    hour = city(told).hour
    inside = begin <= hour < end if begin <= end else hour >= begin or hour < end
    assert not inside


def test_days_of_the_city_are_not_days_of_utc():
    """00:30 in the city is still the day before in UTC."""
    assert city(at("2026-07-03 00:30")).date() == date(2026, 7, 3)
    assert due_at(PACKS["zhongshan-pilot-2020"], at("2020-07-03 00:30")) == at("2020-07-04 23:00")

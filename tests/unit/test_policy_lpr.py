"""The loan prime rate by date, and the cap on penalty plus interest (domain 10)."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.policies import PackError, load_policies
from hub.policies.lpr import cap_fen, read_lpr, shipped_lpr

LPR = shipped_lpr()
CITY = load_policies().packs["xiamen-city-2023"]
DAYS = st.dates(date(2023, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("day", "bp"),
    [
        (date(2023, 8, 20), 355),
        (date(2023, 8, 21), 345),
        (date(2024, 7, 21), 345),
        (date(2024, 7, 22), 335),
        (date(2024, 10, 20), 335),
        (date(2024, 10, 21), 310),
        (date(2025, 5, 19), 310),
        (date(2025, 5, 20), 300),
        (date(2026, 7, 3), 300),
    ],
)
def test_a_rate_is_in_force_from_its_day_on(day, bp):
    """The day of publication already has the new rate."""
    assert LPR.rate_on(day) == bp


def test_a_day_before_the_table_has_no_rate():
    """Better none than a wrong one."""
    with pytest.raises(ValueError, match="2019-01-01"):
        LPR.rate_on(date(2019, 1, 1))


@pytest.mark.clause("xiamen-city-2023 bank")
def test_30_days_on_3000_yuan_at_4_5_percent_are_11_09():
    """The worked example of domain 10: 11.0958… yuan, floored to 1109 fen."""
    assert cap_fen(CITY.bank, LPR, 300_000, date(2025, 6, 1), 30) == 1109


def test_a_period_across_a_change_counts_each_day_at_its_own_rate():
    """10 days at 3.10 % and 20 at 3.00 %, rounded down once."""
    expected = int(Fraction(300_000 * 3 * (10 * 310 + 20 * 300), 2 * 10_000 * 365))
    assert cap_fen(CITY.bank, LPR, 300_000, date(2025, 5, 10), 30) == expected


@given(principal=st.integers(0, 5_000_000_000), first=DAYS, days=st.integers(0, 800))
def test_the_cap_equals_a_sum_over_single_days(principal, first, days):
    """An independent sum of fractions, day by day."""
    whole = sum(
        (Fraction(principal * LPR.rate_on(first + timedelta(n)) * 3, 2 * 10_000 * 365) for n in range(days)),
        Fraction(0),
    )
    assert cap_fen(CITY.bank, LPR, principal, first, days) == int(whole)


@given(first=DAYS, days=st.integers(0, 2000))
def test_the_spans_of_a_period_are_its_days(first, days):
    """No day is lost or counted twice at a change."""
    assert sum(length for length, _ in LPR.spans(first, days)) == days


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("rates = [", "PACK_UNREADABLE"),
        ('source = "x"\nrates = [{ from = 2024-01-01 }]', "PACK_UNREADABLE"),
        ('source = "x"\nrates = []', "PACK_DATES"),
        ('source = "x"\nrates = [{ from = 2024-01-01, bp = 300 }, { from = 2023-01-01, bp = 310 }]', "PACK_DATES"),
        ('source = "x"\nrates = [{ from = 2024-01-01, bp = -1 }]', "PACK_DATES"),
    ],
)
def test_a_broken_table_is_refused(tmp_path, text, code):
    """Unreadable, empty, descending or negative."""
    path = tmp_path / "lpr.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(PackError, match=code):
        read_lpr(path)

"""FHIR's numbers and dates at their borders: exact decimals, the arithmetic guard, the city's days (protocols 3)."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from adapters.fhir.elements import birthday, coded, instant, money, product_fits
from adapters.fhir.faults import FhirFaultError
from schemas.money import AMOUNT_FEN_MAX, fen_from_decimal
from schemas.reasons import Reason

CITY = timezone(timedelta(hours=8))
NOW = int(datetime(2026, 7, 3, 2, 0, tzinfo=UTC).timestamp() * 1000)


def yuan(text):
    """Return a Money element."""
    return {"value": Decimal(text), "currency": "CNY"}


def at(*parts, zone=CITY):
    """Return an instant in milliseconds."""
    return int(datetime(*parts, tzinfo=zone).timestamp() * 1000)


def reason_of(call, *arguments):
    """Return the reason of the fault that a call raises."""
    with pytest.raises(FhirFaultError) as caught:
        call(*arguments)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "fen"), [("18.34", 1_834), ("-0.01", -1), ("0", 0), ("50000000.00", AMOUNT_FEN_MAX), ("1E+2", 10_000)]
)
def test_money_is_exact_in_fen_up_to_the_maximum(text, fen):
    """50,000,000.00 is an amount (domain 4.2, example 11)."""
    assert money(yuan(text), "amount") == fen


@pytest.mark.parametrize("text", ["50000000.01", "-50000000.01"])
def test_a_fen_above_the_maximum_is_refused_in_either_direction(text):
    """AMOUNT_OUT_OF_RANGE."""
    assert reason_of(money, yuan(text), "amount") == Reason.AMOUNT_OUT_OF_RANGE


@pytest.mark.parametrize("text", ["0.001", "1E-3", "NaN", "Infinity", "1E+25", "1." + "0" * 25, "1" * 25])
def test_a_number_beyond_all_sense_is_no_amount(text):
    """Neither a part of a fen, nor what is not finite, nor digits without end."""
    assert reason_of(money, yuan(text), "amount") == Reason.AMOUNT_SYNTAX


def test_an_amount_in_fen_is_below_a_million_million_yuan():
    """The least refused and the greatest read."""
    assert fen_from_decimal(Decimal("999999999999.99")) == 99_999_999_999_999
    with pytest.raises(ValueError, match="1000000000000"):
        fen_from_decimal(Decimal(10) ** 12)


@pytest.mark.parametrize(
    ("quantity", "unit", "fen", "rule", "fits"),
    [
        ("14", "1.31", 1_834, "half_up", True),
        ("14", "1.31", 1_835, "half_up", False),
        ("-14", "1.31", 1_834, "half_up", True),
        ("0.5", "0.01", 1, "half_up", True),
        ("0.5", "0.01", 0, "half_even", True),
        ("0.9", "0.01", 0, "truncate", True),
        ("3", "33.33", 10_000, "within_1_fen", True),
        ("1", "1.00", 101, "within_1_fen", True),
        ("1", "1.00", 99, "within_1_fen", True),
        ("1", "1.00", 102, "within_1_fen", False),
        ("1", "1.00", 98, "within_1_fen", False),
        ("1", "1.00", -100, "within_1_fen", True),
    ],
)
def test_the_arithmetic_guard_rounds_as_the_source_says(quantity, unit, fen, rule, fits):
    """The same rules as over HL7 (protocols 2.3)."""
    assert product_fits(Decimal(quantity), Decimal(unit), fen, rule) is fits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-02", at(2026, 7, 2)),
        ("2026-07", at(2026, 7, 1)),
        ("2026", at(2026, 1, 1)),
        ("2000", at(2000, 1, 1)),
        ("2026-07-02T09:40:07+08:00", at(2026, 7, 2, 9, 40, 7)),
        ("2026-07-02T01:40:07Z", at(2026, 7, 2, 9, 40, 7)),
        ("2026-07-02T01:40:07.5Z", at(2026, 7, 2, 9, 40, 7) + 500),
        ("2026-07-02T01:40:07.123999Z", at(2026, 7, 2, 9, 40, 7) + 123),
    ],
)
def test_a_date_is_the_start_of_that_day_in_the_city_and_a_time_is_exact(text, expected):
    """To the millisecond, what is beyond it is cut off."""
    assert instant({"at": text}, "at", "item", NOW) == expected


def test_a_time_may_be_a_day_ahead_and_no_more():
    """24 h for clocks and planned services (row 37)."""
    assert instant({"at": "2026-07-04T02:00:00Z"}, "at", "item", NOW) == NOW + 24 * 3_600_000
    assert reason_of(instant, {"at": "2026-07-04T02:00:00.001Z"}, "at", "item", NOW) == Reason.TIME_INVALID


@pytest.mark.parametrize(
    "text", ["1999-12-31", "2026-02-30", "2026-07-02T24:00:00Z", "2026-07-02T09:40:07", "26-07-02"]
)
def test_a_time_that_is_none_is_refused(text):
    """Before 2000, no such day, no zone, no four digits (row 52)."""
    assert reason_of(instant, {"at": text}, "at", "item", NOW) == Reason.TIME_INVALID


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1990-03-07", "1990-03-07"), ("1990-03", ""), ("1990", ""), ("19900307", ""), ("1990-02-30", "")],
)
def test_a_birthday_is_a_whole_date_or_nothing(text, expected):
    """A minor's 18th birthday is counted from it (domain 9)."""
    assert birthday(text) == expected


def test_an_identifiers_type_is_read_by_its_code():
    """NI is the citizen's number; another code, or none, is not."""
    assert coded({"type": {"coding": [{"code": "MR"}, {"code": "NI"}]}}, "NI")
    for other in ({}, {"type": "NI"}, {"type": {"coding": "NI"}}, {"type": {"coding": ["NI", {"code": "MR"}]}}):
        assert not coded(other, "NI")

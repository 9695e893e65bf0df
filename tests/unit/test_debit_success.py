"""The report of debits: groups, recoveries, Wilson intervals, value (domain 7, reported)."""

from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clearing.debit_success import Z_95, DebitRow, debit_success, weighted, wilson

ROWS = [
    DebitRow("B1", 1, "alipay", 10_000, "failed", "nsf"),
    DebitRow("B1", 2, "alipay", 10_000, "paid"),
    DebitRow("B2", 1, "unionpay", 90_000, "failed", "nsf"),
    DebitRow("B2", 2, "unionpay", 90_000, "failed", "card"),
    DebitRow("B3", 1, "alipay", 5_000, "paid"),
    DebitRow("B4", 1, "unionpay", 5_000, "unknown"),
    DebitRow("B5", 1, "unionpay", 20_000, "failed", "card"),
]


def test_orders_are_counted_by_channel_and_attempt_and_open_ones_left_out():
    """Six ended orders: two of three at Alipay succeeded, none of three at UnionPay."""
    report = debit_success(ROWS)
    assert [(s.group, s.succeeded, s.tried) for s in report.by_channel] == [("alipay", 2, 3), ("unionpay", 0, 3)]
    assert [(s.group, s.succeeded, s.tried) for s in report.by_attempt] == [("1", 1, 4), ("2", 1, 2)]


def test_a_recovery_is_a_bill_whose_first_failure_was_paid_later():
    """By the first cause: one of two after nsf, none of one after card; by value 100 of 1,200 yuan."""
    report = debit_success(reversed(ROWS))
    assert [(s.group, s.succeeded, s.tried) for s in report.recovered_by_cause] == [("card", 0, 1), ("nsf", 1, 2)]
    assert (report.recovered.succeeded, report.recovered.tried) == (1, 3)
    assert (report.recovered.succeeded_fen, report.recovered.tried_fen) == (10_000, 120_000)
    assert isclose(report.recovered.by_value.rate, 1 / 12)


def test_the_public_claim_of_356_of_387_recovered_has_this_interval():
    """92.0 % of 387: from 88.9 % to 94.3 %."""
    interval = wilson(356, 387)
    assert [round(value, 3) for value in interval] == [0.92, 0.889, 0.943]


@pytest.mark.parametrize("trials", [0, 1, 1_000])
def test_nothing_and_everything_stay_within_0_and_1(trials):
    """Of nothing nothing is known; a full success is not certain."""
    low, high = wilson(0, trials), wilson(trials, trials)
    assert 0 <= low.low <= low.high <= 1
    assert (high.low, high.high) == (0, 1) if not trials else high.low < 1


@given(trials=st.integers(1, 5_000), data=st.data())
def test_each_bound_solves_the_equation_that_defines_it(trials, data):
    """At a Wilson bound the observed share lies exactly z standard errors of the bound away."""
    successes = data.draw(st.integers(0, trials))
    interval = wilson(successes, trials)
    for bound in (interval.low, interval.high):
        distance = Z_95 * sqrt(bound * (1 - bound) / trials)
        assert isclose(abs(interval.rate - bound), distance, abs_tol=1e-7)


@given(number=st.integers(1, 200), succeeded=st.integers(0, 200), fen=st.integers(1, 10**7))
def test_equal_amounts_weigh_as_their_number(number, succeeded, fen):
    """The value-weighted interval of equal amounts is the one by number."""
    rows = [(fen, place < succeeded) for place in range(number)]
    by_number = wilson(min(succeeded, number), number)
    assert all(isclose(a, b, abs_tol=1e-9) for a, b in zip(weighted(rows), by_number, strict=True))

"""Reports of a closed day, each one question of the books: rows that are copied, sums that add up (experience 2)."""

from collections.abc import Awaitable, Callable
from datetime import date
from math import sqrt
from typing import Any, Final, NamedTuple

from hub.clearing.books import next_day
from hub.web.answers import Page
from hub.web.books.reading import not_found
from hub.web.clearing_answers import ReportAnswer, ReportName
from schemas.city_time import day_start

MINUTES_A_VISIT: Final = 35
"""Stated, not measured: what one encounter without queueing at the window saves (domain 14)."""
_ROWS_MAX: Final = 10_000
_Z: Final = 1.96
Rows = tuple[tuple[str | int, ...], ...]


class Report(NamedTuple):
    """A report: its names, its columns, how its rows are asked for."""

    en: str
    zh: str
    columns: tuple[str, ...]
    rows: Callable[[Any, date], Awaitable[Rows]]


async def names() -> Page[ReportName]:
    """Return every report that can be made."""
    return Page(tuple(ReportName(name, report.en, report.zh) for name, report in REPORTS.items()))


async def report(connection: Any, name: str, day: date) -> ReportAnswer:
    """Return a report of a day; raises RefusedError NOT_FOUND for a name nobody knows, or a day that is open."""
    known = REPORTS.get(name)
    closed = await connection.fetchval("SELECT 1 FROM clearing.day_closes WHERE day = $1", day)
    if known is None or not closed:
        raise not_found()
    return ReportAnswer(name, day.isoformat(), known.columns, await known.rows(connection, day))


async def _daily_credit(connection: Any, day: date) -> Rows:
    return _rows(
        await connection.fetch(
            "SELECT scope, key, credit_fen, returned_fen, repaid_fen, paid_back_fen, given_up_fen, fee_fen"
            " FROM clearing.daily_credit WHERE day = $1 ORDER BY scope, key LIMIT $2",
            *(day, _ROWS_MAX),
        )
    )


async def _t_plus_1(connection: Any, day: date) -> Rows:
    return _rows(
        await connection.fetch(
            "SELECT institution, bank, state, items, credit_fen, returned_fen, carried_fen, amount_fen, carry_fen"
            " FROM clearing.batches WHERE day = $1 ORDER BY institution, bank LIMIT $2",
            *(day, _ROWS_MAX),
        )
    )


async def _ageing(connection: Any, day: date) -> Rows:
    """Bills that are owed, by institution and days past their term at the end of the day."""
    return _rows(
        await connection.fetch(
            "SELECT institution, CASE WHEN late <= 0 THEN 'not due' WHEN late <= 7 THEN '1-7' WHEN late <= 30 THEN"
            " '8-30' WHEN late <= 90 THEN '31-90' ELSE 'over 90' END AS days, count(*) AS bills,"
            " sum(amount_fen - paid_fen)::bigint AS owed_fen FROM (SELECT institution, amount_fen, paid_fen,"
            " ceil(($1 - due_at) / 86400000.0) AS late FROM bills WHERE closed_at < $1 AND amount_fen > paid_fen"
            " AND state NOT IN ('paid', 'cancelled', 'relieved', 'written_off')) b"
            " GROUP BY institution, days ORDER BY institution, min(late)",
            day_start(next_day(day)),
        )
    )


async def _debit_success(connection: Any, day: date) -> Rows:
    """Orders begun on the day by channel and attempt, with a 95 % interval (Wilson) in tenths of a percent."""
    found = await connection.fetch(
        "SELECT channel, attempt, count(*) FILTER (WHERE state = 'paid') AS paid, count(*) AS orders,"
        " coalesce(sum(amount_fen) FILTER (WHERE state = 'paid'), 0)::bigint AS paid_fen,"
        " sum(amount_fen)::bigint AS asked_fen FROM debits WHERE started_at >= $1 AND started_at < $2"
        " AND state IN ('paid', 'failed') GROUP BY channel, attempt ORDER BY channel, attempt",
        *(day_start(day), day_start(next_day(day))),
    )
    return tuple((*tuple(row), *wilson(row["paid"], row["orders"])) for row in found)


async def _minutes_saved(connection: Any, day: date) -> Rows:
    found = await connection.fetch(
        "SELECT key, visits FROM clearing.daily_credit WHERE day = $1 AND scope = 'institution' AND visits > 0"
        " ORDER BY key",
        day,
    )
    return tuple((row["key"], row["visits"], MINUTES_A_VISIT, row["visits"] * MINUTES_A_VISIT) for row in found)


def wilson(successes: int, trials: int) -> tuple[int, int]:
    """Return the 95 % interval of a share by Wilson's score, in tenths of a percent; the whole range without trials."""
    if not trials:
        return 0, 1000
    share, square = successes / trials, _Z * _Z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = _Z / (1 + square / trials) * sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return max(0, round(1000 * (middle - half))), min(1000, round(1000 * (middle + half)))


def _rows(found: Any) -> Rows:
    return tuple(tuple(row) for row in found)


REPORTS: Final[dict[str, Report]] = {
    "daily-credit": Report(
        "Daily credit ledger",
        "信用日账",
        ("scope", "key", "credit_fen", "returned_fen", "repaid_fen", "paid_back_fen", "given_up_fen", "fee_fen"),
        _daily_credit,
    ),
    "t-plus-1": Report(
        "Advances of the day, paid on the next",
        "T+1 垫付",
        (
            *("institution", "bank", "state", "items", "credit_fen", "returned_fen", "carried_fen", "amount_fen"),
            "carry_fen",
        ),
        _t_plus_1,
    ),
    "ageing": Report("Bills by age", "账龄", ("institution", "days", "bills", "owed_fen"), _ageing),
    "debit-success": Report(
        "Debits that succeeded",
        "代扣成功率",
        (
            *("channel", "attempt", "paid", "orders", "paid_fen", "asked_fen"),
            *("at_least_permille", "at_most_permille"),
        ),
        _debit_success,
    ),
    "minutes-saved": Report(
        "Minutes saved", "节省时间", ("institution", "visits", "minutes_a_visit", "minutes"), _minutes_saved
    ),
}

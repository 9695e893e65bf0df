"""Lists and reports over the whole books: prepayments nobody claimed, and how well debits succeed."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from hub.clearing.debit_success import DebitRow, Success, debit_success
from hub.web.answers import DebitGroup, DebitReportAnswer, Page, Rate, UnclaimedPrepayment
from hub.web.books.reading import Slice, page_of
from schemas.ids import short

ORDERS_MAX: Final = 100_000
"""A report reads at most so many orders, the newest first; `since` says how far back they reach."""


async def unclaimed_prepayments(connection: Any, asked: Slice) -> Page[UnclaimedPrepayment]:
    """Return number accounts that hold money: a linked one does only where its way to a person ended in a conflict."""
    arguments: list[Any] = []
    sql = (
        "SELECT account, at, name_masked, prepayments FROM persons WHERE kind = 'number'"
        " AND EXISTS (SELECT FROM jsonb_each_text(prepayments) WHERE value::bigint > 0)"
    )
    if asked.after is not None:
        sql += " AND (at, account) < ($1, $2)"
        arguments += asked.after
    sql += f" ORDER BY at DESC, account DESC LIMIT ${len(arguments) + 1}"
    rows = await connection.fetch(sql, *arguments, asked.limit + 1)
    return page_of(rows, [_unclaimed(row) for row in rows], asked, "at", "account")


def _unclaimed(row: Any) -> UnclaimedPrepayment:
    kept: dict[str, int] = {
        institution: fen for institution, fen in msgspec.json.decode(row["prepayments"]).items() if fen > 0
    }
    account = row["account"]
    return UnclaimedPrepayment(account, short(account), row["name_masked"], kept, sum(kept.values()), row["at"])


async def debits(connection: Any) -> DebitReportAnswer:
    """Return how often debits succeeded, over the newest orders."""
    rows = await connection.fetch(
        "SELECT bill, attempt, channel, amount_fen, state, cause, started_at FROM debits"
        " ORDER BY started_at DESC, order_no DESC LIMIT $1",
        ORDERS_MAX,
    )
    fields = DebitRow._fields
    report = debit_success(DebitRow(*(row[name] for name in fields)) for row in rows)
    return DebitReportAnswer(
        len(rows),
        min((row["started_at"] for row in rows), default=0),
        _groups(report.by_channel),
        _groups(report.by_attempt),
        _groups(report.recovered_by_cause),
        _group(report.recovered),
    )


def _groups(successes: Iterable[Success]) -> tuple[DebitGroup, ...]:
    return tuple(_group(each) for each in successes)


def _group(success: Success) -> DebitGroup:
    return DebitGroup(
        success.group,
        success.tried,
        success.succeeded,
        success.tried_fen,
        success.succeeded_fen,
        Rate(*success.by_number),
        Rate(*success.by_value),
    )

"""A bill with its two clocks: what happened, what is planned (domain 6, architecture 12)."""

from collections.abc import Sequence
from typing import Any, Final

from hub.web.answers import BillAnswer, BillSummary, DebitAnswer, Mark, Page
from hub.web.books.charges import SUMMARY, summary
from hub.web.books.reading import Row, Slice, not_found, page_of
from schemas.ids import short

_ENDED: Final = frozenset({"paid", "cancelled", "relieved", "written_off"})
_BILL_FIELDS = (
    "SELECT bill, account, institution, visit, state, amount_fen, paid_fen, amount_fen - paid_fen AS open_fen,"
    " closed_at, debit_at, due_at, overdue FROM bills"
)
_CHARGES_MAX = 50


async def bill(connection: Any, identifier: str) -> BillAnswer:
    """Return a bill; raises RefusedError NOT_FOUND."""
    row = await connection.fetchrow(
        "SELECT *, amount_fen - paid_fen AS open_fen FROM bills WHERE bill = $1", identifier
    )
    if row is None:
        raise not_found()
    debits = await connection.fetch("SELECT * FROM debits WHERE bill = $1 ORDER BY started_at, attempt", identifier)
    charges = await connection.fetch(
        f"{SUMMARY} WHERE visit = $1 AND account = $2 AND institution = $3"
        f" ORDER BY event_at, charge LIMIT {_CHARGES_MAX}",
        row["visit"],
        row["account"],
        row["institution"],
    )
    attempts = tuple(_debit(each) for each in debits)
    fields = [name for name in BillAnswer.__struct_fields__ if name in row]
    return BillAnswer(
        **{name: row[name] for name in fields},
        short=short(identifier),
        debits=attempts,
        marks=marks_of(row, attempts),
        charges=tuple(summary(each) for each in charges),
    )


async def summaries(connection: Any, account: str, asked: Slice) -> Page[BillSummary]:
    """Return the bills of an account, newest first."""
    arguments: list[Any] = [account]
    sql = f"{_BILL_FIELDS} WHERE account = $1"
    if asked.after is not None:
        sql += " AND (closed_at, bill) < ($2, $3)"
        arguments += asked.after
    sql += f" ORDER BY closed_at DESC, bill DESC LIMIT ${len(arguments) + 1}"
    rows = await connection.fetch(sql, *arguments, asked.limit + 1)
    items = [BillSummary(short=short(row["bill"]), **row) for row in rows]
    return page_of(rows, items, asked, "closed_at", "bill")


def marks_of(bill: Row, debits: Sequence[DebitAnswer]) -> tuple[Mark, ...]:
    """Return the marks of a bill's line of time, in order of time.

    A planned debit is the one at +72 h while nothing was tried, then the next attempt of the last try. A bill that
    ended plans nothing; its term is then a mark of the past.
    """
    ended = bill["state"] in _ENDED
    marks = [Mark("closed", bill["closed_at"], planned=False, amount_fen=bill["amount_fen"])]
    marks += [
        Mark("debit", each.started_at, planned=False, state=each.state, amount_fen=each.amount_fen) for each in debits
    ]
    if not debits and bill["debit_at"] and not ended:
        marks.append(Mark("debit", bill["debit_at"], planned=True, amount_fen=bill["open_fen"]))
    if debits and debits[-1].next_at and not ended:
        marks.append(Mark("retry", debits[-1].next_at, planned=True, amount_fen=bill["open_fen"]))
    if bill["due_at"]:
        marks.append(Mark("term", bill["due_at"], planned=not ended and not bill["overdue"]))
    return tuple(sorted(marks, key=lambda mark: mark.at))


def _debit(row: Row) -> DebitAnswer:
    return DebitAnswer(**{name: row[name] for name in DebitAnswer.__struct_fields__})

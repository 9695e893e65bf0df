"""A person's standing, approvals, relief cases and notices as the projector keeps them."""

from typing import Any, TypeVar

import msgspec

from hub.web.answers import Page
from hub.web.books.reading import Row, Slice, not_found, page_of
from hub.web.standing_answers import (
    ApprovalAnswer,
    ListedPerson,
    ListingAnswer,
    NoticeAnswer,
    ReliefCaseAnswer,
    StandingAnswer,
)
from schemas.ids import short

T = TypeVar("T")


async def standing(connection: Any, account: str) -> StandingAnswer:
    """Return a person's standing, a fresh one where nothing was ever noted; raises RefusedError NOT_FOUND."""
    row = await connection.fetchrow("SELECT * FROM standing WHERE account = $1", account)
    if row is not None:
        fields = {name: row[name] for name in StandingAnswer.__struct_fields__}
        return StandingAnswer(**fields | {"lists": _lists(row), "entitlements": _words(row["entitlements"])})
    person = await connection.fetchrow("SELECT at FROM persons WHERE account = $1", account)
    if person is None:
        raise not_found()
    return _fresh(account, person["at"])


def _fresh(account: str, at: int) -> StandingAnswer:
    return StandingAnswer(
        account=account,
        at=at,
        overdue_total=0,
        overdue_in_row=0,
        cut_percent=0,
        clean_from=0,
        on_time=0,
        months_in_row=0,
        blacklisted=False,
        lists=(),
        entitlements=(),
        deposit_waived=False,
        dishonesty=False,
        insurance_linked=False,
        insurance_credit="",
    )


async def listed(connection: Any, asked: Slice) -> Page[ListedPerson]:
    """Return everybody on a list or barred by the counters, the latest change first."""
    where = "(lists <> '[]' OR blacklisted)"
    rows = await _slice(connection, "standing", where, ("at", "account"), asked, [])
    items = [ListedPerson(r["account"], short(r["account"]), r["at"], r["blacklisted"], _lists(r)) for r in rows]
    return page_of(rows, items, asked, "at", "account")


async def approvals(connection: Any, account: str, asked: Slice) -> Page[ApprovalAnswer]:
    """Return what was proposed about a person, newest first."""
    rows = await _slice(connection, "proposals", "account = $1", ("proposed_at", "proposal"), asked, [account])
    return page_of(rows, [_approval(row) for row in rows], asked, "proposed_at", "proposal")


async def approval(connection: Any, proposal: str) -> ApprovalAnswer:
    """Return one proposal; raises RefusedError NOT_FOUND."""
    row = await connection.fetchrow("SELECT * FROM proposals WHERE proposal = $1", proposal)
    if row is None:
        raise not_found()
    return _approval(row)


def _approval(row: Row) -> ApprovalAnswer:
    fields = {name: row[name] for name in ApprovalAnswer.__struct_fields__}
    return ApprovalAnswer(**fields | {"confirmed_by": _words(row["confirmed_by"])})


async def relief_cases(connection: Any, account: str, asked: Slice) -> Page[ReliefCaseAnswer]:
    """Return the relief cases of a person, newest first."""
    rows = await _slice(connection, "relief_cases", "account = $1", ("opened_at", "relief_case"), asked, [account])
    return page_of(rows, [_case(row) for row in rows], asked, "opened_at", "relief_case")


async def relief_case(connection: Any, case: str) -> ReliefCaseAnswer:
    """Return one relief case; raises RefusedError NOT_FOUND."""
    row = await connection.fetchrow("SELECT * FROM relief_cases WHERE relief_case = $1", case)
    if row is None:
        raise not_found()
    return _case(row)


def _case(row: Row) -> ReliefCaseAnswer:
    fields = {name: row[name] for name in ReliefCaseAnswer.__struct_fields__ if name != "case"}
    return ReliefCaseAnswer(**fields | {"case": row["relief_case"], "approved_by": _words(row["approved_by"])})


async def notices(connection: Any, account: str, asked: Slice) -> Page[NoticeAnswer]:
    """Return what a person was told, and the score's source of them, newest first."""
    source = "(SELECT *, lpad(seq::text, 12, '0') || '-' || lpad(entry::text, 4, '0') AS id FROM notices) told"
    rows = await _slice(connection, source, "account = $1", ("at", "id"), asked, [account])
    items = [NoticeAnswer(**{name: row[name] for name in NoticeAnswer.__struct_fields__}) for row in rows]
    return page_of(rows, items, asked, "at", "id")


async def _slice(
    connection: Any, source: str, where: str, order: tuple[str, str], asked: Slice, arguments: list[Any]
) -> list[Row]:
    """Return one row more than the limit, newest first; `source` and `where` are texts of this file."""
    at, key = order
    values = [*arguments]
    sql = f"SELECT * FROM {source} WHERE {where}"  # noqa: S608 - texts of this file
    if asked.after is not None:
        sql += f" AND ({at}, {key}) < (${len(values) + 1}, ${len(values) + 2})"
        values += asked.after
    sql += f" ORDER BY {at} DESC, {key} DESC LIMIT ${len(values) + 1}"
    rows: list[Row] = await connection.fetch(sql, *values, asked.limit + 1)
    return rows


def _lists(row: Row) -> tuple[ListingAnswer, ...]:
    return msgspec.json.decode(row["lists"], type=tuple[ListingAnswer, ...])


def _words(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])

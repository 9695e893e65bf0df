"""The read API of clearing: closed days with proofs, advance batches, comparisons, reports."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, Final, NamedTuple

import asyncpg
from aiohttp import web

from hub.web import clearing_answers as a
from hub.web.access import Access
from hub.web.answers import Page
from hub.web.books import clearing, day_reports
from hub.web.books.reading import PAGE_MAX, Slice, cursor_of, reading
from hub.web.problems import RefusedError
from schemas.reasons import Reason

_HASH: Final = re.compile(r"[0-9a-f]{32,64}")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_PAGES: Final = ("limit", "after")


class ReadRoute(NamedTuple):
    """One GET route as the OpenAPI document shows it."""

    path: str
    summary: str
    answer: Any
    handler: Callable[[web.Request], Awaitable[object]]
    query: tuple[str, ...] = ()


class ClearingApi:
    """The handlers; `routes` lists them."""

    def __init__(self, pool: asyncpg.Pool, access: Access) -> None:
        self._pool = pool
        self._access = access

    def routes(self) -> tuple[ReadRoute, ...]:
        """Return every route of clearing."""
        days, batches = Page[a.DayCloseAnswer], Page[a.BatchSummary]
        scope = ("institution", "bank")
        return (
            ReadRoute("/day-closes", "Closed days, newest first", days, self.day_closes, _PAGES),
            ReadRoute("/day-closes/{date}", "A closed day with its signed root", a.DayCloseAnswer, self.day_close),
            ReadRoute(
                "/day-closes/{date}/proofs/{hash}", "That a record stands in a day", a.RecordProofAnswer, self.proof
            ),
            ReadRoute(
                "/settlement-batches", "T+1 batches, newest day first", batches, self.batches, (*_PAGES, "day")
            ),
            ReadRoute("/settlement-batches/{id}", "A batch with its settlement file", a.BatchAnswer, self.batch),
            ReadRoute(
                "/reconciliations/{date}", "The books of a day compared", a.ReconciliationAnswer, self.reconciliation,
                scope,
            ),
            ReadRoute("/reports", "Reports that can be made", Page[a.ReportName], self.reports),
            ReadRoute("/reports/{name}", "A report of a closed day", a.ReportAnswer, self.report, ("day",)),
        )  # fmt: skip

    async def day_closes(self, request: web.Request) -> object:
        """Answer a page of closed days."""
        asked = _slice(request)
        async with self._reading(request) as connection:
            return await clearing.day_closes(connection, asked)

    async def day_close(self, request: web.Request) -> object:
        """Answer one closed day."""
        day = _day(request.match_info["date"], "date")
        async with self._reading(request) as connection:
            return await clearing.day_close(connection, day)

    async def proof(self, request: web.Request) -> object:
        """Answer the proof of a ledger record by its hash."""
        day, record_hash = _day(request.match_info["date"], "date"), _hex(request.match_info["hash"], "hash")
        async with self._reading(request) as connection:
            return await clearing.proof(connection, day, record_hash)

    async def batches(self, request: web.Request) -> object:
        """Answer a page of batches."""
        asked, day = _slice(request), request.query.get("day", "")
        async with self._reading(request) as connection:
            return await clearing.batches(connection, asked, _day(day, "day") if day else None)

    async def batch(self, request: web.Request) -> object:
        """Answer one batch."""
        identifier = _hex(request.match_info["id"], "id")
        async with self._reading(request) as connection:
            return await clearing.batch(connection, identifier)

    async def reconciliation(self, request: web.Request) -> object:
        """Answer what was compared for a day."""
        day = _day(request.match_info["date"], "date")
        institution, bank = request.query.get("institution", ""), request.query.get("bank", "")
        if not (institution + bank).isprintable():
            raise _invalid("institution", "printable text")
        async with self._reading(request) as connection:
            return await clearing.reconciliation(connection, day, institution, bank)

    async def reports(self, _request: web.Request) -> object:
        """Answer which reports there are."""
        return await day_reports.names()

    async def report(self, request: web.Request) -> object:
        """Answer a report of a day."""
        name, day = request.match_info["name"], _day(request.query.get("day", ""), "day")
        async with self._reading(request) as connection:
            return await day_reports.report(connection, name, day)

    def _reading(self, request: web.Request) -> Any:
        return reading(self._pool, self._access.scope(request))


def _slice(request: web.Request) -> Slice:
    text = request.query.get("limit", str(PAGE_MAX))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= PAGE_MAX):
        raise _invalid("limit", f"a number from 1 to {PAGE_MAX}")
    after = request.query.get("after")
    return Slice(int(text), cursor_of(after) if after else None)


def _day(text: str, name: str) -> date:
    try:
        found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise _invalid(name, "a day as 2026-07-03")
    return found


def _hex(text: str, name: str) -> str:
    if not _HASH.fullmatch(text):
        raise _invalid(name, "32 or 64 hex digits")
    return text


def _invalid(parameter: str, expected: str) -> RefusedError:
    return RefusedError(Reason.PARAM_INVALID, {"parameter": parameter, "expected": expected})

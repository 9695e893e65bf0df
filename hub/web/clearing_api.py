"""The read API of clearing: closed days with proofs, advance batches, comparisons, reports."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from aiohttp import web

from hub.web import clearing_answers as a
from hub.web.answers import Page
from hub.web.api_requests import PAGES, Route, asked_slice, invalid
from hub.web.books import clearing, day_reports

_HASH: Final = re.compile(r"[0-9a-f]{32,64}")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class ClearingApi:
    """The handlers; `routes` lists them. `reading` opens a connection limited to what the caller may see."""

    def __init__(self, reading: Callable[[web.Request], Any]) -> None:
        self._reading = reading

    def routes(self) -> tuple[Route, ...]:
        """Return every route of clearing."""
        days, batches = Page[a.DayCloseAnswer], Page[a.BatchSummary]
        scope = ("institution", "bank")
        return (
            Route("/day-closes", "Closed days, newest first", days, self.day_closes, PAGES),
            Route("/day-closes/{date}", "A closed day with its signed root", a.DayCloseAnswer, self.day_close),
            Route(
                "/day-closes/{date}/proofs/{hash}", "That a record stands in a day", a.RecordProofAnswer, self.proof
            ),
            Route(
                "/settlement-batches", "T+1 batches, newest day first", batches, self.batches, (*PAGES, "day")
            ),
            Route("/settlement-batches/{id}", "A batch with its settlement file", a.BatchAnswer, self.batch),
            Route(
                "/reconciliations/{date}", "The books of a day compared", a.ReconciliationAnswer, self.reconciliation,
                scope,
            ),
            Route("/reports", "Reports that can be made", Page[a.ReportName], self.reports),
            Route("/reports/{name}", "A report of a closed day", a.ReportAnswer, self.report, ("day",)),
        )  # fmt: skip

    async def day_closes(self, request: web.Request) -> object:
        """Answer a page of closed days."""
        asked = asked_slice(request)
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
        asked, day = asked_slice(request), request.query.get("day", "")
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
            raise invalid("institution", "printable text")
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


def _day(text: str, name: str) -> date:
    try:
        found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise invalid(name, "a day as 2026-07-03")
    return found


def _hex(text: str, name: str) -> str:
    if not _HASH.fullmatch(text):
        raise invalid(name, "32 or 64 hex digits")
    return text

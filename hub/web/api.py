"""The read API: each route answers one type, with an ETag; lists are pages with a cursor."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
import msgspec
from aiohttp import web

from hub.runtime.database import EVERYTHING, Scope
from hub.web import answers
from hub.web.access import Access
from hub.web.api_requests import PAGES, Route, asked_slice, invalid, our_id
from hub.web.books import bills, charges, dead_letters, finding, outcomes, persons, reports
from hub.web.books.reading import reading
from hub.web.clearing_api import ClearingApi
from hub.web.live import LiveState
from hub.web.live_tables import row_id
from hub.web.problems import RefusedError
from hub.web.standing_api import StandingApi
from schemas.ids import ACCOUNT_LENGTH, ID_LENGTH, account_of
from schemas.reasons import Reason

PREFIX: Final = "/api/v1"
_CODE_MAX: Final = 64
_COMMAND_MAX: Final = 128
_encode = msgspec.json.Encoder().encode


class ReadApi:
    """The handlers; `routes` lists them."""

    def __init__(self, pool: asyncpg.Pool, live: LiveState, access: Access) -> None:
        self._pool = pool
        self._live = live
        self._access = access

    def routes(self) -> tuple[Route, ...]:
        """Return every route of the read API that answers JSON."""
        a, pages = answers, PAGES
        charge_page, bill_page = a.Page[a.ChargeSummary], a.Page[a.BillSummary]
        letters, filters = a.Page[a.DeadLetterSummary], (*pages, "interface", "reason")
        return (
            Route("/persons/{id}", "A person's account, masked", a.PersonAnswer, self.person),
            Route("/persons/{id}/charges", "Charges of an account", charge_page, self.person_charges, pages),
            Route("/persons/{id}/bills", "Bills of an account", bill_page, self.person_bills, pages),
            Route("/charges", "All charges, newest first", charge_page, self.charges, pages),
            Route("/charges/{id}", "A charge with the full explanation of its split", a.ChargeAnswer, self.charge),
            Route("/charges/{id}/decision", "Why a charge was split as it was", a.Decision, self.decision),
            Route("/bills/{id}", "A bill with its two clocks", a.BillAnswer, self.bill),
            Route("/institutions", "Codes of all institutions", a.Page[str], self.institutions),
            Route("/institutions/{id}", "An institution's risk row and bills", a.InstitutionAnswer, self.institution),
            Route(
                "/institutions/{id}/charges", "Charges of an institution", charge_page, self.institution_charges, pages
            ),
            Route("/outcomes/{key}", "What became of a command answered with 202", a.OutcomeAnswer, self.outcome),
            Route(
                "/unclaimed-prepayments",
                "Prepayments under hospital numbers without a person",
                a.Page[a.UnclaimedPrepayment],
                self.unclaimed_prepayments,
                pages,
            ),
            Route("/reports/debits", "How often debits succeed and failures recover", a.DebitReportAnswer, self.debits),
            Route("/dead-letters", "Refused and quarantined messages", letters, self.dead_letters, filters),
            Route(
                "/dead-letter-counts",
                "Dead letters by reason and source",
                a.Page[a.DeadLetterCount],
                self.letter_counts,
            ),
            Route("/dead-letters/{id}", "One dead letter; its bytes stay sealed", a.DeadLetterAnswer, self.dead_letter),
            Route("/find/{key}", "Whatever carries a key", a.Page[a.Found], self.find),
            Route("/views/{view}", "Snapshot of a stream table", a.ViewAnswer, self.view),
            *StandingApi(self._reading).routes(),
            *ClearingApi(self._reading).routes(),
        )

    async def person(self, request: web.Request) -> object:
        """Answer a person's account."""
        account = our_id(request, ACCOUNT_LENGTH)
        async with self._reading(request) as connection:
            return await persons.person(connection, account)

    async def person_charges(self, request: web.Request) -> object:
        """Answer a page of an account's charges."""
        account, asked = our_id(request, ACCOUNT_LENGTH), asked_slice(request)
        async with self._reading(request) as connection:
            return await charges.summaries(connection, "account", account, asked)

    async def person_bills(self, request: web.Request) -> object:
        """Answer a page of an account's bills."""
        account, asked = our_id(request, ACCOUNT_LENGTH), asked_slice(request)
        async with self._reading(request) as connection:
            return await bills.summaries(connection, account, asked)

    async def charges(self, request: web.Request) -> object:
        """Answer a page of all charges."""
        asked = asked_slice(request)
        async with self._reading(request) as connection:
            return await charges.latest(connection, asked)

    async def charge(self, request: web.Request) -> object:
        """Answer a charge with its explanation."""
        identifier = our_id(request, ID_LENGTH)
        async with self._reading(request) as connection:
            return await charges.charge(connection, identifier)

    async def decision(self, request: web.Request) -> object:
        """Answer the explanation alone."""
        identifier = our_id(request, ID_LENGTH)
        async with self._reading(request) as connection:
            return await charges.decision(connection, identifier)

    async def bill(self, request: web.Request) -> object:
        """Answer a bill with its clocks."""
        identifier = our_id(request, ID_LENGTH)
        async with self._reading(request) as connection:
            return await bills.bill(connection, identifier)

    async def institutions(self, request: web.Request) -> object:
        """Answer the codes of all institutions."""
        async with self._reading(request) as connection:
            return answers.Page(tuple(await persons.institutions(connection)))

    async def institution(self, request: web.Request) -> object:
        """Answer one institution; its row of the live table as it stands in this process."""
        code = _text(request, "id")
        async with self._reading(request) as connection:
            return await persons.institution(connection, code, self._risk(request, code))

    async def institution_charges(self, request: web.Request) -> object:
        """Answer a page of an institution's charges."""
        code, asked = _text(request, "id"), asked_slice(request)
        async with self._reading(request) as connection:
            return await charges.summaries(connection, "institution", code, asked)

    async def outcome(self, request: web.Request) -> object:
        """Answer what became of an accepted command; a PENDING one is asked for again after a second."""
        key = request.match_info["key"]
        if not _is_outcome_key(key):
            raise invalid("key", "<account>-<command id>, as the link of a 202 has it")
        async with self._reading(request) as connection:
            return await outcomes.outcome(connection, key)

    async def unclaimed_prepayments(self, request: web.Request) -> object:
        """Answer a page of prepayments that nobody claimed."""
        asked = asked_slice(request)
        async with self._reading(request) as connection:
            return await reports.unclaimed_prepayments(connection, asked)

    async def debits(self, request: web.Request) -> object:
        """Answer how well debits succeed."""
        async with self._reading(request) as connection:
            return await reports.debits(connection)

    async def dead_letters(self, request: web.Request) -> object:
        """Answer a page of dead letters."""
        interface, reason = request.query.get("interface", ""), request.query.get("reason", "")
        if not (interface + reason).isprintable():
            raise invalid("interface", "printable text")
        asked = asked_slice(request)
        async with self._reading(request) as connection:
            return await dead_letters.summaries(connection, asked, interface, reason)

    async def letter_counts(self, request: web.Request) -> object:
        """Answer how many dead letters there are, by interface, reason and source."""
        async with self._reading(request) as connection:
            return await dead_letters.counts(connection)

    async def dead_letter(self, request: web.Request) -> object:
        """Answer one dead letter."""
        identifier = _text(request, "id")
        async with self._reading(request) as connection:
            return await dead_letters.dead_letter(connection, identifier)

    async def find(self, request: web.Request) -> object:
        """Answer whatever carries a key."""
        async with self._reading(request) as connection:
            return answers.Page(await finding.find(connection, request.match_info["key"]))

    async def view(self, request: web.Request) -> object:
        """Answer a snapshot of a stream table."""
        self._access.whole_city(request)
        name = request.match_info["view"]
        if name not in self._live.tables:
            raise RefusedError(Reason.NOT_FOUND)
        return self._live.view(name)

    def _reading(self, request: web.Request) -> Any:
        return reading(self._pool, self._access.scope(request))

    def _risk(self, request: web.Request, code: str) -> answers.Figures | None:
        allowed: Scope = self._access.scope(request)
        if allowed not in (EVERYTHING, Scope(code)):
            return None
        return self._live.tables["institution_risk"].figures(row_id([code]))


def add_routes(app: web.Application, routes: tuple[Route, ...]) -> None:
    """Serve the routes under the prefix."""
    app.add_routes([web.get(PREFIX + route.path, _answering(route)) for route in routes])


def _answering(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        if len(request.query) != len(set(request.query)):
            raise RefusedError(Reason.PARAM_DUPLICATE)
        body = _encode(await route.handler(request))
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)

    return answer


def _is_outcome_key(key: str) -> bool:
    account, dash, command = key[:ACCOUNT_LENGTH], key[ACCOUNT_LENGTH : ACCOUNT_LENGTH + 1], key[ACCOUNT_LENGTH + 1 :]
    return account_of(account) is not None and dash == "-" and 0 < len(command) <= _COMMAND_MAX and key.isprintable()


def _text(request: web.Request, name: str) -> str:
    text = request.match_info[name]
    if not text.isprintable() or len(text) > _CODE_MAX:
        raise invalid(name, f"printable text of at most {_CODE_MAX} characters")
    return text

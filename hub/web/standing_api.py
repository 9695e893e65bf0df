"""The read API's routes about a person's standing, lists, approvals, relief cases and notices."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from hub.web import standing_answers as answers
from hub.web.answers import Page
from hub.web.api_requests import PAGES, Route, asked_slice, our_id
from hub.web.books import standing
from schemas.ids import ACCOUNT_LENGTH, ID_LENGTH


class StandingApi:
    """The handlers; `routes` lists them. `reading` opens a connection limited to what the caller may see."""

    def __init__(self, reading: Callable[[web.Request], Any]) -> None:
        self._reading = reading

    def routes(self) -> tuple[Route, ...]:
        """Return every route of this file."""
        cases, approvals = Page[answers.ReliefCaseAnswer], Page[answers.ApprovalAnswer]
        return (
            Route("/persons/{id}/standing", "How a person repays", answers.StandingAnswer, self.person_standing),
            Route("/persons/{id}/relief-cases", "Relief cases of a person", cases, self.person_relief_cases, PAGES),
            Route("/persons/{id}/approvals", "What was proposed", approvals, self.person_approvals, PAGES),
            Route("/persons/{id}/notices", "What was told", Page[answers.NoticeAnswer], self.person_notices, PAGES),
            Route("/lists", "Persons on a list, or barred", Page[answers.ListedPerson], self.lists, PAGES),
            Route("/approvals/{id}", "One proposal", answers.ApprovalAnswer, self.approval),
            Route("/relief-cases/{id}", "One relief case", answers.ReliefCaseAnswer, self.relief_case),
        )

    async def person_standing(self, request: web.Request) -> object:
        """Answer a person's standing."""
        account = our_id(request, ACCOUNT_LENGTH)
        async with self._reading(request) as connection:
            return await standing.standing(connection, account)

    async def person_relief_cases(self, request: web.Request) -> object:
        """Answer a page of a person's relief cases."""
        account, asked = our_id(request, ACCOUNT_LENGTH), asked_slice(request)
        async with self._reading(request) as connection:
            return await standing.relief_cases(connection, account, asked)

    async def person_approvals(self, request: web.Request) -> object:
        """Answer a page of what was proposed about a person."""
        account, asked = our_id(request, ACCOUNT_LENGTH), asked_slice(request)
        async with self._reading(request) as connection:
            return await standing.approvals(connection, account, asked)

    async def person_notices(self, request: web.Request) -> object:
        """Answer a page of what a person was told."""
        account, asked = our_id(request, ACCOUNT_LENGTH), asked_slice(request)
        async with self._reading(request) as connection:
            return await standing.notices(connection, account, asked)

    async def lists(self, request: web.Request) -> object:
        """Answer a page of everybody on a list."""
        asked = asked_slice(request)
        async with self._reading(request) as connection:
            return await standing.listed(connection, asked)

    async def approval(self, request: web.Request) -> object:
        """Answer one proposal."""
        identifier = our_id(request, ID_LENGTH)
        async with self._reading(request) as connection:
            return await standing.approval(connection, identifier)

    async def relief_case(self, request: web.Request) -> object:
        """Answer one relief case."""
        identifier = our_id(request, ID_LENGTH)
        async with self._reading(request) as connection:
            return await standing.relief_case(connection, identifier)

"""What the read API's routes share: a route as the document shows it, and what a request asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from hub.web.books.reading import PAGE_MAX, Slice, cursor_of
from hub.web.problems import RefusedError
from schemas.ids import account_of
from schemas.reasons import Reason

PAGES: Final = ("limit", "after")
"""What a list can be asked for."""


@dataclass(frozen=True, slots=True)
class Route:
    """One GET route as the OpenAPI document shows it."""

    path: str
    summary: str
    answer: Any
    handler: Callable[[web.Request], Awaitable[object]]
    query: tuple[str, ...] = ()


def asked_slice(request: web.Request) -> Slice:
    """Return which part of a list is asked for; raises RefusedError PARAM_INVALID."""
    text = request.query.get("limit", str(PAGE_MAX))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= PAGE_MAX):
        raise invalid("limit", f"a number from 1 to {PAGE_MAX}")
    after = request.query.get("after")
    return Slice(int(text), cursor_of(after) if after else None)


def our_id(request: web.Request, length: int) -> str:
    """Return the id in the address; raises RefusedError PARAM_INVALID for one we never hand out."""
    identifier = request.match_info["id"]
    if len(identifier) != length or account_of(identifier) is None:
        raise invalid("id", f"an id of {length} characters as we hand out")
    return identifier


def invalid(parameter: str, expected: str) -> RefusedError:
    """Return the refusal of a parameter."""
    return RefusedError(Reason.PARAM_INVALID, {"parameter": parameter, "expected": expected})

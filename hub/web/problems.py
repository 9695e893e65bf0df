"""Refusals as `application/problem+json` (RFC 9457): the code of the registry, what happened and what to do."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec
from aiohttp import web

from hub.runtime.database import UNREACHABLE
from schemas.errors import HubError, TransportError
from schemas.reasons import REASONS, Reason, reason_text

_BUSY_SECONDS = 2
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RefusedError(HubError):
    """The request is refused with this reason; the answer is a problem document."""


def language_of(request: web.Request) -> Literal["en", "zh"]:
    """Return the language of `?lang`, else the first of ours in Accept-Language, else English."""
    wanted = str(request.query.get("lang") or request.headers.get("Accept-Language", ""))
    for part in wanted.split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.startswith(("zh", "en")):
            return "zh" if tag.startswith("zh") else "en"
    return "en"


def problem(request: web.Request, reason: Reason, parameters: Mapping[str, str] | None = None) -> web.Response:
    """Return the problem document of a reason in the caller's language."""
    entry = REASONS[reason]
    body = {
        "type": f"/docs/errors/{reason}",
        "title": reason_text(reason, "en", parameters),
        "status": entry.status,
        "detail": reason_text(reason, language_of(request), parameters),
        "instance": request.path,
        "code": str(reason),
        "retriable": entry.retriable,
    }
    headers = {"Cache-Control": "no-store"}
    if entry.retriable:
        body["retry_after_s"] = _BUSY_SECONDS
        headers["Retry-After"] = str(_BUSY_SECONDS)
    if entry.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        status=entry.status, body=msgspec.json.encode(body), content_type="application/problem+json", headers=headers
    )


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer refusals, unknown routes, wrong methods and a database that is away as problem documents."""
    try:
        return await handler(request)
    except HubError as refused:
        return problem(request, refused.reason, refused.parameters)
    except UNREACHABLE:
        away = TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "PostgreSQL"})
        return problem(request, away.reason, away.parameters)
    except web.HTTPNotFound:
        return problem(request, Reason.NOT_FOUND)
    except web.HTTPMethodNotAllowed as refused:
        answer = problem(request, Reason.METHOD)
        answer.headers["Allow"] = refused.headers["Allow"]
        return answer

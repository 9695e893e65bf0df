"""The page: built files, one document for every page of it, and the page of each error code. Never inline script."""

import html
import mimetypes
from pathlib import Path
from typing import Final, Literal

from aiohttp import web

from hub.web.problems import Handler, RefusedError, language_of
from schemas.reasons import REASONS, Reason, reason_text

STATIC: Final = Path(__file__).parent / "static"
PAGES: Final = (
    "/",
    "/charges/{id}",
    "/bills/{id}",
    "/people/{id}",
    "/institutions/{id}",
    "/dead-letters",
    "/dead-letters/{id}",
    "/messages/{id}",
)
"""Addresses of the page: each answers the same document, which shows what the address names."""
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LANGUAGES: Final[tuple[Literal["en"], Literal["zh"]]] = ("en", "zh")
_YEAR: Final = "public, max-age=31536000, immutable"
mimetypes.add_type("text/javascript", ".js")


@web.middleware
async def add_security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the headers that keep a browser to this origin, to every answer that has not begun."""
    response = await handler(request)
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response


def add_site(app: web.Application) -> None:
    """Serve the document at every address of the page, the built files, and `/docs/errors/CODE`."""
    app.add_routes([web.get(path, _document) for path in PAGES])
    app.add_routes([web.get("/assets/{name}", _asset), web.get("/docs/errors/{code}", _error_page)])


async def _document(_request: web.Request) -> web.StreamResponse:
    return _file(STATIC / "index.html", "no-cache")


async def _asset(request: web.Request) -> web.StreamResponse:
    """Serve a built file; its name holds its content's hash, so it never changes."""
    built = {path.name: path for path in (STATIC / "assets").iterdir()}
    path = built.get(request.match_info["name"])  # looked up, never joined: a name is whatever a stranger writes
    if path is None:
        raise RefusedError(Reason.NOT_FOUND)
    return _file(path, _YEAR)


def _file(path: Path, caching: str) -> web.Response:
    kind, _ = mimetypes.guess_type(path.name)
    charset = "utf-8" if kind and kind.startswith("text/") else None
    return web.Response(
        body=path.read_bytes(), content_type=kind, charset=charset, headers={"Cache-Control": caching, **_HEADERS}
    )


async def _error_page(request: web.Request) -> web.StreamResponse:
    """Say what a code means, in both languages."""
    code = request.match_info["code"]
    if code not in REASONS:
        raise RefusedError(Reason.NOT_FOUND)
    language, reason = language_of(request), Reason(code)
    texts = [f'<p lang="{each}">{html.escape(reason_text(reason, each))}</p>' for each in _LANGUAGES]
    entry = REASONS[reason]
    facts = f"HTTP {entry.status} · HL7 {entry.ack} {entry.hl7} · " + ("retry" if entry.retriable else "do not retry")
    body = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{code}</title>'
        f"<h1>{code}</h1>{''.join(texts if language == 'en' else reversed(texts))}<p>{facts}</p></html>"
    )
    return web.Response(text=body, content_type="text/html")

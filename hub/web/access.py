"""Who may read: nobody asks on the loopback of the demo; elsewhere each HTTP source has its bearer token.

A source of one institution reads that institution's rows (row level security does it); a city-wide one reads all.
"""

from aiohttp import web

from hub.runtime.database import EVERYTHING, Scope
from hub.runtime.http_sources import HttpSources
from hub.web.problems import RefusedError
from schemas.reasons import Reason


class Access:
    """Turns a request's credentials into what it may see."""

    def __init__(self, sources: HttpSources, *, open_to_all: bool) -> None:
        self._sources = sources
        self._open = open_to_all

    def scope(self, request: web.Request) -> Scope:
        """Return what the caller may see; raises RefusedError AUTH for a missing or unknown token.

        A token that is sent is always judged, in the demo too.
        """
        header = request.headers.get("Authorization")
        if header is None and self._open:
            return EVERYTHING
        kind, _, token = (header or "").partition(" ")
        source = self._sources.by_token(token.strip()) if kind.lower() == "bearer" else None
        if source is None or "api" not in source.interfaces:
            raise RefusedError(Reason.AUTH)
        return Scope(source.institution) if source.institution else EVERYTHING

    def whole_city(self, request: web.Request) -> None:
        """Raise RefusedError NOT_PERMITTED unless the caller may see figures of all institutions together."""
        if self.scope(request) != EVERYTHING:
            raise RefusedError(Reason.NOT_PERMITTED)

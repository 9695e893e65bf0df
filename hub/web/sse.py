"""`/api/v1/live?views=…`: a snapshot on connect, then deltas with ids; `Last-Event-ID` resumes without a gap."""

import asyncio
from typing import Final

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from hub.runtime.metrics import WEB_STREAM_CLIENTS
from hub.web.access import Access
from hub.web.live import REFRESH_MS, STREAMS, LiveState
from hub.web.live_log import FellBehindError, changed_rows
from hub.web.problems import RefusedError
from schemas.reasons import Reason

_LEAST_SECONDS: Final = 0.25
"""At most four messages a second to one client."""
_SEND_SECONDS: Final = 10.0
"""A client that takes nothing for this long is dropped."""
_CLIENTS_MAX: Final = 200
_PING_SECONDS: Final = 60.0
_encode = msgspec.json.Encoder().encode


class LiveStream:
    """The handler of the live stream; `close` ends every client, for a stopping process."""

    def __init__(self, state: LiveState, access: Access) -> None:
        self._state = state
        self._access = access
        self._clients: set[asyncio.Task[object]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one client until it leaves, falls behind, or the process stops."""
        self._access.whole_city(request)
        streams = _streams(request)
        if len(self._clients) >= _CLIENTS_MAX:
            raise RefusedError(Reason.HUB_BUSY)
        seen = self._state.log.number_of(request.headers.get("Last-Event-ID", ""))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler always runs in a task
        self._clients.add(task)
        WEB_STREAM_CLIENTS.inc()
        try:
            response = EventSourceResponse(send_timeout=_SEND_SECONDS, ping_interval=_PING_SECONDS)
            response.headers["Cache-Control"] = "no-store"
            await response.prepare(request)
            async with response:
                await self._serve(response, streams, seen)
        except (ConnectionResetError, TimeoutError, FellBehindError):
            pass  # the client begins again: resumed if its last id is still known, else with a snapshot
        finally:
            self._clients.discard(task)
            WEB_STREAM_CLIENTS.dec()
        return response

    async def close(self) -> None:
        """End every client."""
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _serve(self, response: EventSourceResponse, streams: tuple[str, ...], seen: int | None) -> None:
        reached = await self._begin(response, streams, seen)
        while response.is_connected():
            await asyncio.sleep(_LEAST_SECONDS)
            await self._state.log.wait(reached, REFRESH_MS / 1000 - _LEAST_SECONDS)
            last = self._state.log.last
            change = self._state.log.since(reached)
            touched = changed_rows(change, streams) or ("tail" in streams and change.tail)
            await self._send(response, "delta" if touched else "heartbeat", last, self._state.delta(streams, change))
            reached = last

    async def _begin(self, response: EventSourceResponse, streams: tuple[str, ...], seen: int | None) -> int:
        """Send what was missed since `seen`, or a snapshot when that is not known any more; return what was sent."""
        last = self._state.log.last
        if seen is not None:
            try:
                missed = self._state.log.since(seen)
            except FellBehindError:
                seen = None
            else:
                await self._send(response, "delta", last, self._state.delta(streams, missed))
        if seen is None:
            await self._send(response, "snapshot", last, self._state.snapshot(streams))
        return last

    async def _send(self, response: EventSourceResponse, event: str, number: int, payload: object) -> None:
        text = _encode(payload).decode()
        await response.send(text, id=self._state.log.event_id(number), event=event, retry=1000)


def _streams(request: web.Request) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(part for part in request.query.get("views", ",".join(STREAMS)).split(",") if part))
    if not asked or not set(asked) <= set(STREAMS):
        expected = "one or more of " + ", ".join(STREAMS)
        raise RefusedError(Reason.PARAM_INVALID, {"parameter": "views", "expected": expected})
    return asked

"""HTTP as edge and web serve it: processes may share a port, and all a stranger can send has limits (row 107)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from hub.runtime.logs import get_logger
from hub.runtime.metrics import EDGE_CONNECTIONS, EDGE_MESSAGES

HEADER_BYTES_MAX: Final = 16 * 1024
HEADER_SECONDS: Final = 30.0
DRAIN_SECONDS: Final = 8.0
_LINE_BYTES_MAX: Final = 8190
_IDLE_SECONDS: Final = 75.0
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_log = get_logger("edge")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LimitedProtocol(web.RequestHandler):
    """One HTTP connection; a request whose head is not complete in 30 s, or too long, ends it."""

    def __init__(self, manager: Any, loop: asyncio.AbstractEventLoop, wire: str, header_seconds: float) -> None:
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=_IDLE_SECONDS,
            access_log=None,  # type: ignore[arg-type] # None turns it off
            max_line_size=_LINE_BYTES_MAX,
            max_field_size=_LINE_BYTES_MAX,
            auto_decompress=False,
            lingering_time=1.0,
        )
        self._own_loop = loop
        self._wire = wire
        self._header_seconds = header_seconds
        self._header_timer: asyncio.TimerHandle | None = None
        self._heads = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection and give its first request's head a deadline."""
        EDGE_CONNECTIONS.labels(self._wire).inc()
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        EDGE_CONNECTIONS.labels(self._wire).dec()
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the first ones of a request start its deadline."""
        if self._header_timer is None and not self._heads:
            self._arm()
        super().data_received(data)

    def head_complete(self) -> None:
        """Stop the deadline: a handler has the request."""
        self._heads += 1
        self._disarm()

    def answered(self) -> None:
        """Take note that a request is finished; the next bytes begin another."""
        self._heads -= 1

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the empty answer to bytes that are no request: 431 for a head that is too long, else 400."""
        del request, message
        if status >= 500:
            # Not the exception's repr: that of a codec's error is the whole text it failed on.
            _log.error("edge_defect", wire=self._wire, exc_info=exc)
        code = 431 if isinstance(exc, LineTooLong) or "Too many headers" in str(exc) else status
        EDGE_MESSAGES.labels(self._wire, str(code)).inc()
        answer = web.Response(status=code)
        answer.force_close()
        return answer

    def _arm(self) -> None:
        self._disarm()
        self._header_timer = self._own_loop.call_later(self._header_seconds, self._too_slow)

    def _disarm(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _too_slow(self) -> None:
        self._header_timer = None
        transport = self.transport
        if transport is not None and not transport.is_closing():
            with contextlib.suppress(ConnectionError):
                transport.write(_TOO_SLOW)
            transport.close()


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what no route answers with an empty body, and a head over 16 KiB with 431."""
    protocol = request.protocol
    if isinstance(protocol, LimitedProtocol):
        protocol.head_complete()
    try:
        if _head_bytes(request) > HEADER_BYTES_MAX:
            return _empty(431)
        return await handler(request)
    except web.HTTPNotFound:
        return _empty(404)
    except web.HTTPMethodNotAllowed as refused:
        return _empty(405, {"Allow": ", ".join(sorted(refused.allowed_methods))})
    except (web.RequestPayloadError, web.PayloadAccessError, ConnectionError):
        return _empty(400)
    finally:
        if isinstance(protocol, LimitedProtocol):
            protocol.answered()


def _head_bytes(request: web.Request) -> int:
    return len(request.raw_path) + sum(len(name) + len(value) + 4 for name, value in request.raw_headers)


def _empty(status: int, headers: dict[str, str] | None = None) -> web.Response:
    answer = web.Response(status=status, headers=headers)
    if status in (400, 431):
        answer.force_close()
    return answer


class HttpListener:
    """Serves an application on a port; `close` stops listening, finishes running requests, ends connections."""

    def __init__(
        self,
        app: web.Application,
        *,
        wire: str = "http",
        header_seconds: float = HEADER_SECONDS,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        """`app` must use the `guard` middleware before every other one; `wire` names the listener in the metrics."""
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=drain_seconds)
        self._wire = wire
        self._header_seconds = header_seconds
        self._listening: asyncio.Server | None = None

    async def serve(self, host: str, port: int, *, reuse_port: bool = False) -> tuple[str, int]:
        """Listen, and return the address; port 0 takes a free one. `reuse_port` shares it between processes."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        manager = self._runner.server
        self._listening = await loop.create_server(
            lambda: LimitedProtocol(manager, loop, self._wire, self._header_seconds),
            host,
            port,
            reuse_port=reuse_port or None,
            backlog=1024,
        )
        address = self._listening.sockets[0].getsockname()
        return address[0], address[1]

    async def close(self) -> None:
        """Stop listening and finish what runs, at most `drain_seconds`."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

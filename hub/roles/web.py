"""The role `web`: the page, the read API and the live stream."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from hub.roles.http_listener import HttpListener, guard
from hub.runtime import database
from hub.runtime.bus import round_trip_ms
from hub.runtime.clock import Clock, open_clock
from hub.runtime.health import Check, serve_health
from hub.runtime.http_sources import SHIPPED, load_http_sources, refuse_demo_tokens
from hub.runtime.logs import configure_logging, get_logger
from hub.runtime.settings import Address, Settings
from hub.web.access import Access
from hub.web.app import web_app
from hub.web.backlog import watch_books
from hub.web.follower import Follower
from hub.web.live import LiveState

_DRAIN_SECONDS = 5.0
_EXIT_BUG = 70
_log = get_logger("web")


def main(settings: Settings) -> int:
    """Serve until SIGTERM; return the exit status: 0 drained, 70 following Kafka or the books failed by our bug."""
    configure_logging("web", settings.log_level, settings.log_format)
    return asyncio.run(_until_told(settings))


async def _until_told(settings: Settings) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(settings) as running:
        _log.info("web_started", address=str(running.address))
        waiting = asyncio.create_task(stop.wait())
        ended, _ = await asyncio.wait({waiting, *running.tasks}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        failed = ended - {waiting}
        for task in failed:
            _log.error("web_failed", exc_info=task.exception())
        return _EXIT_BUG if failed else 0


class Running:
    """A serving web role: its address, its state, and the tasks that must not end."""

    def __init__(self, address: Address, live: LiveState, tasks: frozenset[asyncio.Task[None]]) -> None:
        self.address = address
        self.live = live
        self.tasks = tasks


@asynccontextmanager
async def serve(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Serve while the block runs. Kafka and PostgreSQL may be away: what needs them says so, the rest works."""
    clock, access = clock or open_clock(settings), _access(settings)
    live = LiveState(settings.topics.facts.partitions, clock)
    pool = await database.open_pool(
        settings.postgres.dsn.get_secret_value(), "reader", size=settings.postgres.pool_size
    )
    follower = Follower(settings.kafka, settings.topics, live, clock)
    tasks = frozenset(
        {asyncio.create_task(follower.run()), asyncio.create_task(watch_books(pool, live, settings.topics.ledger.name))}
    )
    checks = _checks(settings, live)
    app = web_app(pool, live, access, checks)
    app.middlewares.insert(0, guard)
    listener = HttpListener(app, wire="web", drain_seconds=_DRAIN_SECONDS)
    try:
        async with serve_health(settings.health, "web", checks):
            host, port = await listener.serve(settings.web.host, settings.web.port)
            yield Running(Address(host=host, port=port), live, tasks)
    finally:
        await _close(listener, tasks, pool)


async def _close(listener: HttpListener, tasks: frozenset[asyncio.Task[None]], pool: asyncpg.Pool) -> None:
    await listener.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            await pool.close()


def _access(settings: Settings) -> Access:
    sources = load_http_sources(settings.edge.sources_file or SHIPPED)
    if settings.profile == "production":
        refuse_demo_tokens(sources)
    return Access(sources, open_to_all=settings.profile == "demo")


def _checks(settings: Settings, live: LiveState) -> dict[str, Check]:
    async def broker() -> str:
        return f"{await round_trip_ms(settings.kafka):.1f} ms"

    async def books() -> str:
        await database.check(settings.postgres.dsn.get_secret_value())
        return "answers"

    async def tables() -> str:
        if live.restoring:
            raise TimeoutError("the stream tables are being read")
        return "read"

    return {"kafka": broker, "postgres": books, "tables": tables}

"""The read side at work for a test: projector and web in this process, the views worker as a process of its own."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
from page_scenes import Scene

from hub.roles.web import Running, serve
from hub.runtime.bus import committed_consumer, create_topics, delete_topics
from hub.runtime.migrations import migrate
from hub.runtime.settings import Settings, read_settings
from infra.processes import free_port
from streams.projection.books import Books
from streams.projection.worker import Projector

_START_SECONDS = 60
_VIEWS = "from hub.roles.views import main; from hub.runtime.settings import read_settings; exit(main(read_settings()))"


@dataclass
class ViewsProcess:
    """A views worker as a process; it may be killed and started again."""

    settings: Settings
    log: Path
    health_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    stretch: dict[str, int] = field(default_factory=dict)

    async def start(self) -> None:
        """Start it and wait until its tables are restored."""
        self.process = self._spawned()
        async with asyncio.timeout(_START_SECONDS), aiohttp.ClientSession() as session:
            while not await self._ready(session):
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    def _spawned(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "MEDCREDIT_PROFILE": "demo",
            "MEDCREDIT_KAFKA__BOOTSTRAP": self.settings.kafka.bootstrap,
            "MEDCREDIT_KAFKA__PARTITIONS": str(self.settings.kafka.partitions),
            "MEDCREDIT_TOPIC_PREFIX": self.settings.topic_prefix,
            "MEDCREDIT_HEALTH__PORT": str(self.health_port),
            "MEDCREDIT_CHAOS_STRETCH": json.dumps(self.stretch),
        }
        with self.log.open("ab") as output:
            return subprocess.Popen([sys.executable, "-c", _VIEWS], env=environment, stdout=output, stderr=output)

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"http://127.0.0.1:{self.health_port}/readyz") as answer:
                return answer.status == 200
        return False

    async def inside(self, section: str) -> None:
        """Wait until the worker is inside a critical section it holds open."""
        entered = b'"section_entered"'

        async def is_inside() -> bool:
            lines = [line for line in self.log.read_bytes().splitlines() if section.encode() in line]
            return bool(lines) and entered in lines[-1]

        await until(is_inside, 60)

    def kill(self) -> None:
        """End it with SIGKILL. Idempotent."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """End it with SIGTERM; return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


@asynccontextmanager
async def views_worker(settings: Settings, folder: Path, name: str = "views") -> AsyncIterator[ViewsProcess]:
    """A views worker that is gone when the block ends."""
    worker = ViewsProcess(settings, folder / f"{name}.log")
    try:
        await worker.start()
        yield worker
    finally:
        worker.kill()


@asynccontextmanager
async def projector(settings: Settings) -> AsyncIterator[Projector]:
    """A projector at work in this process."""
    consumer = committed_consumer(settings.kafka, "projector", group=settings.group("projector"))
    await consumer.start()
    books = Books(settings.postgres.dsn.get_secret_value())
    made = Projector(consumer, books, settings.topics.ledger.name, settings.topics.dead_letters.name)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        made.stop()
        await task
        await consumer.stop()
        await books.close()


@asynccontextmanager
async def scenes(settings: Settings, count: int = 2) -> AsyncIterator[list[Scene]]:
    """Lanes of the invented city, one each of the first partitions."""
    made = [Scene(settings, partition, int(time.time() * 1000)) for partition in range(count)]
    for scene in made:
        await scene.start()
    try:
        yield made
    finally:
        for scene in made:
            await scene.stop()


@asynccontextmanager
async def own_database(postgres: str) -> AsyncIterator[str]:
    """The DSN of a migrated database, dropped afterwards."""
    name = f"t_{secrets.token_hex(6)}"
    await _execute(postgres, f"CREATE DATABASE {name}")
    dsn = urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
    await migrate(dsn)
    yield dsn
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@dataclass
class ReadSide:
    """Topics, books, projector, views worker, web role and lanes that write: everything the page needs."""

    settings: Settings
    running: Running
    views: ViewsProcess
    lanes: list[Scene]

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.running.address}"

    async def settled(self, seconds: float = 60) -> None:
        """Wait until books and live tables hold everything the lanes wrote."""
        records = sum(person.seq for lane in self.lanes for person in lane.persons)
        facts = sum(fact.count for lane in self.lanes for fact in lane.facts)

        async def done() -> bool:
            rows = self.running.live.tables["institution_risk"].rows()
            return await self._written() >= records and sum(int(str(row["decisions"])) for row in rows) == facts

        await until(done, seconds)

    async def _written(self) -> int:
        connection = await asyncpg.connect(self.settings.postgres.dsn.get_secret_value())
        try:
            return int(await connection.fetchval("SELECT count(*) FROM books.ledger"))
        finally:
            await connection.close()


@asynccontextmanager
async def read_side(kafka: str, postgres: str, folder: Path, lanes: int = 2) -> AsyncIterator[ReadSide]:
    """The whole read side on topics and a database of its own."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(own_database(postgres))
        settings = read_settings(
            profile="demo",
            kafka={"bootstrap": kafka, "partitions": 4},
            topic_prefix=f"t-{secrets.token_hex(6)}",
            run_dir=folder,
            postgres={"dsn": dsn},
            web={"port": 0},
        )
        await create_topics(settings.kafka, settings.topics)
        stack.push_async_callback(delete_topics, settings.kafka, settings.topics)
        views = await stack.enter_async_context(views_worker(settings, folder))
        await stack.enter_async_context(projector(settings))
        running = await stack.enter_async_context(serve(settings))
        made = await stack.enter_async_context(scenes(settings, lanes))
        yield ReadSide(settings, running, views, made)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until an async condition holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for is outside this loop
            await asyncio.sleep(0.05)

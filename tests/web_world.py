"""The read side at work for a test: projector and web in this process, the views worker as a process of its own."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from page_scenes import Scene

from hub.roles.web import Running, serve
from hub.runtime.bus import committed_consumer
from hub.runtime.migrations import migrate
from hub.runtime.settings import Settings, read_settings
from infra.processes import free_port
from streams.projection.books import Books
from streams.projection.worker import Projector

_START_SECONDS = 30
_VIEWS = "import sys; from hub.roles.views import main; from hub.runtime.settings import read_settings; sys.exit(main(read_settings()))"


@dataclass
class ViewsProcess:
    """A views worker as a process; it may be killed and started again."""

    settings: Settings
    log: Path
    health_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until its tables are restored."""
        environment = {
            **os.environ,
            "MEDCREDIT_PROFILE": "demo",
            "MEDCREDIT_KAFKA__BOOTSTRAP": self.settings.kafka.bootstrap,
            "MEDCREDIT_KAFKA__PARTITIONS": str(self.settings.kafka.partitions),
            "MEDCREDIT_TOPIC_PREFIX": self.settings.topic_prefix,
            "MEDCREDIT_HEALTH__PORT": str(self.health_port),
        }
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _VIEWS], env=environment, stdout=output, stderr=output
            )
        async with asyncio.timeout(_START_SECONDS), aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{self.health_port}/readyz") as answer:
                        if answer.status == 200:
                            return
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it with SIGTERM; return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


@asynccontextmanager
async def views_worker(settings: Settings, tmp_path: Path) -> AsyncIterator[ViewsProcess]:
    """A views worker that is gone when the block ends."""
    worker = ViewsProcess(settings, tmp_path / "views.log")
    await worker.start()
    try:
        yield worker
    finally:
        if worker.process is not None and worker.process.poll() is None:
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
async def web(settings: Settings, database: str) -> AsyncIterator[Running]:
    """The web role in this process, on migrated books."""
    await migrate(database)
    async with serve(with_books(settings, database)) as running:
        yield running


def with_books(settings: Settings, database: str) -> Settings:
    """Return the settings with this database and a port of the system's choice for the page."""
    return read_settings(
        profile="demo",
        kafka=settings.kafka.model_dump(),
        topic_prefix=settings.topic_prefix,
        run_dir=settings.run_dir,
        postgres={"dsn": database},
        web={"port": 0},
    )


async def until(condition: object, seconds: float = 20, what: str = "") -> None:
    """Wait until an async condition returns something true."""
    async with asyncio.timeout(seconds):
        while not await condition():  # type: ignore[operator]
            await asyncio.sleep(0.05)

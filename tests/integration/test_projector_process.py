"""The projector as a process: killed, terminated and frozen inside its critical section, exact all the same."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from ledger_samples import LedgerWriter
from test_projector import RECORDS, assert_exact, counted, publish, until

from hub.runtime.migrations import migrate
from hub.runtime.settings import Settings
from infra.processes import wait_until
from schemas.topics import Topics

SECTION = "projector_before_commit"


@contextmanager
def projector(settings: Settings, dsn: str, log: Path, stretch_ms: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """A projector process; killed when the block ends, if it still runs."""
    environment = {
        **os.environ,
        "MEDCREDIT_PROFILE": "demo",
        "MEDCREDIT_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "MEDCREDIT_KAFKA__PARTITIONS": str(settings.kafka.partitions),
        "MEDCREDIT_TOPIC_PREFIX": settings.topic_prefix,
        "MEDCREDIT_POSTGRES__DSN": dsn,
        **({"MEDCREDIT_CHAOS_STRETCH": f'{{"{SECTION}": {stretch_ms}}}'} if stretch_ms else {}),
    }
    code = "import sys; from hub.runtime.settings import read_settings; from hub.roles.projector import main;"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{code} sys.exit(main(read_settings()))"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def inside_section(log: Path) -> None:
    """Wait until the log says that the section was entered and not left."""
    entered = lambda: log.read_text().count("section_entered") > log.read_text().count("section_left")  # noqa: E731
    assert await asyncio.to_thread(wait_until, entered, seconds=60)


@asynccontextmanager
async def load(settings: Settings) -> AsyncIterator[list[LedgerWriter]]:
    """Records of two partitions, a few at a time, written for as long as the block runs."""
    writers = [LedgerWriter(partition) for partition in range(2)]
    ended = asyncio.Event()

    async def write(writer: LedgerWriter) -> None:
        while not ended.is_set():
            await publish(settings, writer, 20)
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(write(writer))
        yield writers
        ended.set()


async def until_more(dsn: str) -> None:
    """Wait until the books hold more than now."""
    before = await counted(dsn, RECORDS)
    async with asyncio.timeout(60):
        while await counted(dsn, RECORDS) < before + 100:  # noqa: ASYNC110 - PostgreSQL announces no rows
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_projector_ended_inside_its_transaction_is_exact(
    settings: Settings, hub_topics: Topics, database: str, tmp_path: Path, number: signal.Signals
):
    """Rows and position stand or fall together, whether it is killed or told to stop."""
    assert hub_topics
    await migrate(database)
    log = tmp_path / "log"
    async with load(settings) as writers:
        for _ in range(2):
            before = await counted(database, RECORDS)
            with projector(settings, database, log, stretch_ms=150) as process:
                await inside_section(log)
                process.send_signal(number)
                assert await asyncio.to_thread(process.wait, 15) == (0 if number == signal.SIGTERM else -9)
            log.write_text("")
            if number == signal.SIGTERM:
                assert await counted(database, RECORDS) > before
    with projector(settings, database, log):
        await until(database, RECORDS, sum(writer.count for writer in writers))
    await assert_exact(database, writers)


async def test_a_projector_frozen_inside_its_transaction_writes_nothing_when_woken(
    settings: Settings, hub_topics: Topics, database: str, tmp_path: Path
):
    """Its successor goes on after the server cut the frozen one off; the woken one ends with 70, nothing regresses."""
    assert hub_topics
    await migrate(database)
    frozen_log, log = tmp_path / "frozen", tmp_path / "log"
    async with load(settings) as writers:
        with projector(settings, database, frozen_log, stretch_ms=100) as frozen:
            await inside_section(frozen_log)
            frozen.send_signal(signal.SIGSTOP)
            with projector(settings, database, log):
                await until_more(database)
                frozen.send_signal(signal.SIGCONT)
                await until_more(database)
        with projector(settings, database, log):
            await until_more(database)
    with projector(settings, database, log):
        await until(database, RECORDS, sum(writer.count for writer in writers))
    assert frozen.returncode in (-9, 70)
    await assert_exact(database, writers)

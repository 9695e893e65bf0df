"""Lanes, projector and clerks around one broker and one database, on a city clock in a file that a test moves."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from domain_world import CITY, XIAMEN, A, B, charge, line, score, signing
from lanes_world import Worker, World, until
from test_lanes_domain import City
from test_projector import running

from adapters.sandbox.keys import make_keys
from hub.clearing.books import next_day
from hub.roles.clerk import compose
from hub.runtime.bus import log_client
from hub.runtime.clock import skip_city, start_city
from hub.runtime.database import connect
from hub.runtime.durable_log import DurableLog
from hub.runtime.migrations import migrate
from hub.runtime.settings import Settings
from schemas.city_time import city_date, day_start
from schemas.commands import RecordVisit
from streams.clerk.worker import Clerk
from streams.lanes.domain_rules import DomainRules


class Days:
    """A city whose days a test lets pass; money of the bank's pack at two institutions."""

    def __init__(self, world: World, settings: Settings, dsn: str) -> None:
        self.world, self.settings, self.dsn = world, settings, dsn
        self.city = City(world)
        self.worker: Worker | None = None

    @property
    def today(self) -> Any:
        """The city's day."""
        return city_date(self.world.clock.city())

    async def treat(self, who: int, fen: int, visit: str, institution: str = A) -> None:
        """One charge on credit of a person whose account lies on partition `who % 4`."""
        now = self.world.clock.city()
        await self.city.say(who, charge(line(f"{visit}-1", fen), visit=visit, institution=institution, at=now))

    async def enrol(self, who: int) -> None:
        """A score and an agreement with a bank."""
        now = self.world.clock.city()
        await self.city.say(who, score(XIAMEN, 700, at=now), interface="score")
        await self.city.say(who, signing(CITY, "bank", "ICBC", at=now), interface="api")

    async def give_back(self, who: int, fen: int, visit: str, number: str = "2") -> None:
        """Part of a charge is reversed by a credit line of this number."""
        now = self.world.clock.city()
        credit = line(f"{visit}-{number}", fen, "credit", reverses=f"{visit}-1")
        await self.city.say(who, charge(credit, visit=visit, at=now))

    async def close(self, who: int, visit: str) -> None:
        """Discharge: what stands on credit becomes a bill."""
        await self.city.say(who, RecordVisit(A, visit, "discharged", self.world.clock.city()))

    def midnight(self) -> None:
        """Let the city's day end."""
        self._pass(day_start(next_day(self.today)) - self.world.clock.city() + 1_000)

    def pass_hours(self, hours: int) -> None:
        """Let hours of the city pass."""
        self._pass(hours * 3_600_000)

    def _pass(self, city_ms: int) -> None:
        self.world.clock.advance(city_ms)
        skip_city(self.settings.clock_file, city_ms)

    async def ask(self, statement: str, *arguments: object) -> Any:
        """Return one value of the database, as a reader of everything."""
        reader = await connect(self.dsn, "reader")
        try:
            return await reader.fetchval(statement, *arguments)
        finally:
            await reader.close()

    async def rows(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        """Return rows of the database."""
        reader = await connect(self.dsn, "reader")
        try:
            return [dict(row) for row in await reader.fetch(statement, *arguments)]
        finally:
            await reader.close()

    async def until_closed(self, day: Any) -> None:
        """Wait until a day is closed, announced, and its batches are open."""
        done = (
            "SELECT announced AND NOT EXISTS (SELECT FROM clearing.batches WHERE state = 'made' AND day = $1)"
            " FROM clearing.day_closes WHERE day = $1"
        )
        await until(lambda: self.ask(done, day), seconds=40)


@asynccontextmanager
async def days(world: World, settings: Settings, database: str, tmp_path: Path) -> AsyncIterator[Days]:
    """Lanes with the hub's own rules and a projector at work; the clock file stands still until a test moves it."""
    await migrate(database)
    make_keys(tmp_path / "keys")
    clock_file = tmp_path / "clock.json"
    start_city(clock_file, city=world.clock.city(), speed=0)
    told = settings.model_copy(
        update={
            "postgres": settings.postgres.model_copy(update={"dsn": type(settings.postgres.dsn)(database)}),
            "clock_file": clock_file,
            "sm": settings.sm.model_copy(update={"ring_file": tmp_path / "keys" / "hub_keyring.json"}),
            "clerk": settings.clerk.model_copy(update={"inbox": tmp_path / "inbox"}),
        }
    )
    (tmp_path / "inbox").mkdir()
    made = Days(world, told, database)
    made.worker = await Worker(world, rules=DomainRules(XIAMEN)).start()
    async with running(told, database):
        yield made


@asynccontextmanager
async def clerk(settings: Settings) -> AsyncIterator[Clerk]:
    """A clerk at work in this process; its defect fails the test."""
    async with aiohttp.ClientSession() as session:
        log = DurableLog(lambda: log_client(settings.kafka, "clerk"))
        made, store = compose(settings, log, session)
        log.start()
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            made.stop()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await log.stop()
            await store.close()


@contextmanager
def clerk_process(settings: Settings, log: Path, stretch: str = "{}") -> Iterator["subprocess.Popen[bytes]"]:
    """A clerk as its own process; killed when the block ends, if it still runs."""
    environment = {
        **os.environ,
        "MEDCREDIT_PROFILE": "demo",
        "MEDCREDIT_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "MEDCREDIT_KAFKA__PARTITIONS": str(settings.kafka.partitions),
        "MEDCREDIT_TOPIC_PREFIX": settings.topic_prefix,
        "MEDCREDIT_POSTGRES__DSN": settings.postgres.dsn.get_secret_value(),
        "MEDCREDIT_CLOCK_FILE": str(settings.clock_file),
        "MEDCREDIT_SM__RING_FILE": str(settings.sm.ring_file),
        "MEDCREDIT_CHAOS_STRETCH": stretch,
    }
    code = "import sys; from hub.runtime.settings import read_settings; from hub.roles.clerk import main;"
    with log.open("ab") as output:
        command = [sys.executable, "-c", f"{code} sys.exit(main(read_settings()))"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


__all__ = ["B", "clerk", "clerk_process", "days"]

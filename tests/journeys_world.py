"""A whole city for tests of journeys: `medcredit demo` with every role, its clock moved by hand from wake to wake."""

import asyncio
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from demo_process import end_demo, scratch_directory, wait_ready

from hub.cli.drain import drained
from hub.cli.verify import verify_document
from hub.runtime.clock import FileClock, skip_city
from hub.runtime.database import connect
from hub.runtime.settings import Settings, read_settings
from hub.simulate.city import SENDERS, City
from hub.simulate.desk import Desk
from hub.simulate.journeys import Cast, Heard
from hub.simulate.scores import score_sources
from hub.simulate.sent_log import SentLog
from hub.simulate.wires import HttpWire, MllpWire
from schemas.city_time import CITY, HOUR_MS
from schemas.ids import ACCOUNT_LENGTH

_ARRIVE_SECONDS = 60
_QUIET_SECONDS = 0.6
_TOGETHER_MS = HOUR_MS
"""Journeys that wake within an hour of the city are woken together."""
_ARGUMENTS = ("--journeys", "none", "--rate", "0", "--speed", "1", "--no-browser", "--json")


@dataclass
class Town:
    """A running hub seen from outside, and what the senders of each journey heard."""

    run_dir: Path
    addresses: dict[str, str]
    settings: Settings
    city: City
    http: aiohttp.ClientSession
    books: asyncpg.Connection
    heard: dict[str, Heard | BaseException] = field(default_factory=dict)

    async def play(self, casts: Sequence[Cast], *, early_ms: int = HOUR_MS) -> None:
        """Play journeys side by side; when all that go on wait for a later hour, the city's clock goes there.

        `early_ms` before that hour it stops, so that what is due until then has happened when the journeys go on.
        """
        tasks = {each.name: asyncio.ensure_future(each.journey(self.city, each.person)) for each in casts}
        while going := [task for task in tasks.values() if not task.done()]:
            await asyncio.wait(going, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
            wakes = self.city.wakes
            if wakes and sum(not task.done() for task in going) <= len(wakes):
                await self.move_to(max(at for at in wakes if at <= wakes[0] + _TOGETHER_MS), early_ms)
        await self.settle()
        ended = await asyncio.gather(*tasks.values(), return_exceptions=True)
        self.heard |= {name: {} if said is None else said for name, said in zip(tasks, ended, strict=True)}

    async def move_to(self, city_at: int, early_ms: int = HOUR_MS) -> None:
        """Let everything sent so far arrive, then move the clock; what is due on the way comes before who waits."""
        for stop in (city_at - early_ms, city_at) if early_ms else (city_at,):
            await self.settle()
            await self._skip_to(stop)

    async def _skip_to(self, city_at: int) -> None:
        clock = self.city.clock
        if city_at > clock.city():
            await asyncio.to_thread(skip_city, self.run_dir / "clock.json", city_at - clock.city())
        while clock.city() < city_at:  # noqa: ASYNC110 - a clock file has no event to wait for
            await asyncio.sleep(0.02)

    async def settle(self) -> None:
        """Wait until the books hold everything. Raises TimeoutError."""
        if not await drained(self.settings, _ARRIVE_SECONDS, _QUIET_SECONDS):
            raise TimeoutError(f"the city does not come to rest in {_ARRIVE_SECONDS} s")

    def of(self, journey: str) -> Heard:
        """Return what a journey's senders heard; raises what ended it."""
        heard = self.heard[journey]
        if isinstance(heard, BaseException):
            raise heard
        return heard

    async def get(self, path: str) -> dict[str, Any]:
        """Return what the web API answers below its prefix."""
        async with self.http.get(f"{self.addresses['web']}/api/v1{path}") as response:
            document = await response.json()
            assert response.status == 200, f"{path}: {document}"
            return dict(document)

    async def until(self, path: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return what the web API answers once a condition holds. Raises TimeoutError."""
        for _ in range(600):
            found = await self.get(path)
            if holds(found):
                return found
            await asyncio.sleep(0.2)
        raise TimeoutError(f"{path}: {found}")

    async def person(self, identifier: str) -> dict[str, Any]:
        """Return the account that one of its ids (an agreement, a bill, a hold, …) or a charged visit belongs to."""
        return await self.get(f"/persons/{await self._account(identifier)}")

    async def bills(self, visit: str) -> list[dict[str, Any]]:
        """Return the bills of a visit in the order of their issue."""
        found = await self.books.fetch("SELECT bill FROM bills WHERE visit = $1 ORDER BY bill", visit)
        return [await self.get(f"/bills/{each['bill']}") for each in found]

    async def bill(self, visit: str) -> dict[str, Any]:
        """Return the only bill of a visit."""
        (found,) = await self.bills(visit)
        return found

    async def charges(self, visit: str) -> list[dict[str, Any]]:
        """Return the charges of a visit as they were booked, each with its full explanation."""
        found = await self.books.fetch("SELECT charge FROM charges WHERE visit = $1 ORDER BY charge", visit)
        return [await self.get(f"/charges/{each['charge']}") for each in found]

    async def split(self, visit: str) -> dict[str, int]:
        """Return what each source gave to a visit's charges together, without those that gave nothing."""
        sums: dict[str, int] = {}
        for charge in await self.charges(visit):
            for name, fen in charge["allocated"].items():
                sums[name.removesuffix("_fen")] = sums.get(name.removesuffix("_fen"), 0) + fen
        return {name: fen for name, fen in sums.items() if fen and name != "total"}

    async def reason(self, visit: str) -> str:
        """Return why credit gave less to the visit's last charge, as its explanation says."""
        decision = (await self.charges(visit))[-1]["decision"]
        return next((step["reason"]["code"] for step in decision["steps"] if step["reason"]), "")

    async def outcomes(self, identifier: str) -> list[str]:
        """Return the outcomes in the ledger of the account an id belongs to, in their order."""
        return [record["outcome"] for record in await self._records(identifier)]

    async def verified(self) -> dict[str, Any]:
        """Return what `medcredit verify` finds in the books."""
        return dict(await verify_document(self.settings))

    @staticmethod
    def clock_text(at: int) -> str:
        """Return an instant as the city's clocks show it."""
        return datetime.fromtimestamp(at / 1000, CITY).strftime("%Y-%m-%d %H:%M")

    async def events(self, identifier: str, kind: str) -> list[dict[str, Any]]:
        """Return the events of one type in the ledger of the account an id belongs to, in their order."""
        records = await self._records(identifier)
        return [event for record in records for event in record.get("events", ()) if event["type"] == kind]

    async def _account(self, identifier: str) -> str:
        if len(identifier) >= ACCOUNT_LENGTH:
            return identifier[:ACCOUNT_LENGTH]
        found = await self.books.fetchval("SELECT account FROM charges WHERE visit = $1 LIMIT 1", identifier)
        return str(found)

    async def _records(self, identifier: str) -> list[dict[str, Any]]:
        query, account = "SELECT record FROM ledger WHERE account = $1 ORDER BY seq", await self._account(identifier)
        return [json.loads(row["record"]) for row in await self.books.fetch(query, account)]


@asynccontextmanager
async def town(where: Path) -> AsyncIterator[Town]:
    """Start a city without traffic of its own below `where`; nothing of it is left afterwards."""
    scratch = scratch_directory()
    process = _start(where, scratch)
    try:
        await asyncio.to_thread(wait_ready, process, where)
        ready = json.loads((where / "ready.json").read_text())
        async with _seen(Path(ready["run_dir"]), ready["addresses"], where / "sent.jsonl") as seen:
            yield seen
    finally:
        await asyncio.to_thread(end_demo, process)
        shutil.rmtree(scratch, ignore_errors=True)


def _start(where: Path, scratch: Path) -> "subprocess.Popen[bytes]":
    apart = ("--port-offset", str(10 * random.randrange(100, 2000)))
    files = ("--ready-file", str(where / "ready.json"))
    with (where / "demo.log").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "demo", *_ARGUMENTS, *apart, *files],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(scratch)},
        )


@asynccontextmanager
async def _seen(run_dir: Path, addresses: dict[str, str], sent_log: Path) -> AsyncIterator[Town]:
    settings = _settings(run_dir / "medcredit.env")
    books = await connect(settings.postgres.dsn.get_secret_value(), "reader")
    with SentLog(sent_log) as log:
        async with aiohttp.ClientSession() as http:
            city = _city(run_dir, addresses, log)
            writing = asyncio.create_task(city.lists.keep_writing(run_dir / "inbox", city.clock))
            yield Town(run_dir, addresses, settings, city, http, books)
            writing.cancel()
            await asyncio.gather(*(wire.close() for wire in city.mllp.values()), city.http.close())
            await city.desk.close()
    await books.close()


def _city(run_dir: Path, addresses: dict[str, str], log: SentLog) -> City:
    http = HttpWire(addresses["edge"], log)
    return City(
        seed=7,
        clock=FileClock(run_dir / "clock.json"),
        log=log,
        http=http,
        mllp={name: MllpWire(hospital, addresses["mllp"], log) for name, hospital in SENDERS.items()},
        sources=score_sources(run_dir / "keys", http),
        desk=Desk(addresses["web"]),
        control_prefix="E7",
    )


def _settings(environment_file: Path) -> Settings:
    """Return the settings the hub's roles run with, as a shell would take them from the file."""
    lines = environment_file.read_text().splitlines()
    exports = (line.removeprefix("export ").partition("=") for line in lines if line.startswith("export "))
    with pytest.MonkeyPatch.context() as patched:
        for name, _, value in exports:
            patched.setenv(name, shlex.split(value)[0] if value else "")
        return read_settings()

"""What every measurement stands on: broker, database and some roles, and the load generator as its own process."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from hub.cli.floors import Verdict
from hub.cli.output import note
from hub.cli.ports import chosen_ports
from hub.cli.stack import Stack, new_run_dir, prepare
from hub.runtime.bus import group_lag
from hub.runtime.clock import start_city
from hub.runtime.settings import Settings
from hub.runtime.supervisor import ROLE_COMMAND, Child, Supervisor

CITY: Final = 1_782_867_600_000
"""City time at which every measurement begins."""
HL7_GENERATOR: Final = "hub.simulate.load"
LINES: Final = 5
"""Of a message over HL7."""
Found = tuple[dict[str, Any], list[Verdict]]
"""Figures by name, and their verdicts."""
_READY_SECONDS = 120
_LOOK_SECONDS = 0.5


async def nothing(_settings: Settings) -> None:
    """Do nothing before the roles start."""


@contextlib.asynccontextmanager
async def running(
    processes: Mapping[str, int],
    before: Callable[[Settings], Awaitable[None]] = nothing,
    command: Sequence[str] = ROLE_COMMAND,
) -> AsyncIterator[tuple[Stack, Settings, Supervisor]]:
    """Run broker, database and these roles; `before` is awaited with topics made and no role running yet.

    `command`, with the role behind it, starts a process of a role.

    The city's clock runs at normal speed from CITY.
    """
    run_dir = new_run_dir("bench")
    with chosen_ports() as chosen, contextlib.ExitStack() as ending:
        ending.callback(shutil.rmtree, run_dir, ignore_errors=True)
        stack = Stack(run_dir, chosen.ports)
        start_city(stack.clock_file, city=CITY, speed=1)
        ending.enter_context(stack.sandbox(7))
        stores = ending.enter_context(stack.stores())
        settings = stack.settings(stores.postgres.dsn, stores.kafka.bootstrap)
        await prepare(settings)
        await before(settings)
        supervisor = stack.supervisor(
            lambda ended: note(f"WARN {ended.role} ended with {ended.exit_code}"), processes, command
        )
        supervisor.start()
        try:
            await supervisor.wait_ready(_READY_SECONDS)
            yield stack, settings, supervisor
        finally:
            await supervisor.stop()


async def samples(process: Child) -> list[Sample]:
    """Return every sample of a role's process as its `/metrics` shows them now."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{process.health_port}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
        return [each for family in families for each in family.samples]


async def total(process: Child, name: str) -> int:
    """Return the sum of a metric's samples over all labels; counts are whole numbers."""
    return sum(int(each.value) for each in await samples(process) if each.name == name)


async def undecided(settings: Settings) -> int:
    """Return how many commands no lane has committed yet."""
    lags = await group_lag(settings.kafka, settings.group("streams"), settings.topics.commands)
    return sum(each.lag for each in lags)


async def all_decided(settings: Settings) -> None:
    """Return when the lanes have committed every command."""
    left = await undecided(settings)
    while left:
        await asyncio.sleep(_LOOK_SECONDS)
        left = await undecided(settings)


async def load(address: str, messages: int, *, rate: float = 0, prefix: str, persons: int = 1000) -> dict[str, Any]:
    """Run the generator of HL7 over MLLP as its own process and return its document."""
    options = {"mllp": address, "messages": messages, "lines": LINES, "rate": rate}
    options |= {"prefix": prefix, "persons": persons, "at": CITY}
    return await child(HL7_GENERATOR, *(f"--{name}={value}" for name, value in options.items()))


@contextlib.asynccontextmanager
async def echoing(generator: str) -> AsyncIterator[str]:
    """Yield the address of a generator's own server, which answers at once and keeps nothing: it shows its limit."""
    echo = await asyncio.create_subprocess_exec(sys.executable, "-m", generator, "--echo", stdout=subprocess.PIPE)
    try:
        port = await echo.stdout.readline() if echo.stdout else b""
        yield f"127.0.0.1:{int(port)}"
    finally:
        echo.terminate()
        await echo.wait()


async def child(module: str, *arguments: str, told: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Run a module as its own process, `told` in its environment, and return the JSON document it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=subprocess.PIPE, env={**os.environ, **told}
    )
    output, _ = await process.communicate()
    document: dict[str, Any] = json.loads(output.splitlines()[-1])
    return document

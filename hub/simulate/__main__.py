"""`python -m hub.simulate`: the synthetic city as its own process, outside the hub, until SIGTERM."""

import argparse
import asyncio
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from hub.runtime.clock import FileClock
from hub.simulate.city import SENDERS, City
from hub.simulate.desk import Desk
from hub.simulate.journeys import PLANTED, Journey, JourneySet, cast, everyday
from hub.simulate.persons import Person
from hub.simulate.scores import score_sources
from hub.simulate.sent_log import SentLog
from hub.simulate.wires import HttpWire, MllpWire

_JOURNEY_MESSAGES = 6
"""About how many messages an everyday journey sends: turns a rate of messages into a rate of journeys."""
_JOURNEYS_AT_ONCE = 64
_PLANTED_AHEAD_SECONDS = 3.0
"""The planted journeys have the wires for themselves first, so that their bills close at once."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Send until SIGTERM or SIGINT; returns 0. The log is complete when the process has ended."""
    asked = _parser().parse_args(arguments)
    asyncio.run(_run(asked))
    return 0


async def _run(asked: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    with SentLog(asked.log) as log:
        city = _city(asked, log)
        traffic = asyncio.ensure_future(_traffic(city, asked))
        ended = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({traffic, ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in (traffic, ended):
            task.cancel()
        await asyncio.gather(traffic, ended, return_exceptions=True)
        await asyncio.gather(*(wire.close() for wire in city.mllp.values()), city.http.close(), city.desk.close())
    if traffic.done() and not traffic.cancelled() and traffic.exception():
        raise traffic.exception() or RuntimeError


def _city(asked: argparse.Namespace, log: SentLog) -> City:
    http = HttpWire(asked.edge, log)
    return City(
        seed=asked.seed,
        clock=FileClock(asked.clock),
        log=log,
        http=http,
        mllp={name: MllpWire(hospital, asked.mllp, log) for name, hospital in SENDERS.items()},
        sources=score_sources(asked.keys, http),
        desk=Desk(asked.web),
        control_prefix=asked.prefix,
    )


async def _traffic(city: City, asked: argparse.Namespace) -> None:
    draw = random.Random(asked.seed)  # noqa: S311 - invented traffic, not a secret
    places = asyncio.Semaphore(_JOURNEYS_AT_ONCE)
    async with asyncio.TaskGroup() as group:
        if asked.inbox:
            group.create_task(city.lists.keep_writing(asked.inbox, city.clock))
        for journey, person in cast(city, asked.journeys):
            group.create_task(_planted(city, journey, person))
        await asyncio.sleep(_PLANTED_AHEAD_SECONDS)
        for number in range(len(PLANTED) + 1, asked.persons if asked.rate > 0 else 0):
            await places.acquire()
            group.create_task(_one(city, everyday(draw, asked.resent), city.person(number), places))
            await asyncio.sleep(_JOURNEY_MESSAGES / asked.rate)
    await asyncio.Event().wait()


async def _planted(city: City, journey: Journey, person: Person) -> None:
    """Play a planted journey; one that hears what it did not expect ends, is named in the log, and stops no other."""
    try:
        await journey(city, person)
    except (LookupError, ValueError) as unexpected:
        sys.stderr.write(f"{journey.__name__} ended early: {unexpected!r}\n")


async def _one(city: City, journey: Journey, person: Person, places: asyncio.Semaphore) -> None:
    try:
        await journey(city, person)
    finally:
        places.release()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hub.simulate", description=__doc__)
    parser.add_argument("--mllp", required=True, help="host:port of the edge's MLLP")
    parser.add_argument("--edge", required=True, help="URL of the edge's HTTP")
    parser.add_argument("--web", required=True, help="URL of the hub's page, where counters look things up")
    parser.add_argument("--inbox", type=Path, default=None, help="where the hospitals leave their bill lists")
    parser.add_argument("--keys", type=Path, required=True, help="directory the sandbox made")
    parser.add_argument("--clock", type=Path, required=True, help="the city's clock file")
    parser.add_argument("--log", type=Path, required=True, help="what was sent and answered, one JSON object a line")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--journeys", choices=get_args(JourneySet), default="all", help="planted journeys: basic leaves programmes out"
    )
    parser.add_argument("--rate", type=float, default=40.0, help="messages a second after the planted journeys")
    parser.add_argument("--resent", type=float, default=0.05, help="share of everyday visits whose charges come again")
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--prefix", default="S7", help="begins control ids, visit and line numbers of this run")
    return parser


if __name__ == "__main__":
    sys.exit(main())

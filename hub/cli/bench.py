"""`medcredit bench`: what this machine reaches, over the real wire with real Kafka and PostgreSQL (architecture 10).

Every figure stands beside the load generator's own limit in the same run; nothing counts that is not in the books.
"""

import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Annotated, Any

import msgspec
import typer
import uvloop

from hub.cli.bench_edge import measure_edge
from hub.cli.bench_http import measure_http
from hub.cli.bench_lanes import measure_lanes
from hub.cli.bench_recovery import measure_recovery
from hub.cli.bench_stack import CITY, LINES, Found, load, running, total
from hub.cli.books_reader import charges_count
from hub.cli.calibration import REFERENCE, calibration
from hub.cli.cpu_costs import cost_per_message, cpu_seconds
from hub.cli.decide_stages import decision_costs
from hub.cli.drain import drained
from hub.cli.floors import Verdict, at_least, at_most, missed
from hub.cli.output import say, say_as_it_is, show, speaks_json
from hub.cli.verbs import verb
from hub.runtime.supervisor import Child

_PIPELINE = {"edge": 1, "streams": 1, "projector": 1}
_MISSED = 1
"""Exit code when a floor is missed."""
_SHARE = 0.99
"""Of the rate asked for: the generator's first and last tick are not full ones."""
_LAG = "medcredit_lane_lag"
_FLOORS = {"decide_us": 60, "end_to_end": 1000}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "bench")(bench)


def bench(
    what: Annotated[str, typer.Argument(help="all, decide, hl7, http, lanes, charges or recovery")] = "all",
    seconds: Annotated[int, typer.Option(help="Length of the end-to-end run.")] = 60,
    rate: Annotated[int, typer.Option(help="Messages of five lines a second in the end-to-end run.")] = 1000,
) -> None:
    """Measure this machine. Example: medcredit bench charges --seconds 60 --rate 1000."""
    runs: dict[str, Callable[[], Coroutine[Any, Any, Found]]] = {
        "decide": _decide,
        "hl7": measure_edge,
        "http": measure_http,
        "lanes": measure_lanes,
        "charges": lambda: _charges(seconds, rate),
        "recovery": measure_recovery,
    }
    if what != "all" and what not in runs:
        raise typer.BadParameter(f"{what} is not measured: all, {', '.join(runs)}")
    document: dict[str, Any] = _machine()
    document["calibration_us"] = {"this machine": calibration(), "machine of the floors": dict(REFERENCE)}
    say_as_it_is(json.dumps(document, ensure_ascii=False))
    verdicts: list[Verdict] = []
    for name in runs if what == "all" else (what,):
        document[name], judged = uvloop.run(runs[name]())
        verdicts += judged
        _tell(name, document[name], judged)
    document["load_average"] = os.getloadavg()
    document["calibration_us"]["at the end"] = calibration()
    say(f"calibration_us: {json.dumps(document['calibration_us'], ensure_ascii=False)}")
    document["floors"] = [msgspec.to_builtins(each) for each in verdicts]
    if speaks_json():
        show(document)
    if missed(verdicts):
        raise typer.Exit(_MISSED)


def _tell(name: str, found: Mapping[str, Any], verdicts: Iterable[Verdict]) -> None:
    for key, value in found.items():
        say(f"{name} {key}: {json.dumps(value, ensure_ascii=False)}")
    for verdict in verdicts:
        say(str(verdict))


async def _decide() -> Found:
    """Decide with evolve, without lane, broker or database, on one core."""
    found = decision_costs(3000, LINES, CITY)
    median = found["decide"]["median_us"]
    return found, [at_most("decide and evolve a charge, 5 lines, median", median, _FLOORS["decide_us"], "µs")]


async def _charges(seconds: int, rate: int) -> Found:
    """End to end: HL7 → ledger → PostgreSQL, lag at start and end, and the count in the books."""
    async with running(_PIPELINE) as (stack, settings, supervisor):
        address = f"127.0.0.1:{stack.ports['mllp']}"
        warm = await load(address, 2000, prefix="W")
        await drained(settings, 60)
        before, began, used = await charges_count(settings), time.perf_counter(), cpu_seconds(supervisor.pids())
        loading = asyncio.ensure_future(load(address, seconds * rate, rate=rate, prefix="E"))
        (lanes,) = supervisor.of_role("streams")
        lags = await _watched_lag(lanes, loading)
        sent = await loading
        behind = await total(lanes, _LAG)
        await drained(settings, 120)
        booked = await charges_count(settings) - before
        found = {
            **sent,
            "lines_per_message": LINES,
            "lag_first_quarter": lags[len(lags) // 4] if lags else 0,
            "lag_last_quarter": lags[3 * len(lags) // 4] if lags else 0,
            "lag_at_end": behind,
            "seconds_until_all_in_postgres": round(time.perf_counter() - began, 1),
            "charges_in_postgres": booked,
            "equal": booked == sent["accepted"],
            "warm": warm["accepted"],
            "cpu_us_per_message": cost_per_message(used, cpu_seconds(supervisor.pids()), sent["accepted"]),
        }
        return found, [
            at_least("end to end, 5 lines", sent["rate"], min(rate, _FLOORS["end_to_end"]) * _SHARE, "messages/s"),
            at_least("in the books of what was acknowledged", booked, sent["accepted"], "charges"),
        ]


async def _watched_lag(lanes: Child, loading: "asyncio.Future[Any]") -> list[int]:
    """Return how many commands the lanes were behind, every two seconds, as they say themselves.

    The group's offset, told once a second, would show a second's commands more.
    """
    lags = []
    while not loading.done():
        await asyncio.wait({loading}, timeout=2)
        lags.append(await total(lanes, _LAG))
    return lags


def _machine() -> dict[str, Any]:
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return {
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "commit": head.stdout.strip() or "unknown",
        "command": " ".join(["medcredit", *sys.argv[1:]]),
    }

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
import psutil
import typer
import uvloop

from hub.cli.bench_lanes import measure_lanes
from hub.cli.bench_recovery import measure_recovery
from hub.cli.bench_stack import CITY, LINES, Found, load, running, undecided
from hub.cli.books_reader import charges_count
from hub.cli.calibration import REFERENCE, calibration
from hub.cli.cpu_costs import cost_per_message, cpu_seconds
from hub.cli.decide_stages import decision_costs
from hub.cli.drain import drained
from hub.cli.edge_stages import stage_costs
from hub.cli.floors import Verdict, at_least, at_most, missed
from hub.cli.output import JSON_OPTION, say, show
from hub.runtime.settings import Settings

_EDGE_ONLY = {"edge": 1}
_PIPELINE = {"edge": 1, "streams": 1, "projector": 1}
_MISSED = 1
"""Exit code when a floor is missed."""
_SHARE = 0.99
"""Of the rate asked for: the generator's first and last tick are not full ones."""
_FLOORS = {"decide_us": 60, "hl7": 3000, "paced_p99_ms": 100, "end_to_end": 1000}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("bench")(bench)


def bench(
    what: Annotated[str, typer.Argument(help="all, decide, hl7, lanes, charges or recovery")] = "all",
    seconds: Annotated[int, typer.Option(help="Length of the end-to-end run.")] = 60,
    rate: Annotated[int, typer.Option(help="Messages of five lines a second in the end-to-end run.")] = 1000,
    *,
    json_output: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Measure this machine. Example: medcredit bench charges --seconds 60 --rate 1000."""
    runs: dict[str, Callable[[], Coroutine[Any, Any, Found]]] = {
        "decide": _decide,
        "hl7": _hl7,
        "lanes": measure_lanes,
        "charges": lambda: _charges(seconds, rate),
        "recovery": measure_recovery,
    }
    if what != "all" and what not in runs:
        raise typer.BadParameter(f"{what} is not measured: all, {', '.join(runs)}")
    document: dict[str, Any] = _machine()
    document["calibration_us"] = {"this machine": calibration(), "machine of the floors": dict(REFERENCE)}
    say(json.dumps(document, ensure_ascii=False))
    verdicts: list[Verdict] = []
    for name in runs if what == "all" else (what,):
        document[name], judged = uvloop.run(runs[name]())
        verdicts += judged
        _tell(name, document[name], judged)
    document["load_average"] = os.getloadavg()
    document["calibration_us"]["at the end"] = calibration()
    say(f"calibration_us: {json.dumps(document['calibration_us'], ensure_ascii=False)}")
    document["floors"] = [msgspec.to_builtins(each) for each in verdicts]
    if json_output:
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


async def _hl7() -> Found:
    """HL7 over MLLP until the acknowledgement, which follows the durable record: one edge process, five lines."""
    async with running(_EDGE_ONLY) as (stack, _, supervisor):
        address = f"127.0.0.1:{stack.ports['mllp']}"
        await load(address, 2000, prefix="W")  # warm
        edge = psutil.Process(supervisor.of_role("edge")[0].pid)
        alone, before = await _generator_limit(), _cpu_seconds(edge)
        fast = await load(address, 30_000, prefix="A")
        spent = (_cpu_seconds(edge) - before) / 30_000 * 1e6
        paced = await load(address, 15_000, rate=1000, prefix="P")
        found = {
            "lines_per_message": LINES,
            "generator_alone": alone,
            "as_fast_as_answered": fast,
            "at_1000_a_second": paced,
            "edge_cpu_us_per_message": _edge_costs(spent),
        }
        return found, [
            at_least("HL7 to ACK after durable, 5 lines", fast["rate"], _FLOORS["hl7"], "messages/s"),
            at_most("p99 at 1,000 messages/s", paced["p99_ms"], _FLOORS["paced_p99_ms"], "ms"),
        ]


def _edge_costs(spent: float) -> dict[str, float]:
    """Return µs of a message by stage; what no stage of ours explains is sockets, event loop and the log's client."""
    costs = {name: round(cost, 1) for name, cost in stage_costs(300, LINES, CITY)}
    rest = round(spent - sum(costs.values()), 1)
    return {**costs, "sockets, loop and log append": rest, "in all": round(spent, 1)}


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def _charges(seconds: int, rate: int) -> Found:
    """End to end: HL7 → ledger → PostgreSQL, lag at start and end, and the count in the books."""
    async with running(_PIPELINE) as (stack, settings, supervisor):
        address = f"127.0.0.1:{stack.ports['mllp']}"
        warm = await load(address, 2000, prefix="W")
        await drained(settings, 60)
        before, began, used = await charges_count(settings), time.perf_counter(), cpu_seconds(supervisor.pids())
        loading = asyncio.ensure_future(load(address, seconds * rate, rate=rate, prefix="E"))
        lags = await _watched_lag(settings, loading)
        sent = await loading
        behind = await undecided(settings)
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


async def _watched_lag(settings: Settings, loading: "asyncio.Future[Any]") -> list[int]:
    lags = []
    while not loading.done():
        await asyncio.wait({loading}, timeout=2)
        lags.append(await undecided(settings))
    return lags


async def _generator_limit() -> dict[str, Any]:
    """Return what the generator reaches against a server that answers at once and keeps nothing."""
    echo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.simulate.load", "--echo", stdout=subprocess.PIPE
    )
    try:
        port = await echo.stdout.readline() if echo.stdout else b""
        return await load(f"127.0.0.1:{int(port)}", 30_000, prefix="G")
    finally:
        echo.terminate()
        await echo.wait()


def _machine() -> dict[str, Any]:
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return {
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "commit": head.stdout.strip() or "unknown",
        "command": " ".join(["medcredit", *sys.argv[1:]]),
    }

"""HL7 over MLLP until the acknowledgement, which follows the durable record: one edge process (architecture 10)."""

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from hub.cli.bench_stack import CITY, HL7_GENERATOR, LINES, Found, echoing, load, running, samples
from hub.cli.cpu_costs import seconds_of
from hub.cli.edge_sampling import COUNTS_FILE, STAGES
from hub.cli.edge_stages import stage_costs
from hub.cli.floors import at_least, at_most
from hub.runtime.supervisor import Child
from infra.processes import wait_until

_FLOOR_RATE: Final = 3000
_FLOOR_P99_MS: Final = 100
_FAST: Final = 30_000
_SAMPLED: Final = 10_000
_PACED: Final = 15_000
_CONFIRMATIONS: Final = "medcredit_log_request_seconds"
_EDGE: Final = (sys.executable, "-m", "hub.cli.edge_sampling", "run")
"""The role as it is, and able to say what it is doing."""


async def measure_edge() -> Found:
    """As fast as it answers, then at 1,000 a second; and where the CPU time of a message goes."""
    async with running({"edge": 1}, command=_EDGE) as (stack, _, supervisor):
        address = f"127.0.0.1:{stack.ports['mllp']}"
        await load(address, 2000, prefix="W")  # warm
        (edge,) = supervisor.of_role("edge")
        process = psutil.Process(edge.pid)
        alone, before = await _generator_limit(), seconds_of(process)
        fast = await load(address, _FAST, prefix="A")
        spent = (seconds_of(process) - before) / _FAST * 1e6
        confirmed = await _confirmations(edge)
        paced = await load(address, _PACED, rate=1000, prefix="P")
        paced["broker_confirmed_within_ms"] = within(confirmed, await _confirmations(edge))
        shares = await _shares(edge, address, stack.run_dir / COUNTS_FILE)
        found = {
            "lines_per_message": LINES,
            "generator_alone": alone,
            "as_fast_as_answered": fast,
            "at_1000_a_second": paced,
            "edge_cpu_us_per_message": {
                "in all": round(spent, 1),
                "under this load": {stage: round(spent * share, 1) for stage, share in shares.items()},
                "stages by themselves": {name: round(cost, 1) for name, cost in stage_costs(300, LINES, CITY)},
            },
        }
        return found, [
            at_least("HL7 to ACK after durable, 5 lines", fast["rate"], _FLOOR_RATE, "messages/s"),
            at_most("p99 at 1,000 messages/s", paced["p99_ms"], _FLOOR_P99_MS, "ms"),
        ]


async def _shares(edge: Child, address: str, counts_file: Path) -> Mapping[str, float]:
    """Return the share of each stage in the edge's CPU time under full load, in a run of its own."""
    edge.send_signal(signal.SIGUSR1)
    await load(address, _SAMPLED, prefix="S")
    edge.send_signal(signal.SIGUSR2)
    counts = await asyncio.to_thread(_counts, counts_file)
    return {stage: counts.get(stage, 0) / sum(counts.values()) for stage in STAGES}


async def _confirmations(edge: Child) -> Mapping[float, float]:
    """Return how many produce requests the broker confirmed within each number of seconds, since the edge started."""
    shown = await samples(edge)
    return {float(each.labels["le"]): each.value for each in shown if each.name == f"{_CONFIRMATIONS}_bucket"}


def within(before: Mapping[float, float], after: Mapping[float, float]) -> dict[str, float]:
    """Return the bounds of the histogram that half, 99 % and all of the requests between two readings kept, in ms."""
    counts = {seconds: count - before.get(seconds, 0) for seconds, count in sorted(after.items())}
    total = max(counts.values())
    found = {}
    for name, share in (("half", 0.5), ("99 %", 0.99), ("all", 1.0)):
        found[name] = next(seconds * 1000 for seconds, count in counts.items() if count >= share * total)
    return found


def _counts(written: Path) -> Mapping[str, int]:
    wait_until(written.exists, seconds=10)
    counts: dict[str, int] = json.loads(written.read_text())
    return counts


async def _generator_limit() -> dict[str, Any]:
    """Return what the generator reaches against a server that answers at once and keeps nothing."""
    async with echoing(HL7_GENERATOR) as address:
        return await load(address, _FAST, prefix="G")

"""`medcredit bench lanes`: command to ledger with the full domain decision, one process, charges of one line.

The commands are written to the log without the edge: as many as fit while no lane runs, for the rate; then so many a
second, for the time from the durable command to the ledger record that a reader of committed records sees.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import psutil

from hub.cli.bench_stack import CITY, Found, child, running, total
from hub.cli.cpu_costs import seconds_of
from hub.cli.floors import Verdict, at_least, at_most
from hub.cli.lane_restore import fill_idle
from hub.cli.lane_stages import COLD, LaneStages
from hub.policies import load_policies
from hub.runtime.bus import committed_consumer, create_topics, durable_producer
from hub.runtime.record_partition import partition_of
from hub.runtime.settings import Settings, environment
from hub.runtime.supervisor import Child
from hub.simulate.lane_commands import CommandSource, fill

PERSONS: Final = 4_000
CHARGES: Final = 48_000
PACED_RATE: Final = 3_000
PACED_SECONDS: Final = 15
WARMING_SECONDS: Final = 3
"""The same load before, not counted: the first fetch of a reader that has just connected waits for half a second."""
IDLE_ACCOUNTS: Final = 100_000
IDLE_BYTES: Final = 1_000
FLOORS: Final = {"rate": 8_000, "paced_p99_ms": 100, "restored": 100_000, "idle_bytes": 1_500}
_STAGES_SECONDS = 10
_LOOK_SECONDS = 0.5
_DECIDED = "medcredit_lane_commands_total"
_TICK_SECONDS = 0.010
_LANES = {"streams": 1}


class Mark(NamedTuple):
    """How far the lanes were at an instant: commands left, CPU seconds used."""

    at: float
    left: int
    cpu_seconds: float


_ID = re.compile(rb'"command_id":"([^"]+)"')


async def measure_lanes(persons: int = PERSONS, charges: int = CHARGES) -> Found:
    """Return the figures of one lane process and their verdicts."""
    source, filled = CommandSource(load_policies(), persons, CITY), dict[str, float]()
    opening = source.openings()
    stages = LaneStages(1, CITY).costs(_STAGES_SECONDS)

    async def backlog(settings: Settings) -> None:
        filled["rate"] = await fill(settings, opening + source.charges(charges, 1))

    async with running(_LANES, backlog) as (_, settings, supervisor):
        (lanes,) = supervisor.of_role("streams")
        drained = await _drained(lanes, len(opening), charges)
        paced = await _paced(settings, source, PACED_RATE, PACED_SECONDS)
        restored = await _restored(settings)
    found = {
        "generator_alone_per_second": round(filled["rate"]),
        "as_fast_as_decided": drained,
        "cpu_us_per_command": _costs(stages, drained["cpu_us_per_command"]),
        f"at_{PACED_RATE}_a_second": paced,
        "restore": restored,
    }
    return found, verdicts(drained, paced, restored)


def verdicts(drained: dict[str, Any], paced: dict[str, Any], restored: dict[str, Any]) -> list[Verdict]:
    """Return the figures beside their floors; without every command's ledger record there is no p99."""
    p99 = paced.get("p99_ms", float("inf"))
    return [
        at_least("command to ledger, full decision", drained["rate"], FLOORS["rate"], "commands/s"),
        at_most(f"p99 at {PACED_RATE:,} commands/s", p99, FLOORS["paced_p99_ms"], "ms"),
        at_least("in the ledger of what was sent", paced["seen"], paced["sent"], "commands"),
        at_least("restore", restored["accounts_per_second"], FLOORS["restored"], "accounts/s"),
        at_most("memory per idle account", restored["memory_bytes_per_account"], FLOORS["idle_bytes"], "bytes"),
    ]


def _costs(stages: dict[str, float], spent: float) -> dict[str, float]:
    """Return µs of a command by stage; the rest is the log's client, the loop, and what disturbed."""
    together = sum(cost for name, cost in stages.items() if name != COLD)
    return {**stages, "log client, loop, disturbance": round(spent - together, 1), "in all": spent}


async def _drained(lanes: Child, openings: int, charges: int) -> dict[str, Any]:
    """Wait until all is decided; return rate and CPU time of the charges, without their first and last tenth."""
    process, marks = psutil.Process(lanes.pid), list[Mark]()
    while not marks or marks[-1].left:
        left = openings + charges - await total(lanes, _DECIDED)
        marks.append(Mark(time.perf_counter(), left, seconds_of(process)))
        await asyncio.sleep(_LOOK_SECONDS)
    return between(marks, charges)


def between(marks: Sequence[Mark], charges: int) -> dict[str, Any]:
    """Return rate, µs of CPU time and share of a processor without the first and last tenth.

    Raises RuntimeError when the lanes were looked at too seldom for that.
    """
    counted = [mark for mark in marks if 0.1 * charges <= mark.left <= 0.9 * charges]
    if len(counted) < 2:
        raise RuntimeError(f"{charges} charges were decided within {_LOOK_SECONDS} s: measure with more of them")
    began, ended = counted[0], counted[-1]
    decided, seconds, busy = began.left - ended.left, ended.at - began.at, ended.cpu_seconds - began.cpu_seconds
    return {
        "commands": decided,
        "rate": round(decided / seconds),
        "cpu_us_per_command": round(busy / decided * 1e6, 1),
        "processor_share": round(busy / seconds, 2),
    }


async def _paced(settings: Settings, source: CommandSource, rate: int, seconds: int) -> dict[str, Any]:
    """Return percentiles of the time from sending a command to reading its committed ledger record."""
    reader = committed_consumer(settings.kafka, "bench", settings.topics.ledger.name)
    await reader.start()
    try:
        await reader.seek_to_end()
        await reader.getmany(timeout_ms=300)
        sent: dict[bytes, float] = {}
        sending = asyncio.ensure_future(_send_paced(settings, source, rate, seconds, sent))
        waits = await _waits(reader, sent, rate * seconds, time.perf_counter() + WARMING_SECONDS + seconds + 30)
        reached = await sending
    finally:
        await reader.stop()
    ordered = sorted(waits)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1)

    figures = {"p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "max_ms": at(1)} if ordered else {}
    return {"sent": rate * seconds, "seen": len(ordered), "sent_per_second": round(reached), **figures}


async def _send_paced(
    settings: Settings, source: CommandSource, rate: int, seconds: int, sent: dict[bytes, float]
) -> float:
    """Send charges evenly; note when each was handed to the log's client; return how many a second it came to.

    Those of the first WARMING_SECONDS are not noted.
    """
    encoder, partitions = msgspec.json.Encoder(), settings.topics.commands.partitions
    records = []
    for each in source.charges(rate * (WARMING_SECONDS + seconds), 1):
        key = each.account.encode()
        records.append(_Sending(each.id.encode(), key, encoder.encode(each), partition_of(key, partitions)))
    producer, topic = durable_producer(settings.kafka, "bench"), settings.topics.commands.name
    await producer.start()
    began, done, warming = time.perf_counter(), 0, rate * WARMING_SECONDS
    confirmed: list[asyncio.Future[Any]] = []
    try:
        while done < len(records):
            due = min(len(records), int((time.perf_counter() - began) * rate) + 1)
            if done < warming:
                due = min(due, warming)
            confirmed += await _send_together(producer, topic, records[done:due], sent if done >= warming else {})
            done = due
            await asyncio.sleep(_TICK_SECONDS)
        await asyncio.gather(*confirmed)
        return len(records) / (time.perf_counter() - began)
    finally:
        await producer.stop()


async def _send_together(
    producer: Any, topic: str, records: Sequence["_Sending"], sent: dict[bytes, float]
) -> list["asyncio.Future[Any]"]:
    """Hand over a batch for each partition, as an edge does: record by record the generator would need a core."""
    batches: dict[int, Any] = {}
    at, wall_ms = time.perf_counter(), int(time.time() * 1000)
    for each in records:
        sent[each.name] = at
        if each.partition not in batches:
            batches[each.partition] = producer.create_batch()
        batches[each.partition].append(key=each.key, value=each.value, timestamp=wall_ms)
    return [await producer.send_batch(batch, topic, partition=partition) for partition, batch in batches.items()]


class _Sending(NamedTuple):
    """A record to send: its command's id, and what goes where."""

    name: bytes
    key: bytes
    value: bytes
    partition: int


async def _waits(reader: Any, sent: dict[bytes, float], count: int, until: float) -> list[float]:
    """Return the seconds of each command whose ledger record came in time."""
    waits: list[float] = []
    while len(waits) < count and time.perf_counter() < until:
        for records in (await reader.getmany(timeout_ms=100)).values():
            now = time.perf_counter()
            names = (_ID.search(record.value) for record in records)
            waits.extend(now - sent[name[1]] for name in names if name is not None and name[1] in sent)
    return waits


async def _restored(settings: Settings) -> dict[str, Any]:
    """Return what a fresh process needs to open a lane on idle states, on topics of their own."""
    idle = settings.model_copy(update={"topic_prefix": "bench-idle"})
    await create_topics(idle.kafka, idle.topics)
    await fill_idle(idle, IDLE_ACCOUNTS, IDLE_BYTES)
    return await child("hub.cli.lane_restore", told=environment(idle))

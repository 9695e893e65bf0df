"""`medcredit bench recovery`: kill -9 of one of two lane workers under load, with 100,000 accounts."""

import asyncio
import signal
import time
from typing import Any, Final

from hub.cli.bench_stack import CITY, Found, all_decided, load, running
from hub.cli.floors import at_least, at_most
from hub.policies import load_policies
from hub.runtime.bus import committed_consumer
from hub.runtime.settings import Settings
from hub.simulate.lane_commands import CommandSource, fill

ACCOUNTS: Final = 100_000
FLOOR_SECONDS: Final = 5
_RECOVERY = {"edge": 1, "streams": 2}
_RATE = 600
_MESSAGES = 12_000
_BEFORE_KILL_SECONDS = 4
_PATIENCE_SECONDS = 30


async def measure_recovery(accounts: int = ACCOUNTS) -> Found:
    """Return how long it takes until each partition of the killed worker decides again, and the verdicts."""
    source = CommandSource(load_policies(), accounts, CITY)

    async def backlog(settings: Settings) -> None:
        await fill(settings, source.deposits())

    async with running(_RECOVERY, backlog) as (stack, settings, supervisor):
        await all_decided(settings)
        address = f"127.0.0.1:{stack.ports['mllp']}"
        loading = asyncio.ensure_future(load(address, _MESSAGES, rate=_RATE, prefix="K", persons=4000))
        await asyncio.sleep(_BEFORE_KILL_SECONDS)
        victim = supervisor.of_role("streams")[0]
        first = await _first_decisions(settings, victim.send_signal, signal.SIGKILL)
        sent = await loading
    waits = sorted(first.values())
    found = {
        "partitions": len(waits),
        "of": settings.kafka.partitions,
        "accounts_before_the_load": accounts,
        "first_decision_seconds": {"median": waits[len(waits) // 2], "last": waits[-1]} if waits else {},
        "refused_meanwhile": sent["refused"] + sent["busy"],
    }
    last = waits[-1] if waits else _PATIENCE_SECONDS
    return found, [
        at_least("partitions that decide again", len(waits), settings.kafka.partitions, "partitions"),
        at_most("last first decision after kill -9", last, FLOOR_SECONDS, "s"),
    ]


async def _first_decisions(settings: Settings, kill: Any, number: signal.Signals) -> dict[int, float]:
    """Return, per partition, seconds from the kill to the first ledger record of a command accepted after it."""
    consumer = committed_consumer(settings.kafka, "bench", settings.topics.ledger.name)
    await consumer.start()
    try:
        await consumer.seek_to_end()
        await consumer.getmany(timeout_ms=300)
        kill(number)
        killed = time.time()
        first: dict[int, float] = {}
        while len(first) < settings.kafka.partitions and time.time() - killed < _PATIENCE_SECONDS:
            for place, records in (await consumer.getmany(timeout_ms=100)).items():
                if any(record.timestamp > killed * 1000 for record in records):
                    first.setdefault(place.partition, round(time.time() - killed, 2))
        return first
    finally:
        await consumer.stop()

"""Topics read from their beginning to what was written by now, as `verify` and `find` need them.

A commit answers before its end markers are written. The end that a read-committed reader is told may therefore lack
what was committed before it asked. So the end is asked for as an uncommitted reader and the transactions open there
are waited for.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from hub.runtime.bus import committed_consumer, started, unreachable
from hub.runtime.consumer import Consumer
from hub.runtime.settings import KafkaSettings

_ANSWER_SECONDS: Final = 30.0
_STANDSTILL_SECONDS: Final = 60.0
"""Longer than a transaction of the hub stays open: the broker ends an abandoned one after 10 s."""
_LOOK_SECONDS: Final = 0.05
_POLL_MS: Final = 200


async def committed_ends(kafka: KafkaSettings, places: Sequence[Any]) -> dict[Any, int]:
    """Return an end of each partition below which lies everything written by now, in whole, ended transactions.

    A transaction that is open is waited for. Raises `TransportError` when the cluster does not answer, or a
    transaction stays open for 60 s.
    """
    written = await _written_ends(kafka, places)
    async with started(kafka, committed_consumer(kafka, "ends")) as consumer:
        return await _passed(consumer, written)


async def _written_ends(kafka: KafkaSettings, places: Sequence[Any]) -> dict[Any, int]:
    uncommitted = Consumer(**kafka.client_arguments(), client_id="written", retry_backoff_ms=10)
    async with started(kafka, uncommitted) as consumer, asyncio.timeout(_ANSWER_SECONDS):
        ends: dict[Any, int] = await consumer.end_offsets(list(places))
        return ends


async def _passed(consumer: Any, written: dict[Any, int]) -> dict[Any, int]:
    """Return the committed ends once they have come to what is written.

    Not `written` itself: it may lie in the middle of a transaction.
    """
    async with asyncio.timeout(_STANDSTILL_SECONDS):
        while True:
            ends: dict[Any, int] = await consumer.end_offsets(list(written))
            if all(ends[place] >= end for place, end in written.items()):
                return ends
            await asyncio.sleep(_LOOK_SECONDS)


async def first_offsets(kafka: KafkaSettings, places: Sequence[Any]) -> dict[Any, int]:
    """Return each partition's first kept offset. Raises `TransportError` when the cluster does not answer."""
    async with started(kafka, committed_consumer(kafka, "starts")) as consumer, asyncio.timeout(_ANSWER_SECONDS):
        starts: dict[Any, int] = await consumer.beginning_offsets(list(places))
        return starts


async def committed_records(kafka: KafkaSettings, client_id: str, places: Sequence[Any]) -> AsyncIterator[Any]:
    """Yield the committed records of the partitions up to what was written when the first was asked for.

    Each partition's records come in order, the partitions mixed, transactions whole. Leave early only through
    `contextlib.aclosing`. Raises `TransportError` as `committed_ends`, and when nothing has come for 60 s.
    """
    written = await _written_ends(kafka, places)
    async with started(kafka, committed_consumer(kafka, client_id)) as consumer:
        ends = await _passed(consumer, written)
        at = await _at_the_beginning(consumer, places)
        moved = time.monotonic()
        while missing := [place for place in places if at[place] < ends[place]]:
            for place, records in (await consumer.getmany(*missing, timeout_ms=_POLL_MS)).items():
                for record in records:
                    if record.offset < ends[place]:
                        yield record
            before, at = at, {place: await consumer.position(place) for place in places}
            moved = time.monotonic() if at != before else moved
            if time.monotonic() - moved > _STANDSTILL_SECONDS:
                raise unreachable(kafka)


async def _at_the_beginning(consumer: Any, places: Sequence[Any]) -> dict[Any, int]:
    consumer.assign(list(places))
    starts: dict[Any, int] = await consumer.beginning_offsets(list(places))
    for place in places:
        consumer.seek(place, starts[place])
    return starts

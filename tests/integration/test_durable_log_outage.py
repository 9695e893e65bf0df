"""What HUB_BUSY promises while a real broker is killed, paused and back again: refused unsent means never written."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hub.runtime.bus import committed_consumer, create_topics, log_client
from hub.runtime.durable_log import DurableLog, HubBusyError
from hub.runtime.settings import Settings
from infra.kafka import EmbeddedKafka

WAIT_SECONDS = 1.5
SENDERS = 40


class Hospital:
    """Senders that give records to the log without a pause, each record once, and note what they are told."""

    def __init__(self, log: DurableLog, topic: str) -> None:
        self.log, self.topic = log, topic
        self.confirmed: set[bytes] = set()
        self.unsent: set[bytes] = set()
        self.unknown: set[bytes] = set()
        self._number = 0
        self._done = False

    async def send_while(self, outage: Callable[[], Awaitable[None]]) -> None:
        """Send before, during and after the outage."""
        senders = [asyncio.create_task(self._send()) for _ in range(SENDERS)]
        try:
            await self._confirmed_more()
            await outage()
            await self._confirmed_more()
        finally:
            self._done = True
            await asyncio.gather(*senders)

    async def _send(self) -> None:
        while not self._done:
            self._number += 1
            value = b"%d" % self._number
            try:
                await self.log.append(self.topic, b"account-%d" % (self._number % 50), value)
            except HubBusyError as busy:
                (self.unsent if busy.unsent else self.unknown).add(value)
                await asyncio.sleep(0.02)
            else:
                self.confirmed.add(value)

    async def _confirmed_more(self) -> None:
        enough = len(self.confirmed) + 400
        async with asyncio.timeout(60):
            while len(self.confirmed) < enough:  # noqa: ASYNC110 - the senders announce nothing
                await asyncio.sleep(0.05)


async def written(settings: Settings, topic: str) -> Counter[bytes]:
    """Return how often each value is in the log."""
    consumer = committed_consumer(settings.kafka, "outage", topic)
    await consumer.start()
    found: Counter[bytes] = Counter()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found.update(record.value for record in records)
    finally:
        await consumer.stop()
    return found


async def killed(broker: EmbeddedKafka) -> None:
    """SIGKILL, away for longer than a record may wait, back on the same data."""
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(2 * WAIT_SECONDS)
    await asyncio.to_thread(broker.restart)


async def paused(broker: EmbeddedKafka) -> None:
    """SIGSTOP for longer than a record may wait: connections stay open and nobody answers."""
    broker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2 * WAIT_SECONDS)
    broker.send_signal(signal.SIGCONT)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("outage", [killed, paused])
async def test_a_record_refused_unsent_is_never_written(
    outage: Callable[[EmbeddedKafka], Awaitable[None]],
    settings: Settings,
    own_kafka: EmbeddedKafka,
    tmp_path: Path,
):
    """Counted on the broker itself: all confirmed records once, no unsent one, and at most one request unknown."""
    await asyncio.to_thread(own_kafka.start, tmp_path / "kafka")
    alone = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"bootstrap": own_kafka.bootstrap})})
    await create_topics(alone.kafka, alone.topics)
    log = DurableLog(lambda: log_client(alone.kafka, "outage"), wait_seconds=WAIT_SECONDS)
    log.start()
    hospital = Hospital(log, alone.topics.commands.name)
    await hospital.send_while(lambda: outage(own_kafka))
    await log.stop()
    found = await written(alone, hospital.topic)
    assert hospital.unsent
    assert not hospital.unsent & set(found)
    assert hospital.confirmed <= set(found)
    assert set(found) <= hospital.confirmed | hospital.unknown
    assert max(found.values()) == 1
    assert len(hospital.unknown) <= SENDERS

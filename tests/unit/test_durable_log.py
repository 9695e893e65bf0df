"""The durable log promises little and keeps it: confirmed, or HUB_BUSY; a bounded window; no producer with a gap."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber

from hub.runtime.durable_log import DurableLog, HubBusyError


class ScriptedProducer:
    """A producer of the client library's shape whose broker is this test."""

    def __init__(self, *, starts: bool = True) -> None:
        self.starts = starts
        self.sent: list[tuple[bytes, asyncio.Future[Any]]] = []
        self.stopped = False

    async def start(self) -> None:
        """Connect, or fail as without a broker."""
        if not self.starts:
            raise KafkaConnectionError

    async def stop(self) -> None:
        """Note that it was stopped."""
        self.stopped = True

    async def send(self, topic: str, *, value: bytes, key: bytes, headers: list[Any]) -> "asyncio.Future[Any]":
        """Return the future the test will resolve."""
        del topic, key, headers
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent.append((value, future))
        return future


async def started(*producers: ScriptedProducer, **limits: Any) -> DurableLog:
    """Return a log that connects with the first producer that starts."""
    script = iter(producers)
    log = DurableLog(lambda: next(script), **limits)
    log.start()
    async with asyncio.timeout(5):
        while not log.connected:  # noqa: ASYNC110 - the log announces nothing
            await asyncio.sleep(0)
    return log


async def test_append_returns_when_the_record_is_confirmed_and_not_before():
    """The promise of every acknowledgement."""
    producer = ScriptedProducer()
    log = await started(producer)
    appending = asyncio.create_task(log.append("t", b"k", b"v"))
    await asyncio.sleep(0.05)
    assert not appending.done()
    assert log.outstanding == 1
    producer.sent[0][1].set_result(None)
    await appending
    assert log.outstanding == 0
    await log.stop()


async def test_what_is_not_confirmed_in_time_is_busy_and_still_counts():
    """The sender is told HUB_BUSY; the record stays in the window until the client gives it up."""
    producer = ScriptedProducer()
    log = await started(producer, wait_seconds=0.05)
    with pytest.raises(HubBusyError):
        await log.append("t", b"k", b"v")
    assert log.outstanding == 1
    producer.sent[0][1].set_result(None)
    await asyncio.sleep(0)
    assert log.outstanding == 0
    await log.stop()


@pytest.mark.parametrize("limits", [{"window": 2}, {"window_bytes": 4}])
async def test_beyond_the_window_nothing_is_buffered(limits):
    """The record over the limit of count or bytes is refused without being given to the client."""
    producer = ScriptedProducer()
    log = await started(producer, wait_seconds=0.5, **limits)
    waiting = [asyncio.create_task(log.append("t", b"k", b"v")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(HubBusyError):
        await log.append("t", b"k", b"v")
    assert len(producer.sent) == 2
    for _, future in producer.sent:
        future.set_result(None)
    await asyncio.gather(*waiting)
    await log.stop()


async def test_a_failed_record_ends_its_producer():
    """After a failed batch the sequence has a gap: a fresh producer takes over, the old one is stopped."""
    first, second = ScriptedProducer(), ScriptedProducer()
    log = await started(first, second)
    appending = asyncio.create_task(log.append("t", b"k", b"v"))
    await asyncio.sleep(0.01)
    first.sent[0][1].set_exception(OutOfOrderSequenceNumber())
    with pytest.raises(HubBusyError):
        await appending
    async with asyncio.timeout(5):
        while not log.connected:  # noqa: ASYNC110 - the log announces nothing
            await asyncio.sleep(0.01)
    assert first.stopped
    again = asyncio.create_task(log.append("t", b"k", b"v"))
    await asyncio.sleep(0.01)
    second.sent[0][1].set_result(None)
    await again
    await log.stop()
    assert second.stopped


async def test_without_a_producer_every_append_is_busy_at_once():
    """Before the first connection nothing is kept for later."""
    log = DurableLog(lambda: ScriptedProducer(starts=False))
    log.start()
    await asyncio.sleep(0)
    with pytest.raises(HubBusyError):
        await log.append("t", b"k", b"v")
    await log.stop()


async def test_a_caller_that_goes_away_does_not_take_its_record_back():
    """Cancelling the wait leaves the record with the client."""
    producer = ScriptedProducer()
    log = await started(producer)
    appending = asyncio.create_task(log.append("t", b"k", b"v"))
    await asyncio.sleep(0.01)
    appending.cancel()
    await asyncio.gather(appending, return_exceptions=True)
    assert not producer.sent[0][1].cancelled()
    producer.sent[0][1].set_result(None)
    await asyncio.sleep(0)
    assert log.outstanding == 0
    await log.stop()

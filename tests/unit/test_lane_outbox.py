"""The batches of one transaction: whoever waits for them can be told to stop."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.lanes.outbox import Outbox


class Broker:
    """Takes the first batch, whose answer is up to the test; what becomes of the second is said before."""

    def __init__(self, second: BaseException | None) -> None:
        self.first: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._second = second
        self._taken = 0

    def create_batch(self) -> BatchBuilder:
        """As a transactional producer does."""
        return BatchBuilder(1000, 0, is_transactional=True)

    async def send_batch(self, *_: object, **__: object) -> "asyncio.Future[Any]":
        """Take a batch; without an error the second one waits for its topic for ever."""
        self._taken += 1
        if self._taken == 1:
            return self.first
        if self._second is None:
            await asyncio.get_running_loop().create_future()
        assert self._second is not None
        raise self._second


def outbox(broker: Broker) -> Outbox:
    """One record for each of two topics."""
    out = Outbox(broker, 0, 0)
    for topic in ("ledger", "accounts"):
        out.add(topic, b"k", b"v")
    return out


async def test_a_delivery_that_is_cancelled_ends_though_what_was_sent_has_no_answer():
    """The broker went away between two batches: the lane's deadline must end it, or the lane would hang for ever."""
    task = asyncio.ensure_future(outbox(Broker(None)).deliver())
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=10)
    assert task in done
    assert task.cancelled()


async def test_why_an_earlier_batch_failed_is_said_before_why_a_later_one_was_not_taken():
    """A fenced producer refuses everything after it; that it was fenced is the cause."""
    broker = Broker(KafkaTimeoutError())
    broker.first.set_exception(ProducerFenced())
    with pytest.raises(ProducerFenced):
        await outbox(broker).deliver()


async def test_a_batch_that_is_not_taken_is_an_error_though_all_before_it_arrived():
    """A commit would leave it out."""
    broker = Broker(KafkaTimeoutError())
    broker.first.set_result(None)
    with pytest.raises(KafkaTimeoutError):
        await outbox(broker).deliver()

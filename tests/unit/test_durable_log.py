"""The durable log promises little and keeps it: confirmed, or HUB_BUSY; a bounded window; nothing sent afterwards."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.partitioner import murmur2
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from hub.runtime.durable_log import DurableLog, HubBusyError
from hub.runtime.record_partition import partition_of

CONFIRMED, NOT_LEADER, OUT_OF_ORDER, DUPLICATE = 0, 6, 45, 46


class Request:
    """A produce request as the broker sees it; the test answers it."""

    def __init__(self, topics: list[Any]) -> None:
        self.topics = topics
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    @property
    def contents(self) -> list[bytes]:
        """The batches' bytes."""
        return [bytes(content) for _, partitions in self.topics for _, content in partitions]

    @property
    def values(self) -> list[bytes]:
        """The values of all records, batch by batch."""
        found = []
        for content in self.contents:
            records = MemoryRecords(content)
            while (batch := records.next_batch()) is not None:
                found += [record.value for record in batch]
        return found

    def say(self, code: int, **others: int) -> None:
        """Answer every partition with one error code; `p1=45` gives partition 1 another."""
        topics = [
            (topic, [(number, others.get(f"p{number}", code), 0) for number, _ in parts])
            for topic, parts in self.topics
        ]
        self.answer.set_result(SimpleNamespace(topics=topics))


class ScriptedClient:
    """A client of the library's shape whose broker is this test."""

    def __init__(self, *, starts: bool = True, partitions: int = 1) -> None:
        self.starts, self.partitions = starts, partitions
        self.reachable, self.leader = True, 1
        self.requests: list[Request] = []
        self.aborted = self.closed = False
        self.cluster = self
        self._conns = {1: SimpleNamespace(_writer=SimpleNamespace(transport=self))}

    async def bootstrap(self) -> None:
        """Connect, or fail as without a broker."""
        if not self.starts:
            raise KafkaConnectionError

    async def close(self) -> None:
        """Note it."""
        self.closed = True

    def abort(self) -> None:
        """Note that the connection was cut."""
        self.aborted = True

    def get_random_node(self) -> int:
        """There is one."""
        return 1

    def add_topic(self, topic: str) -> "asyncio.Future[bool]":
        """Metadata are always new."""
        del topic
        return self.force_metadata_update()

    def force_metadata_update(self) -> "asyncio.Future[bool]":
        """Metadata are always new."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Return as many as the test wants."""
        del topic
        return set(range(self.partitions))

    def leader_for_partition(self, place: Any) -> int:
        """Return the node the test names."""
        del place
        return self.leader

    async def ready(self, node: int) -> bool:
        """Return whether the node can be reached."""
        del node
        return self.reachable

    async def send(self, node: int, request: Any) -> Any:
        """Give out producer id 7; keep a produce request until the test answers it."""
        del node
        if isinstance(request, InitProducerIdRequest):
            return SimpleNamespace(error_code=0, producer_id=7, producer_epoch=0)
        self.requests.append(Request(request._topics))
        return await self.requests[-1].answer


async def until(true: Any) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for announces nothing
            await asyncio.sleep(0.001)


async def started(*clients: ScriptedClient, **limits: Any) -> DurableLog:
    """Return a log that connects with the first client that starts."""
    script = iter(clients)
    log = DurableLog(lambda: next(script), **limits)
    log.start()
    await until(lambda: log.connected)
    return log


def appending(log: DurableLog, *values: bytes) -> "list[asyncio.Task[None]]":
    """Begin to append values under one key."""
    return [asyncio.create_task(log.append("t", b"k", value)) for value in values]


async def refused(task: "asyncio.Task[None]") -> bool:
    """Return whether a refused record was surely not sent."""
    with pytest.raises(HubBusyError) as caught:
        await task
    return caught.value.unsent


async def test_append_returns_when_the_record_is_confirmed_and_not_before():
    """The promise of every acknowledgement."""
    client = ScriptedClient()
    log = await started(client)
    (task,) = appending(log, b"v")
    await until(lambda: client.requests)
    await asyncio.sleep(0.02)
    assert not task.done()
    assert log.outstanding == 1
    client.requests[0].say(CONFIRMED)
    await task
    assert log.outstanding == 0
    await log.stop()
    assert client.closed


async def test_records_given_together_leave_in_one_request_and_in_order():
    """One batch for each partition; what comes meanwhile waits for the answer."""
    client = ScriptedClient()
    log = await started(client)
    first = appending(log, b"1", b"2", b"3")
    await until(lambda: client.requests)
    second = appending(log, b"4")
    await asyncio.sleep(0.02)
    assert [request.values for request in client.requests] == [[b"1", b"2", b"3"]]
    client.requests[0].say(CONFIRMED)
    await until(lambda: len(client.requests) == 2)
    assert client.requests[1].values == [b"4"]
    client.requests[1].say(CONFIRMED)
    await asyncio.gather(*first, *second)
    await log.stop()


async def test_what_was_refused_before_it_was_sent_is_never_sent():
    """A broker that hangs: the record under way is unknown, those behind it are dropped for good."""
    hanging, fresh = ScriptedClient(), ScriptedClient()
    log = await started(hanging, fresh, wait_seconds=0.2)
    (sent,) = appending(log, b"sent")
    await until(lambda: hanging.requests)
    (waiting,) = appending(log, b"waiting")
    assert await refused(sent) is False
    assert await refused(waiting) is True
    assert hanging.aborted
    hanging.requests[0].answer.cancel()
    await until(lambda: log.connected)
    (later,) = appending(log, b"later")
    await until(lambda: fresh.requests)
    fresh.requests[0].say(CONFIRMED)
    await later
    assert [request.values for request in hanging.requests + fresh.requests] == [[b"sent"], [b"later"]]
    await log.stop()


async def test_a_record_whose_broker_cannot_be_reached_was_surely_not_sent():
    """No connection, no byte: the next record of the partition is refused at once, the first one in time."""
    client = ScriptedClient()
    log = await started(client, ScriptedClient(), wait_seconds=0.3)
    client.reachable = False
    (first,) = appending(log, b"first")
    await asyncio.sleep(0.05)
    began = asyncio.get_running_loop().time()
    assert await refused(appending(log, b"second")[0]) is True
    assert asyncio.get_running_loop().time() - began < 0.1
    assert await refused(first) is True
    client.reachable = True
    await asyncio.sleep(0.15)
    assert client.requests == []
    await log.stop()


async def test_a_broker_that_comes_back_in_time_costs_nothing():
    """The same bytes are sent again, sequence numbers included; a batch the broker has already counts as confirmed."""
    client = ScriptedClient()
    log = await started(client, wait_seconds=3)
    (task,) = appending(log, b"v")
    await until(lambda: client.requests)
    client.requests[0].say(NOT_LEADER)
    await until(lambda: len(client.requests) == 2)
    client.requests[1].answer.set_exception(KafkaConnectionError())
    await until(lambda: len(client.requests) == 3)
    client.requests[2].say(DUPLICATE)
    await task
    assert len({content for request in client.requests for content in request.contents}) == 1
    await log.stop()


async def test_a_partition_without_a_leader_waits_for_one():
    """Nothing is sent to nobody."""
    client = ScriptedClient()
    log = await started(client)
    client.leader = -1
    (task,) = appending(log, b"v")
    await asyncio.sleep(0.05)
    assert client.requests == []
    client.leader = 1
    await until(lambda: client.requests)
    client.requests[0].say(CONFIRMED)
    await task
    await log.stop()


@pytest.mark.parametrize("limits", [{"window": 2}, {"window_bytes": 4}])
async def test_beyond_the_window_nothing_is_buffered(limits):
    """The record over the limit of count or bytes is refused and not kept."""
    client = ScriptedClient()
    log = await started(client, **limits)
    waiting = appending(log, b"v", b"v")
    await until(lambda: client.requests)
    assert await refused(appending(log, b"v")[0]) is True
    client.requests[0].say(CONFIRMED)
    await asyncio.gather(*waiting)
    assert len(client.requests) == 1
    await log.stop()


async def test_a_batch_the_broker_will_not_take_ends_its_producer():
    """The sequence has a gap: a fresh producer takes over, the old one is closed."""
    first, second = ScriptedClient(), ScriptedClient()
    log = await started(first, second)
    (task,) = appending(log, b"v")
    await until(lambda: first.requests)
    first.requests[0].say(OUT_OF_ORDER)
    assert await refused(task) is False
    await until(lambda: log.connected)
    assert first.closed
    (again,) = appending(log, b"v")
    await until(lambda: second.requests)
    second.requests[0].say(CONFIRMED)
    await again
    await log.stop()
    assert second.closed


async def test_what_one_answer_confirms_beside_a_fatal_fault_is_confirmed():
    """The session ends, but who has a durable record is told so."""
    client = ScriptedClient(partitions=2)
    log = await started(client, ScriptedClient())
    keys = {partition_of(b"%d" % number, 2): b"%d" % number for number in range(20)}
    lost, kept = (asyncio.create_task(log.append("t", keys[number], b"v")) for number in (0, 1))
    await until(lambda: client.requests)
    client.requests[0].say(CONFIRMED, p0=OUT_OF_ORDER)
    await kept
    assert await refused(lost) is False
    await log.stop()


async def test_without_a_broker_every_append_is_busy_at_once():
    """Before the first connection nothing is kept for later."""
    log = DurableLog(lambda: ScriptedClient(starts=False))
    log.start()
    await asyncio.sleep(0)
    assert await refused(appending(log, b"v")[0]) is True
    await log.stop()


async def test_a_caller_that_goes_away_does_not_take_its_record_back():
    """Cancelling the wait leaves the record where it is: its sender may have seen it leave."""
    client = ScriptedClient()
    log = await started(client)
    (task,) = appending(log, b"v")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: client.requests)
    assert client.requests[0].values == [b"v"]
    client.requests[0].say(CONFIRMED)
    await until(lambda: log.outstanding == 0)
    await log.stop()


@given(st.binary(max_size=60), st.integers(min_value=1, max_value=100))
def test_a_key_goes_where_every_kafka_client_sends_it(key: bytes, count: int):
    """The client library's own partitioner is the oracle."""
    assert partition_of(key, count) == (murmur2(key) & 0x7FFFFFFF) % count

"""One idempotent producer that can take back what it has not sent; it lives until its first batch cannot be confirmed.

The client library's own producer keeps trying for ever: what a sender was told was HUB_BUSY came to be written when the
broker was back. Here a record waits in our memory until it is given to a connection. When its time is over before that,
it is dropped and was surely not written. When a batch that was sent stays unconfirmed, the session ends: connections
are cut, nothing is sent any more, and only the records of that one request may or may not be in the log.

Within the time of a record a batch is sent again under the same sequence numbers, so that a broker that restarts
or hands its partitions over costs nothing; meanwhile its partition takes no new record.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NodeNotReadyError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from hub.runtime.metrics import LOG_REQUEST_SECONDS
from hub.runtime.record_partition import Batch, Headers, Record, RecordPartition, partition_of
from schemas.errors import TransportError
from schemas.reasons import Reason

LINGER_SECONDS: Final = 0.005
_BACKOFF_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 0.25
"""How exactly the time of a record is kept, at worst."""
_ALL_REPLICAS: Final = -1
_NO_ERROR: Final = 0
_DUPLICATE_SEQUENCE: Final = 46
"""The broker has the batch already: its first confirmation was lost."""
_NO_LEADER: Final = (None, -1)
_LONGEST_MS: Final = 2**31 - 1


class HubBusyError(TransportError):
    """The record is not confirmed to be durable: the sender keeps its message and sends it again.

    `unsent` says that it was never given to a connection, so it is not in the log and never will be.
    """

    def __init__(self, *, unsent: bool = True) -> None:
        super().__init__(Reason.HUB_BUSY)
        self.unsent = unsent


class ProducerSession:
    """Sends records in batches, one request at a time to each broker; `ended` is called once, when it is over."""

    def __init__(self, client: Any, *, wait_seconds: float, ended: Callable[["ProducerSession"], None]) -> None:
        """`client` is an aiokafka client that is not started; `wait_seconds` bounds the time of a record."""
        self._client = client
        self._wait = wait_seconds
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._producer_id = self._epoch = -1
        self._topics: dict[str, list[RecordPartition]] = {}
        self._partitions: list[RecordPartition] = []
        self._busy: set[int] = set()
        self._requests: set[asyncio.Task[None]] = set()
        self._flush_timer: asyncio.TimerHandle | None = None
        self._look_timer: asyncio.TimerHandle | None = None
        self._over = False
        self.outstanding = 0
        """Records taken and neither confirmed nor given up."""
        self.outstanding_bytes = 0
        self.lost: dict[str, int] = {}
        """After its end: how many records were dropped unsent, and of how many nobody knows."""

    async def start(self) -> None:
        """Connect and get a producer id. Raises KafkaError or OSError where the cluster does not answer."""
        await self._client.bootstrap()
        node = self._client.get_random_node()
        if node is None:
            raise NodeNotReadyError
        answer = await self._client.send(node, InitProducerIdRequest(None, _LONGEST_MS))
        if answer.error_code != _NO_ERROR:
            raise for_code(answer.error_code)
        self._producer_id, self._epoch = answer.producer_id, answer.producer_epoch
        self._look_timer = self._loop.call_later(self._look_after, self._look)

    async def learn(self, topic: str) -> None:
        """Return once the topic's partitions are known. Raises KafkaError where they are not within a record's time."""
        until = self._loop.time() + self._wait
        await self._client.add_topic(topic)
        while not (numbers := self._client.cluster.partitions_for_topic(topic)):
            if self._over or self._loop.time() > until:
                raise UnknownTopicOrPartitionError
            await self._client.force_metadata_update()
            await asyncio.sleep(_BACKOFF_SECONDS)
        if topic not in self._topics:
            self._topics[topic] = [RecordPartition(TopicPartition(topic, number)) for number in sorted(numbers)]
            self._partitions += self._topics[topic]

    def knows(self, topic: str) -> bool:
        """Return whether `append` can be called for the topic."""
        return topic in self._topics

    def append(self, topic: str, key: bytes, value: bytes, headers: Headers) -> "asyncio.Future[None]":
        """Take a record and return what is told its confirmation, or HubBusyError. Order is kept within a partition.

        Raises HubBusyError at once after the end, and while the partition's last batch finds nobody to confirm it.
        """
        partitions = self._topics[topic]
        partition = partitions[partition_of(key, len(partitions))]
        if self._over or partition.again:
            raise HubBusyError
        told: asyncio.Future[None] = self._loop.create_future()
        record = Record(key, value, headers, told, self._loop.time())
        partition.waiting.append(record)
        self.outstanding += 1
        self.outstanding_bytes += record.size
        if self._flush_timer is None:
            self._flush_timer = self._loop.call_later(LINGER_SECONDS, self._flush)
        return told

    def end(self) -> None:
        """Tell every waiting sender HUB_BUSY and send nothing any more. Idempotent."""
        if self._over:
            return
        self._over = True
        for timer in (self._flush_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        self._cut()
        unsent, unknown = self._given_up()
        self.lost = {"unsent": unsent, "unknown": unknown}
        self._ended(self)

    async def close(self) -> None:
        """End, and wait until the connections are closed."""
        self.end()
        for request in self._requests:
            request.cancel()
        if self._requests:
            await asyncio.wait(self._requests)
        await self._client.close()

    async def drain(self) -> None:
        """Return once nothing is outstanding."""
        while self.outstanding:  # noqa: ASYNC110 - once at the end of a process: no event for it
            await asyncio.sleep(LINGER_SECONDS)

    def _flush(self) -> None:
        """Send what waits, one request to each broker that has none under way."""
        self._flush_timer = None
        by_node: dict[int, list[RecordPartition]] = {}
        leaderless = False
        for partition in self._partitions:
            if not partition.due:
                continue
            node = self._client.cluster.leader_for_partition(partition.place)
            if node in _NO_LEADER:
                leaderless = True
            elif node not in self._busy:
                by_node.setdefault(node, []).append(partition)
        for node, partitions in by_node.items():
            self._busy.add(node)
            request = self._loop.create_task(self._produce(node, partitions))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
        if leaderless:
            self._client.force_metadata_update()
            self._flush_timer = self._loop.call_later(_BACKOFF_SECONDS, self._flush)

    async def _produce(self, node: int, partitions: Sequence[RecordPartition]) -> None:
        """Send one batch of each partition and settle what the broker says; what may be tried again waits for it."""
        batches = [partition.begin(self._producer_id, self._epoch) for partition in partitions]
        try:
            answer = await self._sent(node, partitions, batches)
        except KafkaError as fault:
            verdicts: dict[TopicPartition, Any] = dict.fromkeys((each.place for each in partitions), fault)
        except OSError:
            verdicts = {}
        else:
            verdicts = _verdicts(answer)
        self._busy.discard(node)
        if self._over:
            return
        judged = [(partition, verdicts.get(partition.place, NodeNotReadyError())) for partition in partitions]
        # What is confirmed comes first: a batch that cannot be ends the session, and with it all that is left.
        for partition, verdict in sorted(judged, key=lambda each: each[1] is not None):
            self._settle(partition, verdict)
        self._go_on(again=any(partition.again for partition in partitions))

    async def _sent(self, node: int, partitions: Sequence[RecordPartition], batches: Sequence[Batch]) -> Any:
        if not await self._client.ready(node) or self._over:
            raise NodeNotReadyError
        topics: dict[str, list[tuple[int, Any]]] = {}
        for partition, batch in zip(partitions, batches, strict=True):
            topics.setdefault(partition.place.topic, []).append((partition.place.partition, batch.content))
            batch.sent = True
        request = ProduceRequest(None, _ALL_REPLICAS, int(self._wait * 1000), list(topics.items()))
        with LOG_REQUEST_SECONDS.time():
            return await self._client.send(node, request)  # the connection is there: the bytes leave before any wait

    def _settle(self, partition: RecordPartition, fault: Any) -> None:
        """Confirm a partition's batch, keep it to be sent again, or end the session: its sequence has a gap then."""
        if fault is None:
            records = partition.end()
            self.outstanding -= len(records)
            for record in records:
                self.outstanding_bytes -= record.size
                if not record.told.done():
                    record.told.set_result(None)
        elif fault.retriable:
            partition.again = True
        else:
            self.end()

    def _go_on(self, *, again: bool) -> None:
        """Arrange the next request: after a pause where something failed, else at once for what waited meanwhile."""
        if self._over:
            return
        if again:
            self._client.force_metadata_update()
        if self._flush_timer is None and any(partition.due for partition in self._partitions):
            self._flush_timer = self._loop.call_later(_BACKOFF_SECONDS if again else 0, self._flush)

    @property
    def _look_after(self) -> float:
        return min(_LOOK_SECONDS, self._wait / 4)

    def _look(self) -> None:
        """Give up what is late: unsent records each for itself, a batch under way together with the session."""
        before = self._loop.time() - self._wait
        for partition in self._partitions:
            if partition.under_way is not None and partition.under_way.records[0].since < before:
                self.end()
                return
            self._refuse(partition.late(before), unsent=True)
        self._look_timer = self._loop.call_later(self._look_after, self._look)

    def _given_up(self) -> tuple[int, int]:
        """Refuse every record there is; return how many were never sent and how many may have been written."""
        unsent = unknown = 0
        for partition in self._partitions:
            batch = partition.under_way
            if batch is not None:
                sent = len(batch.records) if batch.sent else 0
                unknown, unsent = unknown + sent, unsent + len(batch.records) - sent
                self._refuse(partition.end(), unsent=not batch.sent)
            unsent += len(partition.waiting)
            self._refuse(partition.waiting, unsent=True)
            partition.waiting.clear()
        return unsent, unknown

    def _refuse(self, records: Sequence[Record], *, unsent: bool) -> None:
        for record in records:
            self.outstanding -= 1
            self.outstanding_bytes -= record.size
            if not record.told.done():
                record.told.set_exception(HubBusyError(unsent=unsent))

    def _cut(self) -> None:
        """Drop the connections with what they have not yet written: to close them would write it first."""
        for connection in self._client._conns.values():  # noqa: SLF001 - the library only closes politely
            writer = connection._writer  # noqa: SLF001
            if writer is not None:
                with contextlib.suppress(OSError):
                    writer.transport.abort()


def _verdicts(answer: Any) -> dict[TopicPartition, Any]:
    """Return the fault of each partition in a produce response, None for a confirmed batch."""
    found: dict[TopicPartition, Any] = {}
    for topic, partitions in answer.topics:
        for number, code, *_ in partitions:
            confirmed = code in (_NO_ERROR, _DUPLICATE_SEQUENCE)
            found[TopicPartition(topic, number)] = None if confirmed else for_code(code)()
    return found

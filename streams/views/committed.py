"""The part of Faust the views stand on, corrected in five places (kernel.md 6); versions are pinned and asserted.

1. Faust reads uncommitted records unless it writes transactions itself; the views must see committed facts only.
2. Its commits crawl over transaction markers: the gap it records contains the first message after the gap.
3. `FlowControlEvent.resume` empties the queues even if nothing was suspended: messages vanish (faust issue 596).
4. A fetch under way is given the live set of active partitions. When the tables are restored that set is empty for a
   moment, which aiokafka takes for "all": facts that arrive then are handed out, thrown away, and read again only if
   something was committed before.
5. Recovery takes the last record of a key; here the highest source offset wins, and a newer row that stands before an
   older one is written again, because compaction keeps the last record.

The fifth is a repair, not a fence: nothing stops a worker that was paused, and has lost its partitions, from writing
what it had in hand. Its return to the group makes every worker restore its tables again, so it is repaired within
seconds; until then whoever reads the topic must let the highest offset win, as `hub.web.live_tables` does. Compaction
leaves both records alone for ten minutes. A sum is lost only if the late write left, and then no worker joined or left
the group before both were compacted: the paused one ended for good at that moment, and nothing else moved.
"""

import asyncio
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import faust
import msgspec
from faust.stores.memory import Store as MemoryStore
from faust.transport.drivers import aiokafka as driver
from mode.utils import queues

from schemas.views import ViewRow

_PINNED = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}
_encode_row = msgspec.json.Encoder().encode
_decode_row = msgspec.json.Decoder(ViewRow).decode


def assert_pinned_versions() -> None:
    """Raise RuntimeError when a library is not the version whose private names are used here."""
    for name, wanted in _PINNED.items():
        if version(name) != wanted:
            raise RuntimeError(f"{name} is {version(name)}, the views need {wanted}: install from uv.lock")


class CommittedConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc] # Faust has no usable types
    """Makes the worker's consumer read-committed (`in_transaction` is true only while it is created), and exact."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        before = self.consumer.in_transaction
        self.consumer.in_transaction = True
        try:
            return super()._create_worker_consumer(transport)
        finally:
            self.consumer.in_transaction = before

    async def _fetch_records(self, consumer: Any, active_partitions: set[Any], **limits: Any) -> dict[Any, list[Any]]:
        """Return records of the partitions that are active now, whatever becomes of the set while this waits."""
        wanted = frozenset(active_partitions)
        if not wanted:
            return {}
        found: dict[Any, list[Any]] = await super()._fetch_records(consumer, wanted, **limits)
        return found


class CommittedConsumer(driver.Consumer):  # type: ignore[misc] # Faust has no usable types
    """A consumer whose recorded gaps end before the message that follows them."""

    def _new_consumer_thread(self) -> CommittedConsumerThread:
        return CommittedConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        await super()._add_gap(tp, offset_from, offset_to - 1)


class CommittedTransport(driver.Transport):  # type: ignore[misc] # Faust has no usable types
    """The Kafka transport with the consumer above."""

    Consumer = CommittedConsumer


class CommittedApp(faust.App):  # type: ignore[misc] # Faust has no usable types
    """A Faust app that reads committed records only and whose commits pass transaction markers."""

    def _new_transport(self) -> CommittedTransport:
        return CommittedTransport(self.conf.broker_consumer, self)


class RowStore(MemoryStore):  # type: ignore[misc] # Faust has no usable types
    """Rows in memory, by record key; in recovery the highest source offset wins."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.overtaken: set[bytes] = set()
        """Keys whose last record in the topic is older than the row held here."""

    def row(self, key: bytes) -> ViewRow | None:
        """Return the row, or None."""
        row: ViewRow | None = self.data.get(key)
        return row

    def put(self, key: bytes, row: ViewRow) -> None:
        """Keep the row; it belongs to its source partition and leaves memory with it."""
        self.data[key] = row
        self._key_partition[key] = row.partition

    def drop(self, key: bytes) -> None:
        """Forget the row; one that is not there is no error."""
        self.data.pop(key, None)
        self._key_partition.pop(key, None)

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Restore rows from the table's topic; a record with an older offset than the row we hold is passed over."""
        del to_key, to_value  # rows are decoded here, once
        for event in batch:
            if event.message.value is None:
                self.drop(event.message.key)
                continue
            row, held = _decode_row(event.message.value), self.row(event.message.key)
            if held is None or row.offset >= held.offset:
                self.put(event.message.key, row)
                self.overtaken.discard(event.message.key)
            else:
                self.overtaken.add(event.message.key)


class RowTable(faust.Table):  # type: ignore[misc] # Faust has no usable types
    """A table of view rows; the agent that keeps it writes its topic itself and awaits the broker."""

    async def on_recovery_completed(self, active_tps: set[Any], standby_tps: set[Any]) -> None:
        """Write again what a late writer left behind a newer row, for the partitions this worker has now."""
        await super().on_recovery_completed(active_tps, standby_tps)
        store: RowStore = self.data
        ours = {each.partition for each in active_tps}
        rows = [(key, row) for key in store.overtaken if (row := store.row(key)) and row.partition in ours]
        store.overtaken.clear()
        topic, send = self.changelog_topic.get_topic_name(), self.app.producer.send
        sent = [await send(topic, key, _encode_row(row), row.partition, None, None) for key, row in rows]
        await asyncio.gather(*sent)

    def _new_store(self) -> RowStore:
        return RowStore(
            "memory://",
            self.app,
            self,
            table_name=self.name,
            key_type=self.key_type,
            value_type=self.value_type,
            key_serializer=self.key_serializer,
            value_serializer=self.value_serializer,
            loop=self.loop,
        )


def correct_faust() -> None:
    """Apply the correction that needs a change of a class of `mode`; idempotent."""
    assert_pinned_versions()
    queues.FlowControlEvent.resume = _resume_if_suspended


def _resume_if_suspended(self: Any) -> None:
    if self._suspend.is_set():
        self._suspend.clear()
        self._resume.set()
        self.clear()

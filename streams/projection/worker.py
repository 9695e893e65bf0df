"""The projector's loop: committed records of `ledger` and `dead-letters` into the books, in order, once each.

Kafka's group only says who reads which partition; where to go on stands in the books, in the transaction that wrote the
rows. So a predecessor that wakes up finds its position taken (`SupersededError`), and a record left out breaks the
chain of hashes (`DisagreementError`). While PostgreSQL is away the projector stays up, not ready, and tries again.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from aiokafka import ConsumerRebalanceListener, TopicPartition

from hub.runtime.logs import get_logger
from hub.runtime.metrics import PROJECTOR_BATCH_SECONDS, PROJECTOR_LAG, PROJECTOR_RECORDS
from streams.projection.batches import Batch, place_of, take
from streams.projection.books import RETRIABLE, Books, Place, Position
from streams.projection.faults import DisagreementError

BATCH_RECORDS: Final = 1000
POLL_MS: Final = 200
SMALL_BATCH: Final = 200
LINGER_SECONDS: Final = 0.1
"""After a small batch, more is gathered: a transaction costs about as much as 20 records, however few it holds."""
DRAIN_SECONDS: Final = 4.0
"""Less than the group's rebalance time-out (6 s), so that a revoked batch is finished or given up in time."""
_PAUSE_SECONDS_MAX: Final = 5.0
_log = get_logger("projector")


class Projector(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Copies the partitions its group gives it into one set of books, until it is told to stop."""

    def __init__(
        self, consumer: Any, books: Books, ledger: str, dead_letters: str, *, check_hashes: bool = True
    ) -> None:
        """Take a started, read-committed consumer of a group; with `check_hashes` False only the links are checked."""
        self._consumer = consumer
        self._books = books
        self._ledger = ledger
        self._dead_letters = dead_letters
        self._check_hashes = check_hashes
        self._stopping = False
        self._writing = asyncio.Lock()
        self._generation = 0
        self._unopened: set[TopicPartition] = set()
        self._at: dict[TopicPartition, Position] = {}
        self._books_answer = True
        self._joined = False
        self.records = 0
        """Records written since the start."""

    @property
    def ready(self) -> bool:
        """Whether every partition it was given is open and the books answered last time."""
        return self._joined and self._books_answer and not self._unopened

    def stop(self) -> None:
        """End `run` after the batch in hand. Idempotent."""
        self._stopping = True

    async def run(self) -> None:
        """Copy until `stop`. Raises `ProjectionError`; then the process must end with its `exit_code`."""
        self._consumer.subscribe([self._ledger, self._dead_letters], listener=self)
        try:
            while not self._stopping:
                if self._unopened:
                    await self._open()
                await self._copy()
        finally:
            self._forget()

    async def _copy(self) -> None:
        """Copy what comes next."""
        # Never cancelled: a cancelled getmany leaks a counter inside aiokafka (kernel 7.9).
        fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS)
        batch = take(fetched, self._at, self._dead_letters, check_hashes=self._check_hashes)
        if batch.advances:
            await self._write(batch)
            if batch.records < SMALL_BATCH:
                await asyncio.sleep(LINGER_SECONDS)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's
        """Finish the open transaction, which never needs the consumer; then forget every position."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS), self._writing:
                pass
        self._generation += 1
        self._forget()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Hold the new partitions until their positions are known; nothing is asked here (kernel 7.5)."""
        self._joined = True
        self._unopened = set(assigned)
        self._consumer.pause(*self._unopened)

    async def _open(self) -> None:
        generation, partitions = self._generation, sorted(self._unopened)
        begins = await self._consumer.beginning_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        stored = await self._stored({place_of(each): begins[each] for each in partitions}, generation)
        if stored is None or generation != self._generation:
            return
        for each in partitions:
            position = stored[place_of(each)]
            # Dead letters end after a year, and the log's first offset may then lie behind the last one we read.
            begin = 0 if each.topic == self._dead_letters else begins[each]
            _check_within_log(each, position.next, begin, ends[each])
            self._at[each] = position
            PROJECTOR_LAG.labels(*each).set_function(partial(self._behind, each))
            self._consumer.seek(each, max(position.next, begins[each]))
        self._consumer.resume(*partitions)
        self._unopened.difference_update(partitions)
        _log.info("partitions_open", partitions=len(partitions))

    async def _stored(self, first: Mapping[Place, int], generation: int) -> dict[Place, Position] | None:
        """Return the stored positions, asked again while the server is away; None after a rebalance."""
        pauses = _Pauses()
        while generation == self._generation and not self._stopping:
            try:
                positions = await self._books.positions(first)
            except RETRIABLE as error:
                await self._wait_for_books(error, pauses)
            else:
                self._books_answer = True
                return positions
        return None

    async def _write(self, batch: Batch) -> None:
        """Write one batch, again while the server is away; give it up when a rebalance took its partitions."""
        generation, pauses, lost = self._generation, _Pauses(), False
        async with self._writing:
            while generation == self._generation:
                try:
                    # A connection lost at COMMIT leaves open whether the batch was written.
                    if not (lost and await self._books.has_reached(batch.advances)):
                        with PROJECTOR_BATCH_SECONDS.time():
                            await self._books.write(batch.advances, batch.rows)
                except RETRIABLE as error:
                    lost = True
                    await self._wait_for_books(error, pauses)
                else:
                    self._written(batch, generation)
                    return
                if self._stopping and lost:
                    return

    def _written(self, batch: Batch, generation: int) -> None:
        self._books_answer = True
        PROJECTOR_RECORDS.labels(self._ledger).inc(len(batch.rows["ledger"]))
        PROJECTOR_RECORDS.labels(self._dead_letters).inc(len(batch.rows["dead_letter_arrivals"]))
        self.records += batch.records
        if generation != self._generation:  # written, but the partitions are somebody else's by now
            return
        for step in batch.advances:
            self._at[TopicPartition(step.place.topic, step.place.partition)] = step.to

    def _behind(self, partition: TopicPartition) -> int:
        """Return how far the books are behind the log as the last fetch saw it: asked for at every look."""
        if partition not in self._consumer.assignment():
            return 0
        position = self._at[partition].next
        return max(0, (self._consumer.highwater(partition) or position) - position)

    def _forget(self) -> None:
        for each in self._at:
            PROJECTOR_LAG.remove(*each)
        self._at.clear()
        self._unopened.clear()

    async def _wait_for_books(self, error: BaseException, pauses: "_Pauses") -> None:
        self._books_answer = False
        pause = pauses.next_seconds()
        _log.warning("books_away", fault=type(error).__name__, wait_ms=int(pause * 1000))
        await asyncio.sleep(pause)


class _Pauses:
    """Pauses between attempts: 0.1 s, doubled up to 5 s."""

    def __init__(self) -> None:
        self._seconds = 0.05

    def next_seconds(self) -> float:
        self._seconds = min(self._seconds * 2, _PAUSE_SECONDS_MAX)
        return self._seconds


def _check_within_log(partition: TopicPartition, position: int, begin: int, end: int) -> None:
    if not begin <= position <= end:
        raise DisagreementError(
            f"the books go on at {position} of {partition.topic}[{partition.partition}], which holds {begin} to {end}: "
            "the log was lost or cut; restore it, or make the books again from another one"
        )

"""Makes the books again from Kafka while the live projector goes on, then puts them in place (architecture 7).

A second set of books is filled in the schema `books_next` by readers without a group. When little is missing, the live
books are held still for a moment (their positions are locked), the rest up to exactly these positions is filled in,
both are compared, and the schemas change names. The live projector, waiting for the lock, goes on in the new books at
the position it expects.

Dead letters leave Kafka after a year, and nothing deletes them from the books: those the log no longer holds are copied
from the live books, which alone still know them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from aiokafka import TopicPartition

from hub.runtime.bus import committed_consumer
from hub.runtime.database import BOOKS, connect, transaction
from hub.runtime.logs import get_logger
from hub.runtime.migrations import create_books
from hub.runtime.settings import Settings
from schemas.topics import Topic
from streams.projection.batches import place_of, take
from streams.projection.books import Books, Place, Position
from streams.projection.statements import SQL

NEXT: Final = "books_next"
OLD: Final = "books_old"
CLOSE_ENOUGH_RECORDS: Final = 2000
"""The live books are held still only for about so many records."""
_BATCH_RECORDS: Final = 2000
_POLL_MS: Final = 500
_KEEP_LETTERS: Final = f"""
WITH begins AS (SELECT * FROM unnest($1::integer[], $2::bigint[]) AS each (partition, begin)),
kept AS (
    INSERT INTO {NEXT}.dead_letter_arrivals
    SELECT a.* FROM {BOOKS}.dead_letter_arrivals a JOIN begins b ON b.partition = a.partition AND a.position < b.begin
    RETURNING id
)
INSERT INTO {NEXT}.dead_letters SELECT * FROM {BOOKS}.dead_letters WHERE id IN (SELECT id FROM kept)
"""  # noqa: S608 - our own names
_log = get_logger("rebuild")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The sums of both sets of books at the same positions, by name."""

    live: Mapping[str, Any]
    rebuilt: Mapping[str, Any]

    @property
    def differences(self) -> tuple[str, ...]:
        """Names of the sums that differ; empty when the books are equal."""
        return tuple(name for name in self.live if self.live[name] != self.rebuilt[name])


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did; `in_place` is False when the books differed and the live ones were kept."""

    records: int
    seconds: float
    held_seconds: float
    """How long the live books were held still."""
    comparison: Comparison
    in_place: bool


async def rebuild_books(
    settings: Settings, *, keep_different: bool = True, progress: Callable[[int], None] = lambda _records: None
) -> Rebuilt:
    """Make the books again from the cluster of the settings, as `Rebuild.run` says; `progress` hears records so far."""
    consumer = committed_consumer(settings.kafka, "rebuild")
    try:
        await consumer.start()
        dsn = settings.postgres.dsn.get_secret_value()
        work = Rebuild(dsn, consumer, settings.topics.ledger, settings.topics.dead_letters)
        return await work.run(keep_different=keep_different, progress=progress)
    finally:
        await consumer.stop()


class Rebuild:
    """One rebuild; `consumer` is started, read-committed, without a group."""

    def __init__(self, dsn: str, consumer: Any, ledger: Topic, dead_letters: Topic) -> None:
        """`dsn` must be allowed to act as owner and writer."""
        self._dsn = dsn
        self._consumer = consumer
        self._dead_letters = dead_letters.name
        self._partitions = [
            TopicPartition(topic.name, number) for topic in (ledger, dead_letters) for number in range(topic.partitions)
        ]
        self._books = Books(dsn, NEXT)
        self._at: dict[TopicPartition, Position] = {}
        self.records = 0
        """Records written so far, for progress."""

    async def run(
        self, *, keep_different: bool = True, progress: Callable[[int], None] = lambda _records: None
    ) -> Rebuilt:
        """Fill, compare, put in place; return what was done.

        With `keep_different` (the default) books that differ are left in `books_next` for a person, and the live ones
        stay; without it the rebuilt ones replace them: the remedy for damaged books. The live projector may run; a
        second rebuild may not. Raises one of `UNREACHABLE`, or `DisagreementError` when the log itself is damaged.
        """
        began = time.monotonic()
        owner = await connect(self._dsn, "owner")
        try:
            await owner.execute(f"DROP SCHEMA IF EXISTS {OLD} CASCADE")  # of a rebuild that ended before it
            await create_books(owner, NEXT)
            await self._begin(owner)
            await self._fill_until_close(owner, progress)
            return await self._replace(owner, began, keep_different=keep_different)
        finally:
            await owner.close()
            await self._books.close()

    async def _begin(self, owner: asyncpg.Connection) -> None:
        self._consumer.assign(self._partitions)
        begins = await self._consumer.beginning_offsets(self._partitions)
        letters = {each.partition: begins[each] for each in self._partitions if each.topic == self._dead_letters}
        await owner.execute(_KEEP_LETTERS, list(letters), list(letters.values()))
        stored = await self._books.positions({place_of(each): begins[each] for each in self._partitions})
        self._at = {each: stored[place_of(each)] for each in self._partitions}
        for each, position in self._at.items():
            self._consumer.seek(each, position.next)

    async def _fill_until_close(self, owner: asyncpg.Connection, progress: Callable[[int], None]) -> None:
        while self._missing(live := await _positions(owner)) > CLOSE_ENOUGH_RECORDS:
            await self._fill_to(live, progress)

    def _missing(self, live: Mapping[Place, int]) -> int:
        return sum(max(0, live.get(place_of(each), 0) - self._at[each].next) for each in self._partitions)

    async def _fill_to(self, live: Mapping[Place, int], progress: Callable[[int], None]) -> None:
        """Fill up to the live books' positions and not beyond, so that both can be compared."""
        while behind := [each for each in self._partitions if self._at[each].next < live.get(place_of(each), 0)]:
            self._consumer.resume(*behind)
            self._consumer.pause(*(each for each in self._partitions if each not in behind))
            fetched = await self._consumer.getmany(*behind, timeout_ms=_POLL_MS, max_records=_BATCH_RECORDS)
            await self._fill(fetched, live)
            progress(self.records)

    async def _fill(self, fetched: Mapping[TopicPartition, Sequence[Any]], live: Mapping[Place, int]) -> None:
        chosen = {
            each: [message for message in messages if message.offset < live[place_of(each)]]
            for each, messages in fetched.items()
        }
        batch = take(chosen, self._at, self._dead_letters, check_hashes=True)
        if batch.advances:
            await self._books.write(batch.advances, batch.rows)
        self.records += batch.records
        for step in batch.advances:
            self._at[TopicPartition(step.place.topic, step.place.partition)] = step.to
        for each, messages in fetched.items():
            if len(chosen[each]) < len(messages):  # what lies beyond is read again in a later round
                self._consumer.seek(each, self._at[each].next)

    async def _replace(self, owner: asyncpg.Connection, began: float, *, keep_different: bool) -> Rebuilt:
        held_since = time.monotonic()
        async with transaction(owner):
            await owner.execute(f"LOCK TABLE {BOOKS}.offsets IN ACCESS EXCLUSIVE MODE")
            await self._fill_to(await _positions(owner), lambda _records: None)
            comparison = Comparison(await _sums(owner, BOOKS), await _sums(owner, NEXT))
            in_place = not comparison.differences or not keep_different
            if in_place:
                await owner.execute(f"ALTER SCHEMA {BOOKS} RENAME TO {OLD}; ALTER SCHEMA {NEXT} RENAME TO {BOOKS}")
        held = time.monotonic() - held_since
        if in_place:
            # Apart, because it waits for readers of the old tables, who might wait for what we hold.
            await owner.execute(f"DROP SCHEMA {OLD} CASCADE")
        seconds = time.monotonic() - began
        _log.info("books_rebuilt", records=self.records, duration_ms=int(seconds * 1000), state=str(in_place))
        return Rebuilt(self.records, seconds, held, comparison, in_place)


async def _positions(owner: asyncpg.Connection) -> dict[Place, int]:
    rows = await owner.fetch(f"SELECT topic, partition, next FROM {BOOKS}.offsets")  # noqa: S608 - our own name
    return {Place(row["topic"], row["partition"]): row["next"] for row in rows}


async def _sums(owner: asyncpg.Connection, schema: str) -> dict[str, Any]:
    await owner.execute(f"SET LOCAL search_path = {schema}")
    row = await owner.fetchrow(SQL["sums"])
    return dict(row) if row is not None else {}

"""Setting aside what a lane cannot decide: `medcredit dlq park PARTITION OFFSET|TIMER` (architecture 4, fail).

It opens the lane itself, which fences a worker that still runs it, and commits the dead letter, the ledger record
PARKED, the watermark and the group's offset in one transaction.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition

from hub.domain.decision import Now
from hub.runtime.clock import Clock
from hub.runtime.consumer import Consumer
from hub.runtime.sections import CriticalSections
from streams.lanes import library
from streams.lanes.batch import Batch
from streams.lanes.book import Book
from streams.lanes.faults import InvariantError
from streams.lanes.opening import Opening
from streams.lanes.rules import Rules
from streams.lanes.settings import LaneSettings
from streams.lanes.transaction import write_transaction

_LEAVE_SECONDS: Final = 2.0


class ParkRefusedError(Exception):
    """The lane does not stand in front of what should be parked; nothing was changed."""


class TimerName(NamedTuple):
    """A timer as the failing lane's log names it: `account:kind:subject`."""

    account: str
    kind: str
    subject: str

    @classmethod
    def parse(cls, text: str) -> "TimerName":
        """Return the timer's name. Raises ParkRefusedError for another form."""
        parts = text.split(":", 2)
        if len(parts) != 3:
            raise ParkRefusedError(f"{text} is neither an offset nor account:kind:subject as the lane's log has it")
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class _Opened:
    book: Book
    producer: Any
    consumer: Any
    place: TopicPartition


class Parking:
    """Parks at one partition; stop its worker first, else it is fenced, ends with 70 and comes back."""

    def __init__(
        self, partition: int, settings: LaneSettings, rules: Rules, clock: Clock, *, seconds: float = 120.0
    ) -> None:
        """`seconds` bounds one parking: the restore of the partition and its one transaction."""
        self._seconds = seconds
        self._partition = partition
        self._settings = settings
        self._rules = rules
        self._clock = clock

    async def park(self, place: str) -> str:
        """Park what the command line names, an offset or `account:kind:subject`; return what was parked, in words."""
        if place.isdecimal():
            return f"command {await self.park_command(int(place))} at offset {place}"
        name = TimerName.parse(place)
        await self.park_timer(name)
        return f"timer {name.kind} {name.subject} of {name.account}"

    async def park_command(self, offset: int) -> str:
        """Park the command at this offset; return its id.

        Raises ParkRefusedError when the lane stands elsewhere or the record is unreadable (the lane buries it itself),
        InvariantError when the partition does not open, KafkaError, OSError or TimeoutError when the broker does not
        answer: then it is parked or not, and the same call again is safe.
        """
        async with self._opened() as opened:
            start = opened.book.watermark.next_offset
            if start != offset:
                raise ParkRefusedError(f"partition {self._partition} stands at offset {start}, not at {offset}")
            batch = Batch(opened.book, self._rules)
            record = await _record_at(opened, offset)
            command = batch.read(record.key, record.value)
            if command is None:
                raise ParkRefusedError(f"the record at {offset} is unreadable: the lane makes a dead letter of it")
            batch.park(command, offset)
            await self._commit(opened, batch)
            return command.id

    async def park_timer(self, name: TimerName) -> None:
        """Park the timer the lane stands in front of; raises as `park_command`."""
        async with self._opened() as opened:
            batch, account = Batch(opened.book, self._rules), name.account.encode()
            timer = self._rules.next_timer(batch.state(account), Now(self._clock.city(), self._clock.wall()))
            if timer is None or (timer.kind, timer.subject) != (name.kind, name.subject):
                due = "no timer is due" if timer is None else f"{timer.kind}:{timer.subject} is due first"
                raise ParkRefusedError(f"{name.kind}:{name.subject} cannot be parked: {due} at {name.account}")
            batch.park_timer(account, timer)
            await self._commit(opened, batch)

    async def _commit(self, opened: _Opened, batch: Batch) -> None:
        hold = CriticalSections(self._settings.chaos_stretch)
        await write_transaction(opened.producer, batch, self._partition, self._settings, self._clock.wall(), hold)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[_Opened]:
        library.check_versions()
        settings, hold = self._settings, CriticalSections(self._settings.chaos_stretch)
        consumer = Consumer(**settings.kafka.client_arguments(), group_id=settings.group, enable_auto_commit=False)
        producer = settings.producer(self._partition)
        place = TopicPartition(settings.topics.commands.name, self._partition)
        try:
            async with asyncio.timeout(self._seconds):
                await consumer.start()
                book = await Opening(self._partition, settings, self._rules, hold).open(producer, consumer)
                yield _Opened(book, producer, consumer, place)
        finally:
            for client in (producer, consumer):  # each waits for a broker that is away, the producer for ever
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(client.stop(), _LEAVE_SECONDS)


async def _record_at(opened: _Opened, offset: int) -> Any:
    end = (await opened.consumer.end_offsets([opened.place]))[opened.place]
    if offset >= end:
        raise ParkRefusedError(f"the log ends at {end}: there is no command at {offset}")
    opened.consumer.assign([opened.place])
    opened.consumer.seek(opened.place, offset)
    record = await opened.consumer.getone(opened.place)
    if record.offset != offset:
        raise InvariantError(f"a hole in the commands: {offset} was due, {record.offset} came")
    return record

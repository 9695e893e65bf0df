"""One lane: the single writer of one partition. Opens, turns commands and timers into transactions, stops on any fault.

opening -> accepting <-> without input (rebalance) -> closed
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from hub.domain.decision import Now
from hub.runtime import metrics
from hub.runtime.clock import Clock
from hub.runtime.logs import get_logger
from hub.runtime.sections import CriticalSections
from schemas.commands import Command
from streams.lanes import sections
from streams.lanes.backlog import Backlog
from streams.lanes.batch import Batch, Seal
from streams.lanes.book import Book
from streams.lanes.faults import LaneError
from streams.lanes.group_offset import GroupOffset
from streams.lanes.opening import Opening
from streams.lanes.replies import Replies
from streams.lanes.rules import Rules
from streams.lanes.settings import LaneSettings
from streams.lanes.transaction import write_offset, write_transaction
from streams.lanes.turns import Turns

_log = get_logger("lanes.lane")


class Host(Protocol):
    """What a lane is given by the processor that hosts it."""

    settings: LaneSettings
    rules: Rules
    clock: Clock
    seal: Seal
    hold: CriticalSections
    turns: Turns
    consumer: Any
    replies: Replies

    def opened(self, lane: "Lane") -> None:
        """The lane has its state and may be given records."""

    def committed(self, lane: "Lane", batch: Batch) -> None:
        """A transaction of the lane is durable and in memory."""

    async def failed(self, reason: str, code: int, lane: "Lane | None" = None) -> None:
        """The lane cannot go on: end the process with this status."""


class Pace:
    """Bounds one batch: its outcomes, its bytes, its deciding time; and says when the others should have a turn.

    A turn is counted by the wall, for heartbeats; a batch by the processor's time, looked at once a turn: where others
    share the processor it would else be cut short, and each transaction costs as much as twenty commands.
    """

    def __init__(self, settings: LaneSettings) -> None:
        self._settings = settings
        self._spent = 0.0
        self._since, self._worked = time.perf_counter(), time.thread_time()

    def over(self, batch: Batch) -> bool:
        """Return whether the batch is large enough."""
        limit = self._settings
        return (
            batch.count >= limit.batch_commands
            or batch.bytes >= limit.batch_bytes
            or self._spent >= limit.batch_cpu_seconds
        )

    async def breathe(self) -> None:
        """Let heartbeats and the other lanes run when it is time."""
        if time.perf_counter() - self._since < self._settings.breath_seconds:
            return
        self._spent += time.thread_time() - self._worked
        await asyncio.sleep(0)
        self._since, self._worked = time.perf_counter(), time.thread_time()


class Lane:
    """The single writer of one partition, as a task of its own."""

    batch_class: type[Batch] = Batch
    opening_class: type[Opening] = Opening

    def __init__(self, partition: int, host: Host) -> None:
        self.partition = partition
        self._host = host
        self._settings = host.settings
        self.place = TopicPartition(host.settings.topics.commands.name, partition)
        self.book: Book | None = None
        self._backlog = Backlog(partition, self._settings.backlog_high, self._settings.backlog_high_bytes)
        self._waiting_since = 0.0
        self._read_at = -1
        self._read: Command | None = None
        self._floor = self._latest = Now(0, 0)
        self._asked: tuple[Now, int] | None = None
        self._opening = self.opening_class(partition, host.settings, host.rules, host.hold)
        self._group_offset = GroupOffset(self._settings.group_offset_seconds)
        self.accepting = self.paused = False
        self._wakeup, self.idle = asyncio.Event(), asyncio.Event()
        self.idle.set()
        self.producer = host.settings.producer(partition)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to open, in a task: nothing may wait inside a rebalance callback (kernel.md 7.5)."""
        self._task = asyncio.create_task(self._main(), name=f"lane-{self.partition}")

    @property
    def opened(self) -> bool:
        """Whether the lane has its state."""
        return self.book is not None

    @property
    def fenced(self) -> bool:
        """Whether the lane has ended its predecessor: one that has not must not do it after losing its partition."""
        return self._opening.fenced

    @property
    def backlog(self) -> int:
        """Records fetched and not yet decided."""
        return len(self._backlog)

    @property
    def lag(self) -> int:
        """Commands between what is committed and the end of the log as the last fetch saw it."""
        end = self._host.consumer.highwater(self.place)
        return max(0, end - self.book.watermark.next_offset) if self.book is not None and end else 0

    @property
    def waiting_seconds(self) -> float:
        """How long commands have waited since the last commit or since the first of them came; 0 without any."""
        return time.monotonic() - self._waiting_since if self._backlog else 0.0

    @property
    def accounts(self) -> int:
        """Accounts the lane holds."""
        return len(self.book.accounts) if self.book is not None else 0

    # ---- input ------------------------------------------------------------------------------------------------

    def push(self, records: list[Any]) -> None:
        """Take fetched records. Raises InvariantError when one is missing."""
        if not self._backlog:
            self._waiting_since = time.monotonic()
        self._backlog.push(records)
        self._relieve()
        self._wakeup.set()

    def start_input(self) -> None:
        """Accept records from the book's next offset on. No await inside: nothing stale can slip in."""
        if self.book is None:
            return
        start = self.book.watermark.next_offset
        self._backlog.start(start)
        self._host.consumer.seek(self.place, start)
        self._host.consumer.resume(self.place)
        self.paused, self.accepting = False, True
        self._wakeup.set()

    def stop_input(self) -> None:
        """Take no more; the open transaction finishes, see `idle`."""
        self.accepting = False
        self._backlog.clear()

    def _relieve(self) -> None:
        """Stop fetching a partition whose backlog is high, until half of it is done."""
        if not self.paused and self._backlog.full:
            self._host.consumer.pause(self.place)
            self.paused = True
        elif self.paused and self.accepting and self._backlog.low:
            self._host.consumer.resume(self.place)
            self.paused = False

    # ---- the task ---------------------------------------------------------------------------------------------

    async def _main(self) -> None:
        try:
            self.book = await self._opening.open(self.producer, self._host.consumer)
            self._host.opened(self)
            while True:
                await self._until_work(self.book)
                async with self._host.turns.turn():
                    await self._work(self.book)
        except LaneError as error:
            await self._host.failed(f"lane {self.partition}: {error}", error.exit_code, self)
        except Exception as error:  # noqa: BLE001 - the lane's shell: whatever it is, the process stops
            _log.exception("lane_fault", partition=self.partition)
            await self._host.failed(f"lane {self.partition}: {error!r}", LaneError.exit_code, self)

    async def _work(self, book: Book) -> None:
        """Make one transaction, if there is anything to put into it."""
        async with self._in_transaction():
            if self.accepting:
                await self._transact(book)

    @contextlib.asynccontextmanager
    async def _in_transaction(self) -> AsyncIterator[None]:
        """Keep a rebalance waiting meanwhile, but not for ever."""
        self.idle.clear()
        try:
            async with asyncio.timeout(self._settings.transaction_deadline_seconds):
                yield
        finally:
            self.idle.set()

    async def _until_work(self, book: Book) -> None:
        """Return when the lane accepts and has a record, or a timer that may fire."""
        while not self.accepting or not (self._backlog or self._ripe(book)):
            self._wakeup.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wakeup.wait(), self._patience(book))
            if self.accepting and not self._backlog:
                await self._ask(book, waiting_only=False)
                if self._group_offset.is_due(book.watermark.next_offset):
                    await self._tell_group(book)
        if book.due.waiting:
            await self._ask(book, waiting_only=True)

    def _patience(self, book: Book) -> float | None:
        """Return how long an idle lane may sleep: not at all long with a timer to come or an offset to tell."""
        waits = len(book.due) or self._group_offset.is_behind(book.watermark.next_offset)
        return self._settings.timer_poll_seconds if self.accepting and waits else None

    async def _tell_group(self, book: Book) -> None:
        offset = book.watermark.next_offset
        async with self._in_transaction():
            if self.accepting:
                await write_offset(self.producer, self.partition, self._settings, offset)
                self._group_offset.told(offset)

    # ---- time -------------------------------------------------------------------------------------------------

    def _ripe(self, book: Book) -> bool:
        """Whether a timer is due by the lane's own clocks, which stand still while there is a log to consume."""
        city, wall = book.due.earliest()
        now = book.watermark.now
        return city <= max(now.city, self._floor.city) or wall <= max(now.wall, self._floor.wall)

    async def _ask(self, book: Book, *, waiting_only: bool) -> None:
        """When a timer came due, ask once where the log ends: what is in it is consumed before the timer fires.

        The instant is read before the question, so that everything durable by then is below the answer.
        """
        clock = self._host.clock
        instant = Now(clock.city(), clock.wall())
        city, wall = book.due.earliest()
        wanted = book.due.waiting or (not waiting_only and (city <= instant.city or wall <= instant.wall))
        if self._asked is None and wanted:
            with contextlib.suppress(KafkaError, TimeoutError):  # asked again at the next look
                self._asked = (instant, (await self._host.consumer.end_offsets([self.place]))[self.place])
        self._consumed(book)

    def _consumed(self, book: Book) -> None:
        """When the lane has come to where the log ended at an instant, its clocks may show that instant."""
        if self._asked is None or book.watermark.next_offset < self._asked[1]:
            return
        instant, _ = self._asked
        self._asked = None
        self._floor = Now(max(self._floor.city, instant.city), max(self._floor.wall, instant.wall))
        book.consumed_until(instant)

    # ---- one transaction --------------------------------------------------------------------------------------

    async def _transact(self, book: Book) -> None:
        batch = self.batch_class(book, self._host.rules, self._host.seal)
        batch.advance(self._floor)
        started = time.perf_counter()
        try:
            await self._judge(batch)
            metrics.LANE_DECIDE_SECONDS.observe(time.perf_counter() - started)
        except LaneError:
            await self._commit(book, batch)  # so that the lane stands right in front of what it cannot decide
            raise
        await self._commit(book, batch)

    async def _judge(self, batch: Batch) -> None:
        """Decide commands and timers in their order until the batch is large enough or nothing is left."""
        pace = Pace(self._settings)
        while self.accepting and not pace.over(batch):
            record = self._backlog.head
            command = None if record is None else self._head(batch, record)
            if not batch.fire_next():
                if record is None:
                    return
                self._take(batch, record, command)
            await pace.breathe()

    def _head(self, batch: Batch, record: Any) -> Command | None:
        """Return the command of the record at the head, read once, and move the clocks to when it was accepted."""
        if record.offset != self._read_at:
            self._read_at, self._read = record.offset, batch.read(record.key, record.value)
            if self._read is not None:
                batch.advance(self._no_later_than_now(self._read))
        return self._read

    def _no_later_than_now(self, command: Command) -> Now:
        """Return when a command was accepted, but never later than the lane's own clocks: theirs may be fast."""
        city, wall = self._latest
        if command.accepted_at > city or command.accepted_wall_at > wall:
            clock = self._host.clock
            city, wall = self._latest = Now(clock.city(), clock.wall())
        return Now(min(command.accepted_at, city), min(command.accepted_wall_at, wall))

    def _take(self, batch: Batch, record: Any, command: Command | None) -> None:
        if command is None:
            batch.bury(record.key, record.value, record.offset)
        else:
            batch.decide(command, record.offset)
        self._backlog.pop()

    async def _commit(self, book: Book, batch: Batch) -> None:
        """Write everything of a batch in one transaction; only then let it be the lane's memory."""
        self._read_at = -1
        if not batch.count:
            return
        host, started = self._host, time.perf_counter()
        tell = self._group_offset.is_due(batch.next_offset)
        await write_transaction(
            self.producer, batch, self.partition, self._settings, host.clock.wall(), host.hold, tell_group=tell
        )
        if tell:
            self._group_offset.told(batch.next_offset)
        metrics.LANE_TRANSACTION_SECONDS.observe(time.perf_counter() - started)
        batch.adopt()
        self._waiting_since = time.monotonic()
        self._consumed(book)
        self._relieve()
        await host.hold.reach(sections.AFTER_MEMORY_BEFORE_REPLIES)
        host.replies.post(batch.replies)
        host.committed(self, batch)

    async def close(self) -> None:
        """End the task and the producer, never waiting for ever (kernel.md 7.10)."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1)
        try:
            await asyncio.wait_for(self.producer.stop(), 2)
        except Exception as error:  # noqa: BLE001 - closing: whatever it is, the next owner fences this producer
            _log.warning("producer_not_stopped", partition=self.partition, error=repr(error))

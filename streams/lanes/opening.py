"""Opening a lane: fence the predecessor, then read the state, then check that state, offset and log agree."""

import asyncio
import time
from typing import Any

from aiokafka import TopicPartition

from hub.runtime import metrics
from hub.runtime.logs import get_logger
from hub.runtime.sections import CriticalSections
from streams.lanes import sections, watermark
from streams.lanes.accounts import Accounts
from streams.lanes.book import Book
from streams.lanes.faults import InvariantError, LaneError
from streams.lanes.rules import Rules
from streams.lanes.settings import LaneSettings
from streams.lanes.watermark import Watermark

_log = get_logger("lanes.opening")


class Opening:
    """Opens one partition; `producer` must be the partition's own, not yet started."""

    def __init__(self, partition: int, settings: LaneSettings, rules: Rules, hold: CriticalSections) -> None:
        self._partition = partition
        self._settings = settings
        self._rules = rules
        self._hold = hold
        self.fenced = False
        self._commands = TopicPartition(settings.topics.commands.name, partition)

    async def open(self, producer: Any, consumer: Any) -> Book:
        """Return the partition's book. Raises InvariantError when state, offset and log do not agree.

        The order matters: a state read before the fence could still be changed by a predecessor, and a committed offset
        is stale until the next InitProducerId has answered (kernel.md 7.1).
        """
        started = time.monotonic()
        await self._hold.reach(sections.BEFORE_OPEN_FENCE)
        await producer.start()
        self.fenced, fenced = True, time.monotonic()
        await self._check_partitions(producer)
        await self._hold.reach(sections.BEFORE_OPEN_RESTORE)
        book, found, end = await self._restore()
        await self._check(book, consumer, found=found, end=end)
        metrics.LANE_RESTORE_SECONDS.observe(time.monotonic() - started)
        _log.info(
            "lane_opened",
            partition=self._partition,
            offset=book.watermark.next_offset,
            restored=len(book.accounts),
            wait_ms=round((fenced - started) * 1000),
            duration_ms=round((time.monotonic() - fenced) * 1000),
        )
        return book

    async def _restore(self) -> tuple[Book, bool, int]:
        """Return the book of the compacted topic, whether it had a watermark, and the end it was read to."""
        place = TopicPartition(self._settings.topics.accounts.name, self._partition)
        accounts, mark = Accounts(self._rules), None
        reader = self._settings.restore_consumer()
        try:
            await reader.start()
            reader.assign([place])
            end = (await reader.end_offsets([place]))[place]  # nobody but us can append after the fence
            reader.seek(place, (await reader.beginning_offsets([place]))[place])
            while await reader.position(place) < end:
                for record in (await reader.getmany(place, timeout_ms=200)).get(place, ()):
                    if record.key == watermark.KEY:
                        mark = record.value
                    else:
                        accounts.load(record.key, record.value)
                await asyncio.sleep(0)  # heartbeats share this loop
        finally:
            await reader.stop()
        return self._book(accounts, mark), mark is not None, end

    def _book(self, accounts: Accounts, mark: bytes | None) -> Book:
        book = Book(
            self._partition,
            accounts,
            watermark=Watermark() if mark is None else watermark.decode(mark),
            partitions=self._settings.topics.commands.partitions,
        )
        for account in accounts:
            core = accounts.core_bytes(account)
            if core is not None:
                book.due.load(account, self._rules.due_from_bytes(core))
        book.due.order()
        return book

    async def _check_partitions(self, producer: Any) -> None:
        """Raise InvariantError when the log has more or fewer partitions than the settings say.

        Writers choose by the log's own count: with another one accounts would be met where their state is not.
        """
        commands = self._settings.topics.commands
        there = len(await producer.partitions_for(commands.name))
        if there != commands.partitions:
            raise InvariantError(
                f"{commands.name} has {there} partitions, the settings say {commands.partitions}: the count is fixed "
                "for life; correct MEDCREDIT_KAFKA__PARTITIONS, or restore the topic"
            )

    async def _check(self, book: Book, consumer: Any, *, found: bool, end: int) -> None:
        """Raise InvariantError unless watermark and log agree and the group is not ahead of them.

        Raises LaneError, for a restart, when somebody has written since: a lane that was stopped after its fence finds
        a successor's offset beside the state it read before.
        """
        fault = await self._disagreement(book, consumer, found=found)
        if not fault:
            return
        place = TopicPartition(self._settings.topics.accounts.name, self._partition)
        if (await consumer.end_offsets([place]))[place] != end:
            raise LaneError(f"partition {self._partition} has another owner by now ({fault})")
        raise InvariantError(f"partition {self._partition}: {fault}")

    async def _disagreement(self, book: Book, consumer: Any, *, found: bool) -> str:
        """Return in what watermark, group offset and log disagree, or nothing."""
        start = book.watermark.next_offset
        committed = await consumer.committed(self._commands)
        if not found and len(book.accounts):
            return "the state has accounts but no watermark"
        if not found and committed is not None:
            return f"the group is at {committed} but the state has no watermark: the state is lost"
        if committed is not None and committed > start:  # it is told later than the state, never before it
            return f"the group is at {committed}, the state at {start}: the end of the state is lost"
        begin = (await consumer.beginning_offsets([self._commands]))[self._commands]
        end = (await consumer.end_offsets([self._commands]))[self._commands]
        if start < begin:
            return f"the state is at {start} but the log of commands begins at {begin}: commands are lost"
        if start > end:
            return f"the state is at {start} but the log of commands ends at {end}: its end is lost"
        return ""

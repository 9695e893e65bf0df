"""The account processor: one consumer, a lane for each partition it is given, fail-stop (architecture 4, kernel.md)."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from mode import Service

from hub.runtime import metrics
from hub.runtime.clock import Clock
from hub.runtime.logs import get_logger
from hub.runtime.sections import CriticalSections
from streams.lanes import gauges, library
from streams.lanes.batch import Batch, Seal, as_base64
from streams.lanes.faults import EXIT_STOPPED, LaneError
from streams.lanes.lane import Lane
from streams.lanes.replies import Replies
from streams.lanes.rules import Rules
from streams.lanes.settings import LaneSettings
from streams.lanes.turns import Turns

_log = get_logger("lanes.processor")
_REPEATS = {"DUPLICATE": "outside", "RELAY_REPEATED": "relay", "RESULT_REPEATED": "result"}


def end_process(reason: str, code: int) -> None:
    """End the process at once with this status, running nothing more: memory may be wrong, the epoch lost."""
    _log.critical("fail_stop", reason=reason, status=code)
    logging.shutdown()
    os._exit(code)


class AccountProcessor(Service, ConsumerRebalanceListener):  # type: ignore[misc] # both come without types
    """Owns the consumer; gives records to lanes; lanes that stay through a rebalance keep their memory.

    Fail-stop, never repair in place: after a failed commit the outcome is unknown and aiokafka's transaction state is
    fatal; only a fresh process reads the truth.
    """

    lane_class: type[Lane] = Lane

    def __init__(
        self,
        settings: LaneSettings,
        rules: Rules,
        clock: Clock,
        *,
        seal: Seal = as_base64,
        on_fatal: Callable[[str, int], None] = end_process,
        **service: Any,
    ) -> None:
        self.settings = settings
        self.rules = rules
        self.clock = clock
        self.seal = seal
        self.hold = CriticalSections(settings.chaos_stretch)
        self.turns = Turns(settings.transactions_at_once, settings.turn_patience_seconds)
        self._on_fatal = on_fatal
        self.lanes: dict[int, Lane] = {}
        self.joined = self.failing = False
        self.commands_total = self.timers_total = self.transactions_total = self.dead_letters_total = 0
        self.consumer: Any = None
        self.replies: Replies
        super().__init__(**service)

    @property
    def ready(self) -> bool:
        """Whether the process is in the group and every lane it was given accepts."""
        return self.joined and not self.failing and all(lane.accepting for lane in self.lanes.values())

    @property
    def waiting_seconds(self) -> float:
        """How long the lane that is worst off has had commands waiting without a commit."""
        return max((lane.waiting_seconds for lane in self.lanes.values()), default=0.0)

    async def on_start(self) -> None:
        """Connect; partitions come by the rebalance callbacks."""
        library.check_versions()
        library.shorten_marker_wait()
        self.replies = Replies(self.settings.reply_producer(), self.settings.topics.replies.name)
        await self.replies.start()
        self.consumer = self.settings.commands_consumer()
        await self.consumer.start()
        self.consumer.subscribe([self.settings.topics.commands.name], listener=self)

    @Service.task  # type: ignore[untyped-decorator] # mode comes without types
    async def _fetch(self) -> None:
        """Read everything at once into the lanes: one unread partition stops its whole node (kernel.md 7.8)."""
        try:
            while not self.should_stop:
                for place, records in (await self.consumer.getmany(timeout_ms=200)).items():
                    lane = self.lanes.get(place.partition)
                    if lane is not None and lane.accepting and records:
                        lane.push(records)  # others are dropped: `start_input` seeks back
        except LaneError as error:
            await self.failed(f"fetch: {error}", error.exit_code)
        except Exception as error:  # noqa: BLE001 - the shell: whatever it is, the process stops
            _log.exception("fetch_fault")
            await self.failed(f"fetch: {error!r}", EXIT_STOPPED)

    # ---- rebalance: aiokafka swallows what these raise, and sends no heartbeat during `assigned` ------------------

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let open transactions finish; lanes that have not fenced anybody yet are dropped, lest they do it later."""
        del revoked  # the eager protocol takes all of them
        self.joined = False
        try:
            await self._drain()
            for lane in [lane for lane in self.lanes.values() if not lane.fenced]:
                del self.lanes[lane.partition]
                gauges.hide(lane.partition)
                await lane.close()
        except Exception as error:  # noqa: BLE001 - the shell: whatever it is, the process stops
            await self.failed(f"revoke: {error!r}", EXIT_STOPPED)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Open new lanes in tasks, go on with those that stay, close those that went elsewhere. Waits for nothing."""
        try:
            mine = {place.partition: place for place in assigned}
            for number in [number for number in self.lanes if number not in mine]:
                lane = self.lanes.pop(number)
                gauges.hide(number)
                lane.stop_input()
                self.add_future(lane.close())
            for number, place in mine.items():
                self._assign(number, place)
            self.joined = True
            metrics.LANES_OPEN.set(len(self.lanes))
            _log.info("partitions_assigned", partitions=sorted(mine))
        except Exception as error:  # noqa: BLE001 - the shell: whatever it is, the process stops
            await self.failed(f"assign: {error!r}", EXIT_STOPPED)

    def _assign(self, number: int, place: TopicPartition) -> None:
        lane = self.lanes.get(number)
        if lane is not None and lane.opened:
            lane.start_input()  # kept: its epoch still guards the state, nothing is restored
            return
        self.consumer.pause(place)
        if lane is None:
            self.lanes[number] = lane = self.lane_class(number, self)
            gauges.show(number, lambda: self._lag(number))
            lane.start()

    def _lag(self, number: int) -> int:
        """Return how far a lane is behind, 0 while a rebalance is under way: then nobody owns its partition."""
        lane = self.lanes.get(number)
        return lane.lag if lane is not None and lane.place in self.consumer.assignment() else 0

    def opened(self, lane: Lane) -> None:
        """Give a lane its input, unless a rebalance is under way, whose end does it."""
        if self.joined and self.lanes.get(lane.partition) is lane and lane.place in self.consumer.assignment():
            lane.start_input()

    def committed(self, lane: Lane, batch: Batch) -> None:
        """Count a transaction."""
        for code, count in batch.outcomes.items():
            metrics.LANE_COMMANDS.labels(code=code).inc(count)
            if code in _REPEATS:
                metrics.LANE_DUPLICATES.labels(kind=_REPEATS[code]).inc(count)
        for kind, count in batch.fired.items():
            metrics.LANE_TIMERS.labels(kind=kind).inc(count)
        metrics.LANE_BATCH_COMMANDS.observe(batch.count)
        gauges.committed(lane.partition, lane.accounts)
        self.commands_total += batch.commands
        self.timers_total += batch.timers
        self.dead_letters_total += len(batch.dead_letters)
        self.transactions_total += 1

    async def _drain(self) -> None:
        """Stop all input and wait for open transactions; lanes never touch the consumer inside one: no deadlock."""
        for lane in self.lanes.values():
            lane.stop_input()
        if self.lanes:
            waiting = asyncio.gather(*(lane.idle.wait() for lane in self.lanes.values()))
            await asyncio.wait_for(waiting, self.settings.drain_seconds)

    # ---- the end ----------------------------------------------------------------------------------------------

    async def failed(self, reason: str, code: int, lane: Lane | None = None) -> None:
        """Stop the process; abort and leave first, as a courtesy to readers and to the other members."""
        if self.failing:
            return
        self.failing = True
        _log.error("failing", reason=reason, status=code)
        try:
            if lane is not None:
                await library.abort_if_open(lane.producer)
            await library.leave_group(self.consumer)
        except Exception as error:  # noqa: BLE001 - the process ends in any case
            _log.warning("courtesy_failed", error=repr(error))
        finally:
            self._on_fatal(reason, code)  # also when a rebalance or SIGTERM cancels the lane that failed

    async def on_stop(self) -> None:
        """Finish open transactions, leave the group, close."""
        try:
            await self._drain()
        except TimeoutError:
            _log.warning("drain_timed_out")  # open transactions are left to the next owner
        if self.consumer is not None:
            try:
                await asyncio.wait_for(self.consumer.stop(), 3)
            except Exception as error:  # noqa: BLE001 - stopping: the session ends by itself
                _log.warning("consumer_not_stopped", error=repr(error))
        for number in self.lanes:
            gauges.hide(number)
        await asyncio.gather(*(lane.close() for lane in self.lanes.values()))
        await self.replies.stop()

"""Follows the topics behind the live stream: every view from its beginning, facts and ledger from near their end.

It keeps trying while Kafka is away; the ages it no longer confirms make the page say so. It belongs to no consumer
group: each web process follows everything.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from hub.runtime.bus import committed_consumer
from hub.runtime.clock import Clock
from hub.runtime.logs import get_logger
from hub.runtime.settings import KafkaSettings
from hub.web.live import LiveState
from schemas.topics import Topic, Topics

TICK_SECONDS: Final = 0.25
_CONFIRM_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 1.0
_TAIL_START: Final = 20
"""How many offsets before the end of each ledger and facts partition reading begins, so that a page is never empty."""
_log = get_logger("web")


class _FactAge(msgspec.Struct):
    wall_now: int


_decode_age = msgspec.json.Decoder(_FactAge).decode


class Follower:
    """Fills a LiveState from Kafka until cancelled."""

    def __init__(self, kafka: KafkaSettings, topics: Topics, state: LiveState, clock: Clock) -> None:
        self._kafka = kafka
        self._state = state
        self._clock = clock
        self._commands = topics.commands
        self._takers: dict[str, Callable[[Any], None]] = {
            topics.facts.name: self._take_fact,
            topics.ledger.name: self._take_ledger,
        }
        self._tails = (topics.facts, topics.ledger)
        self._views = {topic.name: name for name, topic in topics.views.items()}
        self._view_topics = tuple(topics.views.values())
        self._goal: dict[Any, int] = {}
        self._next: dict[Any, int] = {}
        self._asked: tuple[int, dict[Any, int]] | None = None
        """When the ends of everything followed were asked for, and what they were, until all of it is read."""

    async def run(self) -> None:
        """Follow for ever; a Kafka that is away is tried again every second, going on where reading ended."""
        while True:
            consumer = committed_consumer(self._kafka, "web")
            try:
                await consumer.start()
                await self._seek(consumer)
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                _log.warning("kafka_away", error=repr(error))
            finally:
                with suppress(KafkaError, OSError):
                    await consumer.stop()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _seek(self, consumer: Any) -> None:
        views = [each for topic in self._view_topics for each in _partitions(topic)]
        tails = [each for topic in self._tails for each in _partitions(topic)]
        consumer.assign([*views, *tails])
        starts, ends = await consumer.beginning_offsets([*views, *tails]), await consumer.end_offsets([*views, *tails])
        for each in views:
            consumer.seek(each, self._next.get(each, starts[each]))
        for each in tails:
            consumer.seek(each, self._next.get(each, max(starts[each], ends[each] - _TAIL_START)))
        self._goal = {each: ends[each] for each in views if ends[each] > self._next.get(each, starts[each])}
        self._state.restoring = bool(self._goal)

    async def _follow(self, consumer: Any) -> None:
        """Read, publish four times a second, and ask once a second how much there was to read at that moment."""
        self._asked = None
        loop = asyncio.get_running_loop()
        next_tick, next_confirm = loop.time(), loop.time()
        while True:
            fetched = await consumer.getmany(timeout_ms=int(TICK_SECONDS * 1000), max_records=2000)
            for partition, records in fetched.items():
                for record in records:
                    self._take(record)
                self._next[partition] = records[-1].offset + 1
            await self._restored(consumer)
            await self._confirm(consumer)
            if self._asked is None and loop.time() >= next_confirm:
                await self._ask(consumer)
                next_confirm = loop.time() + _CONFIRM_SECONDS
            if loop.time() >= next_tick:
                self._state.publish()
                next_tick = loop.time() + TICK_SECONDS
            if fetched:
                await asyncio.sleep(max(0.0, min(next_tick - loop.time(), 0.05)))

    def _take(self, record: Any) -> None:
        view = self._views.get(record.topic)
        if view is not None:
            self._state.take_row(view, record.key, record.value)
        else:
            self._takers[record.topic](record)

    def _take_fact(self, record: Any) -> None:
        self._state.take_fact(record.partition, record.offset, _decode_age(record.value).wall_now)

    def _take_ledger(self, record: Any) -> None:
        self._state.take_ledger(record.partition, record.offset, record.value)

    async def _restored(self, consumer: Any) -> None:
        if not self._goal:
            return
        for each, end in list(self._goal.items()):
            if await consumer.position(each) >= end:
                del self._goal[each]
        self._state.restoring = bool(self._goal)

    async def _ask(self, consumer: Any) -> None:
        """Ask where everything followed ends now; how many commands wait for the lanes comes with the same answer."""
        wall, followed = self._clock.wall(), consumer.assignment()
        commands = _partitions(self._commands)
        ends = await consumer.end_offsets([*followed, *commands])
        self._asked = (wall, {each: ends[each] for each in followed})
        self._state.backlog["commands"] = sum(self._state.note_waiting(each.partition, ends[each]) for each in commands)

    async def _confirm(self, consumer: Any) -> None:
        """Once all that was there when we asked is read, the figures are complete up to that moment."""
        if self._asked is None:
            return
        wall, ends = self._asked
        for each, end in ends.items():
            if await consumer.position(each) < end:
                return
        self._asked = None
        self._state.confirmed_wall = wall


def _partitions(topic: Topic) -> list[Any]:
    return [TopicPartition(topic.name, number) for number in range(topic.partitions)]

"""Outcomes for callers that wait, sent after the commit by a plain producer: a lost reply is a 202 for its caller."""

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from hub.runtime.logs import get_logger
from schemas.replies import Reply

QUEUE_MAX: Final = 10_000
"""Replies waiting to be sent; when the broker takes none, the oldest are dropped: their callers have gone by then."""

_json = msgspec.json.Encoder()
_log = get_logger("lanes.replies")


class Replies:
    """Hands replies to their partitions without ever making a lane wait."""

    def __init__(self, producer: Any, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._queue: deque[tuple[int, Reply]] = deque(maxlen=QUEUE_MAX)
        self._wakeup, self._drained = asyncio.Event(), asyncio.Event()
        self._drained.set()
        self._task: asyncio.Task[None] | None = None
        self.lost = 0

    async def start(self) -> None:
        """Connect and begin to send."""
        await self._producer.start()
        self._task = asyncio.create_task(self._send_all(), name="lane-replies")

    async def stop(self, seconds: float = 2.0) -> None:
        """Send what waits, as far as the time allows, and disconnect."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._drained.wait()
                await self._producer.stop()
        if self._task is not None:
            self._task.cancel()

    def post(self, replies: list[tuple[int, Reply]]) -> None:
        """Queue (partition, reply) pairs of a committed transaction. Never waits, never raises."""
        if not replies:
            return
        self.lost += max(0, len(self._queue) + len(replies) - QUEUE_MAX)
        self._queue.extend(replies)
        self._drained.clear()
        self._wakeup.set()

    async def _send_all(self) -> None:
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            while self._queue:
                partition, reply = self._queue.popleft()
                try:
                    sent = await self._producer.send(self._topic, _json.encode(reply), partition=partition)
                except (KafkaError, OSError, ValueError, AssertionError) as error:
                    self._lose(partition, error)
                else:
                    sent.add_done_callback(partial(self._sent, partition))
            self._drained.set()

    def _sent(self, partition: int, sent: "asyncio.Future[Any]") -> None:
        if not sent.cancelled() and (error := sent.exception()) is not None:
            self._lose(partition, error)

    def _lose(self, partition: int, error: BaseException) -> None:
        self.lost += 1
        _log.warning("reply_lost", partition=partition, error=type(error).__name__)

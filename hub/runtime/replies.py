"""Waiting for the books: each process stands at the end of its own partition of `replies` (architecture 5).

The partition is assigned without a group and positioned before anything is produced, so no answer can be missed. Each
waiting call has a ticket, which its command carries and its reply repeats.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from hub.runtime.logs import get_logger
from schemas.commands import ReplyTo
from schemas.replies import Reply
from schemas.topics import Topic

_RETRY_SECONDS: Final = 0.5
_decoder = msgspec.json.Decoder(Reply)
_log = get_logger("replies")


class ReplyDesk:
    """Hands each reply to the call that waits for it; a reply nobody waits for is dropped."""

    def __init__(self, make_consumer: Callable[[], Any], topic: Topic, slot: int) -> None:
        """`make_consumer` returns an unstarted aiokafka consumer without a group; `slot` numbers this process."""
        self._make_consumer = make_consumer
        self._place = TopicPartition(topic.name, slot % topic.partitions)
        self._process = secrets.token_hex(4)
        self._count = 0
        self._waiting: dict[str, tuple[str, asyncio.Future[Reply]]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._positioned = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether the desk stands at its partition: before that nobody may produce and wait."""
        return self._positioned.is_set()

    @property
    def waiting(self) -> int:
        """Calls that wait now."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin to take a position, and read, in the background."""
        self._reader = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """End reading; who still waits is answered by its own time-out."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    def expect(self, command_id: str) -> tuple[ReplyTo, "asyncio.Future[Reply]"]:
        """Return the address for a command and the future of its reply. Call `forget` with the address at the end."""
        self._count += 1
        ticket = f"{self._process}-{self._count}"
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = (command_id, future)
        return ReplyTo(self._place.partition, ticket), future

    def forget(self, address: ReplyTo) -> None:
        """Stop waiting."""
        self._waiting.pop(address.ticket, None)

    def deliver(self, reply: Reply) -> None:
        """Give a reply to the call whose ticket it repeats."""
        command_id, future = self._waiting.get(reply.ticket, ("", None))
        if future is not None and command_id == reply.command_id and not future.done():
            future.set_result(reply)

    async def _read(self) -> None:
        while True:
            consumer = self._make_consumer()
            try:
                await self._follow(consumer)
            except (KafkaError, OSError) as fault:
                _log.warning("replies_lost", fault=type(fault).__name__)
            finally:
                self._positioned.clear()
                with contextlib.suppress(KafkaError, OSError):
                    await consumer.stop()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, consumer: Any) -> None:
        await consumer.start()
        consumer.assign([self._place])
        ends = await consumer.end_offsets([self._place])
        consumer.seek(self._place, ends[self._place])
        self._positioned.set()
        while True:
            fetched = await consumer.getmany(timeout_ms=1000)
            for records in fetched.values():
                for record in records:
                    self._take(record.value)

    def _take(self, value: bytes | None) -> None:
        try:
            self.deliver(_decoder.decode(value or b""))
        except msgspec.DecodeError:
            _log.warning("reply_unreadable")

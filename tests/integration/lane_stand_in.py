"""A consumer that answers commands the way a lane does, for tests of the edge that need no books."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

import msgspec

from hub.runtime.bus import committed_consumer, durable_producer
from hub.runtime.settings import Settings
from schemas.commands import Command
from schemas.replies import Reply

Judge = Callable[[Command], Reply | None]


class LaneStandIn:
    """Reads `commands`, keeps them in `seen`, and answers those the judge answers."""

    def __init__(self, settings: Settings, judge: Judge) -> None:
        self.seen: list[Command] = []
        self._settings = settings
        self._judge = judge
        self._task: asyncio.Task[None] | None = None
        self._standing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        await self._standing.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        topics = self._settings.topics
        consumer: Any = committed_consumer(self._settings.kafka, "stand-in", topics.commands.name)
        producer: Any = durable_producer(self._settings.kafka, "stand-in")
        await consumer.start()
        await producer.start()
        self._standing.set()
        try:
            async for record in consumer:
                command = msgspec.json.decode(record.value, type=Command)
                self.seen.append(command)
                reply = self._judge(command)
                if reply is not None and command.reply is not None:
                    reply = msgspec.structs.replace(reply, ticket=command.reply.ticket)
                    value = msgspec.json.encode(reply)
                    await producer.send(topics.replies.name, value, partition=command.reply.partition)
        finally:
            await consumer.stop()
            await producer.stop()


def posted(command: Command) -> Reply:
    """Return the reply of a charge that was booked."""
    return Reply(
        command.id,
        command.account,
        "POSTED",
        refused=False,
        at=command.accepted_at,
        result={"charge": command.account + "C00001", "allocation": {"credit_fen": 1834}},
    )

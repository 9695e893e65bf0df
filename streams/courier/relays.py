"""The loop that relays commands between accounts: in order, adding nothing, never behind a gateway call.

The errand holds the whole command with its deterministic id and its way (`via`); the receiver recognises a repeat. So a
relay is durable before its offset, and whatever was not committed is simply sent again.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from hub.runtime.logs import get_logger
from hub.runtime.metrics import COURIER_RELAYS
from hub.runtime.sections import COURIER_AFTER_RELAY, CriticalSections
from schemas.errands import RelayErrand
from streams.courier.calls import POLL_MS, read_errand
from streams.courier.progress import positions

RELAYS_AT_ONCE: Final = 500
_log = get_logger("courier")


class RelayWorker(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Sends the relays of the partitions its group gives it, until it is told to stop."""

    def __init__(
        self, consumer: Any, producer: Any, errands: str, commands: str, sections: CriticalSections | None = None
    ) -> None:
        """Both clients are started; the producer is idempotent, so records of one account keep their order."""
        self._consumer = consumer
        self._producer = producer
        self._errands = errands
        self._commands = commands
        self._sections = sections or CriticalSections()
        self._committed: dict[TopicPartition, int] = {}
        self._stopping = False
        self.joined = False
        """Whether the group has given this process its share."""

    def stop(self) -> None:
        """End `run` after the batch in hand. Idempotent."""
        self._stopping = True

    async def run(self) -> None:
        """Relay until `stop`. Raises a KafkaError when the broker does not confirm: then the process must end."""
        self._consumer.subscribe([self._errands], listener=self)
        while not self._stopping:
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=RELAYS_AT_ONCE)
            for messages in fetched.values():
                await self._relay(messages)
            done = {each: messages[-1].offset + 1 for each, messages in fetched.items()}
            await self._commit(done or await positions(self._consumer))

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Nothing: what is being sent stays true, and is recognised when it is sent again."""

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:  # noqa: ARG002 - aiokafka's
        """Go on at the committed offsets."""
        self._committed.clear()
        self.joined = True

    async def _relay(self, messages: Iterable[Any]) -> None:
        """Send the relays among the records in their order; return when all are durable."""
        sent = []
        for message in messages:
            errand = read_errand(message)
            if isinstance(errand, RelayErrand):
                value = msgspec.json.encode(errand.command)
                sent.append(await self._producer.send(self._commands, value, key=errand.command.account.encode()))
        if sent:
            await asyncio.gather(*sent)
            COURIER_RELAYS.inc(len(sent))
            await self._sections.reach(COURIER_AFTER_RELAY)

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        moved = {each: offset for each, offset in offsets.items() if self._committed.get(each) != offset}
        if not moved:
            return
        try:
            await self._consumer.commit(moved)
            self._committed |= moved
        except (CommitFailedError, IllegalStateError):
            # A rebalance took partitions away: their next owner sends these relays again, and they are recognised.
            _log.info("relays_will_repeat", partitions=len(moved))

"""A process whose lane failed ends, whatever happens to the lane while the process takes leave."""

import asyncio
from types import SimpleNamespace

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.lanes.domain_rules import DomainRules
from streams.lanes.processor import AccountProcessor
from streams.lanes.settings import LaneSettings


class UnreachableProducer:
    """A client's producer that finds no broker."""

    _txn_manager = SimpleNamespace(is_in_transaction=lambda: False)

    async def start(self):
        """Fail to connect."""
        raise KafkaConnectionError("no broker")

    async def stop(self):
        """Nothing to close."""


class SlowConsumer:
    """A client's consumer whose coordinator answers when the test lets it."""

    def __init__(self):
        """With a group that can be left."""
        self.leaving, self.answered = asyncio.Event(), asyncio.Event()
        self._coordinator = SimpleNamespace(_maybe_leave_group=self._leave)

    async def _leave(self):
        self.leaving.set()
        await self.answered.wait()

    def pause(self, _place):
        """Fetch no more of it."""

    def assignment(self):
        """Return nothing."""
        return set()


class Unreachable(LaneSettings):
    """Settings of a cluster that is away."""

    def producer(self, _partition):
        """Return a producer that finds no broker."""
        return UnreachableProducer()


async def test_a_rebalance_that_closes_the_failing_lane_does_not_keep_the_process_alive():
    """The lane waits to leave the group, the next rebalance cancels it: the process ends all the same."""
    ended = []
    processor = AccountProcessor(
        Unreachable(kafka=None),
        DomainRules(None),
        SimpleNamespace(city=lambda: 0, wall=lambda: 0),
        on_fatal=lambda reason, code: ended.append((reason, code)),
    )
    processor.consumer = SlowConsumer()
    place = TopicPartition(processor.settings.topics.commands.name, 0)
    await processor.on_partitions_assigned([place])
    await processor.consumer.leaving.wait()
    await processor.on_partitions_revoked([place])
    ((reason, code),) = ended
    assert (code, reason[:7]) == (70, "lane 0:")

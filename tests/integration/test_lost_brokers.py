"""A connection to Kafka lost behind an answer: work is told it, waits or is repeated; it neither hangs nor doubles."""

import asyncio
import dataclasses
from collections import Counter
from itertools import count

import pytest
from aiokafka import TopicPartition
from kafka_front import KafkaFront
from lanes_world import ToyRules, World, until

from hub.cli.reinjection import Reinjector
from hub.runtime.bus import committed_consumer, log_client
from hub.runtime.durable_log import DurableLog, HubBusyError
from hub.runtime.reading import committed_records
from hub.runtime.settings import KafkaSettings, Settings
from schemas.errors import TransportError
from schemas.reasons import Reason
from schemas.topics import Topic, Topics
from streams.lanes.park import Parking

pytestmark = pytest.mark.timeout(180)
PRODUCE, FETCH, FIND_COORDINATOR = 0, 1, 10
RECORDS = 4


class LosesKind(KafkaFront):
    """Loses the first answer of one kind of request."""

    def __init__(self, bootstrap: str, kind: int, *, away: bool = False) -> None:
        super().__init__(bootstrap, 1, "away" if away else "cut")
        self._kind = kind

    def counts(self, kind: int) -> bool:
        """Only those."""
        return kind == self._kind


def through(front: KafkaFront, settings: Settings) -> KafkaSettings:
    """Return the settings of a client that goes through the front."""
    return settings.kafka.model_copy(update={"bootstrap": front.bootstrap})


async def test_a_consumer_stops_while_its_fetch_waits_to_be_tried_again(settings: Settings, hub_topics: Topics):
    """It used to raise CancelledError into a role or verb that nobody had cancelled, its connections still open."""
    async with LosesKind(settings.kafka.bootstrap, FETCH, away=True) as front:
        consumer = committed_consumer(through(front, settings), "stops", retry_backoff_ms=60_000)
        await consumer.start()
        consumer.assign([TopicPartition(hub_topics.commands.name, 0)])
        assert await consumer.getmany(timeout_ms=2000) == {}
        assert front.lost == FETCH
        await asyncio.wait_for(consumer.stop(), 30)
        assert not any(connection.connected() for connection in consumer._client._conns.values())


async def test_a_member_that_could_not_ask_for_the_topics_gets_its_partitions(settings: Settings, hub_topics: Topics):
    """It leads its group without knowing one partition: for five minutes it used to have none, and be ready."""
    async with LosesKind(settings.kafka.bootstrap, FIND_COORDINATOR) as front:
        consumer = committed_consumer(through(front, settings), "member", group=f"{hub_topics.prefix}.members")
        await consumer.start()
        consumer.subscribe([hub_topics.commands.name])
        try:
            await until(lambda: len(consumer.assignment()) == settings.kafka.partitions)
        finally:
            await consumer.stop()
        assert front.lost == FIND_COORDINATOR


async def keep(log: DurableLog, topic: Topic, values: list[bytes]) -> Counter[bytes]:
    """Append each value until it is durable, as a sender repeats it; return how often each may be in the log."""
    most: Counter[bytes] = Counter()
    for value in values:
        while True:
            try:
                await log.append(topic.name, value, value)
            except HubBusyError as busy:
                most[value] += not busy.unsent
                await asyncio.sleep(0.02)
            else:
                most[value] += 1
                break
    return most


async def test_a_record_is_durable_once_wherever_the_connection_is_lost(settings: Settings, hub_topics: Topics):
    """Behind every answer of connecting, learning the topic and producing in turn, until the last one is behind us."""
    topic, most = hub_topics.commands, Counter[bytes]()
    for answers in count(1):
        async with KafkaFront(settings.kafka.bootstrap, answers) as front:
            kafka = through(front, settings)
            log = DurableLog(lambda kafka=kafka: log_client(kafka, "lost"), wait_seconds=5.0)
            log.start()
            async with asyncio.timeout(60):
                most += await keep(log, topic, [b"%d-%d" % (answers, number) for number in range(RECORDS)])
            await log.stop()
        if front.lost is None:
            break
    places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    found = Counter([record.value async for record in committed_records(settings.kafka, "found", places)])
    assert answers > 8
    assert set(found) == set(most)
    assert found <= most


async def test_a_letter_is_replayed_or_the_broker_is_named_when_it_goes_away(world: World):
    """It used to wait for the confirmation for ever."""

    async def durable() -> None:
        pytest.fail("it was told to be durable")

    async with LosesKind(world.settings.kafka.bootstrap, PRODUCE, away=True) as front:
        settings = world.settings.model_copy(update={"kafka": through(front, world.settings)})
        with pytest.raises(TransportError) as told:
            await Reinjector(settings, world.clock).send(world.command(1), durable)
    assert told.value.reason is Reason.DEPENDENCY_UNREACHABLE


async def test_parking_ends_when_the_broker_goes_away_and_can_be_repeated(world: World):
    """Inside its transaction: it used to wait for ever, and the verb ended with a trace where it did not."""
    await world.send(world.command(1))
    async with LosesKind(world.settings.kafka.bootstrap, PRODUCE, away=True) as front:
        lanes = dataclasses.replace(world.lanes, kafka=through(front, world.settings))
        with pytest.raises(TimeoutError):
            await Parking(0, lanes, ToyRules(), world.clock, seconds=3).park_command(0)
    await Parking(0, world.lanes, ToyRules(), world.clock).park_command(0)
    assert [record.outcome for record in await world.ledger(0)] == ["PARKED"]

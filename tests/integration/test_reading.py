"""What is read "by now" includes what was committed a moment ago, and never half a transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from hub.runtime.reading import committed_ends, committed_records
from hub.runtime.settings import KafkaSettings, Settings
from infra.processes import free_port
from schemas.errors import TransportError
from schemas.topics import Topics


@asynccontextmanager
async def writer(settings: Settings) -> AsyncIterator[Any]:
    """A producer of transactions."""
    kafka = settings.kafka.bootstrap
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{settings.topic_prefix}-writer")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def values(settings: Settings, place: TopicPartition) -> list[bytes]:
    """What is committed on the partition by now."""
    return [record.value async for record in committed_records(settings.kafka, "test", [place])]


async def test_a_transaction_open_when_asked_is_waited_for_and_read(settings: Settings, hub_topics: Topics) -> None:
    """The end markers of a commit come after its answer: what looks open at that moment belongs to the answer."""
    place = TopicPartition(hub_topics.ledger.name, 1)
    async with writer(settings) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(place.topic, b"one", partition=1)
        reading = asyncio.create_task(values(settings, place))
        await asyncio.wait({reading}, timeout=2)
        assert not reading.done()
        await producer.send_and_wait(place.topic, b"two", partition=1)
        await producer.commit_transaction()
    assert await reading == [b"one", b"two"]


async def test_an_aborted_transaction_ends_the_wait_and_gives_nothing(settings: Settings, hub_topics: Topics) -> None:
    """What was taken back is no record, and the reader comes past it."""
    place = TopicPartition(hub_topics.ledger.name, 0)
    async with writer(settings) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(place.topic, b"gone", partition=0)
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(place.topic, b"kept", partition=0)
    assert await values(settings, place) == [b"kept"]


async def test_what_is_written_later_is_not_read(settings: Settings, hub_topics: Topics) -> None:
    """A reader of a topic that is written all the time comes to an end, at a transaction's border."""
    place = TopicPartition(hub_topics.ledger.name, 2)
    async with writer(settings) as producer:
        async with producer.transaction():
            await producer.send_and_wait(place.topic, b"early", partition=2)
        reading = committed_records(settings.kafka, "test", [place])
        found = [(await anext(reading)).value]
        async with producer.transaction():
            await producer.send_and_wait(place.topic, b"late", partition=2)
        found += [record.value async for record in reading]
    assert found == [b"early"]


async def test_ends_of_many_partitions_come_at_once(settings: Settings, hub_topics: Topics) -> None:
    """Records and the commit's own marker count; an empty partition ends at 0."""
    places = [TopicPartition(hub_topics.ledger.name, number) for number in range(3)]
    async with writer(settings) as producer, producer.transaction():
        await producer.send_and_wait(places[1].topic, b"x", partition=1)
    assert await committed_ends(settings.kafka, places) == {places[0]: 0, places[1]: 2, places[2]: 0}


async def test_a_cluster_that_is_away_is_named() -> None:
    """Nothing listens: TransportError, not a hang."""
    nobody = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")
    with pytest.raises(TransportError, match=nobody.bootstrap):
        await committed_ends(nobody, [TopicPartition("any", 0)])

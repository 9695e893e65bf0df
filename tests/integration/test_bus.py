"""Kafka through `hub.runtime.bus`, on a real broker."""

import pytest
from aiokafka import TopicPartition

from hub.runtime.bus import (
    check_topics,
    committed_consumer,
    create_topics,
    durable_producer,
    group_lag,
    round_trip_ms,
)
from hub.runtime.settings import KafkaSettings, Settings, read_settings
from infra.processes import free_port
from schemas.errors import ConfigurationError, TransportError
from schemas.reasons import Reason
from schemas.topics import Cluster, Topic, Topics, topics

_ENTITIES = ("prefix", "commands", "ledger", "accounts", "errands", "facts", "dead_letters", "replies")


async def test_created_topics_are_as_the_registry_says(settings: Settings) -> None:
    """After creation nothing differs, and creating again creates nothing."""
    created = await create_topics(settings.kafka, settings.topics)
    assert set(created) == {topic.name for topic in settings.topics.all()}
    assert await check_topics(settings.kafka, settings.topics) == ()
    assert await create_topics(settings.kafka, settings.topics) == ()


async def test_missing_topics_are_named(settings: Settings) -> None:
    """A cluster without our topics shows each of them as missing, with the command that creates them."""
    found = await check_topics(settings.kafka, settings.topics)
    assert {each.kind for each in found} == {"missing"}
    assert len(found) == len(settings.topics.all())
    assert found[0].remedy == "medcredit topics create"


async def test_another_partition_count_is_a_mismatch(settings: Settings, hub_topics: Topics) -> None:
    """Topics with 4 partitions do not fit a registry of 6; replies, which have their own count, still do."""
    six = settings.kafka.model_copy(update={"partitions": 6})
    other = settings.model_copy(update={"kafka": six})
    found = await check_topics(six, other.topics)
    assert {each.topic for each in found} == {t.name for t in hub_topics.all() if t.entity != "replies"}
    assert (found[0].have, found[0].want) == ("4 partitions", "6 partitions")


async def test_a_changed_setting_is_a_mismatch(settings: Settings, hub_topics: Topics) -> None:
    """A topic with another cleanup than the registry's is named with both values."""
    wanted = topics(settings.topic_prefix, Cluster(4), overrides={"accounts": {"segment.bytes": "1048576"}})
    (found,) = await check_topics(settings.kafka, wanted)
    assert (found.topic, found.kind) == (hub_topics.accounts.name, "setting")
    assert (found.have, found.want) == ("segment.bytes=33554432", "segment.bytes=1048576")


async def test_a_topic_the_registry_does_not_know_is_named(settings: Settings, hub_topics: Topics) -> None:
    """A topic under our prefix that nobody registered is a misspelt writer."""
    stray = Topic("stray", f"{hub_topics.prefix}.stray.v1", "none", "", 1, 1, {"cleanup.policy": "delete"})
    await create_topics(settings.kafka, Topics(*(getattr(hub_topics, n) for n in _ENTITIES), views={"s": stray}))
    (found,) = await check_topics(settings.kafka, hub_topics)
    assert (found.topic, found.kind) == (stray.name, "unknown")


async def test_a_record_of_two_megabytes_passes(settings: Settings, hub_topics: Topics) -> None:
    """The largest outcome and state (1.5 MB) and a full batch fit the topic, producer and consumer."""
    partition = TopicPartition(hub_topics.ledger.name, 1)
    producer = durable_producer(settings.kafka, "test")
    await producer.start()
    try:
        await producer.send_and_wait(partition.topic, b"x" * 1_900_000, partition=1)
    finally:
        await producer.stop()
    consumer = committed_consumer(settings.kafka, "test")
    await consumer.start()
    try:
        consumer.assign([partition])
        record = await consumer.getone()
    finally:
        await consumer.stop()
    assert len(record.value) == 1_900_000


async def test_lag_counts_what_a_group_has_not_committed(settings: Settings, hub_topics: Topics) -> None:
    """Three records of which one is committed leave a lag of two; without an offset, all of it."""
    producer = durable_producer(settings.kafka, "test")
    await producer.start()
    for _ in range(3):
        await producer.send_and_wait(hub_topics.commands.name, b"x", partition=2)
    await producer.stop()
    consumer = committed_consumer(settings.kafka, "test", group=settings.group("courier"))
    await consumer.start()
    consumer.assign([TopicPartition(hub_topics.commands.name, 2)])
    await consumer.commit({TopicPartition(hub_topics.commands.name, 2): 1})
    await consumer.stop()
    lags = await group_lag(settings.kafka, settings.group("courier"), hub_topics.commands)
    assert [(each.partition, each.committed, each.lag) for each in lags] == [
        (0, None, 0),
        (1, None, 0),
        (2, 1, 2),
        (3, None, 0),
    ]


async def test_a_cluster_that_is_away_is_a_transport_error() -> None:
    """Nothing listens: the error says which dependency, within seconds."""
    nobody = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")
    with pytest.raises(TransportError) as raised:
        await round_trip_ms(nobody)
    assert raised.value.reason is Reason.DEPENDENCY_UNREACHABLE
    assert nobody.bootstrap in str(raised.value)


async def test_more_replicas_than_brokers_is_a_configuration_error(settings: Settings) -> None:
    """A cluster of one node cannot keep three copies: the hub says so and does not try for ever."""
    three = settings.kafka.model_copy(update={"replication": 3})
    with pytest.raises(ConfigurationError, match="MEDCREDIT_KAFKA"):
        await create_topics(three, settings.model_copy(update={"kafka": three}).topics)


def test_the_registry_reads_the_settings() -> None:
    """Prefix and partition count of the settings reach every topic."""
    chosen = read_settings(profile="demo", topic_prefix="other", kafka={"partitions": 3}).topics
    assert chosen.commands.name == "other.commands.v1"
    assert {topic.partitions for topic in chosen.all() if topic.entity != "replies"} == {3}

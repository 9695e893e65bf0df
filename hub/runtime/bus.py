"""Kafka as the hub uses it: clients with the measured settings, topics made from the registry and compared with it.

aiokafka is reached only through this module and the lanes. Topics that differ from the registry are data
(`TopicMismatch`), because an operator wants all of them at once; a cluster that does not answer is `TransportError`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from hub.runtime.broker_refusal import broker_refusal
from hub.runtime.consumer import Consumer
from hub.runtime.settings import KafkaSettings
from schemas.errors import TransportError, setting_invalid
from schemas.reasons import Reason
from schemas.topics import BATCH_BYTES, MAX_MESSAGE_BYTES, Topic, Topics

_ANSWER_SECONDS = 10.0
_LEADERS_SECONDS = 30.0
_NO_ERROR = 0

MismatchKind = Literal["missing", "partitions", "replication", "setting", "unknown"]


@dataclass(frozen=True, slots=True)
class TopicMismatch:
    """One difference between cluster and registry (code TOPIC_MISMATCH); `have` and `want` in words."""

    topic: str
    kind: MismatchKind
    have: str
    want: str

    @property
    def remedy(self) -> str:
        """What an operator does about it."""
        if self.kind == "missing":
            return "medcredit topics create"
        if self.kind == "setting":
            return f"set {self.want} on {self.topic} with your cluster's tools"
        if self.kind == "unknown":
            return "delete it if nothing else uses it"
        return "partition and replica counts are fixed for life: restore the topic, or start with another topic prefix"


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a group is behind on one partition; `committed` None when the group has no offset there."""

    partition: int
    committed: int | None
    end: int

    @property
    def lag(self) -> int:
        """Records (transaction markers included) between the committed offset and the end."""
        return self.end - (self.committed or 0)


def durable_producer(kafka: KafkaSettings, client_id: str) -> Any:
    """Return an unstarted producer for what must not be lost: all replicas confirm, retries make no copies.

    A send's future resolves only when the record is durable. Batches are gathered for 5 ms, up to 2,000,000 bytes.
    """
    return AIOKafkaProducer(
        **kafka.client_arguments(),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES,
        request_timeout_ms=15_000,
        retry_backoff_ms=100,  # 20 ms, as the lanes use, fills the log while a broker is away
    )


def log_client(kafka: KafkaSettings, client_id: str) -> Any:
    """Return an unstarted client for `DurableLog`, which keeps the batches and the sequence itself."""
    return AIOKafkaClient(
        **kafka.client_arguments(), client_id=client_id, request_timeout_ms=15_000, retry_backoff_ms=100
    )


def committed_consumer(
    kafka: KafkaSettings, client_id: str, *subscribed: str, group: str | None = None, retry_backoff_ms: int = 100
) -> Any:
    """Return an unstarted consumer that sees committed records only and never commits by itself.

    Without `group` the caller assigns partitions. A member of a group is missed after 3 s, and a rebalance waits 6 s.
    """
    return Consumer(
        *subscribed,
        **kafka.client_arguments(),
        client_id=client_id,
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=3000,
        heartbeat_interval_ms=500,
        rebalance_timeout_ms=6000,
        fetch_max_wait_ms=20,
        max_partition_fetch_bytes=2 * MAX_MESSAGE_BYTES,
        retry_backoff_ms=retry_backoff_ms,
    )


@asynccontextmanager
async def administration(kafka: KafkaSettings) -> AsyncIterator[Any]:
    """Yield a started administration client.

    Raises `TransportError` when the cluster does not answer, `ConfigurationError` when it refuses us for good.
    """
    client = AIOKafkaAdminClient(**kafka.client_arguments(), request_timeout_ms=int(_ANSWER_SECONDS * 1000))
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await client.start()
    except (KafkaError, OSError, TimeoutError) as error:
        await client.close()
        refused = None if isinstance(error, TimeoutError) else await broker_refusal(kafka)
        raise refused or unreachable(kafka) from error
    try:
        yield client
    except (KafkaError, OSError, TimeoutError) as error:
        if isinstance(error, KafkaError) and not error.retriable:
            raise
        raise unreachable(kafka) from error
    finally:
        await client.close()


async def round_trip_ms(kafka: KafkaSettings) -> float:
    """Return how long the cluster takes to answer one request, in ms; raises `TransportError` when it does not."""
    try:
        async with administration(kafka) as client:
            started = time.perf_counter()
            await client.describe_cluster()
            return (time.perf_counter() - started) * 1000
    except KafkaError as error:  # it answers, and refuses us
        raise unreachable(kafka) from error


async def create_topics(kafka: KafkaSettings, topics: Topics) -> tuple[str, ...]:
    """Create what the registry has and the cluster lacks, wait for leaders, return the created names. Idempotent.

    Existing topics are not changed: `check_topics` tells whether they are as they must be.
    """
    async with administration(kafka) as client:
        existing = set(await client.list_topics())
        missing = [topic for topic in topics.all() if topic.name not in existing]
        if missing:
            _raise_for(await client.create_topics([_new(topic) for topic in missing]))
            await _leaders(client, [topic.name for topic in missing])
    if missing:
        await _serving(kafka, missing)
    return tuple(topic.name for topic in missing)


async def delete_topics(kafka: KafkaSettings, topics: Topics) -> None:
    """Delete every topic of this registry's prefix, for tests. Idempotent."""
    async with administration(kafka) as client:
        found = [name for name in await client.list_topics() if name.startswith(f"{topics.prefix}.")]
        if found:
            await client.delete_topics(found)


async def check_topics(kafka: KafkaSettings, topics: Topics) -> tuple[TopicMismatch, ...]:
    """Return every difference between the cluster and the registry; empty when the hub may start."""
    async with administration(kafka) as client:
        described = await _described(client)
        present = [topic for topic in topics.all() if topic.name in described]
        settings = await _settings_of(client, present)
    found: list[TopicMismatch] = []
    for topic in topics.all():
        found += _compare(topic, described.get(topic.name), settings.get(topic.name, {}))
    return (*found, *_unknown(described, topics))


async def check_partitions(kafka: KafkaSettings, topics: Topics) -> tuple[TopicMismatch, ...]:
    """Return the registry's topics that are missing or have another number of partitions; one request, no settings."""
    async with administration(kafka) as client:
        described = await _described(client)
    return tuple(each for topic in topics.all() for each in _compare_partitions(topic, described.get(topic.name)))


async def group_lag(kafka: KafkaSettings, group: str, topic: Topic) -> tuple[PartitionLag, ...]:
    """Return the lag of a consumer group on each partition of a topic, in partition order. Joins nothing."""
    async with _reader(kafka, group) as consumer:
        partitions = _partitions(topic)
        ends = await consumer.end_offsets(partitions)
        return tuple([PartitionLag(p.partition, await consumer.committed(p), ends[p]) for p in partitions])


async def end_offsets(kafka: KafkaSettings, topic: Topic) -> dict[int, int]:
    """Return the offset after the last record of each partition, as a read-committed reader sees it."""
    async with _reader(kafka) as consumer:
        return {each.partition: offset for each, offset in (await consumer.end_offsets(_partitions(topic))).items()}


@asynccontextmanager
async def started(kafka: KafkaSettings, consumer: Any) -> AsyncIterator[Any]:
    """Yield the consumer, started; stop it. Raises `TransportError` when the cluster does not answer, even later."""
    try:
        async with asyncio.timeout(_LEADERS_SECONDS):
            await consumer.start()
        yield consumer
    except (KafkaError, OSError, TimeoutError) as error:
        raise unreachable(kafka) from error
    finally:
        await consumer.stop()


@asynccontextmanager
async def _reader(kafka: KafkaSettings, group: str | None = None) -> AsyncIterator[Any]:
    asked = committed_consumer(kafka, "offsets", group=group, retry_backoff_ms=10)
    async with started(kafka, asked) as consumer, asyncio.timeout(_LEADERS_SECONDS):
        yield consumer


def _partitions(topic: Topic) -> list[Any]:
    return [TopicPartition(topic.name, number) for number in range(topic.partitions)]


def unreachable(kafka: KafkaSettings) -> TransportError:
    """Return the error of a cluster that does not answer."""
    return TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": f"Kafka at {kafka.bootstrap}"})


def _new(topic: Topic) -> Any:
    return NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.config))


def _raise_for(answer: Any) -> None:
    """Raise for a CreateTopics answer with errors; a topic another process just made is none.

    A cluster that can never make such a topic (fewer brokers than replicas) is a `ConfigurationError`.
    """
    for name, code, *_ in answer.topic_errors:
        if code in (_NO_ERROR, TopicAlreadyExistsError.errno):
            continue
        error = for_code(code)(f"cannot create {name}")
        if error.retriable:
            raise error
        raise setting_invalid("MEDCREDIT_KAFKA", str(error), "Compare it with the cluster's brokers.") from error


async def _leaders(client: Any, names: Sequence[str]) -> None:
    """Wait until every partition of the topics has a leader, so that the first send does not fail."""
    async with asyncio.timeout(_LEADERS_SECONDS):
        while not _all_led(await client.describe_topics(list(names))):  # noqa: ASYNC110 - Kafka announces no leaders
            await asyncio.sleep(0.05)


async def _serving(kafka: KafkaSettings, topics: Sequence[Topic]) -> None:
    """Ask every new partition for its end: a leader that is named may not have opened its log yet."""
    async with _reader(kafka) as consumer:
        await consumer.end_offsets([partition for topic in topics for partition in _partitions(topic)])


def _all_led(described: Sequence[dict[str, Any]]) -> bool:
    return all(
        each["error_code"] == _NO_ERROR and all(part["leader"] >= 0 for part in each["partitions"])
        for each in described
    )


async def _described(client: Any) -> dict[str, Any]:
    """Return the partitions of every topic the cluster has, by name."""
    return {each["topic"]: each["partitions"] for each in await client.describe_topics()}


async def _settings_of(client: Any, topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
    """Return the cluster's values of the settings the registry names, by topic."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(topic.config)) for topic in topics]
    if not wanted:
        return {}
    found: dict[str, dict[str, str]] = {}
    for answer in await client.describe_configs(wanted):
        for _code, _message, _kind, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _compare_partitions(topic: Topic, partitions: Sequence[dict[str, Any]] | None) -> list[TopicMismatch]:
    have, want = f"{len(partitions or ())} partitions", f"{topic.partitions} partitions"
    if partitions is None:
        return [TopicMismatch(topic.name, "missing", "nothing", want)]
    return [] if have == want else [TopicMismatch(topic.name, "partitions", have, want)]


def _compare(
    topic: Topic, partitions: Sequence[dict[str, Any]] | None, settings: dict[str, str]
) -> list[TopicMismatch]:
    found = _compare_partitions(topic, partitions)
    if partitions is None:
        return found
    replicas = min(len(part["replicas"]) for part in partitions)
    if replicas < topic.replication:
        found.append(TopicMismatch(topic.name, "replication", f"{replicas} replicas", f"{topic.replication} replicas"))
    for name, want in topic.config.items():
        if settings.get(name) != want:
            found.append(TopicMismatch(topic.name, "setting", f"{name}={settings.get(name)}", f"{name}={want}"))
    return found


def _unknown(described: dict[str, Any], topics: Topics) -> list[TopicMismatch]:
    """Name topics under our prefix that the registry does not have: a misspelt writer, or a newer release's."""
    ours = {topic.name for topic in topics.all()}
    strangers = sorted(name for name in described if name.startswith(f"{topics.prefix}.") and name not in ours)
    return [TopicMismatch(name, "unknown", f"{len(described[name])} partitions", "no such topic") for name in strangers]

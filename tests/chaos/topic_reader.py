"""Reads whole topics as they stand, with nothing but a Kafka client."""

import logging

from aiokafka import AIOKafkaConsumer, TopicPartition
from evidence import Row, row

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is what some runs are about


async def read_topic(bootstrap: str, topic: str, *, committed: bool = True) -> list[Row]:
    """Return every record of a topic, by partition and offset; only committed ones unless told otherwise."""
    level = "read_committed" if committed else "read_uncommitted"
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level=level, enable_auto_commit=False, max_partition_fetch_bytes=4 << 20
    )
    try:
        await consumer.start()
        return await _to_the_end(consumer, topic, await end_offsets(bootstrap, topic, committed=False))
    finally:
        await consumer.stop()


async def _to_the_end(consumer: AIOKafkaConsumer, topic: str, written: dict[int, int]) -> list[Row]:
    """Read up to what is written, open transactions included: a commit answers before its marker is written."""
    ends = {TopicPartition(topic, number): end for number, end in written.items()}
    partitions = sorted(ends)
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    rows: list[Row] = []
    waiting = {each for each in partitions if await consumer.position(each) < ends[each]}
    while waiting:
        for messages in (await consumer.getmany(timeout_ms=200)).values():
            rows += [
                row(m.partition, m.offset, m.key, m.value or b"", {k: v.decode() for k, v in m.headers})
                for m in messages
            ]
        waiting = {each for each in waiting if await consumer.position(each) < ends[each]}
    return sorted(rows, key=lambda each: (each.partition, each.offset))


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()
    await consumer.topics()
    found = consumer.partitions_for_topic(topic)
    return set(found or ())


async def end_offsets(bootstrap: str, topic: str, *, committed: bool = True) -> dict[int, int]:
    """Return each partition's end, as a read-committed reader sees it unless told otherwise.

    Raises what aiokafka raises while the broker is away.
    """
    level = "read_committed" if committed else "read_uncommitted"
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=level, enable_auto_commit=False)
    try:
        await consumer.start()
        partitions = [TopicPartition(topic, number) for number in await _partitions(consumer, topic)]
        consumer.assign(partitions)
        return {each.partition: end for each, end in (await consumer.end_offsets(partitions)).items()}
    finally:
        await consumer.stop()

"""One transaction: everything of a batch, now and then the group's offset, the commit (kernel.md 1, 7)."""

from typing import Any

from aiokafka import TopicPartition

from hub.runtime.sections import CriticalSections
from schemas.topics import Topics
from streams.lanes import sections
from streams.lanes.batch import Batch
from streams.lanes.outbox import Outbox
from streams.lanes.settings import LaneSettings


async def write_transaction(
    producer: Any,
    batch: Batch,
    partition: int,
    settings: LaneSettings,
    wall_ms: int,
    hold: CriticalSections,
    *,
    tell_group: bool = True,
) -> None:
    """Commit a batch. When this returns it is durable; when it raises, nobody knows: the process must end.

    `wall_ms` becomes the records' Kafka timestamp, by which retention and compaction count.
    """
    out = put_records(Outbox(producer, partition, wall_ms), batch, settings.topics)
    await producer.begin_transaction()
    await hold.reach(sections.AFTER_BEGIN_BEFORE_SEND)
    await out.deliver()
    await hold.reach(sections.AFTER_SEND_BEFORE_OFFSET)
    if tell_group:
        # Only after the sends are answered: in parallel Kafka 4 refuses some of them (kernel.md 7.7).
        await _send_offset(producer, partition, settings, batch.next_offset)
    await hold.reach(sections.AFTER_OFFSET_BEFORE_COMMIT)
    await producer.commit_transaction()
    await hold.reach(sections.AFTER_COMMIT_BEFORE_MEMORY)


async def write_offset(producer: Any, partition: int, settings: LaneSettings, offset: int) -> None:
    """Commit the group's offset alone, in a transaction: whoever has lost the partition cannot move it."""
    await producer.begin_transaction()
    await _send_offset(producer, partition, settings, offset)
    await producer.commit_transaction()


async def _send_offset(producer: Any, partition: int, settings: LaneSettings, offset: int) -> None:
    place = TopicPartition(settings.topics.commands.name, partition)
    await producer.send_offsets_to_transaction({place: offset}, settings.group)


def put_records(out: Outbox, batch: Batch, names: Topics) -> Outbox:
    """Put everything of a batch into the outbox; the states are encoded here, once for the transaction."""
    out.add_all(names.ledger.name, batch.ledger)
    out.add_all(names.errands.name, batch.errands)
    for interface, letter in batch.dead_letters:
        out.add(names.dead_letters.name, interface, letter, [("interface", interface)])
    for facts in batch.facts():
        out.add(names.facts.name, None, facts)
    out.add_all(names.accounts.name, batch.account_records())
    return out

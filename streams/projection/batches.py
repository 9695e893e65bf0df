"""Fetched records as one batch for the books: rows and how far they go, every record proven to follow the last one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka import TopicPartition

from streams.chain import ChainError, checked, link_of
from streams.projection.books import Advance, Place, Position
from streams.projection.faults import DisagreementError
from streams.projection.rows import Rows, add_dead_letter, add_ledger_record, new_rows


@dataclass(slots=True)
class Batch:
    """What goes into the books in one transaction."""

    rows: Rows = field(default_factory=new_rows)
    advances: list[Advance] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Ledger records and dead letters in it."""
        return len(self.rows["ledger"]) + len(self.rows["dead_letter_arrivals"])


def place_of(partition: TopicPartition) -> Place:
    """Return the name of a partition in the books."""
    return Place(partition.topic, partition.partition)


def take(
    fetched: Mapping[TopicPartition, Sequence[Any]],
    at: Mapping[TopicPartition, Position],
    dead_letters: str,
    *,
    check_hashes: bool,
) -> Batch:
    """Return the batch of what was fetched from partitions whose position is known; the others are left out.

    Raises DisagreementError for a ledger record that does not follow the one before it, was altered (`check_hashes`),
    or cannot be read.
    """
    batch = Batch()
    for partition, messages in fetched.items():
        position = at.get(partition)
        if position is None or not messages:
            continue
        head = position.chain_head
        for message in messages:
            head = _add(batch.rows, message, head, dead_letters, check_hashes=check_hashes)
        reached = Position(messages[-1].offset + 1, head)
        batch.advances.append(Advance(place_of(partition), position.next, reached))
    return batch


def _add(rows: Rows, message: Any, head: str, dead_letters: str, *, check_hashes: bool) -> str:
    """Add one record's rows; return the chain head after it."""
    try:
        if message.topic == dead_letters:
            add_dead_letter(rows, message.partition, message.offset, message.value)
            return head
        follows = checked(head, message.key, message.value) if check_hashes else _linked(head, message.value)
        add_ledger_record(rows, message.partition, message.offset, message.value)
    except (ChainError, msgspec.DecodeError) as error:
        where = f"{message.topic}[{message.partition}] offset {message.offset}"
        raise DisagreementError(f"{where}: {error}") from error
    return follows


def _linked(head: str, value: bytes) -> str:
    link = link_of(value)
    if link.previous != head:
        raise ChainError(f"the record follows {link.previous or 'nothing'}, not {head or 'nothing'}")
    return link.hash

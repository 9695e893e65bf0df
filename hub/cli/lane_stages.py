"""What each stage of one command costs a lane: µs of CPU time, in this process, without broker or network.

The same transaction is made again and again without being adopted, so its commands always meet the same states; the
best round counts, because other work on the machine only ever adds. Between two programs the differences are real from
about 1 µs on, where a run of the whole hub on a shared machine differs by a quarter from itself.
"""

import gc
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec
from aiokafka.producer.message_accumulator import BatchBuilder

from hub.domain.decision import Now
from hub.policies import load_policies
from hub.simulate.lane_commands import CommandSource
from schemas.commands import Command
from schemas.topics import BATCH_BYTES, topics
from streams.lanes.accounts import Accounts
from streams.lanes.batch import Batch
from streams.lanes.book import Book
from streams.lanes.domain_rules import DomainRules
from streams.lanes.outbox import Outbox
from streams.lanes.transaction import put_records
from streams.lanes.watermark import KEY

PERSONS: Final = 100
"""One charge of each makes one transaction, about as large as the lanes make them."""
HISTORY: Final = 8
"""Charges each person has before: two visits."""
STAGES: Final = ("decode command", "decide", "outcome, chain, errands", "states, facts, batches", "adopt")
COLD: Final = "decode state of an account not in use"
Record = tuple[bytes, bytes]


class _Builders:
    """Gives the outbox batches as a transactional producer does."""

    def create_batch(self) -> BatchBuilder:
        """Return an empty batch."""
        return BatchBuilder(BATCH_BYTES, 0, is_transactional=True)


class LaneStages:
    """One partition with a history, and one transaction's commands to be measured on it."""

    def __init__(self, lines: int, at: int, persons: int = PERSONS) -> None:
        self._rules = DomainRules(load_policies())
        self._book, self._states = Book(0, Accounts(self._rules)), dict[bytes, bytes | None]()
        self._at = Now(at, at)
        source = CommandSource(self._rules.policies, persons, at)
        self._commit(source.openings())
        for _ in range(HISTORY):
            self._commit(source.charges(persons, lines))
        self._encoded = _encoded(source.charges(persons, lines))

    def costs(self, seconds: float) -> dict[str, float]:
        """Return µs of a command by stage, measured for so long, and those of a state that must be decoded first."""
        until = time.perf_counter() + seconds
        gc.collect()
        rounds = [self._round()]
        while time.perf_counter() < until:
            rounds.append(self._round())
        read, decided, entered, put, cold = (min(spent) for spent in zip(*rounds, strict=True))
        spent = (read, decided, entered - decided, put, self._adopted(), cold)
        each = [round(seconds / len(self._encoded) * 1e6, 1) for seconds in spent]
        return dict(zip((*STAGES, COLD), each, strict=True))

    def _round(self) -> tuple[float, ...]:
        """Return one transaction's seconds: read, decide alone, decide and enter, put; and those of cold states."""
        batch, marks = self._batch(), [time.thread_time()]
        commands = [self._read(batch, record) for record in self._encoded]
        marks.append(time.thread_time())
        for offset, command in enumerate(commands, batch.next_offset):
            self._rules.decide(self._book.accounts.state(command.account.encode()), command, offset, self._at)
        marks.append(time.thread_time())
        for offset, command in enumerate(commands, batch.next_offset):
            while batch.fire_next():
                pass
            batch.decide(command, offset)
        marks.append(time.thread_time())
        self._put(batch)
        marks.append(time.thread_time())
        return (*(later - earlier for earlier, later in pairwise(marks)), self._cold())

    def _cold(self) -> float:
        """Return the seconds of decoding every account's state from its bytes."""
        accounts = Accounts(self._rules)
        for key, value in self._states.items():
            accounts.load(key, value)
        started = time.thread_time()
        for account in accounts:
            accounts.state(account)
        return time.thread_time() - started

    def _adopted(self) -> float:
        """Commit the transaction, at last: return the seconds."""
        batch = self._batch()
        for record in self._encoded:
            batch.decide(self._read(batch, record), batch.next_offset)
        self._put(batch)
        started = time.thread_time()
        batch.adopt()
        return time.thread_time() - started

    def _batch(self) -> Batch:
        batch = Batch(self._book, self._rules)
        batch.advance(self._at)
        return batch

    def _put(self, batch: Batch) -> None:
        put_records(Outbox(_Builders(), 0, self._at.wall), batch, topics())

    def _commit(self, commands: Sequence[Command]) -> None:
        batch = self._batch()
        for command in commands:
            batch.decide(command, batch.next_offset)
        self._states.update((key, value) for key, value in batch.account_records() if key != KEY)
        batch.adopt()

    @staticmethod
    def _read(batch: Batch, record: Record) -> Command:
        command = batch.read(*record)
        if command is None:
            raise ValueError("a command of the bench cannot be read")
        return command


def _encoded(commands: Sequence[Command]) -> list[Record]:
    encoder = msgspec.json.Encoder()
    return [(each.account.encode(), encoder.encode(each)) for each in commands]

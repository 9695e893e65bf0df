"""A running hub's recorded commands under another pack: reads Kafka only, joins no group, writes nothing.

Of each partition the ledger is folded up to the first instant of the window, which gives the very states the hub had;
from there the commands of the window are decided again in shadow, see `streams.shadow`.
"""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition

from hub.domain.decision import Now
from hub.domain.state import AccountState
from hub.policies import Policies
from hub.runtime.reading import committed_records, first_offsets
from hub.runtime.record_partition import partition_of
from hub.runtime.settings import KafkaSettings
from schemas.commands import Command, Instant
from schemas.ledger import CommandSource, LedgerRecord
from schemas.topics import Topics
from streams.lanes.domain_rules import DomainRules
from streams.lanes.legibility import command_of
from streams.shadow import Comparison, Sums

_ledger_json: Final = msgspec.json.Decoder(LedgerRecord)


class WindowGoneError(Exception):
    """The commands of the window's beginning are no longer kept (35 days)."""


@dataclass(slots=True)
class WhatIf:
    """What both runs decided in the window, all partitions together."""

    inputs: int = 0
    undecodable: int = 0
    persons: int = 0
    raised: int = 0
    lowered: int = 0
    a: Sums = field(default_factory=Sums)
    b: Sums = field(default_factory=Sums)

    @property
    def unaccounted_fen(self) -> int:
        """Return what the two runs cannot explain: parts that are no charge, charges only one of them has."""
        return abs(self.a.unaccounted_fen) + abs(self.b.unaccounted_fen) + abs(self.a.charged_fen - self.b.charged_fen)


@dataclass(frozen=True, slots=True)
class Window:
    """From the first instant to the last, the last left out; city time."""

    begin: Instant
    end: Instant


async def what_if(
    kafka: KafkaSettings,
    topics: Topics,
    under_a: Policies,
    under_b: Policies,
    window: Window,
    told: Callable[[int, WhatIf], None],
) -> WhatIf:
    """Return both runs of every partition; `told` hears the number of each partition that is done, and the sums so far.

    Raises `WindowGoneError`, and what the broker's clients raise when it is away.
    """
    result = WhatIf()
    for partition in range(topics.commands.partitions):
        comparison = Comparison(under_a, under_b, result.a, result.b)
        await _Partition(kafka, topics, partition, window).compare(comparison, result)
        result.inputs += comparison.inputs
        result.persons += comparison.persons
        result.raised += comparison.raised
        result.lowered += comparison.lowered
        told(partition, result)
    return result


@dataclass(slots=True)
class _Partition:
    kafka: KafkaSettings
    topics: Topics
    partition: int
    window: Window
    seen: Now = field(default_factory=lambda: Now(0, 0))
    """The latest instant that anything of the partition bears."""

    async def compare(self, comparison: Comparison, result: WhatIf) -> None:
        states, next_offset, begin = await self._states(comparison.under_a)
        await self._refuse_a_gap(next_offset)
        async with self._records(self.topics.commands.name) as messages:
            async for message in messages:
                if message.offset < next_offset:
                    continue
                command = self._readable(message, comparison, states)
                result.undecodable += command is None
                if command is not None and command.accepted_at < self.window.end:
                    self._note(command.accepted_at, command.accepted_wall_at)
                    comparison.hear(command, message.offset, states, begin)
        until = Now(min(self.window.end, max(self.seen.city, begin.city)), self.seen.wall)
        comparison.close(states, begin, until)

    async def _states(self, policies: Policies) -> tuple[dict[str, AccountState], int, Now]:
        """Return the states at the window's first instant, the next command then, and both clocks."""
        rules, next_offset = DomainRules(policies), 0
        states: dict[str, AccountState] = {}
        async with self._records(self.topics.ledger.name) as messages:
            async for message in messages:
                record = _ledger_json.decode(message.value)
                if record.now >= self.window.begin:
                    break
                before = states.get(record.account) or rules.new_state(record.account)
                states[record.account] = rules.evolve(before, record)
                self._note(record.now, record.wall_now)
                if isinstance(record.source, CommandSource):
                    next_offset = max(next_offset, record.source.offset + 1)
        return states, next_offset, Now(max(self.window.begin, self.seen.city), self.seen.wall)

    async def _refuse_a_gap(self, next_offset: int) -> None:
        place = TopicPartition(self.topics.commands.name, self.partition)
        first = (await first_offsets(self.kafka, [place]))[place]
        if first > next_offset:
            raise WindowGoneError(f"partition {self.partition}: commands {next_offset} to {first - 1} are gone")

    def _readable(self, message: Any, comparison: Comparison, states: dict[str, AccountState]) -> Command | None:
        """Return the command of a record, or None for what the lane set aside too."""
        command = command_of(message.key, message.value)
        if command is None or command.account in states or comparison.knows(command.account):
            return command
        home = partition_of(message.key, self.topics.commands.partitions)
        return command if home == self.partition else None

    def _note(self, city: Instant, wall: Instant) -> None:
        self.seen = Now(max(self.seen.city, city), max(self.seen.wall, wall))

    def _records(self, topic: str) -> Any:
        place = TopicPartition(topic, self.partition)
        return aclosing(committed_records(self.kafka, f"whatif-{self.partition}", [place]))

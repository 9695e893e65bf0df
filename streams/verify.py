"""`medcredit verify`: the invariants on the live system, read from Kafka while the lanes go on (domain 15).

Each partition is looked at up to one watermark, not older than the question: the state as the compacted topic has
it, the ledger up to its chain head, the commands below its offset. With `deep` the ledger is folded from its start by
`evolve`, and the result must equal the state byte for byte after encoding both with the present version.
"""

import asyncio
from collections import Counter
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition

from hub.domain.state import AccountState
from hub.runtime.reading import committed_records, first_offsets
from hub.runtime.settings import KafkaSettings
from schemas.dead_letters import DeadLetter
from schemas.ledger import CommandSource, LedgerRecord
from schemas.topics import Topics
from streams import chain
from streams.funding_invariants import AdvanceSums, check_advances, city_day
from streams.invariants import NAMES, Finding, Invariants
from streams.lanes import watermark
from streams.lanes.accounts import Accounts
from streams.lanes.rules import Rules
from streams.lanes.watermark import Watermark

_ATTEMPTS: Final = 3
"""The cleaner may remove a record while it is being read; a second look settles it."""
_DEEP: Final = 9
_CHAIN: Final = 0

_ledger_json = msgspec.json.Decoder(LedgerRecord)
_letter_json = msgspec.json.Decoder(DeadLetter)


@dataclass(slots=True)
class PartitionReport:
    """One partition up to one watermark."""

    partition: int
    next_offset: int
    records: int
    letters: int
    head: str
    findings: dict[int, Finding]
    city: int
    """The partition's city time: whole days before it are complete."""
    advances: AdvanceSums

    @property
    def ok(self) -> bool:
        """Whether every invariant holds."""
        return not any(finding.faulty for finding in self.findings.values())


@dataclass(slots=True)
class Verification:
    """All partitions; `deep` says whether the ledger was folded."""

    deep: bool
    partitions: list[PartitionReport] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every invariant holds everywhere."""
        return all(report.ok for report in self.partitions)

    def document(self) -> dict[str, Any]:
        """Return the JSON document of the command: one entry for each invariant, OK, FAIL or SKIP."""
        checks = []
        for number, name in {_CHAIN: "the evidence chain is whole", **NAMES}.items():
            found = [report.findings[number] for report in self.partitions]
            faulty = sum(finding.faulty for finding in found)
            skipped = number == _DEEP and not self.deep
            checks.append(
                {
                    "number": number,
                    "name": name,
                    "state": "SKIP" if skipped else "FAIL" if faulty else "OK",
                    "checked": sum(finding.checked for finding in found),
                    "faulty": faulty,
                    "faults": [fault for finding in found for fault in finding.faults][:20],
                }
            )
        return {
            "ok": self.ok,
            "deep": self.deep,
            "checks": checks,
            "commands": sum(report.next_offset for report in self.partitions),
            "ledger_records": sum(report.records for report in self.partitions),
            "dead_letters": sum(report.letters for report in self.partitions),
            "partitions": [
                {"partition": r.partition, "offset": r.next_offset, "records": r.records, "chain_head": r.head}
                for r in self.partitions
            ],
        }


async def verify(
    kafka: KafkaSettings,
    topics: Topics,
    rules: Rules,
    *,
    deep: bool = False,
    institution_funded: frozenset[str] = frozenset(),
) -> Verification:
    """Check every partition; reads only, joins no group. Raises what the broker's clients raise when it is away.

    `institution_funded` are the packs without advances.
    """
    verification = Verification(deep)
    for partition in range(topics.ledger.partitions):
        look = _Look(kafka, topics, rules, partition, institution_funded)
        verification.partitions.append(await _settled(look, deep=deep))
    _check_advances(verification.partitions)
    return verification


def _check_advances(reports: list[PartitionReport]) -> None:
    """Judge the batches of the days that every partition was read past."""
    whole_until = min(city_day(report.city) for report in reports)
    check_advances([report.advances for report in reports], whole_until, reports[0].findings[8].expect)


async def _settled(look: "_Look", *, deep: bool) -> PartitionReport:
    """Look again when something is wrong: only what is wrong every time is reported."""
    for _ in range(_ATTEMPTS - 1):
        report = await look.report(deep=deep)
        if report.ok:
            return report
        await asyncio.sleep(0.5)
    return await look.report(deep=deep)


@dataclass(frozen=True, slots=True)
class _Look:
    """One partition, read to one watermark."""

    kafka: KafkaSettings
    topics: Topics
    rules: Rules
    partition: int
    institution_funded: frozenset[str]

    async def report(self, *, deep: bool) -> PartitionReport:
        accounts, mark = await self._state()
        invariants = Invariants(self.institution_funded)
        findings = {**invariants.findings, _CHAIN: Finding(_CHAIN)}
        outcomes: Counter[int] = Counter()
        states: dict[str, AccountState] = {}
        records = await self._ledger(mark, findings[_CHAIN], invariants, outcomes, states if deep else None)
        letters, known_from = await self._letters(mark.next_offset, outcomes)
        _one_outcome_each(findings[10], outcomes, known_from, mark.next_offset)
        if deep:
            self._compare(findings[_DEEP], accounts, states)
        advances = invariants.advances
        return PartitionReport(
            self.partition, mark.next_offset, records, letters, mark.head, findings, mark.city, advances
        )

    async def _state(self) -> tuple[Accounts, Watermark]:
        accounts, mark = Accounts(self.rules), Watermark()
        async with self._records(self.topics.accounts.name) as records:
            async for record in records:
                if record.key == watermark.KEY:
                    mark = watermark.decode(record.value)
                else:
                    accounts.load(record.key, record.value)
        return accounts, mark

    async def _ledger(
        self,
        mark: Watermark,
        links: Finding,
        invariants: Invariants,
        outcomes: Counter[int],
        states: dict[str, AccountState] | None,
    ) -> int:
        """Check chain and invariants up to the watermark's head; return the number of records."""
        head, count = chain.FIRST, 0
        if mark.head == head:
            return 0
        async with self._records(self.topics.ledger.name) as messages:
            async for message in messages:
                head = _linked(links, head, message)
                record = _ledger_json.decode(message.value)
                invariants.add(record)
                if isinstance(record.source, CommandSource):
                    outcomes[record.source.offset] += 1
                if states is not None:
                    before = states.get(record.account) or self.rules.new_state(record.account)
                    states[record.account] = self.rules.evolve(before, record)
                count += 1
                if head == mark.head:
                    return count
        links.expect(holds=False, text=lambda: f"partition {self.partition}: the ledger never reaches {mark.head}")
        return count

    async def _letters(self, next_offset: int, outcomes: Counter[int]) -> tuple[int, int]:
        """Count dead letters into the outcomes; return their number and from which command on all are still kept."""
        count, first_kept = 0, next_offset
        async with self._records(self.topics.dead_letters.name) as messages:
            async for message in messages:
                letter = _letter_json.decode(message.value)
                partition, _, offset = letter.receipt_key.partition("@")
                if letter.interface != "commands" or partition != str(self.partition) or int(offset) >= next_offset:
                    continue
                outcomes[int(offset)] += 1
                first_kept = min(first_kept, int(offset))
                count += 1
        return count, first_kept if await self._expired() else 0

    async def _expired(self) -> bool:
        """Whether the oldest dead letters are gone: they are kept for a year."""
        place = TopicPartition(self.topics.dead_letters.name, self.partition)
        return (await first_offsets(self.kafka, [place]))[place] > 0

    def _compare(self, finding: Finding, accounts: Accounts, states: dict[str, AccountState]) -> None:
        """Compare the folded states with the kept ones, both encoded with the present version."""
        known = {account.decode() for account in accounts}
        for account in sorted(known | states.keys()):
            kept = accounts.state(account.encode())
            folded = states.get(account) or self.rules.new_state(account)
            same = self._encoded(kept) == self._encoded(folded)
            finding.expect(same, lambda account=account: f"{account}: the state is not what its ledger gives")  # type: ignore[misc]

    def _encoded(self, state: AccountState) -> tuple[bytes, dict[str, bytes]]:
        encounters = {name: self.rules.encode_encounter(each) for name, each in state.encounters.items()}
        return self.rules.encode_core(state.core), encounters

    def _records(self, topic: str) -> AbstractAsyncContextManager[Any]:
        """Return what was written to the partition of a topic by now; leaving the block closes the reader."""
        place = TopicPartition(topic, self.partition)
        return aclosing(committed_records(self.kafka, f"verify-{self.partition}", [place]))


def _linked(links: Finding, head: str, message: Any) -> str:
    """Check one link; go on from the record's own hash, so that one fault is reported once."""
    try:
        hashed = chain.checked(head, message.key, message.value)
    except chain.ChainError as error:
        text = f"offset {message.offset}: {error}"
        links.expect(holds=False, text=lambda: text)
        return _own_hash(message.value, head)
    links.expect(holds=True, text=str)
    return hashed


def _own_hash(value: bytes, otherwise: str) -> str:
    try:
        return chain.link_of(value).hash
    except chain.ChainError:
        return otherwise


def _one_outcome_each(finding: Finding, outcomes: Counter[int], known_from: int, next_offset: int) -> None:
    """Each command below the watermark has one outcome; below `known_from` its letter may have expired (365 days)."""
    repeated = [offset for offset, found in outcomes.items() if found > 1 and offset < known_from]
    finding.expect(not repeated, lambda: f"commands with more than one outcome: {repeated[:5]}")
    for offset in range(known_from, next_offset):
        found = outcomes.get(offset, 0)
        finding.expect(found == 1, lambda offset=offset, found=found: f"command {offset} has {found} outcomes")  # type: ignore[misc]
    beyond = [offset for offset in outcomes if offset >= next_offset]
    finding.expect(not beyond, lambda: f"outcomes beyond the watermark: {beyond[:5]}")

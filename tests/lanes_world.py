"""A small world for the lanes' tests: toy rules that do as a test orders, commands, readers, a worker to crash.

The toy adds deposits to a balance. The receipt number of a deposit may order more: `arm city|wall outside|inside DUE`,
`disarm`, `raise`, `grow TEXT`, `visit`, `archive`. The lanes, the broker and the records are the real ones.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from hub.domain.decision import Decision, Timer
from hub.domain.state import NEVER, AccountState
from hub.runtime.clock import ManualClock
from hub.runtime.reading import committed_records
from hub.runtime.record_partition import partition_of
from hub.runtime.settings import Settings
from schemas.commands import Command, DepositPrepayment
from schemas.errands import QueryErrand
from schemas.facts import Fact
from schemas.ids import account_id
from schemas.ledger import CommandSource, LedgerRecord, TimerSource
from schemas.replies import Reply
from schemas.topics import Topics
from streams.lanes.lane import Lane
from streams.lanes.processor import AccountProcessor
from streams.lanes.settings import lane_settings

CITY_KEY = b"k" * 32


class Armed(NamedTuple):
    """A toy timer."""

    due_at: int
    city: bool
    outside: bool


class Core(msgspec.Struct, frozen=True, array_like=True):
    """A toy account; `ids` are commands seen, `padding` lets a test grow it."""

    account: str
    seq: int = 0
    balance: int = 0
    fired: int = 0
    timer: Armed | None = None
    padding: str = ""
    ids: tuple[str, ...] = ()


class Visit(msgspec.Struct, frozen=True, array_like=True):
    """A toy encounter."""

    count: int


class ToyRules:
    """Rules simple enough to predict; an id seen before gives DUPLICATE only if the command is marked as a repeat.

    So a command that the lanes decided twice is never hidden.
    """

    def new_state(self, account: str) -> AccountState:
        """A balance of nothing."""
        return AccountState(Core(account), {})

    def decide(self, state, command, offset, now):
        """Book the amount, or raise when ordered."""
        order = command.body.receipt_no.split()
        if order[:1] == ["raise"]:
            raise RuntimeError("ordered by the test")
        repeat = command.source == "repeat" and command.id in state.core.ids
        record = LedgerRecord(
            account=command.account,
            seq=state.core.seq + 1,
            source=CommandSource(offset),
            now=now.city,
            wall_now=now.wall,
            outcome="DUPLICATE" if repeat else "POSTED",
            command_id=command.id,
            parameters={"amount": str(0 if repeat else command.body.amount_fen), "order": " ".join(order)},
        )
        fact = Fact("XM01", "", 0, "outpatient", record.outcome, "", charged_fen=command.body.amount_fen)
        return Decision(record, self.evolve(state, record), facts=(fact,))

    def refuse(self, state, command, offset, now, reason):
        """A record that changes nothing."""
        record = LedgerRecord(
            account=command.account,
            seq=state.core.seq + 1,
            source=CommandSource(offset),
            now=now.city,
            wall_now=now.wall,
            outcome="REFUSED",
            command_id=command.id,
            reason=reason,
        )
        return Decision(record, self.evolve(state, record))

    def fire(self, state, timer, now):
        """Note that the timer fired."""
        record = LedgerRecord(
            account=state.core.account,
            seq=state.core.seq + 1,
            source=TimerSource(timer.kind, timer.due_at, timer.subject),
            now=now.city,
            wall_now=now.wall,
            outcome="TIMER",
        )
        errands = (query_errand(state.core.account, record.seq),) if timer.outside else ()
        return Decision(record, self.evolve(state, record), errands=errands)

    def evolve(self, state, record):
        """The state after a record."""
        core = msgspec.structs.replace(state.core, seq=record.seq)
        if isinstance(record.source, TimerSource):
            fired = core.fired + (record.outcome == "TIMER")
            return AccountState(msgspec.structs.replace(core, fired=fired, timer=None), state.encounters)
        amount = int(record.parameters.get("amount", 0))
        ids = (*core.ids, record.command_id)[-200:]
        core = msgspec.structs.replace(core, balance=core.balance + amount, ids=ids)
        return self._ordered(AccountState(core, state.encounters), record.parameters.get("order", "").split())

    def _ordered(self, state, order):
        core, encounters = state.core, state.encounters
        match order:
            case ["arm", clock, place, due]:
                timer = Armed(int(due), clock == "city", place == "outside")
                core = msgspec.structs.replace(core, timer=timer)
            case ["disarm"]:
                core = msgspec.structs.replace(core, timer=None)
            case ["grow", padding]:
                core = msgspec.structs.replace(core, padding=core.padding + padding)
            case ["visit"]:
                seen = encounters.get("XM01|V1", Visit(0)).count
                encounters = {**encounters, "XM01|V1": Visit(seen + 1)}
            case ["archive"]:
                encounters = {}
        return AccountState(core, encounters)

    def next_timer(self, state, now):
        """The one timer, when it is due."""
        timer = state.core.timer
        if timer is None or timer.due_at > (now.city if timer.city else now.wall):
            return None
        return Timer(timer.due_at, "auto_debit", "bill", timer.city, timer.outside)

    def next_due(self, state):
        """When the one timer is due."""
        timer = state.core.timer
        if timer is None:
            return NEVER, NEVER
        return (timer.due_at, NEVER) if timer.city else (NEVER, timer.due_at)

    def reply_for(self, decision, command, now):
        """The balance."""
        balance = decision.state.core.balance
        return Reply(
            command.id,
            command.account,
            decision.record.outcome,
            refused=False,
            at=now.city,
            result={"balance": balance},
        )

    def encode_core(self, core):
        """Due times at the head, as the hub does."""
        city, wall = self.next_due(AccountState(core, {}))
        return b"\x01" + city.to_bytes(8, "big") + wall.to_bytes(8, "big") + msgspec.msgpack.encode(core)

    def decode_core(self, value):
        """Back from bytes."""
        return msgspec.msgpack.decode(value[17:], type=Core)

    def encode_encounter(self, encounter):
        """MessagePack."""
        return msgspec.msgpack.encode(encounter)

    def decode_encounter(self, value):
        """Back from bytes."""
        return msgspec.msgpack.decode(value, type=Visit)

    def due_from_bytes(self, core):
        """The head."""
        return int.from_bytes(core[1:9], "big"), int.from_bytes(core[9:17], "big")


def query_errand(account: str, number: int) -> QueryErrand:
    """An errand a toy timer causes."""
    return QueryErrand(f"{account}-{number}", account, "alipay", "order", 1, 0, 0)


PARTITIONS = 4
"""Of the topics the tests make (`settings` in conftest)."""


@cache
def person(number: int, partition: int = 0) -> str:
    """The account of the n-th toy person who lives in this partition."""
    accounts = (account_id(CITY_KEY, "person", f"{number}|{attempt}") for attempt in count())
    return next(each for each in accounts if partition_of(each.encode(), PARTITIONS) == partition)


class World:
    """Settings, clock, a producer of commands and readers over one test's topics."""

    def __init__(self, settings: Settings, clock: ManualClock) -> None:
        self.settings = settings
        self.lanes = dataclasses.replace(lane_settings(settings), group_offset_seconds=0)
        self.clock = clock
        self._producer: Any = None
        self._sent = 0
        self.workers: list[Worker] = []

    async def start(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka.bootstrap,
            acks="all",
            linger_ms=2,
            max_batch_size=1_900_000,
            max_request_size=4_000_000,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect, and stop workers that a failed test left."""
        for worker in self.workers:
            if not worker.ended:
                await worker.stop()
        await self._producer.stop()

    def command(self, who: int, amount: int = 1, order: str = "", partition: int = 0, **fields: Any) -> Command:
        """A deposit, accepted now, of a person who lives in the partition."""
        self._sent += 1
        return Command(
            **{
                "id": f"c{self._sent}",
                "account": person(who, partition),
                "accepted_at": self.clock.city(),
                "accepted_wall_at": self.clock.wall(),
                "source": "test",
                "interface": "api",
                "content_hash": "",
                "body": DepositPrepayment("XM01", self.clock.city(), amount, order),
                **fields,
            }
        )

    def grow(self, who: int, amount: int, size: int) -> Command:
        """A deposit that makes the account that many bytes larger."""
        return self.command(who, amount, "grow " + "x" * size)

    async def send(self, *commands: Command, partition: int | None = None) -> None:
        """Make commands durable where their accounts live, or where a test puts them."""
        name = self.lanes.topics.commands.name
        futures = [
            await self._producer.send(name, msgspec.json.encode(each), key=each.account.encode(), partition=partition)
            for each in commands
        ]
        await asyncio.gather(*futures)

    async def send_raw(self, *records: tuple[bytes | None, bytes], partition: int = 0) -> None:
        """Make any bytes durable on the commands topic."""
        name = self.lanes.topics.commands.name
        futures = [await self._producer.send(name, value, key=key, partition=partition) for key, value in records]
        await asyncio.gather(*futures)

    async def read(self, topic: str, partition: int | None = None, *, committed: bool = True) -> list[Any]:
        """Every record of a topic, in partition order."""
        return await read_topic(self.settings, topic, partition, committed=committed)

    async def ledger(self, partition: int | None = None) -> list[LedgerRecord]:
        """Every committed ledger record."""
        records = await self.read(self.lanes.topics.ledger.name, partition)
        return [msgspec.json.decode(each.value, type=LedgerRecord) for each in records]

    async def balances(self) -> dict[str, int]:
        """Account → balance, as the compacted topic has it."""
        found: dict[str, int] = {}
        for record in await self.read(self.lanes.topics.accounts.name):
            if b"/" not in record.key and record.key[0] and record.value is not None:
                core = ToyRules().decode_core(record.value)
                found[core.account] = core.balance
        return found

    async def committed(self, partition: int = 0) -> int | None:
        """The group's offset."""
        async with self.group_consumer() as consumer:
            return await consumer.committed(TopicPartition(self.lanes.topics.commands.name, partition))

    @contextlib.asynccontextmanager
    async def group_consumer(self) -> AsyncIterator[Any]:
        """A consumer with the lanes' group id that is no member."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka.bootstrap, group_id=self.lanes.group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()


@pytest.fixture
async def world(settings: Settings, hub_topics: Topics, manual_clock: ManualClock) -> AsyncIterator[World]:
    """The lanes' world on topics of its own."""
    del hub_topics
    made = World(settings, manual_clock)
    await made.start()
    yield made
    await made.stop()


async def read_topic(
    settings: Settings, topic: str, partition: int | None = None, *, committed: bool = True
) -> list[Any]:
    """Every record of a topic written by now, in partition order; uncommitted ones also of open transactions."""
    numbers = range(settings.kafka.partitions) if partition is None else [partition]
    places = [TopicPartition(topic, number) for number in numbers]
    if committed:
        found = [record async for record in committed_records(settings.kafka, "reader", places)]
    else:
        found = await _uncommitted_records(settings, places)
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def _uncommitted_records(settings: Settings, places: list[TopicPartition]) -> list[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4_000_000,
    )
    await consumer.start()
    try:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found += records
        return found
    finally:
        await consumer.stop()


class Stopped(NamedTuple):
    """How a worker ended its process."""

    reason: str
    status: int


class Worker:
    """An account processor in this process, whose end of the process is an event."""

    def __init__(self, world: World, *, rules: Any = None, lane_class: type[Lane] = Lane, **changes: Any) -> None:
        self.ended = False
        world.workers.append(self)
        self.stopped: asyncio.Future[Stopped] = asyncio.get_running_loop().create_future()
        settings = dataclasses.replace(world.lanes, **changes)
        self.processor = AccountProcessor(settings, rules or ToyRules(), world.clock, on_fatal=self._end)
        self.processor.lane_class = lane_class

    def _end(self, reason: str, status: int) -> None:
        if not self.stopped.done():
            self.stopped.set_result(Stopped(reason, status))

    async def start(self, *, ready: bool = True) -> "Worker":
        """Start; wait until every lane accepts."""
        await self.processor.start()
        if ready:
            await until(lambda: self.stopped.done() or (self.processor.ready and self.processor.lanes))
            assert not self.stopped.done(), self.stopped.result()
        return self

    async def stop(self) -> None:
        """Stop as SIGTERM does."""
        self.ended = True
        await self.processor.stop()

    async def crash(self) -> None:
        """End as kill -9 does, as far as one process can: nothing is aborted, committed or left."""
        self.ended = True
        for lane in self.processor.lanes.values():
            if lane._task is not None:
                lane._task.cancel()
            sender = lane.producer._sender
            if sender.sender_task is not None:
                sender.sender_task.cancel()
            await lane.producer.client.close()
            lane.producer._closed = True
        self.processor.consumer._coordinator._maybe_leave_group = _nothing
        self.processor.lanes.clear()
        await self.processor.stop()


async def _nothing() -> None:
    return


async def until(condition: Any, seconds: float = 60.0) -> None:
    """Wait until the condition (plain or async) holds."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.02)

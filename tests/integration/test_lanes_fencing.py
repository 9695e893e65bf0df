"""One writer for each partition, whatever the group believes: fencing, rebalances, kept lanes."""

import asyncio
import contextlib
from collections import Counter
from typing import Self

import pytest
from aiokafka.errors import IllegalOperation, KafkaError
from lanes_world import ToyRules, Worker, World, person, until

from hub.domain.decision import Now
from hub.runtime.sections import CriticalSections
from streams.lanes.batch import Batch
from streams.lanes.lane import Lane
from streams.lanes.opening import Opening
from streams.lanes.transaction import write_transaction


class Predecessor:
    """A lane's writer by hand: opened, with a decided batch it has not committed."""

    def __init__(self, world: World) -> None:
        self.world, self.rules = world, ToyRules()
        self.producer = world.lanes.producer(0)

    async def open_and_decide(self, amount: int) -> Batch:
        """Open the lane and decide one command."""
        async with self.world.group_consumer() as consumer:
            opening = Opening(0, self.world.lanes, self.rules, CriticalSections())
            book = await opening.open(self.producer, consumer)
        batch = Batch(book, self.rules)
        batch.advance(Now(self.world.clock.city(), self.world.clock.wall()))
        batch.decide(self.world.command(1, amount), book.watermark.next_offset)
        return batch

    async def write(self, batch: Batch, hold: CriticalSections) -> None:
        """Write the transaction."""
        await write_transaction(self.producer, batch, 0, self.world.lanes, self.world.clock.wall(), hold)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self.producer.stop(), 2)


async def test_a_paused_predecessor_cannot_commit(world: World):
    """It stands before its transaction while a worker opens the lane and decides the same command.

    When the predecessor wakes, the broker refuses it: one ledger record, one booking.
    """
    await world.send(world.command(1, 5))
    async with Predecessor(world) as paused:
        batch = await paused.open_and_decide(5)
        worker = await Worker(world).start()
        await until(lambda: worker.processor.commands_total == 1)
        with pytest.raises((KafkaError, IllegalOperation)):
            await paused.write(batch, CriticalSections())
        await worker.stop()
    assert len(await world.ledger()) == 1
    assert await world.balances() == {person(1): 5}


async def test_what_a_predecessor_left_open_is_aborted_by_the_next_opening(world: World):
    """Records and offset are written, the commit is missing: the next worker sees none of it and decides anew."""
    await world.send(world.command(1, 5))

    class Killed(CriticalSections):
        async def reach(self, name):
            if name == "lane_after_offset_before_commit":
                raise InterruptedError

    async with Predecessor(world) as killed:
        batch = await killed.open_and_decide(5)
        with pytest.raises(InterruptedError):
            await killed.write(batch, Killed())
        worker = await Worker(world).start()
        await until(lambda: worker.processor.commands_total == 1)
        await worker.stop()
    assert len(await world.ledger()) == 1
    assert len(await world.read(world.lanes.topics.ledger.name, 0, committed=False)) == 2
    assert await world.balances() == {person(1): 5}


async def feed(world: World, rounds: int, pause: float = 0.05) -> Counter[str]:
    """Send commands to all partitions for a while; return what each account must have."""
    expected: Counter[str] = Counter()
    for number in range(rounds):
        for partition in range(4):
            who = number % 7
            await world.send(world.command(who, number + 1, partition=partition))
            expected[person(who, partition)] += number + 1
        await asyncio.sleep(pause)
    return expected


async def test_a_second_worker_joins_and_leaves_under_load(world: World):
    """Partitions go over and come back while commands flow; every command has one outcome, balances are exact."""
    first = await Worker(world).start()
    feeding = asyncio.create_task(feed(world, 120))
    await asyncio.sleep(1)
    second = await Worker(world).start()
    await until(lambda: first.processor.ready and len(first.processor.lanes) == len(second.processor.lanes) == 2)
    kept = dict(first.processor.lanes)
    await asyncio.sleep(2)
    await second.stop()
    await until(lambda: first.processor.ready and len(first.processor.lanes) == 4)
    assert all(first.processor.lanes[number] is lane for number, lane in kept.items()), "kept lanes restore nothing"
    expected = await feeding
    await until(lambda: first.processor.commands_total + second.processor.commands_total == 480)
    await first.stop()
    assert not first.stopped.done()
    assert Counter(await world.balances()) == expected
    counted = Counter(record.command_id for record in await world.ledger())
    assert set(counted.values()) == {1}
    assert len(counted) == 480


async def test_a_worker_that_ends_without_a_word_is_replaced_within_the_session(world: World):
    """Killed under load; the other takes over after the session's 3 s; nothing is lost or doubled."""
    first = await Worker(world).start()
    second = await Worker(world).start()
    await until(lambda: first.processor.ready and len(first.processor.lanes) == 2)
    feeding = asyncio.create_task(feed(world, 100))
    await asyncio.sleep(1)
    await second.crash()
    await until(lambda: first.processor.ready and len(first.processor.lanes) == 4)
    expected = await feeding

    async def complete() -> bool:
        return Counter(await world.balances()) == expected

    await until(complete)
    await first.stop()
    counted = Counter(record.command_id for record in await world.ledger())
    assert len(counted) == 400
    assert set(counted.values()) == {1}


async def test_memory_changes_only_after_the_commit(world: World):
    """While a transaction is held open before its commit, the lane's memory shows the state before it."""
    worker = await Worker(world, chaos_stretch={"lane_after_offset_before_commit": 700}).start()
    lane = worker.processor.lanes[0]
    await world.send(world.command(1, 5))
    await until(lambda: not lane.idle.is_set())
    assert len(lane.book.accounts) == 0
    assert lane.book.watermark.next_offset == 0
    await until(lambda: worker.processor.commands_total == 1)
    assert lane.book.accounts.state(person(1).encode()).core.balance == 5
    await worker.stop()


async def test_sigterm_lets_the_open_transaction_finish(world: World):
    """Stopping while a transaction is held open commits it; nothing is decided twice afterwards."""
    worker = await Worker(world, chaos_stretch={"lane_after_send_before_offset": 700}).start()
    await world.send(world.command(1, 5))
    lane = worker.processor.lanes[0]
    await until(lambda: not lane.idle.is_set())
    await worker.stop()
    assert await world.committed() == 1
    assert len(await world.ledger()) == 1


async def test_a_backlog_pauses_its_partition_and_is_worked_off(world: World):
    """More records than the bound: the partition is paused, resumed at half, and every command is decided."""
    await world.send(*[world.command(n % 50) for n in range(3000)])
    paused: list[bool] = []

    class Watched(Lane):
        def _relieve(self) -> None:
            super()._relieve()
            paused.append(self.paused)

    worker = await Worker(world, lane_class=Watched, backlog_high=500, batch_commands=100).start()
    await until(lambda: worker.processor.commands_total == 3000)
    await worker.stop()
    assert True in paused
    assert paused[-1] is False
    assert len(await world.ledger()) == 3000

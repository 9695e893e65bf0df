"""Faults in the lanes, in this process on the real broker: real ones pass the oracle, planted ones do not.

An oracle that never complained would prove nothing: each planted fault must make it speak.
"""

import asyncio
import random

import pytest
from lanes_oracle import Sent, complaints
from lanes_world import ToyRules, Worker, World, person, until

from streams.lanes import transaction
from streams.lanes.batch import Batch
from streams.lanes.lane import Lane
from streams.lanes.opening import Opening
from streams.lanes.outbox import Outbox
from streams.lanes.settings import LaneSettings
from streams.lanes.watermark import KEY

HOUR = 3_600_000
SECTIONS = (
    "lane_after_begin_before_send",
    "lane_after_send_before_offset",
    "lane_after_offset_before_commit",
    "lane_after_commit_before_memory",
)


async def examine(world: World, sent: Sent) -> list[str]:
    """Ask the oracle about partition 0."""
    records = await world.read(world.lanes.topics.ledger.name, 0)
    return complaints(sent, [(record.key, record.value) for record in records], await world.balances())


async def deposits(world: World, sent: Sent, count: int, order: str = "") -> None:
    """Send that many deposits of seven persons to partition 0."""
    await world.send(*[sent.note(world.command(n % 7, n + 1, order)) for n in range(count)])


async def run(world: World, seconds: float = 20, **parts) -> Worker:
    """Run a worker until the log is consumed or it stops by itself; return it, stopped."""
    worker = await Worker(world, **parts).start(ready=False)
    end = world.lanes.topics.commands.name

    async def done() -> bool:
        return worker.stopped.done() or await world.committed() == len(await world.read(end, 0))

    await until(done, seconds)
    await worker.stop()
    return worker


@pytest.mark.parametrize("seed", range(2))
async def test_a_worker_killed_inside_its_sections_loses_and_doubles_nothing(world: World, seed: int):
    """Four kills inside stretched sections under load: the oracle is silent, and the kills hit open transactions."""
    chance, sent = random.Random(seed), Sent()
    for round_ in range(4):
        section = chance.choice(SECTIONS)
        worker = await Worker(world, chaos_stretch={section: 5000}).start()
        await deposits(world, sent, 40)
        due = world.clock.city() + HOUR
        await world.send(sent.note(world.command(100 + round_, 1, f"arm city outside {due}")))
        await until(lambda run=worker: not run.processor.lanes[0].idle.is_set())
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        world.clock.advance(2 * HOUR)
        await worker.crash()
    last = await Worker(world).start()
    await until(lambda: last.processor.lanes[0].book.watermark.next_offset == len(sent.amounts))

    async def fired() -> bool:
        return not await examine(world, sent)

    await until(fired)
    await last.stop()
    ledger = world.lanes.topics.ledger.name
    aborted = len(await world.read(ledger, 0, committed=False)) - len(await world.read(ledger, 0))
    assert aborted > 0, "no kill hit an open transaction"
    assert await examine(world, sent) == []


async def test_planted_a_lost_watermark_is_noticed_at_the_next_opening(world: World):
    """The lane forgets to write its watermark: the next opening finds an offset without one and stops with 78."""

    class NoWatermark(Batch):
        def account_records(self):
            return [record for record in super().account_records() if record[0] != KEY]

    class Forgetful(Lane):
        batch_class = NoWatermark

    sent = Sent()
    await deposits(world, sent, 20)
    await run(world, lane_class=Forgetful)
    await deposits(world, sent, 20)
    worker = await run(world)
    assert worker.stopped.result().status == 78
    assert any("has no outcome" in text for text in await examine(world, sent))


async def test_planted_a_send_that_is_not_awaited_leaves_books_that_do_not_agree(world: World, monkeypatch):
    """A refused batch is committed around: the ledger has the record, the state lacks it, and the oracle says so."""

    class Careless(Outbox):
        async def deliver(self) -> None:
            for topic, batch in self._batches:
                future = await self._producer.send_batch(batch, topic, partition=self._partition)
                future.add_done_callback(lambda done: done.exception())
            await asyncio.sleep(0.3)

    class Swollen(ToyRules):
        def encode_core(self, core):
            return super().encode_core(core) + b"\x00" * (2_200_000 if core.account == person(3) else 0)

    monkeypatch.setattr(transaction, "Outbox", Careless)
    sent = Sent()
    await deposits(world, sent, 20)
    await run(world, rules=Swollen())
    assert any("state 0" in text for text in await examine(world, sent))


async def test_planted_one_transactional_id_for_two_lanes_never_gets_anywhere(world: World):
    """The lanes fence each other: the process ends with 70, again and again, and commands stay without outcome."""

    class OneId(LaneSettings):
        def producer(self, partition):
            return LaneSettings.producer(self, 0 * partition)

    world.lanes = OneId(**{name: getattr(world.lanes, name) for name in LaneSettings.__slots__})
    sent = Sent()
    for _ in range(2):
        worker = await Worker(world).start(ready=False)
        await asyncio.sleep(0.5)
        await deposits(world, sent, 5)
        for partition in (1, 2, 3):
            await world.send(world.command(9, partition=partition))
        await until(worker.stopped.done)
        await worker.stop()
        assert worker.stopped.result().status == 70


async def test_planted_an_id_for_each_process_lets_a_paused_predecessor_write_again(world: World):
    """Without the shared id nobody is fenced: a worker held before its commit doubles what its successor decided."""

    class OwnId(LaneSettings):
        def producer(self, partition):
            made = LaneSettings.producer(self, partition)
            made._txn_manager.transactional_id += f"-{id(self)}"
            return made

    world.lanes = OwnId(**{name: getattr(world.lanes, name) for name in LaneSettings.__slots__})
    sent = Sent()
    await deposits(world, sent, 5)
    paused = await Worker(world, chaos_stretch={"lane_after_begin_before_send": 6000}).start(ready=False)
    await until(lambda: 0 in paused.processor.lanes and not paused.processor.lanes[0].idle.is_set())
    await paused.processor.consumer._coordinator._maybe_leave_group()
    successor = await Worker(world).start(ready=False)
    await until(lambda: successor.processor.commands_total == 5)
    await until(lambda: paused.stopped.done() or paused.processor.commands_total == 5)
    await successor.stop()
    await paused.stop()
    assert any("has 2 outcomes" in text for text in await examine(world, sent))


async def test_planted_a_timer_whose_firing_is_not_kept_fires_twice(world: World):
    """The state after a timer is not written: the next worker finds it armed and fires it again."""

    class Forgets(Batch):
        def account_records(self):
            return super().account_records()[-1:] if self.timers else super().account_records()

    class Forgetful(Lane):
        batch_class = Forgets

    sent = Sent()
    due = world.clock.city() + HOUR
    await world.send(sent.note(world.command(1, 1, f"arm city inside {due}")))
    for _ in range(2):
        worker = await Worker(world, lane_class=Forgetful).start()
        await until(lambda run=worker: run.processor.lanes[0].book.watermark.next_offset == 1)
        world.clock.advance(2 * HOUR)
        await until(lambda run=worker: run.processor.timers_total == 1)
        await worker.stop()
    assert any("fired 2 times" in text for text in await examine(world, sent))


async def test_planted_a_timer_lost_on_restore_never_fires(world: World):
    """The heap is not rebuilt at the opening: the debit armed before the restart never leaves."""

    class Forgets(Opening):
        def _book(self, accounts, mark):
            book = super()._book(accounts, mark)
            book.due = type(book.due)()
            return book

    class Forgetful(Lane):
        opening_class = Forgets

    sent = Sent()
    due = world.clock.city() + HOUR
    await world.send(sent.note(world.command(1, 1, f"arm city outside {due}")))
    await run(world)
    world.clock.advance(2 * HOUR)
    await world.send(sent.note(world.command(2)))
    await run(world, lane_class=Forgetful)
    assert any("never fired" in text for text in await examine(world, sent))

"""Pitfalls of aiokafka and the broker that the lanes are built around (kernel.md 7), each held by a test.

7.1 stale offset, 7.2 failed batch, 7.3 offset of a stranger, 7.4 and 7.5 work inside rebalance callbacks, 7.6 swallowed
exceptions, 7.7 offsets after sends, 7.8 one reader, 7.10 bounded stop, 7.11 app without topics (test_lanes_role), 7.13
poison (test_lanes_unreadable), 7.14 a dead producer. 7.12 (no broker at start) belongs to the supervisor.
"""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from lanes_world import ToyRules, Worker, World, person, until

from schemas.errors import ConfigurationError
from streams.lanes import library
from streams.lanes.lane import Lane
from streams.lanes.outbox import Outbox
from streams.lanes.processor import AccountProcessor


async def test_the_offset_is_read_only_after_the_producer_was_opened(world: World):
    """7.1: restarts right after a commit; a stale offset would end one of them with 78."""
    for number in range(8):
        await world.send(world.command(1, number))
        worker = await Worker(world).start()
        await until(lambda run=worker: run.processor.commands_total == 1)
        await worker.stop()
        assert not worker.stopped.done(), worker.stopped
    assert [record.seq for record in await world.ledger()] == list(range(1, 9))


async def test_a_failed_send_stops_the_lane_and_nothing_of_the_transaction_is_visible(world: World):
    """7.2: the broker refuses one batch (too large for its topic); the lane ends with 70 and nothing is committed."""

    class Swollen(ToyRules):
        def encode_core(self, core):
            return super().encode_core(core) + b"\x00" * (2_200_000 if core.balance == 13 else 0)

    await world.send(world.command(1, 5), world.command(2, 13))
    worker = await Worker(world, rules=Swollen()).start(ready=False)
    await until(worker.stopped.done)
    await worker.stop()
    assert worker.stopped.result().status == 70
    assert await world.ledger() == []
    assert await world.committed() is None


async def test_a_stranger_can_commit_an_offset_but_moves_no_lane(world: World):
    """7.3: a producer that is no member sets the group back: nothing is decided twice; ahead: the opening stops, 78."""
    await world.send(*[world.command(1) for _ in range(5)])
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 5)
    await worker.stop()
    await commit_as_a_stranger(world, 2)
    await world.send(world.command(1))
    again = await Worker(world).start()
    await until(lambda: again.processor.commands_total == 1)
    await again.stop()
    assert len(await world.ledger()) == 6
    await commit_as_a_stranger(world, 7)
    stopped = await Worker(world).start(ready=False)
    await until(stopped.stopped.done)
    await stopped.stop()
    assert stopped.stopped.result().status == 78


async def commit_as_a_stranger(world: World, offset: int) -> None:
    """Commit an offset for the group without being its member."""
    stranger = AIOKafkaProducer(bootstrap_servers=world.settings.kafka.bootstrap, transactional_id="stranger")
    await stranger.start()
    async with stranger.transaction():
        place = TopicPartition(world.lanes.topics.commands.name, 0)
        await stranger.send_offsets_to_transaction({place: offset}, world.lanes.group)
    await stranger.stop()


async def test_a_rebalance_under_traffic_ends_while_a_transaction_is_slow(world: World):
    """7.4: a callback that waited for the poll loop would hang here; it waits for the transaction only."""
    first = await Worker(world, chaos_stretch={"lane_after_send_before_offset": 300}).start()
    sending = asyncio.create_task(_traffic(world))
    await asyncio.sleep(1)
    second = await Worker(world).start()
    await until(lambda: first.processor.ready and len(first.processor.lanes) == 2)
    sending.cancel()
    await second.stop()
    await first.stop()
    assert not first.stopped.done()


async def _traffic(world: World) -> None:
    while True:
        await world.send(world.command(1))
        await asyncio.sleep(0.01)


async def test_a_restore_longer_than_the_session_does_not_cost_the_membership(world: World):
    """7.5: opening is held for 4.5 s, the session is 3 s; heartbeats go on because nothing waits in the callback."""
    worker = await Worker(world, chaos_stretch={"lane_before_open_restore": 4500}).start()
    generation = worker.processor.consumer._coordinator.generation
    await asyncio.sleep(1)
    assert worker.processor.consumer._coordinator.generation == generation == 1
    await worker.stop()


@pytest.mark.parametrize("callback", ["_drain", "_assign"])
async def test_an_exception_in_a_rebalance_callback_stops_the_process(world: World, callback: str):
    """7.6: aiokafka would log and swallow it; the processor ends with 70 instead."""

    def broken(*_args):
        raise RuntimeError("ordered by the test")

    worker = Worker(world)
    if callback == "_assign":
        worker.processor._assign = broken
    await worker.processor.start()
    if callback == "_drain":
        await until(lambda: worker.processor.ready and worker.processor.lanes)
        worker.processor._drain = broken
        await worker.processor.on_partitions_revoked([])
    await until(worker.stopped.done)
    assert worker.stopped.result().status == 70
    worker.processor._drain = AccountProcessor._drain.__get__(worker.processor)
    await worker.processor.stop()


async def test_offsets_are_sent_only_after_every_record_is_written(world: World):
    """7.7: at the offset's call the ledger already holds the transaction's record."""
    seen: list[int] = []

    class Watched(Lane):
        def start(self) -> None:
            original = self.producer.send_offsets_to_transaction

            async def watched(*args):
                records = await world.read(world.lanes.topics.ledger.name, 0, committed=False)
                seen.append(len(records))
                await original(*args)

            self.producer.send_offsets_to_transaction = watched
            super().start()

    await world.send(world.command(1))
    worker = await Worker(world, lane_class=Watched).start()
    await until(lambda: worker.processor.commands_total == 1)
    await worker.stop()
    assert seen == [1]


async def test_a_partition_that_cannot_take_more_does_not_stop_its_neighbours(world: World):
    """7.8: partition 0 is held in a slow transaction with a full backlog; partition 1 goes on at once."""
    held = asyncio.Event()

    class Stuck(Lane):
        async def _transact(self, book):
            if self.partition == 0:
                await held.wait()
            await super()._transact(book)

    await world.send(*[world.command(1) for _ in range(2000)])
    worker = await Worker(world, lane_class=Stuck, backlog_high=100).start()
    await asyncio.sleep(0.5)
    await world.send(world.command(2, 7, partition=1))
    await until(lambda: worker.processor.commands_total == 1)
    held.set()
    await until(lambda: worker.processor.commands_total == 2001)
    await worker.stop()
    assert (await world.balances())[person(2, 1)] == 7


async def test_closing_a_lane_whose_broker_is_gone_takes_seconds_not_for_ever(world: World):
    """7.10: the producer's stop may wait without end; the lane gives it two seconds."""
    worker = await Worker(world).start()
    lane = worker.processor.lanes[0]

    async def endless() -> None:
        await asyncio.Event().wait()

    stop, lane.producer.stop = lane.producer.stop, endless
    async with asyncio.timeout(30):
        await lane.close()
    lane.producer.stop = stop
    await worker.stop()


async def test_a_producer_that_died_stops_the_process(world: World):
    """7.14: the connection is lost inside a transaction; the lane ends with 70 and the restart decides again."""

    class Cut(Lane):
        def start(self) -> None:
            async def cut(*_args):
                raise KafkaError("Unexpected error during batch delivery")

            self.producer.send_offsets_to_transaction = cut
            super().start()

    await world.send(world.command(1, 3))
    worker = await Worker(world, lane_class=Cut).start(ready=False)
    await until(worker.stopped.done)
    await worker.stop()
    assert worker.stopped.result().status == 70
    again = await Worker(world).start()
    await until(lambda: again.processor.commands_total == 1)
    await again.stop()
    assert await world.balances() == {person(1): 3}


def test_other_versions_than_the_proven_ones_refuse_to_start(monkeypatch):
    """Private names of aiokafka are used: another version is a ConfigurationError before any money moves."""
    library.check_versions()
    monkeypatch.setattr(library, "PINNED", {"aiokafka": "0.13.0"})
    with pytest.raises(ConfigurationError):
        library.check_versions()


async def test_an_outbox_never_hides_a_refused_batch(world: World):
    """7.2 at its root: `deliver` raises when any batch failed, although a commit would succeed."""
    producer = world.lanes.producer(3)
    await producer.start()
    await producer.begin_transaction()
    out = Outbox(producer, 3, world.clock.wall())
    out.add(world.lanes.topics.facts.name, None, b"small")
    out.add(world.lanes.topics.errands.name, b"k", b"x" * 2_150_000)
    with pytest.raises((KafkaError, ValueError)):
        await out.deliver()
    await producer.abort_transaction()
    await producer.stop()

"""Opening a lane: state, group offset and log must agree, or a person must look (status 78)."""

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.protocol.admin import DeleteGroupsRequest
from lanes_world import ToyRules, Worker, World, person, until

from hub.runtime.sections import CriticalSections
from streams.lanes import watermark
from streams.lanes.faults import EXIT_INVARIANT, EXIT_STOPPED, LaneError
from streams.lanes.lane import Lane
from streams.lanes.opening import Opening


async def run_some(world: World, count: int = 10) -> None:
    """Let a worker decide that many commands and stop."""
    await world.send(*[world.command(who=n, amount=1) for n in range(count)])
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == count)
    await worker.stop()


async def refused(world: World) -> str:
    """Start a worker that must stop with 78; return why."""
    worker = await Worker(world).start(ready=False)
    await until(worker.stopped.done)
    await worker.stop()
    reason, status = worker.stopped.result()
    assert status == EXIT_INVARIANT
    return reason


async def write_account_record(world: World, key: bytes, value: bytes | None) -> None:
    """Write to the compacted topic as no program of the hub would."""
    producer = AIOKafkaProducer(bootstrap_servers=world.settings.kafka.bootstrap)
    await producer.start()
    await producer.send_and_wait(world.lanes.topics.accounts.name, value, key=key, partition=0)
    await producer.stop()


async def commit_by_hand(world: World, offset: int) -> None:
    """Set the group's offset as an operator's tool would."""
    async with world.group_consumer() as consumer:
        place = TopicPartition(world.lanes.topics.commands.name, 0)
        consumer.assign([place])
        await consumer.commit({place: offset})


async def told_to_the_group(world: World, offset: int) -> bool:
    """Return whether the group stands there."""
    return await world.committed() == offset


async def test_a_partition_that_somebody_added_stops_with_78_and_decides_nothing(world: World):
    """From then on writers put half of the accounts elsewhere, where they would be new: no lane opens."""
    await world.send(world.command(1))
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka.bootstrap)
    await admin.start()
    await admin.create_partitions({world.lanes.topics.commands.name: NewPartitions(5)})
    await admin.close()
    assert "has 5 partitions, the settings say 4" in await refused(world)
    assert await world.ledger() == []


async def test_a_group_ahead_of_the_state_stops_with_78_and_changes_nothing(world: World):
    """The state's end is lost, or somebody moved the group's offset: the lane does not open, nothing is skipped."""
    await run_some(world)
    await commit_by_hand(world, 12)
    assert "the group is at 12, the state at 10" in await refused(world)
    assert len(await world.ledger()) == 10


async def test_a_group_offset_set_back_by_hand_decides_nothing_twice(world: World):
    """The group's offset was set back to 3: the lane goes by its watermark and tells the group where it stands."""
    await run_some(world)
    await commit_by_hand(world, 3)
    worker = await Worker(world, group_offset_seconds=1.0).start()
    await until(lambda: told_to_the_group(world, 10))
    await worker.stop()
    assert len(await world.ledger()) == 10


async def test_the_group_is_told_seldom_and_once_work_has_ended(world: World):
    """Ten transactions within the time tell it once; when nothing more comes, it learns where the lane stands."""
    told = []

    class Watched(Lane):
        async def _commit(self, book, batch):
            await super()._commit(book, batch)
            if batch.count:
                told.append(self._group_offset.is_behind(book.watermark.next_offset))

    worker = await Worker(world, lane_class=Watched, group_offset_seconds=2.0).start()
    for number in range(10):
        await world.send(world.command(who=number, amount=1))
        await until(lambda count=number + 1: worker.processor.commands_total == count)
    await until(lambda: told_to_the_group(world, 10))
    await worker.stop()
    assert told[0] is False
    assert told.count(True) >= 5


async def test_a_deleted_group_falls_back_to_the_watermark(world: World):
    """An expired or deleted group costs nothing: the watermark knows where to go on."""
    await run_some(world)
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka.bootstrap)
    await admin.start()
    answer = await admin._send_request(DeleteGroupsRequest([world.lanes.group]))
    await admin.close()
    assert answer.results == [(world.lanes.group, 0)]
    assert await world.committed() is None
    await run_some(world, 5)
    assert len(await world.ledger()) == 15
    assert await world.committed() == 15


async def test_a_lost_watermark_stops_with_78(world: World):
    """The watermark's record is unreadable: neither accounts nor offset say how far the state has come."""
    await run_some(world)
    await write_account_record(world, watermark.KEY, b"\x09 of another program")
    assert "unknown version" in await refused(world)


async def test_accounts_without_a_watermark_stop_with_78(world: World):
    """A state with accounts whose watermark never was: somebody copied half a topic."""
    await write_account_record(world, person(1).encode(), b"\x01" + b"\xff" * 16)
    assert "no watermark" in await refused(world)


async def test_an_offset_without_any_state_stops_with_78(world: World):
    """The group has an offset but the compacted topic is empty: the state is lost, replaying would double money."""
    await world.send(*[world.command(who=n) for n in range(5)])
    await commit_by_hand(world, 5)
    assert "the state is lost" in await refused(world)


async def test_commands_deleted_before_they_were_decided_stop_with_78(world: World):
    """The log begins behind the watermark: commands are lost."""
    await run_some(world)
    await world.send(*[world.command(who=n) for n in range(10)])
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka.bootstrap)
    await admin.start()
    place = TopicPartition(world.lanes.topics.commands.name, 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=15)})
    await admin.close()
    assert "commands are lost" in await refused(world)


async def test_a_hole_in_the_offsets_of_commands_stops_with_78(world: World):
    """A transactional writer on `commands` leaves its marker between two records: the lane sees the hole and stops."""
    producer = AIOKafkaProducer(bootstrap_servers=world.settings.kafka.bootstrap, transactional_id="nobody-may")
    await producer.start()
    await world.send(world.command(who=1))
    async with producer.transaction():
        await producer.send_and_wait(world.lanes.topics.commands.name, b"x", key=b"y", partition=0)
    await producer.stop()
    await world.send(world.command(who=1))
    worker = await Worker(world).start(ready=False)
    await until(worker.stopped.done)
    await worker.stop()
    assert worker.stopped.result().status == EXIT_INVARIANT
    assert "a hole in the commands" in worker.stopped.result().reason


async def test_an_opener_that_slept_while_a_successor_worked_starts_again(world: World):
    """Stopped after its fence and before it compared: it finds the successor's offset, which no person must look at."""
    await run_some(world)

    class Slept(Opening):
        async def _restore(self):
            restored = await super()._restore()
            await run_some(world, 5)
            return restored

    producer = world.lanes.producer(0)
    try:
        async with world.group_consumer() as consumer:
            opening = Slept(0, world.lanes, ToyRules(), CriticalSections({}))
            with pytest.raises(LaneError, match="partition 0 has another owner by now") as stopped:
                await opening.open(producer, consumer)
    finally:
        await producer.stop()
    assert stopped.value.exit_code == EXIT_STOPPED

"""Undecodable commands: set aside one by one, but too many of them stop the lane (architecture 4, fail)."""

from lanes_world import Worker, World, person, until

from streams.lanes.faults import EXIT_INVARIANT


def junk(count: int) -> list[tuple[bytes, bytes]]:
    """Records no program of the hub would write."""
    return [(person(n).encode(), b"junk %d" % n) for n in range(count)]


async def test_a_partition_of_fifty_dead_letters_only_passes(world: World):
    """Fifty unreadable records and nothing else: fifty letters, the lane stands at the end and goes on."""
    await world.send_raw(*junk(50))
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 50)
    await world.send(world.command(who=1))
    await until(lambda: worker.processor.commands_total == 51)
    await worker.stop()
    assert len(await world.read(world.lanes.topics.dead_letters.name)) == 50
    assert len(await world.ledger()) == 1
    assert await world.committed() == 51


async def test_the_hundred_and_first_in_a_row_stops_the_lane_with_78(world: World):
    """One hundred letters are committed, the next unreadable record stops the process; a person must look."""
    await world.send_raw(*junk(101))
    worker = await Worker(world).start(ready=False)
    await until(worker.stopped.done)
    await worker.stop()
    assert worker.stopped.result().status == EXIT_INVARIANT
    assert len(await world.read(world.lanes.topics.dead_letters.name)) == 100
    assert await world.committed() == 100


async def test_a_restart_does_not_forgive_the_row(world: World):
    """Sixty, a restart, forty more and one: the count is in the watermark."""
    await world.send_raw(*junk(60))
    first = await Worker(world).start()
    await until(lambda: first.processor.commands_total == 60)
    await first.stop()
    await world.send_raw(*junk(41))
    second = await Worker(world).start(ready=False)
    await until(second.stopped.done)
    await second.stop()
    assert second.stopped.result().status == EXIT_INVARIANT
    assert await world.committed() == 100


async def test_a_readable_command_ends_the_row(world: World):
    """Ninety-nine, a command, ninety-nine: nothing stops."""
    await world.send_raw(*junk(99))
    await world.send(world.command(who=1))
    await world.send_raw(*junk(99))
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 199)
    await worker.stop()
    assert not worker.stopped.done()


async def test_more_than_a_tenth_of_the_last_ten_thousand_stops_the_lane(world: World):
    """Rows of fifty between commands never reach a hundred in a row; the thousand and first stops the lane."""
    for _ in range(20):
        await world.send_raw(*junk(50))
        await world.send(world.command(who=1))
    await world.send_raw(*junk(1))
    worker = await Worker(world).start(ready=False)
    await until(worker.stopped.done)
    await worker.stop()
    assert worker.stopped.result().status == EXIT_INVARIANT
    assert await world.committed() == 1020

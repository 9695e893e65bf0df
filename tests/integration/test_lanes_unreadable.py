"""Undecodable commands: set aside one by one, but too many of them stop the lane (architecture 4, fail)."""

from base64 import b64decode

import msgspec
from lanes_world import ToyRules, Worker, World, person, until

from schemas.dead_letters import DeadLetter
from streams.lanes.faults import EXIT_INVARIANT
from streams.verify import verify


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


async def test_a_command_in_another_partition_than_its_accounts_never_makes_a_second_account(world: World):
    """A foreign producer's records: letters with their bytes, before and after a restart; the account stays one."""
    strays = [world.command(1, 500, partition=2) for _ in range(2)]
    for stray in strays:
        await world.send(stray, partition=0)
        await world.send(world.command(3, 1), world.command(1, 7, partition=2))
        worker = await Worker(world).start()
        await until(lambda run=worker: run.processor.commands_total == 3)
        await worker.stop()
    assert await world.balances() == {person(1, 2): 14, person(3): 2}
    found = await world.read(world.lanes.topics.dead_letters.name)
    letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in found]
    assert [(letter.receipt_key, b64decode(letter.raw_sealed)) for letter in letters] == [
        (f"0@{2 * number}", msgspec.json.encode(stray)) for number, stray in enumerate(strays)
    ]
    assert all("another partition" in letter.detail for letter in letters)
    document = (await verify(world.settings.kafka, world.lanes.topics, ToyRules(), deep=True)).document()
    assert document["ok"], document
    assert (document["commands"], document["ledger_records"], document["dead_letters"]) == (6, 4, 2)

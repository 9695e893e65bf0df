"""`dlq park`: a person sets aside what a lane cannot decide, in one transaction, and the lane goes on."""

import msgspec
import pytest
from lanes_world import ToyRules, Worker, World, person, until

from schemas.dead_letters import DeadLetter
from streams.lanes.park import Parking, ParkRefusedError, TimerName


def parking(world: World, rules: ToyRules | None = None, partition: int = 0) -> Parking:
    """Parking at a partition."""
    return Parking(partition, world.lanes, rules or ToyRules(), world.clock)


async def stopped(world: World, rules: ToyRules | None = None) -> str:
    """Run a worker until it stops with 70; return why."""
    worker = await Worker(world, rules=rules).start(ready=False)
    await until(worker.stopped.done)
    await worker.stop()
    assert worker.stopped.result().status == 70
    return worker.stopped.result().reason


async def test_an_undecidable_command_stops_the_lane_in_front_of_it_until_it_is_parked(world: World):
    """The second of three raises: 70, again 70, then parked as one dead letter and one record, then the third runs."""
    await world.send(
        world.command(1, 5), world.command(1, 6, "raise", sealed="v1.k.i.c", receipt_key="r"), world.command(1, 7)
    )
    for _ in range(2):
        assert "command c2 at offset 1" in await stopped(world)
    assert await world.committed() == 1
    assert await parking(world).park("1") == "command c2 at offset 1"
    assert await world.committed() == 2
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 1)
    await worker.stop()
    records = await world.ledger()
    assert [(r.command_id, r.outcome, r.seq) for r in records] == [
        ("c1", "POSTED", 1),
        ("c2", "PARKED", 2),
        ("c3", "POSTED", 3),
    ]
    assert await world.balances() == {person(1): 12}
    [letter] = [
        msgspec.json.decode(r.value, type=DeadLetter) for r in await world.read(world.lanes.topics.dead_letters.name)
    ]
    assert (letter.interface, letter.reason, letter.raw_sealed, letter.command_id, letter.receipt_key) == (
        "parked",
        "PARKED",
        "v1.k.i.c",
        "c2",
        "r",
    )


async def test_parking_elsewhere_than_where_the_lane_stands_is_refused_and_changes_nothing(world: World):
    """Offset 5 while the lane stands at 0, an unreadable record, one of another partition: refused in words."""
    await world.send_raw((person(1).encode(), b"junk"))
    await world.send(world.command(1, partition=2), partition=1)
    with pytest.raises(ParkRefusedError, match="stands at offset 0, not at 5"):
        await parking(world).park_command(5)
    with pytest.raises(ParkRefusedError, match="unreadable"):
        await parking(world).park_command(0)
    with pytest.raises(ParkRefusedError, match="unreadable"):
        await parking(world, partition=1).park_command(0)
    assert await world.read(world.lanes.topics.ledger.name) == []


async def test_parking_fences_the_worker_that_still_runs_the_lane(world: World):
    """A worker that idles at the offset keeps its memory, but its next transaction is refused: 70, nothing doubled."""
    worker = await Worker(world).start()
    with pytest.raises(ParkRefusedError):
        await parking(world).park_command(3)
    await world.send(world.command(1))
    await until(worker.stopped.done)
    await worker.stop()
    assert worker.stopped.result().status == 70
    assert await world.ledger() == []


async def test_a_timer_that_cannot_be_decided_is_parked_by_the_name_the_log_gives_it(world: World):
    """The timer is disarmed by its PARKED record; the commands behind it run."""

    class BrokenTimers(ToyRules):
        def fire(self, *_):
            raise RuntimeError("ordered by the test")

    now = world.clock.city()
    await world.send(world.command(1, 1, f"arm city inside {now + 1000}"))
    world.clock.advance(2000)
    await world.send(world.command(2))
    reason = await stopped(world, BrokenTimers())
    name = reason.split("timer ")[1].split(" due")[0]
    with pytest.raises(ParkRefusedError, match="is due first"):
        await parking(world).park_timer(TimerName(person(1), "term", "bill"))
    assert await parking(world).park(name) == f"timer auto_debit bill of {person(1)}"
    worker = await Worker(world, rules=BrokenTimers()).start()
    await until(lambda: worker.processor.commands_total == 1)
    await worker.stop()
    assert [(r.account, r.outcome) for r in await world.ledger()] == [
        (person(1), "POSTED"),
        (person(1), "PARKED"),
        (person(2), "POSTED"),
    ]

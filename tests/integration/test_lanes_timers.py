"""Timers live in account states: durable, exact, in order, never twice, and never before what waits in the log."""

import asyncio

import pytest
from lanes_world import ToyRules, Worker, World, person, until

from schemas.commands import Command
from schemas.ledger import TimerSource

HOUR = 3_600_000
DAY = 24 * HOUR


def arm(world: World, who: int, after_ms: int, *, clock: str = "city", place: str = "inside") -> Command:
    """A command that arms the person's timer that long from now."""
    now = world.clock.city() if clock == "city" else world.clock.wall()
    return world.command(who, 1, f"arm {clock} {place} {now + after_ms}")


async def fired(world: World) -> list[str]:
    """Accounts whose timer fired, in ledger order."""
    return [r.account for r in await world.ledger() if isinstance(r.source, TimerSource)]


@pytest.mark.parametrize("place", ["inside", "outside"])
@pytest.mark.parametrize("clock", ["city", "wall"])
async def test_an_idle_lane_fires_a_timer_when_its_own_clock_says_so(world: World, clock: str, place: str):
    """No command comes; the clock the timer names reaches its time, the other clock does not matter."""
    await world.send(arm(world, 1, 72 * HOUR, clock=clock, place=place))
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 1)
    city, wall = (72 * HOUR, 0) if clock == "city" else (0, 72 * HOUR)
    world.clock.advance(city - (clock == "city"), wall_ms=wall - (clock == "wall"))
    await asyncio.sleep(1.0)
    assert worker.processor.timers_total == 0, "one millisecond early"
    world.clock.advance(int(clock == "city"), wall_ms=int(clock == "wall"))
    await until(lambda: worker.processor.timers_total == 1)
    await worker.stop()
    [record] = [r for r in await world.ledger() if isinstance(r.source, TimerSource)]
    assert (record.source.due_at, record.seq) == (record.now if clock == "city" else record.wall_now, 2)
    errands = await world.read(world.lanes.topics.errands.name)
    assert len(errands) == (1 if place == "outside" else 0)


async def test_due_timers_fire_before_the_next_command_in_order_of_due_time_and_account(world: World):
    """Three timers, two of one instant: the command accepted later finds all fired, in (due_at, account) order."""
    now = world.clock.city()
    for who, after in ((1, 2 * HOUR), (2, HOUR), (3, HOUR)):
        await world.send(world.command(who, 1, f"arm city inside {now + after}"))
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 3)
    world.clock.advance(3 * HOUR)
    await world.send(world.command(4))
    await until(lambda: worker.processor.commands_total == 4)
    await worker.stop()
    records = await world.ledger()
    expected = [*sorted([person(2), person(3)]), person(1), person(4)]
    assert [r.account for r in records[3:]] == expected


async def test_a_timer_fires_exactly_once_across_a_restart(world: World):
    """Armed before the restart, due while no worker runs, fired by the second, not again by the third."""
    await world.send(*[arm(world, who, HOUR, place="outside") for who in range(5)])
    first = await Worker(world).start()
    await until(lambda: first.processor.commands_total == 5)
    await first.stop()
    world.clock.advance(2 * HOUR)
    second = await Worker(world).start()
    await until(lambda: second.processor.timers_total == 5)
    await second.stop()
    third = await Worker(world).start()
    world.clock.advance(DAY)
    await world.send(world.command(9))
    await until(lambda: third.processor.commands_total == 1)
    await asyncio.sleep(0.6)
    await third.stop()
    assert sorted(await fired(world)) == sorted(person(who) for who in range(5))
    assert len(await world.read(world.lanes.topics.errands.name)) == 5


async def test_a_repayment_that_waited_out_an_outage_prevents_the_debit(world: World):
    """The timer comes due while the lanes are down; the last of the commands accepted after that disarms it.

    The lane consumes its log first, and the outside call never leaves.
    """
    await world.send(arm(world, 1, 72 * HOUR, place="outside"))
    first = await Worker(world).start()
    await until(lambda: first.processor.commands_total == 1)
    await first.stop()
    for _ in range(40):
        world.clock.advance(2 * HOUR)
        await world.send(*[world.command(who=n) for n in range(2, 60)])
    await world.send(world.command(1, 1, "disarm"))
    second = await Worker(world, batch_commands=100).start()
    await until(lambda: second.processor.commands_total == 40 * 58 + 1)
    await asyncio.sleep(0.8)
    await second.stop()
    assert await fired(world) == []
    assert await world.read(world.lanes.topics.errands.name) == []


async def test_a_timer_without_an_outside_call_fires_between_the_commands_of_a_backlog(world: World):
    """The same outage: an inside timer fires at its place in time, before commands accepted after it was due."""
    await world.send(arm(world, 1, HOUR))
    world.clock.advance(HOUR // 2)
    await world.send(world.command(2))
    world.clock.advance(HOUR)
    await world.send(world.command(3), world.command(1, 1, "disarm"))
    world.clock.advance(3 * DAY)
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 4)
    await worker.stop()
    assert [r.account for r in await world.ledger()] == [person(n) for n in (1, 2, 1, 3, 1)]


async def test_a_backlog_three_days_old_is_decided_at_the_times_it_was_accepted(world: World):
    """Each record's `now` is its command's acceptance, not the clock of the lane that was down for three days."""
    expected = []
    for _ in range(72):
        world.clock.advance(HOUR)
        expected.append(world.clock.city())
        await world.send(world.command(1))
    world.clock.advance(DAY)
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 72)
    await worker.stop()
    assert [r.now for r in await world.ledger()] == expected


async def test_a_fast_edge_clock_fires_nothing_early(world: World):
    """A command stamped a day ahead counts as accepted at the lane's clock: a timer due in an hour stays."""
    await world.send(arm(world, 1, HOUR, place="outside"), arm(world, 2, HOUR))
    ahead = world.clock.city() + DAY
    await world.send(world.command(3, accepted_at=ahead, accepted_wall_at=ahead))
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 3)
    await asyncio.sleep(0.6)
    await worker.stop()
    assert await fired(world) == []
    assert (await world.ledger())[-1].now == world.clock.city()


async def test_city_time_never_steps_back(world: World):
    """A command with an older acceptance than the one before it is decided at the lane's present time."""
    early = world.clock.city()
    world.clock.advance(HOUR)
    await world.send(world.command(1), world.command(2, accepted_at=early, accepted_wall_at=early))
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 2)
    await worker.stop()
    assert [r.now for r in await world.ledger()] == [early + HOUR, early + HOUR]


async def test_thousands_of_timers_due_at_once_do_not_make_one_endless_transaction(world: World):
    """After an outage many timers are due before the first command: several transactions, all fired, then it."""
    now = world.clock.city()
    await world.send(*[world.command(n, 1, f"arm city inside {now + HOUR}") for n in range(6000)])
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 6000)
    transactions = worker.processor.transactions_total
    world.clock.advance(2 * HOUR)
    await world.send(world.command(7000))
    await until(lambda: worker.processor.commands_total == 6001)
    await worker.stop()
    assert worker.processor.timers_total == 6000
    assert worker.processor.transactions_total - transactions >= 3
    assert (await world.ledger())[-1].account == person(7000)


async def test_a_timer_that_cannot_be_decided_stops_the_lane_in_front_of_it(world: World):
    """Deciding a timer fails: status 70, what came before is committed, the next start stops at the same place."""

    class BrokenTimers(ToyRules):
        def fire(self, *_):
            raise RuntimeError("ordered by the test")

    await world.send(arm(world, 1, HOUR))
    world.clock.advance(2 * HOUR)
    await world.send(world.command(2), world.command(3))
    for _ in range(2):
        worker = await Worker(world, rules=BrokenTimers()).start(ready=False)
        await until(worker.stopped.done)
        await worker.stop()
        assert worker.stopped.result().status == 70
        assert f"timer {person(1)}:auto_debit:bill" in worker.stopped.result().reason
    assert [r.account for r in await world.ledger()] == [person(1)]
    assert await world.committed() == 1

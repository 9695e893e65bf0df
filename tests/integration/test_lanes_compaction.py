"""Restore after compaction really ran: the cleaner removed old states, the last ones and the timers are all there."""

import dataclasses

from lanes_world import Worker, World, person, until

from hub.runtime.bus import create_topics, delete_topics
from schemas.topics import Cluster, topics

ACCOUNTS, ROUNDS, SIZE = 300, 8, 1500
HOUR = 3_600_000


async def test_restore_after_compaction_gives_the_last_states_and_their_timers(world: World):
    """1 MiB segments and a short back-off: most of 2,700 states are cleaned away; 300 exact ones are restored."""
    small = {"segment.bytes": str(1024 * 1024), "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "500"}
    prefix = f"{world.settings.topic_prefix}c"
    registry = topics(prefix, Cluster(partitions=4), overrides={"accounts": small})
    await create_topics(world.settings.kafka, registry)
    world.lanes = dataclasses.replace(world.lanes, topics=registry, group=f"{prefix}.streams")
    try:
        await _fill(world)
        written = ACCOUNTS * (ROUNDS + 1)

        async def compacted() -> bool:
            await _roll(world)
            return len(await world.read(registry.accounts.name, 0)) < written // 2

        await until(compacted, 60)
        await _check(world)
    finally:
        await delete_topics(world.settings.kafka, registry)


async def _fill(world: World) -> None:
    """Every account grows once, is changed many times, and arms a timer at last."""
    due = world.clock.city() + HOUR
    worker = await Worker(world).start()
    await world.send(*[world.grow(who, 1, SIZE) for who in range(ACCOUNTS)])
    for _ in range(ROUNDS - 1):
        await world.send(*[world.command(who, 1) for who in range(ACCOUNTS)])
        await until(lambda: not worker.processor.lanes[0].backlog)
    await world.send(*[world.command(who, 1, f"arm city inside {due}") for who in range(ACCOUNTS)])
    await until(lambda: worker.processor.commands_total == ACCOUNTS * (ROUNDS + 1))
    await worker.stop()


async def _roll(world: World) -> None:
    """The active segment is never cleaned: one more megabyte of one account closes it."""
    worker = await Worker(world).start()
    done = worker.processor.lanes[0].book.watermark.next_offset
    await world.send(*[world.grow(ACCOUNTS, 0, 300_000), *[world.command(ACCOUNTS, 0) for _ in range(6)]])
    await world.send(world.command(ACCOUNTS, 0))
    await until(lambda: worker.processor.lanes[0].book.watermark.next_offset == done + 8)
    await worker.stop()


async def _check(world: World) -> None:
    worker = await Worker(world).start()
    accounts = worker.processor.lanes[0].book.accounts
    for who in range(ACCOUNTS):
        core = accounts.state(person(who).encode()).core
        assert (core.balance, core.seq, len(core.padding)) == (ROUNDS + 1, ROUNDS + 1, SIZE)
    world.clock.advance(2 * HOUR)
    await until(lambda: worker.processor.timers_total == ACCOUNTS)
    await worker.stop()

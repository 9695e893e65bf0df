"""The short runs of `make test`: real processes under load, killed and paused; nothing is lost, nothing doubled.

Two run lane processes alone, with unreadable records and repeats mixed in; one runs the whole hub. Each is judged from
outside and counts only if its faults hit.
"""

import asyncio
import signal
from pathlib import Path

import pytest
from faults import kill
from harness import Plan, perform
from lane_processes import Load, Process, aborted, consumed, judged
from lanes_world import World, until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]
SESSION_AND_TRANSACTION_SECONDS = 12.5


async def test_a_killed_lane_process_loses_and_doubles_nothing(world: World):
    """Three SIGKILLs inside open transactions; each successor finishes the work, the oracle is silent."""
    load, number = Load(world, 1), 0
    sending = asyncio.create_task(load.run())
    process = Process(world, f"k{number}")
    try:
        for number in range(1, 4):
            await process.hit(signal.SIGKILL)
            process.end()
            process = Process(world, f"k{number}")
        load.running = False
        await sending
        await until(lambda: consumed(world), 90)
    finally:
        load.running = False
        process.end()
    assert await judged(world, load) == []
    assert await aborted(world) > 0
    assert load.deposits.unreadable > 0


async def test_a_lane_paused_beyond_its_time_outs_cannot_write_when_it_wakes(world: World):
    """Frozen inside a transaction for 12.5 s: session and transaction run out, the other takes over.

    Woken, it is refused by the broker, ends with 70, and nothing of it is visible.
    """
    load = Load(world, 2)
    sending = asyncio.create_task(load.run())
    first, second = Process(world, "p0"), Process(world, "p1")
    try:
        await first.hit(signal.SIGSTOP)
        await asyncio.sleep(SESSION_AND_TRANSACTION_SECONDS)
        first.process.send_signal(signal.SIGCONT)
        status = await asyncio.to_thread(first.process.wait, 30)
        load.running = False
        await sending
        await until(lambda: consumed(world), 90)
    finally:
        load.running = False
        first.end()
        second.end()
    assert status == 70
    assert await judged(world, load) == []
    assert await aborted(world) > 0


async def test_a_lane_is_killed_in_its_transaction_and_a_courier_between_a_gateways_success_and_the_result(
    tmp_path: Path,
):
    """The whole hub: the gateway moved money and nobody noted it; the same number asks again, it moved once."""
    stretch = {"lane_after_send_before_offset": 40, "courier_after_call": 700}
    faults = (kill("streams"), kill("courier", times=2))
    plan = Plan("lane and courier killed", faults, stretch, seed=13, on_lanes=True, sections=("courier_after_call",))
    run = await perform(plan, tmp_path)
    assert (run.faults_missed, run.wrong) == ([], [])
    assert sum(gateway["moved_count"] for gateway in run.evidence.gateways.values()) > 0

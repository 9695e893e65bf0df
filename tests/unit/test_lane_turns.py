"""Turns of the lanes of one process at the broker: a few at a time, and nobody waits for ever."""

import asyncio

import pytest

from streams.lanes.turns import Turns


async def test_only_so_many_are_under_way_at_a_time():
    """Of ten lanes that all have work, never more than two make a transaction, and all ten do."""
    turns, under_way, seen = Turns(2, 30.0), 0, list[int]()

    async def lane() -> None:
        nonlocal under_way
        async with turns.turn():
            under_way += 1
            seen.append(under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(lane() for _ in range(10)))
    assert (len(seen), max(seen)) == (10, 2)


async def test_who_finds_no_place_goes_on_without_one():
    """One transaction hangs at a slow broker: another lane goes on meanwhile."""
    turns, hanging = Turns(1, 0.01), asyncio.Event()

    async def hangs() -> None:
        async with turns.turn():
            await hanging.wait()

    slow = asyncio.create_task(hangs())
    await asyncio.sleep(0)
    async with asyncio.timeout(30), turns.turn():
        assert not slow.done()
    hanging.set()
    await slow


async def test_a_place_is_given_back_when_its_lane_fails():
    """A lane that ends with a fault in the middle leaves its place to the next."""
    turns = Turns(1, 60.0)
    for _ in range(3):
        with pytest.raises(ValueError, match="a fault"):
            async with asyncio.timeout(30), turns.turn():
                raise ValueError("a fault")

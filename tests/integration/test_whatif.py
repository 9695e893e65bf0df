"""`policy whatif` beside a running hub: its money is worked out here by hand, and nothing of the hub changes."""

from typing import Any

from aiokafka import TopicPartition
from cli_world import Called, run
from domain_world import DAY, HOUR, PLATFORM, A, charge, line
from lanes_world import Worker, World

from hub.runtime.reading import committed_ends
from schemas.city_time import at_hour, city_date
from streams.lanes import watermark
from tests.integration.test_lanes_domain import RULES, City, decided, whole

HOSPITALS = "zhongshan-2021"
"""In the platform's place: 3,000 yuan from 650, and at most 2,000 a visit."""


async def traffic(world: World) -> tuple[Worker, str, str]:
    """Let a hub live through three days; return its worker and the bounds of the second day.

    On the second, two records come that it sets aside: one of an account of another partition, and one that is nothing.
    """
    city = City(world)
    for who in (1, 2, 3):
        await city.enrol(who)
    await city.visit(1, "V1", 100_000)
    worker = await Worker(world, rules=RULES).start()
    await decided(world, worker)
    world.clock.advance(at_hour(world.clock.city(), 1, 9) - world.clock.city())
    second_day = world.clock.city()
    await city.visit(1, "V2", 450_000)
    await city.visit(2, "V3", 150_000)
    stray = city.command(5, charge(line("S1", 70_000), visit="S1", at=world.clock.city()))
    await world.send(stray, partition=0)
    await world.send_raw((stray.account.encode(), b"junk"), partition=0)
    await decided(world, worker)
    world.clock.advance(DAY)
    await city.visit(2, "V4", 480_000)
    await decided(world, worker)
    return worker, city_date(second_day).isoformat(), city_date(second_day + DAY).isoformat()


async def everything(world: World) -> dict[str, Any]:
    """Return what the hub has written: end offsets, ledger, states by their bytes, chain heads, the group's place."""
    topics = world.lanes.topics
    named = (topics.commands, topics.ledger, topics.accounts, topics.errands, topics.facts, topics.dead_letters)
    places = [TopicPartition(topic.name, partition) for topic in named for partition in range(4)]
    records = await world.read(topics.accounts.name)
    return {
        "ends": await committed_ends(world.settings.kafka, places),
        "ledger": [(record.key, record.value) for record in await world.read(topics.ledger.name)],
        "states": {each.key: each.value for each in records if each.key != watermark.KEY},
        "heads": {each.partition: watermark.decode(each.value).head for each in records if each.key == watermark.KEY},
        "committed": [await world.committed(partition) for partition in range(4)],
    }


async def whatif(world: World, *arguments: str) -> Called:
    """Run the verb as a process of its own."""
    return await run(world.settings, "policy", "whatif", PLATFORM, HOSPITALS, *arguments)


async def test_a_day_under_another_pack_tells_the_money_and_leaves_the_hub_as_it_is(world: World):
    """Credit falls by 2,000 yuan where the smaller line binds; states, heads and offsets stay."""
    worker, begin, end = await traffic(world)
    before = await everything(world)
    called = await whatif(world, "--from", begin, "--to", end, "--json")
    assert called.status == 0, called.err
    document = called.valid("policy-whatif")
    assert await everything(world) == before
    assert (document["inputs"], document["charged_fen"], document["unaccounted_fen"]) == (4, 600_000, 0)
    assert document["undecodable"] == 2
    parts = {each["part"]: (each["a_fen"], each["b_fen"], each["difference_fen"]) for each in document["parts"]}
    assert parts["credit_fen"] == (550_000, 350_000, -200_000)
    assert parts["self_pay_fen"] == (50_000, 250_000, 200_000)
    assert (document["persons"], document["raised"], document["lowered"]) == (3, 0, 3)
    assert [(each["reason"], each["a"], each["b"]) for each in document["reasons"]] == [("CREDIT_EXHAUSTED", 1, 1)]
    await goes_on(world, worker)


async def goes_on(world: World, worker: Worker) -> None:
    """The live hub decides the next charge, and its books are whole with the fold."""
    world.clock.advance(HOUR)
    await City(world).say(3, charge(line("V9-1", 1_000), visit="V9", institution=A, at=world.clock.city()))
    await decided(world, worker)
    await worker.stop()
    await whole(world)


async def test_the_same_pack_tells_no_difference_over_all_that_was_recorded(world: World):
    """The pack in its own place, from the first command on: every input, no fen, nobody."""
    worker, _, _ = await traffic(world)
    called = await run(world.settings, "policy", "whatif", PLATFORM, PLATFORM)
    assert called.status == 0, called.err
    assert called.out.startswith("14 inputs · credit +¥0.00, self-pay +¥0.00, 0 persons change tier")
    assert "0 fen unaccounted" in called.out
    await worker.stop()

"""The account lanes on a real broker: what goes in comes out once, in order, in one transaction."""

import asyncio
from base64 import b64decode

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from lanes_world import Worker, World, person, until

from hub.runtime.metrics import REGISTRY
from schemas.commands import ReplyTo
from schemas.dead_letters import DeadLetter
from schemas.facts import Facts
from schemas.replies import Reply
from streams import chain
from streams.lanes import gauges, watermark
from streams.lanes.book import Book
from streams.lanes.lane import Lane


async def test_every_command_gives_one_ledger_record_and_the_state_follows(world: World):
    """Thirty commands of three persons: thirty records, exact balances, offset and watermark at the end."""
    await world.send(*[world.command(who=n % 3, amount=n) for n in range(30)])
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 30)
    await worker.stop()
    records = await world.ledger()
    assert [r.command_id for r in records] == [f"c{n}" for n in range(1, 31)]
    assert [r.seq for r in records] == [1 + n // 3 for n in range(30)]
    assert await world.balances() == {person(k): sum(n for n in range(30) if n % 3 == k) for k in range(3)}
    assert await world.committed() == 30
    last = [r for r in await world.read(world.lanes.topics.accounts.name, 0) if r.key == watermark.KEY][-1]
    assert watermark.decode(last.value).next_offset == 30


async def test_a_lane_writes_only_its_own_partition_number(world: World):
    """Commands of partitions 1 and 3 leave records of every topic in partitions 1 and 3 only."""
    for partition in (1, 3):
        await world.send(world.command(who=1, partition=partition))
        await world.send_raw((b"no account", b"x"), partition=partition)
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 4)
    await worker.stop()
    names = world.lanes.topics
    for topic in (names.ledger, names.accounts, names.facts, names.dead_letters):
        found = {(r.partition) for r in await world.read(topic.name)}
        assert found == {1, 3}, topic.name


async def test_the_ledger_is_a_chain_over_transactions_and_restarts(world: World):
    """Each record names the hash of the record before it in its partition, across a restart of the worker."""
    for _ in range(2):
        await world.send(*[world.command(who=n % 4) for n in range(20)])
        worker = await Worker(world).start()
        await until(lambda run=worker: run.processor.commands_total == 20)
        await worker.stop()
    head = chain.FIRST
    records = await world.read(world.lanes.topics.ledger.name, 0)
    for record in records:
        head = chain.checked(head, record.key, record.value)
    assert len(records) == 40


async def test_one_transaction_writes_one_facts_record_with_sums(world: World):
    """Ten deposits decided together are one facts record whose one fact counts ten and sums their fen."""
    await world.send(*[world.command(who=n, amount=7) for n in range(10)])
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 10)
    await worker.stop()
    decoded = [msgspec.json.decode(r.value, type=Facts) for r in await world.read(world.lanes.topics.facts.name)]
    assert len(decoded) == worker.processor.transactions_total
    assert sum(fact.count for record in decoded for fact in record.facts) == 10
    assert sum(fact.charged_fen for record in decoded for fact in record.facts) == 70
    assert all(len(record.facts) == 1 for record in decoded)


async def test_a_waiting_caller_gets_its_reply_on_the_partition_it_named(world: World):
    """The reply of a command that names partition 5 comes there, after its ledger record is committed."""
    place = TopicPartition(world.lanes.topics.replies.name, 5)
    listener = AIOKafkaConsumer(bootstrap_servers=world.settings.kafka.bootstrap, auto_offset_reset="earliest")
    await listener.start()
    listener.assign([place])
    worker = await Worker(world).start()
    await world.send(world.command(who=1, amount=40, reply=ReplyTo(5)), world.command(who=1, amount=2))
    received = await listener.getone(place)
    committed = await world.ledger()
    await listener.stop()
    await worker.stop()
    reply = msgspec.json.decode(received.value, type=Reply)
    assert (reply.command_id, reply.code, reply.result) == ("c1", "POSTED", {"balance": 40})
    assert committed[0].command_id == "c1"


async def test_an_archived_encounter_leaves_a_tombstone_and_stays_away_after_a_restart(world: World):
    """`visit` makes a second key of the account, `archive` deletes it; a new worker does not see it again."""
    await world.send(world.command(who=1, order="visit"))
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 1)
    await world.send(world.command(who=1, order="archive"))
    await until(lambda: worker.processor.commands_total == 2)
    await worker.stop()
    key = f"{person(1)}/XM01|V1".encode()
    values = [r.value for r in await world.read(world.lanes.topics.accounts.name, 0) if r.key == key]
    assert values[0] is not None
    assert values[1] is None
    again = await Worker(world).start()
    assert again.processor.lanes[0].book.accounts.state(person(1).encode()).encounters == {}
    await again.stop()


async def test_an_undecodable_command_is_a_dead_letter_and_no_ledger_record(world: World):
    """Not JSON, a wrong key and no key: letters with their bytes and reason, the command between them counts."""
    wrong = msgspec.json.encode(world.command(who=1))
    await world.send_raw(
        (person(1).encode(), b"\xff\x00 no json"),
        (person(2).encode(), wrong),
        (person(3).encode(), msgspec.json.encode(world.command(who=3))),
        (None, b"keyless"),
        (b"\x00watermark", b"reserved"),
    )
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 5)
    await worker.stop()
    records = await world.read(world.lanes.topics.dead_letters.name)
    letters = [msgspec.json.decode(r.value, type=DeadLetter) for r in records]
    assert [b64decode(each.raw_sealed) for each in letters] == [b"\xff\x00 no json", wrong, b"keyless", b"reserved"]
    assert {(each.interface, each.reason) for each in letters} == {("commands", "UNDECODABLE")}
    assert {(r.key, tuple(r.headers)) for r in records} == {(b"commands", (("interface", b"commands"),))}
    assert [r.account for r in await world.ledger()] == [person(3)]


async def test_an_outcome_larger_than_a_record_is_refused_and_the_lane_goes_on(world: World):
    """A state that would grow over 1.5 MB is OUTCOME_TOO_LARGE; what it held before and later commands are booked."""
    await world.send(world.grow(1, 5, 1_000_000), world.grow(1, 6, 600_000), world.command(who=1, amount=7))
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 3)
    await worker.stop()
    assert [(r.outcome, r.reason) for r in await world.ledger()] == [
        ("POSTED", ""),
        ("REFUSED", "OUTCOME_TOO_LARGE"),
        ("POSTED", ""),
    ]
    assert await world.balances() == {person(1): 12}


async def test_one_transaction_may_hold_more_than_one_batch_of_a_topic(world: World):
    """Three states of 0.9 MB decided together do not fit one batch of 2 MB: all three are written."""
    await world.send(*[world.grow(n, n, 900_000) for n in range(1, 4)])
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 3)
    await worker.stop()
    assert await world.balances() == {person(n): n for n in range(1, 4)}
    again = await Worker(world).start()
    assert len(again.processor.lanes[0].book.accounts) == 3
    await again.stop()


async def test_a_lane_that_commits_nothing_shows_its_growing_lag_until_it_goes(world: World):
    """The lag is asked for at every look; when the worker stops, nothing of the lane is shown any more."""
    goes_on = asyncio.Event()

    class Stuck(Lane):
        async def _work(self, book: Book) -> None:
            await goes_on.wait()
            await super()._work(book)

    def shown(gauge: str) -> float | None:
        return REGISTRY.get_sample_value(f"medcredit_lane_{gauge}", {"partition": "0"})

    gauges.hide(0)  # what a worker that another test killed has left
    worker = await Worker(world, lane_class=Stuck).start()
    for lag in (2, 5):
        await world.send(*[world.command(who=1) for _ in range(lag - int(shown("lag") or 0))])
        await until(lambda lag=lag: shown("lag") == lag)
    assert shown("last_commit_timestamp_seconds") is None
    goes_on.set()
    await until(lambda: shown("lag") == 0 and shown("accounts") == 1)
    assert shown("last_commit_timestamp_seconds") is not None
    await worker.stop()
    assert [shown(gauge) for gauge in ("lag", "accounts", "last_commit_timestamp_seconds")] == [None] * 3

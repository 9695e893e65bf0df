"""`verify`: silent on whole books, and each kind of damage is named."""

import asyncio
import dataclasses

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from lanes_world import Core, ToyRules, Worker, World, person, until

from streams.lanes import watermark
from streams.verify import Verification, verify


async def books(world: World, count: int = 60) -> None:
    """Let a worker decide that many commands and a few unreadable ones."""
    await world.send_raw((b"no key", b"junk"), (person(1).encode(), b"junk"))
    await world.send(*[world.command(n % 7, n, "visit" if n % 3 == 0 else "") for n in range(count)])
    await world.send(*[world.command(n, partition=2) for n in range(5)])
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == count + 7)
    await worker.stop()


async def write(world: World, topic: str, key: bytes, value: bytes) -> None:
    """Write to partition 0 as no program of the hub would."""
    producer = AIOKafkaProducer(bootstrap_servers=world.settings.kafka.bootstrap)
    await producer.start()
    await producer.send_and_wait(topic, value, key=key, partition=0)
    await producer.stop()


async def verified(world: World) -> Verification:
    """Verify with the fold."""
    return await verify(world.settings.kafka, world.lanes.topics, ToyRules(), deep=True)


def failed(found: Verification) -> set[int]:
    """Numbers of the invariants that do not hold."""
    return {check["number"] for check in found.document()["checks"] if check["state"] == "FAIL"}


async def test_whole_books_are_found_whole_and_the_fold_equals_the_state(world: World):
    """Commands, dead letters and encounters over two partitions: every check OK, every account folded and compared."""
    await books(world)
    document = (await verified(world)).document()
    assert document["ok"], document
    assert (document["commands"], document["ledger_records"], document["dead_letters"]) == (67, 65, 2)
    folded = next(check for check in document["checks"] if check["number"] == 9)
    assert (folded["state"], folded["checked"]) == ("OK", 12)


async def test_what_was_written_when_verify_was_asked_is_judged(world: World):
    """A forged state in a transaction whose end marker is not there yet: the look waits for it and names it."""
    await books(world)
    topic, rules = world.lanes.topics.accounts.name, ToyRules()
    kept = [r for r in await world.read(topic, 0) if r.key == person(3).encode()][-1]
    core: Core = rules.decode_core(kept.value)
    forged = rules.encode_core(msgspec.structs.replace(core, balance=core.balance + 1))
    producer = AIOKafkaProducer(bootstrap_servers=world.settings.kafka.bootstrap, transactional_id=f"{topic}-forger")
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, forged, key=kept.key, partition=0)
    asked = asyncio.create_task(verified(world))
    await asyncio.wait({asked}, timeout=2)
    await producer.commit_transaction()
    await producer.stop()
    assert failed(await asked) == {9}


async def test_empty_topics_are_whole(world: World):
    """A hub that has not begun has nothing wrong."""
    assert (await verified(world)).ok


async def test_without_deep_the_fold_is_skipped_and_said_so(world: World):
    """SKIP is not OK, and is not a failure."""
    found = await verify(world.settings.kafka, world.lanes.topics, ToyRules())
    states = {check["number"]: check["state"] for check in found.document()["checks"]}
    assert states[9] == "SKIP"
    assert found.ok


async def test_a_state_changed_by_hand_is_named(world: World):
    """One fen more in one account: the fold says which account."""
    await books(world)
    kept = [r for r in await world.read(world.lanes.topics.accounts.name, 0) if r.key == person(3).encode()][-1]
    rules = ToyRules()
    changed: Core = rules.decode_core(kept.value)
    changed = msgspec.structs.replace(changed, balance=changed.balance + 1)
    await write(world, world.lanes.topics.accounts.name, kept.key, rules.encode_core(changed))
    found = await verified(world)
    assert failed(found) == {9}
    assert person(3) in str(found.document()["checks"])


async def test_a_ledger_record_slipped_in_breaks_the_chain(world: World):
    """A forged record before the end of the books: chain, sequence and outcomes all speak."""
    await books(world)
    topic = world.lanes.topics.ledger.name
    copied = (await world.read(topic, 0))[5]
    await write(world, topic, copied.key, copied.value)
    await books(world, 10)
    assert {0, 10} <= failed(await verified(world))


async def test_a_watermark_ahead_of_the_outcomes_is_named(world: World):
    """A watermark that claims one command more: that command has no outcome."""
    await books(world)
    mark = [r for r in await world.read(world.lanes.topics.accounts.name, 0) if r.key == watermark.KEY][-1]
    ahead = watermark.decode(mark.value)
    ahead = msgspec.structs.replace(ahead, next_offset=ahead.next_offset + 1)
    await write(world, world.lanes.topics.accounts.name, watermark.KEY, watermark.encode(ahead))
    found = await verified(world)
    assert failed(found) == {10}
    assert "command 62 has 0 outcomes" in str(found.document())


async def test_verify_agrees_while_the_lanes_go_on(world: World):
    """Each partition is judged up to one watermark, whatever is written meanwhile."""
    world.lanes = dataclasses.replace(world.lanes, batch_commands=20)
    worker = await Worker(world).start()
    for _ in range(6):
        await world.send(*[world.command(n % 11, n) for n in range(200)])
        assert (await verified(world)).ok
    await worker.stop()


async def test_a_dead_letter_that_expired_is_no_missing_outcome_but_a_lost_one_is(world: World):
    """The letters' first record is deleted as retention would: its command is not missed; later ones still are."""
    await world.send_raw(*[(b"no key", b"junk")] * 3)
    worker = await Worker(world).start()
    await until(lambda: worker.processor.commands_total == 3)
    await worker.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=world.settings.kafka.bootstrap)
    await admin.start()
    place = TopicPartition(world.lanes.topics.dead_letters.name, 0)
    await admin.delete_records({place: RecordsToDelete(before_offset=1)})
    await admin.close()
    assert (await verified(world)).ok
    mark = [r for r in await world.read(world.lanes.topics.accounts.name, 0) if r.key == watermark.KEY][-1]
    ahead = msgspec.structs.replace(watermark.decode(mark.value), next_offset=4)
    await write(world, world.lanes.topics.accounts.name, watermark.KEY, watermark.encode(ahead))
    assert failed(await verified(world)) == {10}

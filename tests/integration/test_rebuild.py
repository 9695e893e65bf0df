"""Making the books again from Kafka while live traffic goes on: equal sums, and the live projector goes on in them."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from ledger_samples import LedgerWriter, dead_letter
from pydantic import SecretStr
from test_projector import RECORDS, assert_exact, counted, publish, running, until

from hub.runtime.bus import administration, durable_producer
from hub.runtime.database import connect
from hub.runtime.migrations import migrate
from hub.runtime.settings import PostgresSettings, Settings
from schemas.topics import Topics
from streams.projection.faults import SupersededError
from streams.projection.rebuild import Rebuilt, rebuild_books


@pytest.fixture
async def books_dsn(database: str, hub_topics: Topics) -> str:  # noqa: ARG001 - the topics must be there
    """A migrated database, and topics beside it."""
    await migrate(database)
    return database


async def rebuild(settings: Settings, dsn: str, *, keep_different: bool = True) -> Rebuilt:
    """Rebuild as the command does."""
    postgres = PostgresSettings(dsn=SecretStr(dsn))
    return await rebuild_books(settings.model_copy(update={"postgres": postgres}), keep_different=keep_different)


async def test_a_rebuild_under_live_traffic_gives_equal_books(settings: Settings, books_dsn: str):
    """Equal sums at the same positions; what arrives meanwhile and afterwards stands in the new books once."""
    writers = [LedgerWriter(partition, step_ms=3_600_000) for partition in range(3)]
    await asyncio.gather(*(publish(settings, writer, 1000) for writer in writers))
    async with running(settings, books_dsn) as (_, live):
        await until(books_dsn, RECORDS, 3000, live)
        loads = [asyncio.create_task(publish(settings, writer, 1000)) for writer in writers]
        done = await rebuild(settings, books_dsn)
        assert done.in_place
        assert done.comparison.differences == ()
        assert done.comparison.live["records"] >= 3000
        await asyncio.gather(*loads)
        if live.done():  # the schemas changed names under its feet: it may start again, as a supervised one does
            assert isinstance(live.exception(), SupersededError)
    async with running(settings, books_dsn) as (_, live):
        await until(books_dsn, RECORDS, 6000, live)
    await assert_exact(books_dsn, writers)
    owner = await connect(books_dsn, "owner")
    schemas = await owner.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'books%'")
    await owner.close()
    assert [row["nspname"] for row in schemas] == ["books"]


async def test_damaged_books_are_found_and_replaced_only_when_asked(settings: Settings, books_dsn: str):
    """A fen changed by hand is named; the live books stay until a person says otherwise; then they are right again."""
    writer = LedgerWriter(0)
    await publish(settings, writer, 100)
    async with running(settings, books_dsn) as (_, live):
        await until(books_dsn, RECORDS, 100, live)
    hand = await connect(books_dsn, "owner")
    await hand.execute("UPDATE persons SET used_fen = used_fen + 1 WHERE account = (SELECT min(account) FROM persons)")
    await hand.close()
    kept = await rebuild(settings, books_dsn)
    assert (kept.in_place, kept.comparison.differences) == (False, ("persons",))
    assert await counted(books_dsn, "SELECT count(*) FROM persons WHERE used_fen % 100 = 1") == 1
    replaced = await rebuild(settings, books_dsn, keep_different=False)
    assert replaced.in_place
    await assert_exact(books_dsn, [writer])


async def test_dead_letters_that_left_the_log_stay_in_the_books(settings: Settings, books_dsn: str):
    """A year later the log holds only the newer ones: the rebuilt books have all, each as it first arrived."""
    topic = settings.topics.dead_letters.name
    async with durable_producer(settings.kafka, "edge") as producer:
        for number, at in ((1, 10), (2, 20), (1, 30), (3, 40)):
            letter = dead_letter(number, at=at, wall_at=at)
            await producer.send_and_wait(topic, letter, key=b"mllp", partition=0)
    async with running(settings, books_dsn) as (_, live):
        await until(books_dsn, "SELECT count(*) FROM dead_letter_arrivals", 4, live)
    async with administration(settings.kafka) as admin:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=2)})
    done = await rebuild(settings, books_dsn)
    assert (done.in_place, done.comparison.differences, done.records) == (True, (), 2)
    reader = await connect(books_dsn, "reader")
    letters = await reader.fetch("SELECT id, at FROM dead_letters ORDER BY id")
    positions = await reader.fetch("SELECT position FROM dead_letter_arrivals ORDER BY position")
    await reader.close()
    assert [tuple(row) for row in letters] == [("dl-1", 10), ("dl-2", 20), ("dl-3", 40)]
    assert [row["position"] for row in positions] == [0, 1, 2, 3]

"""Making the books again from Kafka while live traffic goes on: equal sums, and the live projector goes on in them."""

import asyncio

import pytest
from ledger_samples import LedgerWriter
from pydantic import SecretStr
from test_projector import RECORDS, assert_exact, counted, publish, running, until

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

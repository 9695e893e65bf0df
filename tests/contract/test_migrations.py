"""The migrations on a real PostgreSQL: complete, repeatable, guarded against changes, with rights and row security."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from hub.runtime import migrations
from hub.runtime.database import Scope, connect
from hub.runtime.migrations import create_books, load_migrations, migrate, migration_states, parse_migration
from schemas.errors import ConfigurationError


async def _tables(dsn: str, schema: str) -> set[str]:
    connection = await connect(dsn, "owner")
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
    await connection.close()
    return {row["tablename"] for row in rows}


async def test_a_new_database_gets_every_migration_once(database: str):
    """The first run applies all in order, the second nothing."""
    applied = await migrate(database)
    assert [each.number for each in applied] == [each.number for each in load_migrations()]
    assert await migrate(database) == ()
    assert {"ledger", "journal", "charges", "bills", "offsets"} <= await _tables(database, "books")


async def test_two_migrations_at_once_wait_for_each_other(database: str):
    """Whatever starts at the same moment, each file is applied exactly once."""
    results = await asyncio.gather(*(migrate(database) for _ in range(3)))
    assert sorted(len(applied) for applied in results) == [0, 0, len(load_migrations())]


async def test_post_waits_for_pre(database: str):
    """`post` alone on an empty database is refused and leaves nothing behind; after `pre` it works."""
    with pytest.raises(ConfigurationError, match="phase pre is missing"):
        await migrate(database, ("post",))
    await migrate(database, ("pre",))
    assert {each.phase for each in await migrate(database, ("post",))} == {"post"}


async def test_a_changed_file_is_refused(database: str, monkeypatch: pytest.MonkeyPatch):
    """A file that differs from what was applied stops every further migration."""
    await migrate(database, ("pre",))
    changed = tuple(replace(each, checksum="0" * 64) if each.number == 2 else each for each in load_migrations())
    monkeypatch.setattr(migrations, "load_migrations", lambda: changed)
    with pytest.raises(ConfigurationError, match="0002_books was changed"):
        await migrate(database)


async def test_states_of_an_empty_database_are_all_missing(database: str):
    """Asking changes nothing and works before the first migration."""
    connection = await asyncpg.connect(database)
    states = await migration_states(connection)
    assert not any(state.applied or state.changed for state in states)
    assert not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'admin')")
    await connection.close()


@pytest.mark.parametrize("name", ["1_books.pre.sql", "0001_books.sql", "0001_Books.pre.sql"])
def test_a_file_with_another_name_is_refused(name: str):
    """Number, name and phase must stand in the file's name."""
    with pytest.raises(ValueError, match="name it"):
        parse_migration(name, b"-- scope: books\nSELECT 1")


def test_a_file_without_scope_is_refused():
    """The first line must say where the file works."""
    with pytest.raises(ValueError, match="scope"):
        parse_migration("0001_books.pre.sql", b"SELECT 1")


async def test_a_second_set_of_books_has_the_same_tables(database: str):
    """What a rebuild fills has every table, index and policy of the first."""
    await migrate(database)
    owner = await connect(database, "owner")
    await create_books(owner, "books_next")
    shapes = [await _shape(owner, schema) for schema in ("books", "books_next")]
    await owner.close()
    assert shapes[0] == shapes[1]
    assert len(shapes[0]) > 100


async def _shape(connection: asyncpg.Connection, schema: str) -> set[str]:
    return {
        row[0]
        for row in await connection.fetch(
            """SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable) FROM information_schema.columns
               WHERE table_schema = $1
               UNION SELECT concat_ws(' ', tablename, policyname, cmd, array_to_string(roles, ','))
               FROM pg_policies WHERE schemaname = $1
               UNION SELECT tablename || ' ' || replace(indexdef, $1 || '.', '') FROM pg_indexes
               WHERE schemaname = $1""",
            schema,
        )
    }


async def _fill(dsn: str) -> None:
    writer = await connect(dsn, "writer")
    for institution, bank, account in (("XMZSH", "ICBC-XM", "A" * 26), ("XMDYY", "CCB-XM", "B" * 26)):
        await writer.execute(
            """INSERT INTO charges SELECT (json_populate_record(NULL::charges, json_build_object(
                 'charge', $1 || 'C', 'account', $1, 'seq', 1, 'at', 1, 'visit', 'V', 'institution', $2::text,
                 'scene', '', 'department', '', 'event_at', 1, 'pack', '', 'status', 'posted', 'bill', '',
                 'total_fen', 1, 'fund_fen', 0, 'account_fen', 0, 'other_fen', 0, 'prepayment_fen', 0,
                 'credit_fen', 1, 'self_pay_fen', 0, 'returned_fund_fen', 0, 'returned_account_fen', 0,
                 'returned_other_fen', 0, 'returned_prepayment_fen', 0, 'returned_credit_fen', 0,
                 'returned_self_pay_fen', 0))).*""",
            account,
            institution,
        )
        await writer.execute(
            "INSERT INTO persons VALUES ($1, 1, 1, 'person', '', '', '', 0, '{}', 0, '', '', $2, '', 0, 0, 0, '')",
            account,
            bank,
        )
    await writer.close()


@pytest.mark.parametrize(
    ("scope", "charges", "persons"),
    [
        (Scope("*", "*"), 2, 2),
        (Scope("XMZSH"), 1, 1),
        (Scope("XMZSH,XMDYY"), 2, 2),
        (Scope(banks="CCB-XM"), 0, 1),
        (Scope("XMZSH", "CCB-XM"), 1, 2),
        (Scope("*"), 0, 0),
        (Scope("XM"), 0, 0),
        (Scope(), 0, 0),
    ],
)
async def test_a_reader_sees_only_its_scope(database: str, scope: Scope, charges: int, persons: int):
    """Institutions see their charges and patients, banks the persons they fund, and who states nothing sees nothing."""
    await migrate(database)
    await _fill(database)
    reader = await connect(database, "reader", scope=scope)
    assert await reader.fetchval("SELECT count(*) FROM charges") == charges
    assert await reader.fetchval("SELECT count(*) FROM persons") == persons
    await reader.close()


async def test_a_reader_cannot_write_and_a_writer_cannot_delete(database: str):
    """Each role has the rights of its work and no more."""
    await migrate(database)
    await _fill(database)
    reader, writer = await connect(database, "reader"), await connect(database, "writer")
    for connection, statement in (
        (reader, "UPDATE bills SET paid_fen = 0"),
        (reader, "SELECT admin.ensure_month('books', 'ledger', 0)"),
        (writer, "DELETE FROM charges"),
        (writer, "CREATE TABLE books.own (id int)"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await reader.close()
    await writer.close()


@pytest.mark.parametrize(
    ("instant", "month", "first", "following"),
    [
        (1_767_196_799_999, "202512", 1_764_518_400_000, 1_767_196_800_000),
        (1_767_196_800_000, "202601", 1_767_196_800_000, 1_769_875_200_000),
        (0, "197001", -28_800_000, 2_649_600_000),
    ],
)
async def test_a_month_begins_at_midnight_in_the_city(
    database: str, instant: int, month: str, first: int, following: int
):
    """Partitions are cut at 00:00 of Asia/Shanghai, whatever the server's time zone; making one twice is no error."""
    await migrate(database)
    writer = await connect(database, "writer")
    for _ in range(2):
        await writer.execute("SELECT admin.ensure_month('books', 'journal', $1)", instant)
    bounds = await writer.fetchval(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = $1", f"journal_{month}"
    )
    assert bounds == f"FOR VALUES FROM ('{first}') TO ('{following}')"
    await writer.close()


async def test_only_months_of_the_books_are_made(database: str):
    """The function that may create tables creates no others."""
    await migrate(database)
    writer = await connect(database, "writer")
    for schema, table in (("public", "ledger"), ("books", "charges"), ("books; DROP SCHEMA books", "ledger")):
        with pytest.raises(asyncpg.RaiseError, match="serves ledger and journal"):
            await writer.execute("SELECT admin.ensure_month($1, $2, 0)", schema, table)
    await writer.close()

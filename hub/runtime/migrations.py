"""The numbered SQL migrations: found, compared with the database, applied (architecture 7).

A file is named `0002_books.pre.sql`: its number, what it brings, when it runs: `pre` before a deploy (the running
version works with it), `post` after it. Its first line says where: `-- scope: database` once, `-- scope: books`
in the schema of the books, of which a rebuild makes a second one. A file that was applied never changes: its checksum
is kept and compared.
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Literal

import asyncpg

from hub.runtime.database import BOOKS
from schemas.errors import ConfigurationError, setting_invalid

Phase = Literal["pre", "post"]
_LOCK = 7_303_014_728_401
"""Key of the advisory lock: two migrations at once wait for each other."""
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.(pre|post)\.sql")
_SCOPE = re.compile(r"-- scope: (database|books)\n")
_OWN_TABLE = """
CREATE SCHEMA IF NOT EXISTS admin;
CREATE TABLE IF NOT EXISTS admin.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    phase text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file; `checksum` is SHA-256 of its bytes."""

    number: int
    name: str
    phase: Phase
    scope: Literal["database", "books"]
    sql: str
    checksum: str


@dataclass(frozen=True, slots=True)
class MigrationState:
    """A migration and whether this database has it; `changed` means the file differs from what was applied."""

    migration: Migration
    applied: bool
    changed: bool


def load_migrations() -> tuple[Migration, ...]:
    """Return every migration in order, from an editable install or a wheel alike.

    Raises `ValueError` for a file that is not named or headed as a migration, or a number used twice.
    """
    directory = resources.files("infra.postgres") / "migrations"
    files = sorted((file for file in directory.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    migrations = tuple(parse_migration(file.name, file.read_bytes()) for file in files)
    if len({each.number for each in migrations}) != len(migrations):
        raise ValueError("two migrations have one number: give the later one the next free number")
    return migrations


def parse_migration(name: str, content: bytes) -> Migration:
    """Return the migration of one file; raises `ValueError` when its name or first line is wrong."""
    text = content.decode()
    named, headed = _NAME.fullmatch(name), _SCOPE.match(text)
    if named is None or headed is None:
        raise ValueError(f"{name}: name it 0001_what.pre.sql and begin it with `-- scope: database` or `books`")
    number, title, phase = named.groups()
    checksum = hashlib.sha256(content).hexdigest()
    return Migration(int(number), title, phase, headed[1], text, checksum)  # type: ignore[arg-type]


async def migration_states(connection: asyncpg.Connection) -> tuple[MigrationState, ...]:
    """Return every migration with its state in this database, in order; changes nothing."""
    known = {}
    if await connection.fetchval("SELECT to_regclass('admin.migrations') IS NOT NULL"):
        rows = await connection.fetch("SELECT number, checksum FROM admin.migrations")
        known = {row["number"]: row["checksum"] for row in rows}
    return tuple(
        MigrationState(each, each.number in known, known.get(each.number, each.checksum) != each.checksum)
        for each in load_migrations()
    )


async def migrate(dsn: str, phases: Collection[Phase] = ("pre", "post")) -> tuple[Migration, ...]:
    """Apply what is missing of these phases, each file in its own transaction; return what was applied.

    Idempotent. The user of `dsn` must be able to create roles and schemas. Raises `ConfigurationError` when an applied
    file was changed since, or when `post` is asked for while a `pre` is missing: nothing is applied then.
    """
    connection = await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": "medcredit-migrate"})
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_OWN_TABLE)
        missing = _missing(await migration_states(connection), phases)
        for each in missing:
            await _apply(connection, each)
        return missing
    finally:
        await connection.close()


def _missing(states: Iterable[MigrationState], phases: Collection[Phase]) -> tuple[Migration, ...]:
    states = tuple(states)
    refuse_changed(states)
    missing = tuple(state.migration for state in states if not state.applied)
    if "pre" not in phases and any(each.phase == "pre" for each in missing):
        raise _refusal("a migration of phase pre is missing: apply it first")
    return tuple(each for each in missing if each.phase in phases)


def refuse_changed(states: Iterable[MigrationState]) -> None:
    """Raise `ConfigurationError` naming the first file that differs from what was applied."""
    for state in states:
        if state.changed:
            raise _refusal(f"{state.migration.number:04}_{state.migration.name} was changed after it was applied")


def _refusal(fault: str) -> ConfigurationError:
    remedy = "Restore the file as it was released and put the change into a new one; or run `medcredit migrate up`."
    return setting_invalid("migrations", fault, remedy)


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        if migration.scope == "books":
            await _run_in_schema(connection, migration, BOOKS)
        else:
            await connection.execute(migration.sql)
        await connection.execute("RESET ROLE; RESET search_path")
        await connection.execute(
            "INSERT INTO admin.migrations (number, name, phase, checksum) VALUES ($1, $2, $3, $4)",
            migration.number,
            migration.name,
            migration.phase,
            migration.checksum,
        )


async def create_books(connection: asyncpg.Connection, schema: str) -> None:
    """Make a second, empty set of books in `schema` with every migration this database has, for a rebuild.

    The connection acts as `owner`. One that stands there from a rebuild that did not end is dropped.
    """
    states = await migration_states(connection)
    async with connection.transaction():
        await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        for state in states:
            if state.applied and state.migration.scope == "books":
                await _run_in_schema(connection, state.migration, schema)


async def _run_in_schema(connection: asyncpg.Connection, migration: Migration, schema: str) -> None:
    await connection.execute("SET LOCAL ROLE medcredit_owner")
    await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    await connection.execute(f'SET LOCAL search_path = "{schema}"')
    await connection.execute(migration.sql.replace(":schema", f'"{schema}"'))

"""`medcredit migrate`: the database's numbered migrations, before and after a deploy, and the books made again."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, TypedDict

import asyncpg
import typer

from hub.cli.output import note, show, speaks_json
from hub.cli.verbs import verb
from hub.runtime.database import UNREACHABLE, refusal
from hub.runtime.migrations import MigrationState, Phase, migrate, migration_states
from hub.runtime.settings import Settings, read_settings
from schemas.errors import TransportError
from schemas.reasons import Reason

verbs = typer.Typer(help="Database migrations around a deploy; the books made again.", no_args_is_help=True)


class MigrationLine(TypedDict):
    """One line of `migrate status` and `migrate plan`; `state` is applied, missing or CHANGED."""

    number: int
    name: str
    phase: str
    state: str


class Applied(TypedDict):
    """`migrate up`: the files that were missing, in order."""

    applied: list[str]


class RebuiltBooks(TypedDict):
    """`migrate rebuild`: `different` names the sums that differ; the live books are then kept."""

    records: int
    seconds: float
    held_seconds: float
    different: list[str]
    in_place: bool


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(verbs, name="migrate")


@verb(verbs, "status")
def status() -> None:
    """Show every migration; exit 1 when one is missing or was changed. Example: medcredit migrate status."""
    states = asyncio.run(_states(read_settings()))
    if speaks_json():
        show([_line(state) for state in states])
    else:
        for state in states:
            sys.stdout.write("{state:8} {number:04} {name:24} {phase}\n".format_map(_line(state)))
    sys.exit(0 if all(state.applied and not state.changed for state in states) else 1)


@verb(verbs, "plan")
def plan(*, post: Annotated[bool, typer.Option("--post", help="After the deploy.")] = False) -> None:
    """Show what `up` would apply now, and change nothing. Example: medcredit migrate plan."""
    states = asyncio.run(_states(read_settings()))
    phase = "post" if post else "pre"
    missing = [_line(state) for state in states if not state.applied and state.migration.phase == phase]
    if speaks_json():
        show(missing)
        return
    for line in missing:
        sys.stdout.write("{number:04} {name}\n".format_map(line))
    note(f"{len(missing)} to apply in phase {phase}")


@verb(verbs, "up")
def up(*, post: Annotated[bool, typer.Option("--post", help="After the deploy.")] = False) -> None:
    """Apply what is missing before (or, with --post, after) a deploy. Example: medcredit migrate up."""
    settings = read_settings()
    phases: tuple[Phase, ...] = ("post",) if post else ("pre",)
    with _reachable():
        applied = asyncio.run(migrate(_dsn(settings), phases))
    names = [f"{each.number:04}_{each.name}" for each in applied]
    if speaks_json():
        show({"applied": names})
        return
    for name in names:
        sys.stdout.write(f"OK    {name}\n")
    note(f"{len(names)} applied")


@verb(verbs, "rebuild")
def rebuild(
    *,
    replace_different: Annotated[
        bool, typer.Option("--replace-different", help="Put the rebuilt books in place even when they differ.")
    ] = False,
) -> None:
    """Make the books again from Kafka while traffic goes on. Example: medcredit migrate rebuild.

    Exit 1 when the sums differ; the live books are then kept, and the rebuilt ones wait in the schema books_next.
    """
    from aiokafka.errors import KafkaError  # noqa: PLC0415 - the other verbs need no Kafka client

    from streams.projection.rebuild import rebuild_books  # noqa: PLC0415

    settings = read_settings()
    try:
        with _reachable():
            done = asyncio.run(rebuild_books(settings, keep_different=not replace_different, progress=_say_records))
    except KafkaError as error:
        kafka = {"dependency": f"Kafka at {settings.kafka.bootstrap}"}
        raise TransportError(Reason.DEPENDENCY_UNREACHABLE, kafka) from error
    different = done.comparison.differences
    answer = {"records": done.records, "seconds": round(done.seconds, 1), "held_seconds": round(done.held_seconds, 2)}
    if speaks_json():
        show({**answer, "different": different, "in_place": done.in_place})
    else:
        said = "equal" if not different else f"different: {', '.join(different)}"
        placed = "in place" if done.in_place else "the live books were kept"
        sys.stdout.write(f"{said} · {done.records:,} records in {done.seconds:.1f} s · {placed}\n")
    sys.exit(1 if different else 0)


def _say_records(records: int) -> None:
    note(f"{records:,} records")


@contextmanager
def _reachable() -> Iterator[None]:
    """Turn a server that is away into the answer of every verb (exit 69), one that refuses us into exit 78."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if refused := refusal(error):
            raise refused from error
        if not isinstance(error, UNREACHABLE):
            raise
        raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "PostgreSQL"}) from error


def _dsn(settings: Settings) -> str:
    return settings.postgres.dsn.get_secret_value()


async def _states(settings: Settings) -> tuple[MigrationState, ...]:
    with _reachable():
        connection = await asyncpg.connect(_dsn(settings), timeout=10)
        try:
            return await migration_states(connection)
        finally:
            await connection.close()


def _line(state: MigrationState) -> MigrationLine:
    migration = state.migration
    word = "CHANGED" if state.changed else "applied" if state.applied else "missing"
    return {"number": migration.number, "name": migration.name, "phase": migration.phase, "state": word}

"""What a role asks before it starts: the cluster has the registry's topics, the database our migrations.

What cannot be right until a person changes something is `ConfigurationError` (exit 78), said once and before anything
is read or written. A dependency that is only away is `TransportError` (69), or nothing for a role that waits for it.
"""

import asyncio
from typing import Final, Literal, NamedTuple

import asyncpg

from hub.runtime import bus
from hub.runtime.database import UNREACHABLE, DatabaseRole, refusal
from hub.runtime.logs import get_logger
from hub.runtime.migrations import MigrationState, load_migrations, migration_states, refuse_changed
from hub.runtime.settings import Settings
from schemas.errors import ConfigurationError, TransportError, setting_invalid
from schemas.reasons import Reason

_LOOKS: Final = 5
_LOOK_AGAIN_SECONDS: Final = 1.0
"""Topics made a moment ago are not known to every broker of a cluster at once."""
_PATIENCE_SECONDS: Final = 5.0
_log = get_logger("start")


class Needs(NamedTuple):
    """What one role needs of the stores; every role that needs the database waits for one that is away."""

    waits_for_kafka: bool
    database: DatabaseRole | None = None


RoleName = Literal["edge", "streams", "views", "courier", "projector", "clerk", "web"]
NEEDS: Final[dict[RoleName, Needs]] = {
    "edge": Needs(waits_for_kafka=True),  # senders are told HUB_BUSY meanwhile
    "streams": Needs(waits_for_kafka=False),
    "views": Needs(waits_for_kafka=False),
    "courier": Needs(waits_for_kafka=False),
    "projector": Needs(waits_for_kafka=False, database="writer"),
    "clerk": Needs(waits_for_kafka=True, database="writer"),
    "web": Needs(waits_for_kafka=True, database="reader"),
}


async def check_start(settings: Settings, needs: Needs) -> None:
    """Return when a role with these needs may start; reads only.

    Raises ConfigurationError for topics or migrations that are not as they must be and for a refused user, and
    TransportError for a cluster that does not answer a role that does not wait for it.
    """
    try:
        await _check_topics(settings)
    except TransportError as error:
        if not needs.waits_for_kafka:
            raise
        _say_waiting(error, "MEDCREDIT_KAFKA__BOOTSTRAP")
    if needs.database is not None:
        try:
            await _check_database(settings.postgres.dsn.get_secret_value(), needs.database)
        except UNREACHABLE as error:
            away = TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": f"PostgreSQL ({error or 'silent'})"})
            _say_waiting(away, "MEDCREDIT_POSTGRES__DSN")


def _say_waiting(error: TransportError, setting: str) -> None:
    _log.warning("start_waits", error=str(error), setting=setting)


async def _check_topics(settings: Settings) -> None:
    """Compare names and partition counts; what else differs is `topics check`'s to tell, money is safe with it."""
    found: tuple[bus.TopicMismatch, ...] = ()
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        found = await bus.check_partitions(settings.kafka, settings.topics)
        if not any(each.kind == "missing" for each in found):
            break
    if found:
        first = found[0]
        parameters = {"topic": first.topic, "have": first.have, "want": first.want}
        raise ConfigurationError(Reason.TOPIC_MISMATCH, parameters)


async def _check_database(dsn: str, role: DatabaseRole) -> None:
    try:
        connection = await asyncpg.connect(dsn, timeout=_PATIENCE_SECONDS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if (refused := refusal(error)) is None:
            raise
        raise refused from error
    try:
        await _act_as(connection, role)
        _check_migrations(await migration_states(connection))
    finally:
        await connection.close(timeout=_PATIENCE_SECONDS)


async def _act_as(connection: asyncpg.Connection, role: DatabaseRole) -> None:
    try:
        await connection.execute(f"SET ROLE medcredit_{role}")
    except asyncpg.InvalidParameterValueError as error:  # the first migration makes the roles
        raise ConfigurationError(
            Reason.MIGRATION_PENDING, {"have": "0", "want": str(len(load_migrations()))}
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        fault = f"its user may not act as medcredit_{role}"
        remedy = f"GRANT medcredit_{role} to it, or name another user."
        raise setting_invalid("MEDCREDIT_POSTGRES__DSN", fault, remedy) from error


def _check_migrations(states: tuple[MigrationState, ...]) -> None:
    """A database that is ahead of us is right: the next version's `pre` files come before its deploy."""
    refuse_changed(states)
    if any(not state.applied and state.migration.phase == "pre" for state in states):
        have = sum(state.applied for state in states)
        raise ConfigurationError(Reason.MIGRATION_PENDING, {"have": str(have), "want": str(len(states))})

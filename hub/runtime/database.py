"""Connections to the read model, each acting as one of its three roles (architecture 7).

A connection can do what its role can, whoever logged in: `reader` asks, `writer` copies the ledger, `owner` migrates.
What a reader sees is limited by row level security to the scope it states.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction

from schemas.errors import ConfigurationError, TransportError, setting_invalid
from schemas.reasons import Reason

DatabaseRole = Literal["owner", "writer", "reader"]
Connection = asyncpg.Connection | PoolConnectionProxy
IsolationLevel = Literal["read_committed", "repeatable_read", "serializable"]
BOOKS: str = "books"
"""The schema of the books; the name a rebuilt one takes."""

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,  # the server's last word came between two statements
)
"""What asyncpg raises when the server is away, starting, stopping or failing over: the same work may succeed later."""

_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.exceptions.ClientConfigurationError,
    ssl.SSLCertVerificationError,
)
"""What asyncpg raises for a DSN that will not work until a person changes it, or something at the server."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a reader may see: `*` or codes joined with commas. Both stars together mean everything."""

    institutions: str = ""
    banks: str = ""


EVERYTHING = Scope("*", "*")


def session_settings(role: DatabaseRole, scope: Scope, schema: str = BOOKS) -> dict[str, str]:
    """Return the settings a connection of this role starts with; `RESET ALL` of the pool returns to them."""
    settings = {
        "application_name": f"medcredit-{role}",
        "role": f"medcredit_{role}",
        "search_path": schema,
        "TimeZone": "UTC",
        "medcredit.institutions": scope.institutions,
        "medcredit.banks": scope.banks,
        # A process stopped in the middle of a transaction must not hold its locks against its successor.
        "idle_in_transaction_session_timeout": "10s",
    }
    return {name: value for name, value in settings.items() if value}


async def open_pool(dsn: str, role: DatabaseRole, *, scope: Scope = EVERYTHING, size: int = 8) -> asyncpg.Pool:
    """Return a pool of up to `size` connections of one role and scope, connected when first used.

    The server may be away: asking then raises one of `UNREACHABLE`.
    """
    settings = session_settings(role, scope)
    return await asyncpg.create_pool(
        dsn, min_size=0, max_size=size, command_timeout=30, timeout=5, server_settings=settings
    )


async def connect(
    dsn: str, role: DatabaseRole, *, scope: Scope = EVERYTHING, schema: str = BOOKS, timeout_seconds: float = 5
) -> asyncpg.Connection:
    """Return one connection acting as `role`; raises one of `UNREACHABLE` when the server does not answer."""
    settings = session_settings(role, scope, schema)
    return await asyncpg.connect(dsn, timeout=timeout_seconds, command_timeout=60, server_settings=settings)


@asynccontextmanager
async def transaction(
    connection: Connection, *, isolation: IsolationLevel | None = None, readonly: bool = False
) -> AsyncIterator[None]:
    """Do the work inside in one transaction; a connection lost at any point of it is one of `UNREACHABLE`.

    asyncpg says "the connection is closed" as it says that it was misused, and its own context manager raises what the
    rollback met instead of what the work did. A connection that cannot roll back is ended, which does.
    """
    work = connection.transaction(isolation=isolation, readonly=readonly)
    try:
        await work.start()
        try:
            yield
        except BaseException:
            await _roll_back(work, connection)
            raise
        await work.commit()
    except asyncpg.InterfaceError as error:
        if _is_lost(connection):
            raise asyncpg.ConnectionDoesNotExistError(str(error)) from error
        raise


async def _roll_back(work: Transaction, connection: Connection) -> None:
    try:
        await work.rollback()
    except (*UNREACHABLE, asyncpg.InterfaceError):
        if not _is_lost(connection):
            connection.terminate()


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # its pool has taken it back already
        return True


async def check(dsn: str, timeout_seconds: float = 2) -> None:
    """Return when the server answers; raises `TransportError` otherwise, also when it lets nobody in: for /readyz."""
    try:
        connection = await asyncpg.connect(dsn, timeout=timeout_seconds)
        try:
            await connection.execute("SELECT 1", timeout=timeout_seconds)
        finally:
            await connection.close(timeout=timeout_seconds)
    except (*UNREACHABLE, asyncpg.PostgresError) as error:
        about = {"dependency": f"PostgreSQL ({type(error).__name__})"}
        raise TransportError(Reason.DEPENDENCY_UNREACHABLE, about) from error


def refusal(error: BaseException) -> ConfigurationError | None:
    """Return the refusal of a DSN the server (or its certificate) will never accept; None for any other error.

    The text names neither user, database nor password.
    """
    if not isinstance(error, _REFUSED) and "rejected SSL" not in str(error):
        return None
    remedy = "Correct it, or what the server grants, and start again."
    unknown = isinstance(error, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InvalidCatalogNameError)
    fault = "PostgreSQL refuses its user, password or database" if unknown else str(error)
    return setting_invalid("MEDCREDIT_POSTGRES__DSN", fault, remedy)

"""Connections to the read model, each acting as one of its three roles (architecture 7).

A connection can do what its role can, whoever logged in: `reader` asks, `writer` copies the ledger, `owner` migrates.
What a reader sees is limited by row level security to the scope it states.
"""

import ssl
from dataclasses import dataclass
from typing import Literal

import asyncpg

from schemas.errors import ConfigurationError, TransportError, setting_invalid
from schemas.reasons import Reason

DatabaseRole = Literal["owner", "writer", "reader"]
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


def is_away(error: BaseException, connection: asyncpg.Connection | None = None) -> bool:
    """Say whether `error` means that the server is away, so that the same work may succeed on a new connection."""
    if isinstance(error, asyncpg.InterfaceError):  # also raised for misuse, which must not be tried for ever
        return connection is not None and connection.is_closed()
    return isinstance(error, UNREACHABLE)

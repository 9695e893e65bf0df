"""Dead letters as the desk needs them: with their sealed bytes, and what was decided about each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from hub.cli.output import VerbError
from hub.runtime.database import UNREACHABLE, DatabaseRole, connect
from hub.runtime.settings import Settings
from schemas.errors import HubError, TransportError
from schemas.reasons import Reason, reason_text

_LETTER = """
SELECT id, interface, wire, source, reason, receipt_key, raw_sealed, raw_length, account, command_id, position,
       (SELECT reason FROM desk.dead_letter_drops x WHERE x.id = d.id) AS dropped
FROM dead_letters d WHERE id LIKE $1 || '%' LIMIT 2
"""
_DROP = """
INSERT INTO desk.dead_letter_drops (id, reason, dropped_by, dropped_wall_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING id
"""
_LAST_REPLAY = "SELECT n, command_id FROM desk.dead_letter_replays WHERE id = $1 ORDER BY n DESC LIMIT 1"
_OUTCOMES = "SELECT outcome FROM ledger WHERE command_id = $1 AND outcome <> 'FORWARDED'"
_REPLAY = """
INSERT INTO desk.dead_letter_replays (id, n, command_id, replayed_by, replayed_wall_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""
_PLACE = """
SELECT partition, source_offset FROM ledger
WHERE command_id = $1 AND account = $2 AND source_offset IS NOT NULL ORDER BY seq LIMIT 1
"""
_UNDONE = frozenset({"REFUSED", "PARKED"})


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter of the books. `wire` is the interface its seal is bound to."""

    id: str
    interface: str
    wire: str
    source: str
    reason: str
    receipt_key: str
    raw_sealed: str
    raw_length: int
    account: str
    command_id: str
    position: str
    dropped: str | None


class RefusedByDeskError(HubError):
    """What was asked cannot be done with this letter; nothing was changed."""

    exit_code = 3


class Desk:
    """What people decided about dead letters, in PostgreSQL; a rebuild of the books leaves it alone."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """The connection acts as writer."""
        self._connection: Any = connection

    async def letter(self, key: str) -> Letter:
        """Return the letter with this id, its `DL-` form or its beginning; raises VerbError for none or several."""
        wanted = key.removeprefix("DL-").lower()
        if not (4 <= len(wanted) <= 64 and wanted.isalnum()):
            raise VerbError("USAGE", f"{key} is no id of a dead letter.", exit_code=2, do="medcredit dlq list")
        rows = await self._connection.fetch(_LETTER, wanted)
        if not rows:
            raise VerbError(Reason.NOT_FOUND, f"{key}: {reason_text(Reason.NOT_FOUND, 'en')}", exit_code=4)
        if len(rows) > 1:
            raise VerbError(
                "KEY_AMBIGUOUS", f"Several dead letters begin with {key}.", exit_code=2, do="Give more of it."
            )
        row = dict(rows[0])
        return Letter(**{**row, "wire": row["wire"] or row["interface"]})

    async def drop(self, letter: Letter, reason: str, who: str, wall: int) -> bool:
        """Note that the letter will not be sent again; False when it was dropped before: the first decision stands.

        Raises RefusedByDeskError for a letter that was re-injected: its outcome is in the ledger.
        """
        if await self._connection.fetchrow(_LAST_REPLAY, letter.id) is not None:
            raise RefusedByDeskError(Reason.DEAD_LETTER_CLOSED, {"status": "re-injected"})
        return await self._connection.fetchval(_DROP, letter.id, reason, who, wall) is not None

    async def number(self, letter: Letter) -> int:
        """Return the number of the next re-injection.

        It stays the same while the last one may still be decided, or was accepted: the lane then recognises the repeat.
        Only a re-injection that the ledger shows as refused or parked gives way to the next number.
        """
        last = await self._connection.fetchrow(_LAST_REPLAY, letter.id)
        if last is None:
            return 1
        outcomes = {row["outcome"] for row in await self._connection.fetch(_OUTCOMES, last["command_id"])}
        return int(last["n"]) + (1 if outcomes and outcomes <= _UNDONE else 0)

    async def note_replay(self, letter: Letter, number: int, command_id: str, who: str, wall: int) -> None:
        """Note a re-injection; the same one again changes nothing."""
        await self._connection.execute(_REPLAY, letter.id, number, command_id, who, wall)

    async def place(self, letter: Letter) -> tuple[int, int] | None:
        """Return partition and offset of the command a lane refused, or None for a message no lane has seen."""
        row = await self._connection.fetchrow(_PLACE, letter.command_id, letter.account) if letter.command_id else None
        return (row["partition"], row["source_offset"]) if row else None


@asynccontextmanager
async def open_desk(settings: Settings, role: DatabaseRole = "writer") -> AsyncIterator[Desk]:
    """Yield the desk; raises TransportError when PostgreSQL does not answer."""
    try:
        connection = await connect(settings.postgres.dsn.get_secret_value(), role)
    except UNREACHABLE as error:
        raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "PostgreSQL"}) from error
    try:
        yield Desk(connection)
    except UNREACHABLE as error:
        raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "PostgreSQL"}) from error
    finally:
        await connection.close()

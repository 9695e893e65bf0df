"""One connection that writes batches into the books: rows and positions in one transaction (architecture 7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg

from hub.runtime.database import BOOKS, UNREACHABLE, connect, transaction
from hub.runtime.sections import PROJECTOR_AFTER_COMMIT, PROJECTOR_BEFORE_COMMIT, CriticalSections
from streams.projection.faults import SupersededError
from streams.projection.rows import COLUMNS, Row, Rows
from streams.projection.statements import SQL

RETRIABLE: Final = (
    *UNREACHABLE,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.CheckViolationError,  # the month's partition is missing in books that a rebuild has just put in place
)
"""What the methods of `Books` raise for work that can be done again."""
_LEDGER_AT: Final = COLUMNS["ledger"].index("at")
_LINE_OWNER: Final = itemgetter(
    *(COLUMNS["charge_lines"].index(name) for name in ("institution", "line_key", "account"))
)
_CITY: Final = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Place:
    """A partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where to go on in a partition, and the chain head there (ledger only)."""

    next: int
    chain_head: str = ""


@dataclass(frozen=True, slots=True)
class Advance:
    """A partition's step in one batch: from the stored position to another."""

    place: Place
    expected: int
    to: Position


def city_month(at: int) -> tuple[int, int]:
    """Return year and month, in the city, of an instant in milliseconds."""
    local = datetime.fromtimestamp(at // 1000, _CITY)
    return local.year, local.month


class Books:
    """The books as the projector writes them; a lost connection is opened again by the next call.

    Every method raises one of `hub.runtime.database.UNREACHABLE` when the server is away; then nothing was written, or
    all of it, and the position says which.
    """

    def __init__(self, dsn: str, schema: str = BOOKS, sections: CriticalSections | None = None) -> None:
        """Connect on first use, as the writer, to the books in `schema`."""
        self._sections = sections or CriticalSections()
        self._dsn = dsn
        self._schema = schema
        self._connection: asyncpg.Connection | None = None
        self._months: set[tuple[int, int]] = set()

    async def positions(self, first: Mapping[Place, int]) -> dict[Place, Position]:
        """Return where each place goes on; one that has no position yet gets the one of `first`, which is stored.

        Waits for an open transaction of a predecessor that wrote the same place.
        """
        connection = await self._connected()
        async with transaction(connection):
            for place, offset in first.items():
                await connection.execute(SQL["first_position"], place.topic, place.partition, offset)
            topics, partitions = [place.topic for place in first], [place.partition for place in first]
            rows = await connection.fetch(SQL["positions"], topics, partitions)
        return {Place(row["topic"], row["partition"]): Position(row["next"], row["chain_head"]) for row in rows}

    async def has_reached(self, advances: Iterable[Advance]) -> bool:
        """Say whether the stored positions are those after `advances`: the batch was written before."""
        steps = list(advances)
        stored = await self.positions({step.place: step.expected for step in steps})
        return all(stored[step.place] == step.to for step in steps)

    async def write(self, advances: Iterable[Advance], rows: Rows) -> None:
        """Write one batch and its positions, all or nothing.

        Raises `SupersededError` when a position is not the expected one. Writing a batch twice is impossible for the
        same reason, so after a lost connection the caller may try again and hears which.
        """
        connection = await self._connected()
        try:
            async with transaction(connection):
                await self._advance(connection, advances)
                await self._ensure_months(connection, rows)
                await self._stage(connection, rows)
                for table in COLUMNS:
                    if rows[table]:
                        await connection.execute(SQL[f"fold_{table}"])
                await self._claim_line_keys(connection, rows["charge_lines"])
                await self._sections.reach(PROJECTOR_BEFORE_COMMIT)
            await self._sections.reach(PROJECTOR_AFTER_COMMIT)
        except BaseException:
            self._months.clear()  # what was made in the failed transaction is not there
            raise

    async def close(self) -> None:
        """Close the connection; an open transaction is rolled back. Idempotent."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = None
            self._connection = await connect(self._dsn, "writer", schema=self._schema)
            try:
                await self._connection.execute(SQL["stage_tables"])
            except BaseException:
                await self.close()  # without its staging tables it is of no use to the next call
                raise
        return self._connection

    async def _advance(self, connection: asyncpg.Connection, advances: Iterable[Advance]) -> None:
        for step in sorted(advances, key=lambda each: (each.place.topic, each.place.partition)):
            status = await connection.execute(
                SQL["advance"],
                step.place.topic,
                step.place.partition,
                step.expected,
                step.to.next,
                step.to.chain_head,
            )
            if status != "UPDATE 1":
                where = f"{step.place.topic}[{step.place.partition}]"
                raise SupersededError(
                    f"the position of {where} is not {step.expected} any more: somebody else wrote it"
                )

    async def _ensure_months(self, connection: asyncpg.Connection, rows: Rows) -> None:
        """Make the partitions of the city's months that this connection has not seen yet."""
        first_of_month = {city_month(row[_LEDGER_AT]): row[_LEDGER_AT] for row in rows["ledger"]}
        for month, at in first_of_month.items():
            if month not in self._months:
                for table in ("ledger", "journal"):
                    await connection.execute(SQL["ensure_month"], table, at)
                self._months.add(month)

    async def _claim_line_keys(self, connection: asyncpg.Connection, lines: Iterable[Row]) -> None:
        """Note who booked each line key first; look for contradictions only when a key was claimed before."""
        owners = {owner for owner in map(_LINE_OWNER, lines) if owner[1]}
        if not owners:
            return
        claimed = int((await connection.execute(SQL["claim_line_keys"])).removeprefix("INSERT 0 "))
        if claimed < len(owners):
            await connection.execute(SQL["note_contested_line_keys"])

    async def _stage(self, connection: asyncpg.Connection, rows: Rows) -> None:
        for table, staged in rows.items():
            if staged:
                await connection.copy_records_to_table(f"staged_{table}", records=staged, columns=COLUMNS[table])

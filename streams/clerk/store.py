"""The clerk's side of PostgreSQL: one connection as writer; the books are read, `clearing` is written."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, Final

import asyncpg

from hub.clearing.batches import Item
from hub.clearing.books import Book, Entry
from hub.clearing.day_books import MEASURES, Agreement, DayBooks
from hub.clearing.matching import Comparison
from hub.runtime.database import connect, transaction
from schemas.commands import CloseDay, OpenAdvance
from streams.clerk.documents import differences_json
from streams.statements import load_statements

SQL: Final = load_statements("streams.clerk")
_PREFETCH: Final = 500
Row = Mapping[str, Any]


class ClearingStore:
    """Everything the clerk asks and keeps; what is written twice is written once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def close(self) -> None:
        """End the connection. Idempotent."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield the connection inside a transaction."""
        connection = await self._connected()
        async with transaction(connection):
            yield connection

    async def rows(self, name: str, *arguments: object) -> Sequence[Row]:
        """Return the rows of a named question."""
        found: list[Any] = await (await self._connected()).fetch(SQL[name], *arguments)
        return found

    async def value(self, name: str, *arguments: object) -> Any:
        """Return the first value of a named question, or None."""
        return await (await self._connected()).fetchval(SQL[name], *arguments)

    async def run(self, name: str, *arguments: object) -> None:
        """Carry out a named statement."""
        await (await self._connected()).execute(SQL[name], *arguments)

    async def records(self, begin: int, end: int) -> AsyncIterator[tuple[int, str]]:
        """Yield (partition, record) of every ledger record of a time, in the order of each partition."""
        async with self.transaction() as connection:
            async for row in connection.cursor(SQL["records"], begin, end, prefetch=_PREFETCH):
                yield row["partition"], row["record"]

    async def agreements(self, identifiers: Collection[str]) -> dict[str, Agreement]:
        """Return who funds these agreements, as far as they were signed on closed days."""
        rows = await self.rows("agreements", list(identifiers))
        return {row["agreement"]: Agreement(row["agreement"], row["bank"], row["pack"]) for row in rows}

    async def save_close(
        self,
        day: date,
        close: CloseDay,
        books: DayBooks,
        known: Mapping[str, Agreement],
        batches: Sequence[tuple[str, OpenAdvance, Sequence[Item]]],
        closed_at: int,
    ) -> bool:
        """Keep a closed day, whole or not at all; False when it was closed before: then nothing is written."""
        async with self.transaction() as connection:
            totals = (close.records, close.credit_fen, close.returned_fen, close.repaid_fen)
            arguments = (day, close.root, *totals, close.key_id, close.signature, closed_at)
            if await connection.fetchval(SQL["close"], *arguments) is None:
                return False
            await _save_books(connection, day, books, known)
            await _save_batches(connection, day, batches)
            return True

    async def save_book(self, day: date, book: Book, sm3: str, wall_at: int) -> None:
        """Keep a file's rows in the place of those it had."""
        async with self.transaction() as connection:
            await connection.execute(
                SQL["save_file"], day, book.name, "read", "", len(book.entries), book.total_fen, sm3, wall_at
            )
            await connection.execute(SQL["drop_entries"], day, book.name)
            await _save_entries(connection, day, [(book.name, entry) for entry in book.entries])

    async def refuse_file(self, day: date, book: str, fault: str, wall_at: int) -> None:
        """Note that a file could not be used, and why."""
        await self.run("save_file", day, book, "refused", fault, 0, 0, "", wall_at)

    async def entries(self, book: str, day: date) -> dict[date, tuple[Entry, ...]]:
        """Return a book's entries of a day and its two neighbours, by day."""
        found: dict[date, list[Entry]] = {}
        for row in await self.rows("entries", book, day):
            entry = Entry(row["kind"], row["key"], row["amount_fen"], row["at"], row["trade_no"])
            found.setdefault(row["day"], []).append(entry)
        return {each: tuple(entries) for each, entries in found.items()}

    async def save_comparison(
        self, day: date, comparison: Comparison, scope: tuple[str, str], wall_at: int, *, final: bool
    ) -> None:
        """Keep how two books of a day compare; a later look takes its place."""
        c = comparison
        await self.run(
            "save_reconciliation",
            *(day, c.theirs, *scope, c.ours_fen, c.theirs_fen, c.matched, c.proven, c.complete, final),
            *(differences_json(c), wall_at),
        )

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, "writer")
        return self._connection


async def _save_books(
    connection: asyncpg.Connection, day: date, books: DayBooks, known: Mapping[str, Agreement]
) -> None:
    parts = [
        (day, each.partition, len(each.hashes), each.head, each.content().decode())
        for each in books.partitions.values()
    ]
    await _insert(connection, "day_partitions", parts)
    rows = [(day, scope, key, *(sums[name] for name in MEASURES)) for (scope, key), sums in books.rows(known).items()]
    await _insert(connection, "daily_credit", rows)
    debits = [(day, channel, outcome, count) for (channel, outcome), count in books.debits.items()]
    await _insert(connection, "daily_debits", debits)
    await _insert(connection, "agreements", list(books.signed.values()))
    await _save_entries(connection, day, [(f"hub:{channel}", entry) for channel, entry in books.entries])


async def _save_entries(connection: asyncpg.Connection, day: date, entries: Sequence[tuple[str, Entry]]) -> None:
    numbers: dict[str, int] = {}
    rows = []
    for book, entry in entries:
        numbers[book] = number = numbers.get(book, 0) + 1
        rows.append((day, book, number, entry.kind, entry.key, entry.amount_fen, entry.at, entry.trade_no))
    await _insert(connection, "entries", rows)


async def _save_batches(
    connection: asyncpg.Connection, day: date, batches: Sequence[tuple[str, OpenAdvance, Sequence[Item]]]
) -> None:
    for batch, body, items in batches:
        totals = (body.items, body.credit_fen, body.returned_fen, body.items_sm3)
        await _insert(connection, "batches", [(batch, day, body.institution, body.bank, *totals)])
        rows = [(batch, n, i.kind, i.reference, i.amount_fen, i.at) for n, i in enumerate(items, start=1)]
        await _insert(connection, "batch_items", rows)


async def _insert(connection: asyncpg.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows; not by COPY, which row level security forbids."""
    if rows:
        await connection.executemany(SQL[f"insert_{table}"], rows)

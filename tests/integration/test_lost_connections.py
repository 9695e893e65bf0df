"""A connection to PostgreSQL lost behind any of its answers: one kind of error, and repeated work is done once."""

from collections.abc import Awaitable, Callable
from datetime import date
from itertools import count

import pytest
from ledger_samples import LedgerWriter
from postgres_front import Front

from hub.runtime.database import UNREACHABLE, Scope, connect, open_pool
from hub.runtime.migrations import migrate
from hub.web.books.reading import reading
from streams.clerk.store import ClearingStore
from streams.projection.books import Advance, Books, Place, Position
from streams.projection.rows import Rows, add_ledger_record, new_rows

_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mshutting down\0\0"
LAST_WORD = b"E" + (len(_FIELDS) + 4).to_bytes(4, "big") + _FIELDS
"""An ErrorResponse (message formats of the protocol, 55.7) as an ending server sends it before it closes."""
PLACE = Place("ledger", 0)
STEPS = [Advance(PLACE, 0, Position(3))]


class LosingFront(Front):
    """Loses the first connection behind its n-th answer: cut there, or with the server's last word after it."""

    def __init__(self, dsn: str, answers: int, last_word: bytes) -> None:
        super().__init__(dsn)
        self._left = answers
        self._last_word = last_word
        self.lost = False

    def said(self, data: bytes) -> bytes:
        """Pass the answers on; then the last word, after which the server stays open, or nothing."""
        self._left -= 1
        if self._left != 0:
            return data
        self.lost = True
        return data + self._last_word if self._last_word else b""


def batch() -> Rows:
    """Three ledger records, in rows."""
    writer, rows = LedgerWriter(0, accounts=1), new_rows()
    for offset in range(3):
        add_ledger_record(rows, 0, offset, writer.record()[1])
    return rows


async def lost_while_written(books: Books) -> int:
    """Write the batch as the projector does; return how often the connection was lost."""
    rows, lost = batch(), 0
    while lost < 3:
        try:
            await books.positions({PLACE: 0})
            if not (lost and await books.has_reached(STEPS)):
                await books.write(STEPS, rows)
        except UNREACHABLE:
            lost += 1
        else:
            break
    await books.close()
    return lost


LAST_WORDS = pytest.mark.parametrize("last_word", [b"", LAST_WORD], ids=["cut", "last word"])


async def read(dsn: str) -> None:
    """Ask as the page does: a snapshot under a scope."""
    pool = await open_pool(dsn, "reader")
    try:
        async with reading(pool, Scope("4401", "*")) as connection:
            await connection.fetch("SELECT account FROM persons WHERE account = $1", "A1")
            await connection.fetchval("SELECT count(*) FROM bills")
    finally:
        pool.terminate()


async def keep(dsn: str) -> None:
    """Ask and write as the clerk does."""
    store = ClearingStore(dsn)
    try:
        assert [each async for each in store.records(0, 1)] == []
        await store.refuse_file(date(2026, 7, 1), "icbc", "no file", 0)
    finally:
        await store.close()


@LAST_WORDS
@pytest.mark.parametrize("work", [read, keep])
async def test_who_asks_hears_one_kind_of_error(
    database: str, last_word: bytes, work: Callable[[str], Awaitable[None]]
):
    """The page then answers 503, the clerk waits: wherever in the work the server ended."""
    await migrate(database)
    losses = 0
    for answers in count(1):
        front = LosingFront(database, answers, last_word)
        server = await front.serve()
        try:
            await work(front.dsn())
        except UNREACHABLE:
            losses += 1
        finally:
            server.close()
        if not front.lost:
            break
    assert losses > 8


@LAST_WORDS
async def test_a_batch_is_written_once_wherever_the_connection_is_lost(database: str, last_word: bytes):
    """Behind every answer of connecting, asking and writing in turn, until the last one is behind us."""
    await migrate(database)
    hand = await connect(database, "owner")
    losses = 0
    for answers in count(1):
        front = LosingFront(database, answers, last_word)
        server = await front.serve()
        lost = await lost_while_written(Books(front.dsn()))
        server.close()
        assert lost <= front.lost, answers  # a last word behind the last answer is heard by nobody
        losses += lost
        assert await hand.fetchval("SELECT count(*) FROM ledger") == 3
        assert await hand.fetchval("SELECT next FROM offsets") == 3
        await hand.execute("TRUNCATE ledger, offsets, line_keys")
        if not front.lost:
            break
    await hand.close()
    assert losses > 30

"""The books of closed days against the other side's (domain 11): fetched, kept, compared, looked at again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Final, TypeVar

from hub.clearing.books import Book, Entry, next_day, previous_day
from hub.clearing.matching import Comparison, Neighbours, compare
from hub.runtime import metrics
from hub.runtime.bill_files import BillFileError
from hub.runtime.clock import Clock
from hub.runtime.logs import get_logger
from schemas.city_time import city_date, day_start
from schemas.commands import Command, RecordAdvanceWord, RecordBankCollection
from schemas.errors import TransportError
from streams.clerk.files import BookSource, ConfirmationSource
from streams.clerk.orders import Orders
from streams.clerk.store import ClearingStore

FILES_AFTER_MS: Final = 9 * 3_600_000
"""Files of a day are asked for from nine in the morning of the next."""
BUDGET_SECONDS: Final = 30.0
"""So long the fewest entries of a difference are searched for."""
_AGAIN_SECONDS: Final = 5.0
T = TypeVar("T")
Send = Callable[[Command], Awaitable[None]]
_log = get_logger("clerk")


class Comparer:
    """Fetches what the other sides say of closed days and compares it with our books."""

    def __init__(
        self,
        store: ClearingStore,
        orders: Orders,
        clock: Clock,
        sources: Callable[[], Sequence[BookSource]],
        banks: Callable[[], Sequence[ConfirmationSource]],
    ) -> None:
        """`sources` and `banks` are asked at each look: a folder may have got a first file of another institution."""
        self._store = store
        self._orders = orders
        self._clock = clock
        self._sources = sources
        self._banks = banks
        self._not_before: dict[tuple[str, date], float] = {}

    async def look(self, send: Send) -> int:
        """Fetch and compare the next file of each source that has one by now; return how many files were read.

        A backlog of files takes many looks, so that the calendar is never kept waiting by it.
        """
        count = 0
        for source in self._sources():
            for day in await self._days(source.name):
                if await self._book(source, day):
                    count += 1
                    break
        for bank in self._banks():
            for day in await self._days(f"bank:{bank.bank}"):
                if await self._confirmation(bank, day, send):
                    count += 1
                    break
        return count

    async def _days(self, book: str) -> list[date]:
        """Return the closed days of which a file is to be asked for now."""
        now = self._clock.city()
        rows = await self._store.rows("days_without_file", book, city_date(now))
        return [row["day"] for row in rows if self._is_time(book, row["day"], now)]

    def _is_time(self, book: str, day: date, now: int) -> bool:
        ready = now >= day_start(next_day(day)) + FILES_AFTER_MS
        return ready and time.monotonic() >= self._not_before.get((book, day), 0.0)

    async def _book(self, source: BookSource, day: date) -> int:
        fetched = await self._fetched(source.name, day, source.fetch)
        if fetched is None:
            return 0
        book, sm3 = fetched
        metrics.CLERK_FILES.labels(source.name, "read").inc()
        await self._store.save_book(day, book._replace(name=source.name), sm3, self._clock.wall())
        await self.compare_day(source.name, day)
        before = previous_day(day)
        if await self._store.value("file_is_read", before, source.name):
            await self.compare_day(source.name, before)
        return 1

    async def compare_day(self, name: str, day: date) -> None:
        """Compare our book of a day with the one that was read, and keep what comes of it."""
        final = bool(await self._store.value("file_is_read", next_day(day), name))
        institution = name.removeprefix("HIS@") if name.startswith("HIS@") else ""
        ours, theirs, around = await (self._lines(institution, day) if institution else self._channel(name, day))
        found = await _compared(ours, theirs, around)
        await self._store.save_comparison(day, found, (institution, ""), self._clock.wall(), final=final)

    async def _channel(self, name: str, day: date) -> tuple[Book, Book, Neighbours]:
        ours, theirs = await self._store.entries(f"hub:{name}", day), await self._store.entries(name, day)
        mine = ours.get(day, ())
        alone = {entry.key for entry in theirs.get(day, ())} - {entry.key for entry in mine}
        pending = [
            Entry("payment", row["order_no"], row["amount_fen"], row["started_at"], open=True)
            for row in await self._store.rows("known_orders", list(alone))
        ]
        around = Neighbours(_beside(theirs, day), _beside(ours, day))
        return Book(f"hub:{name}", (*mine, *pending)), Book(name, theirs.get(day, ())), around

    async def _lines(self, institution: str, day: date) -> tuple[Book, Book, Neighbours]:
        name = f"HIS@{institution}"
        days = (previous_day(day), day, next_day(day))
        ours = {each: await self._lines_of(institution, each) for each in days}
        theirs = await self._store.entries(name, day)
        around = Neighbours(_beside(theirs, day), _beside(ours, day))
        rows = theirs.get(day, ())
        stated = None if rows else await self._store.value("stated_total", day, name)
        return Book(f"hub:{name}", ours[day]), Book(name, rows, stated), around

    async def _lines_of(self, institution: str, day: date) -> tuple[Entry, ...]:
        rows = await self._store.rows("institution_lines", institution, day_start(day), day_start(next_day(day)))
        return tuple(
            Entry(row["kind"], row["line_key"], row["amount_fen"] * (-1 if row["kind"] == "credit" else 1), row["at"])
            for row in rows
        )

    async def _confirmation(self, source: ConfirmationSource, day: date, send: Send) -> int:
        """Book the bank's words and collections, then compare its batches with ours.

        A collection for a bill that is nobody's here cannot be booked: it stays in the bank's book as a difference.
        """
        name = f"bank:{source.bank}"
        fetched = await self._fetched(name, day, source.fetch)
        if fetched is None:
            return 0
        confirmation, sm3 = fetched
        batches = await self._store.rows("bank_batches", source.bank, day)
        pairs = {row["batch"]: (row["institution"], source.bank) for row in batches}
        for word in confirmation.words:
            if word.batch in pairs:
                body = RecordAdvanceWord(self._clock.city(), word.batch, word.paid, word.amount_fen, word.serial)
                await send(self._orders.word(day.isoformat(), pairs[word.batch], body))
                await self._store.run("settle_batch", word.batch, "confirmed" if word.paid else "refused", word.serial)
        at, strangers = day_start(next_day(day)), []
        for each in confirmation.collections:
            said = (each.bill, each.amount_fen, each.fee_fen, each.serial)
            collected = RecordBankCollection(each.at, *said, source.bank)
            command = self._orders.collection(source.bank, day.isoformat(), collected)
            if command is not None:
                await send(command)
            else:
                strangers.append(Entry("payment", each.bill, each.amount_fen + each.fee_fen, at, each.serial))
        ours = Book(name, tuple(Entry("advance", row["batch"], row["amount_fen"], at) for row in batches))
        theirs = tuple(Entry("advance", w.batch, w.amount_fen, at, w.serial) for w in confirmation.words if w.paid)
        theirs += tuple(strangers)
        await self._store.save_book(day, Book(name, theirs), sm3, self._clock.wall())
        found = await _compared(ours, Book(name, theirs), Neighbours())
        await self._store.save_comparison(day, found, ("", source.bank), self._clock.wall(), final=True)
        return 1

    async def _fetched(self, name: str, day: date, fetch: Callable[[date], Awaitable[T | None]]) -> T | None:
        """Return what a source gives, or None when it is not there, cannot be read, or does not answer."""
        self._not_before[name, day] = time.monotonic() + _AGAIN_SECONDS
        try:
            return await fetch(day)
        except BillFileError as error:
            metrics.CLERK_FILES.labels(name, "refused").inc()
            _log.warning("bill_file_refused", book=name, reason=error.reason, text=str(error))
            await self._store.refuse_file(day, name, str(error), self._clock.wall())
        except TransportError as error:
            _log.warning("bill_file_not_there", book=name, reason=error.reason)
        return None


async def _compared(ours: Book, theirs: Book, around: Neighbours) -> Comparison:
    """Compare in a thread: a search may take its whole budget, and the clerk's calendar must go on."""
    until = time.monotonic() + BUDGET_SECONDS
    return await asyncio.to_thread(compare, ours, theirs, around, expired=lambda: time.monotonic() > until)


def _beside(entries: Mapping[date, Sequence[Entry]], day: date) -> frozenset[tuple[str, str]]:
    """Return the places of the entries of the neighbouring days."""
    return frozenset(entry.place for each, rows in entries.items() if each != day for entry in rows)

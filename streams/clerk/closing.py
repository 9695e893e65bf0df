"""A day closes: read from the books, added up, signed, kept, and said in the ledger (domain 11, architecture 12)."""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import msgspec

from hub.clearing.batches import by_pair, opened
from hub.clearing.books import next_day
from hub.clearing.day_books import DayBooks, close_text
from hub.clearing.settlement_file import BatchTotals, detail_lines, settlement_file
from hub.domain.advances import batch_id
from hub.runtime.sections import CriticalSections
from schemas.city_time import day_start
from schemas.commands import CloseDay, Command, OpenAdvance
from schemas.events import AdvanceOpened
from schemas.ledger import LedgerRecord
from streams.clerk.orders import Orders, advance_id
from streams.clerk.store import ClearingStore, Row

AFTER_CLOSE_BEFORE_ANNOUNCING = "clerk_after_close_before_announcing"
_BREATH_RECORDS = 500
_records = msgspec.json.Decoder(LedgerRecord)


class Signature(NamedTuple):
    """An SM2 signature as hex of r ‖ s, and the key it is by."""

    key_id: str
    hex: str


Sign = Callable[[bytes], Signature]


class DayCloser:
    """Closes days one after the other; every step can be done again, by this clerk or another."""

    def __init__(
        self,
        store: ClearingStore,
        orders: Orders,
        sign: Sign,
        institution_funded: frozenset[str],
        partitions: int,
        sections: CriticalSections,
    ) -> None:
        """`institution_funded` are the packs without advances; `partitions` is the ledger's count."""
        self._store = store
        self._orders = orders
        self._sign = sign
        self._institution_funded = institution_funded
        self._partitions = partitions
        self._sections = sections

    async def close(self, day: date, closed_at: int) -> bool:
        """Close a day whose books are whole; False when another clerk did it before."""
        books = await self._read(day)
        known = await self._store.agreements(books.unresolved())
        items = books.items(known, self._institution_funded)
        pairs = by_pair(items)
        text = day.isoformat()
        batches = [(batch_id(text, *pair), body, pairs[pair]) for pair, body in opened(text, items).items()]
        closed = await self._store.save_close(day, self._signed(text, books), books, known, batches, closed_at)
        if closed:
            await self._sections.reach(AFTER_CLOSE_BEFORE_ANNOUNCING)
        return closed

    async def announcements(self) -> list[tuple[date, list[Command]]]:
        """Return the commands of every closed day that are not known to be in the ledger, oldest day first."""
        found = []
        for row in await self._store.rows("unannounced"):
            close = CloseDay(**{**row, "day": row["day"].isoformat()})
            batches = await self._store.rows("batches_of_day", row["day"])
            advances = [self._orders.advance(_advance(batch)) for batch in batches]
            found.append((row["day"], [self._orders.close(close), *advances]))
        return found

    async def open_batches(self) -> int:
        """Write the settlement file of every batch that the ledger has meanwhile opened; return how many."""
        waiting = await self._store.rows("waiting_batches")
        ids = [advance_id(row["day"].isoformat(), row["institution"], row["bank"]) for row in waiting]
        count = 0
        for row in await self._store.rows("outcomes", ids) if ids else ():
            record = _records.decode(row["record"])
            for event in record.events:
                if isinstance(event, AdvanceOpened):
                    await self._open(event)
                    count += 1
        return count

    async def _read(self, day: date) -> DayBooks:
        heads = dict.fromkeys(range(self._partitions), "")
        heads.update({row["partition"]: row["head"] for row in await self._store.rows("heads", day)})
        books = DayBooks(heads)
        count = 0
        async for partition, record in self._store.records(day_start(day), day_start(next_day(day))):
            books.add(partition, _records.decode(record))
            count += 1
            if not count % _BREATH_RECORDS:
                await asyncio.sleep(0)
        return books

    def _signed(self, day: str, books: DayBooks) -> CloseDay:
        root, records = books.root(), books.records
        credit, returned, repaid = (books.total(name) for name in ("credit_fen", "returned_fen", "repaid_fen"))
        signature = self._sign(close_text(day, root, (records, credit, returned, repaid)))
        return CloseDay(day, root, records, credit, returned, repaid, signature.key_id, signature.hex)

    async def _open(self, event: AdvanceOpened) -> None:
        items = await self._store.rows("batch_items", event.batch)
        lines = detail_lines((each["kind"], each["reference"], each["amount_fen"], each["at"]) for each in items)
        totals = BatchTotals(
            event.batch,
            event.institution,
            event.bank,
            event.day,
            event.credit_fen,
            event.returned_fen,
            event.carried_fen,
            event.amount_fen,
        )
        text = settlement_file(totals, lines)
        await self._store.run("open_batch", event.batch, event.carried_fen, event.amount_fen, event.carry_fen, text)


def _advance(row: Row) -> OpenAdvance:
    return OpenAdvance(
        row["day"].isoformat(),
        row["institution"],
        row["bank"],
        row["items"],
        row["credit_fen"],
        row["returned_fen"],
        row["items_sm3"],
    )

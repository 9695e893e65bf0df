"""What a book holds of one day, whoever keeps it: the hub, an institution, a payment channel, a bank (domain 11)."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from schemas.city_time import day_start
from schemas.commands import Instant

EntryKind = Literal["payment", "refund", "charge", "credit", "advance"]
_DAY: Final = timedelta(days=1)


class Entry(NamedTuple):
    """One row of a book. `key` is the number both sides know it by: order, refund request, line key, batch.

    `amount_fen` is signed: payments and charges are positive, refunds and credits negative. `open` marks an entry of
    ours whose end we do not know yet.
    """

    kind: EntryKind
    key: str
    amount_fen: int
    at: Instant
    trade_no: str = ""
    open: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """Return what it is matched by."""
        return self.kind, self.key


class Book(NamedTuple):
    """The rows of one book for one day. `stated_fen` is its own total where it names no rows."""

    name: str
    entries: tuple[Entry, ...]
    stated_fen: int | None = None

    @property
    def total_fen(self) -> int:
        """Return the book's total: as stated, else the sum of its rows that are no open ones."""
        if self.stated_fen is not None:
            return self.stated_fen
        return sum(entry.amount_fen for entry in self.entries if not entry.open)


def next_day(day: date) -> date:
    """Return the day after."""
    return day + _DAY


def previous_day(day: date) -> date:
    """Return the day before."""
    return day - _DAY


def of_day(entries: Iterable[Entry], day: date) -> tuple[Entry, ...]:
    """Return the entries of a city day, in their order."""
    begin, end = day_start(day), day_start(next_day(day))
    return tuple(entry for entry in entries if begin <= entry.at < end)

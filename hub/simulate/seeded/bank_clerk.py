"""The clerk of the simulated city: after each midnight it closes the day and opens what banks advance; banks answer.

The day's books are those of `hub.clearing`; `streams.funding_invariants` judges the batches from the ledger alone.
"""

from collections import defaultdict
from datetime import date
from typing import Final

from hub.clearing.batches import opened
from hub.clearing.books import next_day
from hub.clearing.day_books import Agreement, DayBooks
from hub.domain.advances import batch_id
from hub.simulate.seeded.citizens import CITY_KEY
from hub.simulate.seeded.fates import Fates
from schemas.city_time import HOUR_MS, city_date, day_start
from schemas.commands import Body, CloseDay, Command, Instant, OpenAdvance, RecordAdvanceWord, Tick
from schemas.ids import account_id, sm3_hex
from schemas.ledger import LedgerRecord

SOURCE: Final = "CLERK"
CALENDAR: Final = account_id(CITY_KEY, "feed", "clerk|calendar")
TICKED: Final = account_id(CITY_KEY, "feed", "clerk|tick|0")
_AFTER_MS: Final = 5 * 60_000
"""A day is closed a little after it is over."""
_WORDS: Final[list[tuple[int, str]]] = [
    (76, "paid"),
    (10, "refused, then paid"),
    (8, "another sum, then paid"),
    (6, ""),
]
"""What a bank says to a batch; the last: nothing."""
Sent = list[tuple[Instant, Command]]


class BankClerk:
    """Reads the ledger as it grows; speaks once a day."""

    def __init__(self, fates: Fates, institution_funded: frozenset[str], start: Instant) -> None:
        self._fates = fates
        self._institution_funded = institution_funded
        self._books: dict[date, DayBooks] = defaultdict(lambda: DayBooks({0: ""}))
        self._known: dict[str, Agreement] = {}
        self._day = city_date(start)
        self._carried: dict[tuple[str, str], int] = {}

    @property
    def next_at(self) -> Instant:
        """Return when the next day is closed."""
        return day_start(next_day(self._day)) + _AFTER_MS

    def saw(self, record: LedgerRecord) -> None:
        """Note one record of the ledger; what the clerk itself says makes no day worth closing."""
        if record.sender == SOURCE:
            return
        self._books[city_date(record.now)].add(0, record)

    def close(self, at: Instant) -> Sent:
        """Return the commands about the day that is over and the banks' later words; none for an idle day."""
        day, books = self._day.isoformat(), self._books.pop(self._day, None)
        self._day = next_day(self._day)
        if books is None:
            return []
        batches = opened(day, books.items(self._known, self._institution_funded))
        self._known |= books.signed
        credit, returned, repaid = (books.total(name) for name in ("credit_fen", "returned_fen", "repaid_fen"))
        root = sm3_hex(f"{day}|{books.records}|{credit}|{returned}|{repaid}".encode())
        close = CloseDay(day, root, books.records, credit, returned, repaid, "city", "")
        sent = [
            self._command(TICKED, Tick(day), at, f"tick {day}"),
            self._command(CALENDAR, close, at, f"close {day}"),
        ]
        for body in batches.values():
            sent.append(self._command(_pair(body), body, at, f"advance {day} {body.institution} {body.bank}"))
            sent += self._words(body, at)
        return sent

    def _words(self, body: OpenAdvance, at: Instant) -> Sent:
        """Return what the bank says: it pays what the batch comes to, which it works out by itself."""
        pair, batch = (body.institution, body.bank), batch_id(body.day, body.institution, body.bank)
        left = self._carried.get(pair, 0) + body.credit_fen - body.returned_fen
        self._carried[pair] = min(0, left)
        said = self._fates.choose(f"bank {batch}", _WORDS)
        later, amount, sent = at + 9 * HOUR_MS, max(0, left), []
        if said.startswith("refused"):
            sent.append(self._word(body, RecordAdvanceWord(later, batch, False, 0, "W0", "limit"), later))  # noqa: FBT003
        if said.startswith("another"):
            sent.append(self._word(body, RecordAdvanceWord(later, batch, True, amount + 1, "W1"), later))  # noqa: FBT003
        if said:
            paid = RecordAdvanceWord(later + HOUR_MS, batch, True, amount, "W2")  # noqa: FBT003
            sent.append(self._word(body, paid, later + HOUR_MS))
        return sent

    def _word(self, body: OpenAdvance, word: RecordAdvanceWord, at: Instant) -> tuple[Instant, Command]:
        return self._command(_pair(body), word, at, f"word {word.batch} {word.serial}")

    def _command(self, account: str, body: Body, at: Instant, name: str) -> tuple[Instant, Command]:
        return at, Command(name, account, at, at, SOURCE, "clerk", name, body)


def _pair(body: OpenAdvance) -> str:
    return account_id(CITY_KEY, "feed", f"advance|{body.institution}|{body.bank}")

"""The one-year loan prime rate by date, and the cap on penalty plus interest that follows from it (domain 10).

A period across a change counts day by day: each day at the rate in force on it, the sum rounded down once, to fen.
"""

import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from hub.policies.clauses import Bank
from hub.policies.errors import PackError

LPR_FILE: Final = Path(__file__).parent / "lpr.toml"
DAYS_A_YEAR: Final = 365
BASIS_POINTS: Final = 10_000


class Rate(NamedTuple):
    """A rate in basis points, in force from a city day until the next rate."""

    from_day: int
    """`date.toordinal()`."""
    bp: int


class LprTable(NamedTuple):
    """All rates, ascending by day, and who publishes them."""

    rates: tuple[Rate, ...]
    source: str

    def rate_on(self, day: date) -> int:
        """Return the rate of a city day in basis points. Raises ValueError before the table begins."""
        place = bisect_right(self.rates, day.toordinal(), key=lambda rate: rate.from_day)
        if not place:
            raise ValueError(f"the LPR table begins after {day.isoformat()}")
        return self.rates[place - 1].bp

    def spans(self, first: date, days: int) -> Iterator[tuple[int, int]]:
        """Yield (days, basis points) of a period's parts: `days` city days from `first` on, split at each change."""
        begin, end = first.toordinal(), first.toordinal() + days
        while begin < end:
            change = next((rate.from_day for rate in self.rates if rate.from_day > begin), end)
            until = min(change, end)
            yield until - begin, self.rate_on(date.fromordinal(begin))
            begin = until


def cap_fen(bank: Bank, lpr: LprTable, principal_fen: int, first: date, days: int) -> int:
    """Return the most that penalty and interest together may come to on a principal, in fen, rounded down.

    `floor(principal × cap × Σ(days × LPR) / 365)`; the days are those after the free ones, from `first` on.
    """
    weighted = sum(length * bp for length, bp in lpr.spans(first, days))
    return principal_fen * bank.cap_numerator * weighted // (bank.cap_denominator * BASIS_POINTS * DAYS_A_YEAR)


def read_lpr(path: Path) -> LprTable:
    """Return the table of a file. Raises PackError where it is unreadable or its days do not ascend."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        rates = tuple(Rate(rate["from"].toordinal(), rate["bp"]) for rate in content["rates"])
        table = LprTable(rates, content["source"])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, AttributeError, TypeError) as error:
        raise PackError("PACK_UNREADABLE", path.name, "rates", repr(error)) from error
    days = [rate.from_day for rate in rates]
    if not days or sorted(set(days)) != days or not all(isinstance(bp, int) and bp > 0 for _, bp in rates):
        raise PackError("PACK_DATES", path.name, "rates", "days must ascend, and every rate be above 0")
    return table


@cache
def shipped_lpr() -> LprTable:
    """Return the table that ships with the hub."""
    return read_lpr(LPR_FILE)

"""Arithmetic of city time: Asia/Shanghai is eight hours ahead of UTC all year (domain 2)."""

from datetime import date, timedelta, timezone
from typing import Final

from schemas.commands import Instant

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
_OFFSET_MS: Final = 8 * HOUR_MS
CITY: Final = timezone(timedelta(hours=8))
"""For texts of clocks without an offset."""
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def city_hour(at: Instant) -> Instant:
    """Return the start of the city hour of an instant."""
    return at - at % HOUR_MS


def city_midnight(at: Instant) -> Instant:
    """Return 00:00 of the city day of an instant."""
    return at - (at + _OFFSET_MS) % DAY_MS


def at_hour(at: Instant, days_later: int, hour: int) -> Instant:
    """Return an hour of the n-th city day after that of an instant."""
    return city_midnight(at) + days_later * DAY_MS + hour * HOUR_MS


def city_date(at: Instant) -> date:
    """Return the city's date at an instant."""
    return date.fromordinal(_EPOCH_DAY + (at + _OFFSET_MS) // DAY_MS)


def day_start(day: date) -> Instant:
    """Return 00:00 of a city day."""
    return (day.toordinal() - _EPOCH_DAY) * DAY_MS - _OFFSET_MS

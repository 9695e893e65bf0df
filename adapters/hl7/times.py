"""HL7 time stamps: `YYYYMMDD[HH[MM[SS[.S…]]]][+ZZZZ]` to milliseconds since the Unix epoch, UTC (protocols 0, time)."""

import re
from datetime import date, timedelta, timezone
from functools import lru_cache
from typing import Final

_STAMP: Final = re.compile(r"(\d{8})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,4}))?)?)?)?([+-]\d{4})?", re.ASCII)
YEAR_MIN: Final = 2000
AHEAD_MAX_MS: Final = 24 * 3600 * 1000
"""A time further ahead of the hub's clock is refused (row 37)."""
_DAY_MS: Final = 24 * 3600 * 1000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=4096)
def instant(text: str, offset: timezone | None) -> int | None:
    """Return the instant of a time stamp, or None.

    None where it cannot be read, is less exact than a day, lies before 2000, or has no offset while the source's
    profile gives none.
    """
    match = _STAMP.fullmatch(text)
    if not match:
        return None
    day, hour, minute, second, fraction, written = match.groups()
    midnight, east = _midnight(day), _east(written, offset)
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if midnight is None or east is None or hours > 23 or minutes > 59 or seconds > 59:
        return None
    of_day = (hours * 60 + minutes) * 60_000 + seconds * 1000 + int((fraction or "0").ljust(3, "0")[:3])
    return midnight + of_day - east


@lru_cache(maxsize=1024)
def _midnight(day: str) -> int | None:
    """Return 00:00 UTC of a day YYYYMMDD; None before 2000 and for a day no calendar has."""
    year, month, number = int(day[:4]), int(day[4:6]), int(day[6:])
    try:
        return (date(year, month, number).toordinal() - _EPOCH_DAY) * _DAY_MS if year >= YEAR_MIN else None
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _east(written: str | None, offset: timezone | None) -> int | None:
    """Return how far east of UTC a time is meant, in ms: as written, else as the profile says."""
    if written is None:
        return None if offset is None else offset.utcoffset(None) // timedelta(milliseconds=1)
    hours, minutes = int(written[1:3]), int(written[3:5])
    if hours > 14 or minutes > 59:
        return None
    east = (hours * 60 + minutes) * 60_000
    return -east if written[0] == "-" else east

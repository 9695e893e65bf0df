"""HL7 time stamps: `YYYYMMDD[HH[MM[SS[.S…]]]][+ZZZZ]` to milliseconds since the Unix epoch, UTC (protocols 0, time)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

_STAMP: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,4}))?)?)?)?([+-]\d{4})?", re.ASCII
)
YEAR_MIN: Final = 2000
AHEAD_MAX_MS: Final = 24 * 3600 * 1000
"""A time further ahead of the hub's clock is refused (row 37)."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@lru_cache(maxsize=4096)
def instant(text: str, offset: timezone | None) -> int | None:
    """Return the instant of a time stamp, or None.

    None where it cannot be read, is less exact than a day, lies before 2000, or has no offset while the source's
    profile gives none.
    """
    match = _STAMP.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, written = match.groups()
    zone = _zone(written) if written else offset
    if zone is None or int(year) < YEAR_MIN:
        return None
    micro = int((fraction or "0").ljust(6, "0"))
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro, zone
        )
        return (moment.astimezone(UTC) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None


def _zone(written: str) -> timezone | None:
    hours, minutes = int(written[1:3]), int(written[3:5])
    if hours > 14 or minutes > 59:
        return None
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if written[0] == "-" else delta)

"""Alipay writes times in Beijing time without an offset."""

from datetime import UTC, datetime, timedelta, timezone

_ZONE = timezone(timedelta(hours=8))
_FORM = "%Y-%m-%d %H:%M:%S"


def text_of(instant: int) -> str:
    """Return an instant (milliseconds since the epoch) as `yyyy-MM-dd HH:mm:ss`, cut to the second."""
    return datetime.fromtimestamp(instant // 1000, _ZONE).strftime(_FORM)


def instant_of(text: str) -> int:
    """Return the instant of such a text in milliseconds; 0 for anything else, since no decision rests on it."""
    try:
        return int(datetime.strptime(text, _FORM).replace(tzinfo=_ZONE).astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):  # the year 1 begins before it does in UTC
        return 0

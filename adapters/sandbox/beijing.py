"""Beijing time as the gateways write it: text and instants (milliseconds since the epoch, UTC)."""

from datetime import UTC, datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=8))
SECONDS = "%Y-%m-%d %H:%M:%S"
"""Alipay's form of an instant."""
COMPACT = "%Y%m%d%H%M%S"
"""UnionPay's form of an instant."""


def text_of(instant_ms: int, form: str = SECONDS) -> str:
    """Return the instant in Beijing time, in the `strftime` form."""
    return datetime.fromtimestamp(instant_ms / 1000, UTC).astimezone(ZONE).strftime(form)


def instant_of(text: str, form: str = SECONDS) -> int:
    """Return the instant that Beijing text in the `strptime` form names. Raises ValueError for other text."""
    return int(datetime.strptime(text, form).replace(tzinfo=ZONE).timestamp() * 1000)

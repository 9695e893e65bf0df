"""Ids, instants and amounts as people read them on a terminal (experience 2.1, 8)."""

from datetime import UTC, datetime
from typing import Final

from schemas.city_time import CITY
from schemas.ids import ACCOUNT_LENGTH, ID_LENGTH, short
from schemas.money import yuan_text

_LETTER: Final = 8


def short_of(kind: str, identifier: str) -> str:
    """Return an id's short form: `C-7Q3K9F2M`, `p_7Q3K9F2M`, `DL-7c41ab02` for a dead letter, else the id itself."""
    if kind == "dead_letter":
        return letter_short(identifier)
    return short(identifier) if len(identifier) in (ACCOUNT_LENGTH, ID_LENGTH) else identifier


def letter_short(identifier: str) -> str:
    """Return a dead letter's short form; its beginning finds it."""
    return f"DL-{identifier[:_LETTER].upper()}"


def moment(instant: int, *, seconds: bool = True) -> str:
    """Return an instant as city time with its offset: `2026-07-03 10:15:12 +08`; a dash for none."""
    if not instant:
        return "–"
    at = datetime.fromtimestamp(instant / 1000, UTC).astimezone(CITY)
    return f"{at:%Y-%m-%d %H:%M:%S} +08" if seconds else f"{at:%Y-%m-%d %H:%M} +08"


def city_minute(instant: int) -> str:
    """Return an instant as the page does, `07-03 10:15 +08`: where a list has no room for more."""
    return f"{datetime.fromtimestamp(instant / 1000, UTC).astimezone(CITY):%m-%d %H:%M} +08"


def clock_time(instant: int) -> str:
    """Return an instant as `10:15:12.431 +08`."""
    at = datetime.fromtimestamp(instant / 1000, UTC).astimezone(CITY)
    return f"{at:%H:%M:%S}.{instant % 1000:03d} +08"


def yuan(fen: int) -> str:
    """Return an amount with the currency sign: `¥1,234.56`, a true minus before it."""
    whole, _, rest = yuan_text(abs(fen)).partition(".")
    return f"{'−' if fen < 0 else ''}¥{int(whole):,}.{rest}"


def amount(fen: int) -> str:
    """Return an amount without the sign, for columns: `1,234.56`."""
    return yuan(fen).replace("¥", "")


def age(milliseconds: int) -> str:
    """Return a duration in its two largest units: `2 h 14 m`, `11 ms`."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = milliseconds // 1000
    for size, large, small in ((86_400, "d", "h"), (3600, "h", "m"), (60, "m", "s")):
        if seconds >= size:
            parts = {"h": 3600, "m": 60, "s": 1}[small]
            return f"{seconds // size} {large} {seconds % size // parts} {small}"
    return f"{seconds} s"

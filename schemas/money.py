"""Money is an integer number of fen; text becomes fen here and nowhere else (protocols 0)."""

import re
from decimal import Decimal

AMOUNT_FEN_MAX = 5_000_000_000
"""The configured maximum of one amount: 50,000,000.00 yuan (domain 4.2, row 11)."""

_AMOUNT = re.compile(r"-?\d{1,12}(?:\.\d{1,2}0*)?", re.ASCII)
_LEADING_DOT = re.compile(r"-?\.\d{1,2}0*", re.ASCII)


class AmountSyntaxError(ValueError):
    """The text is not an amount: digits with at most two significant decimals, as in `18.34`."""


def fen_from_text(text: str, *, leading_dot: bool = False) -> int:
    """Return the amount in fen; `.5` is read only where the sender's profile sets `leading_dot`.

    Raises AmountSyntaxError for an exponent, a plus sign, blanks, commas, full-width digits or a part of a fen.
    """
    if not _AMOUNT.fullmatch(text) and not (leading_dot and _LEADING_DOT.fullmatch(text)):
        raise AmountSyntaxError(text)
    negative = text.startswith("-")
    whole, _, decimals = text.lstrip("-").partition(".")
    fen = int(whole or "0") * 100 + int((decimals + "00")[:2])
    return -fen if negative else fen


def fen_from_decimal(value: Decimal) -> int:
    """Return the amount in fen of an exact decimal, as FHIR JSON gives it.

    Raises AmountSyntaxError for a fraction of a fen or a value that is not finite.
    """
    if not value.is_finite() or abs(value) >= Decimal(10) ** 12:
        raise AmountSyntaxError(str(value))
    fen = value * 100
    if fen != fen.to_integral_value():
        raise AmountSyntaxError(str(value))
    return int(fen)


def yuan_text(fen: int) -> str:
    """Return the amount as exact text in yuan with two decimals: 1834 gives `18.34`."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"

"""What UnionPay's response codes mean for us (protocols 6.3)."""

from typing import NamedTuple

from schemas.commands import Cause, GatewayStatus


class Meaning(NamedTuple):
    """A result's status and cause; `listed` False means a code nobody has told us: unknown, with an alarm."""

    status: GatewayStatus
    cause: Cause = ""
    listed: bool = True


UNKNOWN = Meaning("unknown")
PAID = ("00", "A6")
_BY_CODES: tuple[tuple[Meaning, tuple[str, ...]], ...] = (
    (UNKNOWN, ("03", "04", "05", "83", "12", "37")),
    (Meaning("failed", "technical"), ("02", "06")),
    (Meaning("failed", "config"), ("10", "11", "13", "31", "32", "43")),
    (Meaning("not_exist"), ("34",)),
    (Meaning("failed", "nsf"), ("64", "90")),
    (Meaning("failed", "limit"), ("33", "81")),
    (Meaning("failed", "risk"), ("38",)),
    (Meaning("failed", "period_rule"), ("39",)),
    (Meaning("failed", "agreement_dead"), ("40", "44", "68", "72", "77", "80")),
    (Meaning("failed", "card"), ("61", "62", "63", "65", "66", "67", "73", "78")),
    (Meaning("failed", "expired"), ("42",)),
    (Meaning("failed", ""), ("01", "30", "60", "99")),
)
_MEANINGS = {code: meaning for meaning, codes in _BY_CODES for code in codes}
_REFUND_REFUSED = ("35", "36", "45")


def meaning_of(code: str) -> Meaning:
    """Return what a code other than 00 and A6 says of a debit; one not listed is unknown, with an alarm."""
    return _MEANINGS.get(code, Meaning("unknown", listed=False))


def refund_meaning_of(code: str) -> Meaning:
    """Return what a code other than 00 and A6 says of a refund."""
    if code in _REFUND_REFUSED:
        return Meaning("refund_failed", "refund_refused")
    meaning = meaning_of(code)
    if meaning.status == "not_exist":
        return meaning
    return Meaning("refund_failed", meaning.cause) if meaning.cause == "config" else UNKNOWN

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
"""Accepted as `respCode` of a call; charged as `origRespCode` of a query or in a notice."""
PAID_LATE = "42"
"""Charged after `payTimeout`: the money moved. When a query or notice says so, the books take it or give it back."""
_BY_CODES: tuple[tuple[Meaning, tuple[str, ...]], ...] = (
    (UNKNOWN, ("03", "04", "05", "83", "12", "37", PAID_LATE)),
    (Meaning("failed", "technical"), ("02", "06")),
    (Meaning("failed", "config"), ("10", "11", "13", "31", "32", "43")),
    (Meaning("not_exist"), ("34",)),
    (Meaning("failed", "nsf"), ("64", "90")),
    (Meaning("failed", "limit"), ("33", "81")),
    (Meaning("failed", "risk"), ("38",)),
    (Meaning("failed", "period_rule"), ("39",)),
    (Meaning("failed", "agreement_dead"), ("40", "44", "68", "72", "77", "80")),
    (Meaning("failed", "card"), ("61", "62", "63", "65", "66", "67", "73", "78")),
    (Meaning("failed", ""), ("01", "30", "60", "99")),
)
_MEANINGS = {code: meaning for meaning, codes in _BY_CODES for code in codes}
_REFUND_REFUSED = ("35", "36", "45")


def meaning_of(code: str) -> Meaning:
    """Return what a code other than 00 and A6 says of a debit; one not listed is unknown, with an alarm.

    42 as the answer to the debit itself is unknown too: a query follows and says what moved.
    """
    return _MEANINGS.get(code, Meaning("unknown", listed=False))


def refund_meaning_of(code: str) -> Meaning:
    """Return what the answer to a refund says, other than 00 and A6: refused for good, no such refund, or unknown."""
    if code in _REFUND_REFUSED:
        return Meaning("refund_failed", "refund_refused")
    meaning = meaning_of(code)
    if meaning.status == "failed":
        return Meaning("refund_failed", meaning.cause) if meaning.cause == "config" else UNKNOWN
    return meaning


def refund_query_meaning_of(code: str) -> Meaning:
    """Return what a query says of a refund: here a failure is the refund's last word, and no money moved."""
    meaning = refund_meaning_of(code)
    own = meaning_of(code)
    if own.status == "failed" and own.cause != "technical" and meaning.status == "unknown":
        return Meaning("refund_failed", own.cause)
    return meaning

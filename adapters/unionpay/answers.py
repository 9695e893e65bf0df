"""Answers of UnionPay, believed only with their signature (protocols 6.3, row 88)."""

from collections.abc import Callable
from typing import NamedTuple

from adapters.unionpay.access import UnionPayAccess
from adapters.unionpay.causes import (
    PAID,
    PAID_LATE,
    UNKNOWN,
    Meaning,
    meaning_of,
    refund_meaning_of,
    refund_query_meaning_of,
)
from adapters.unionpay.text import TextError, split_pairs
from adapters.unionpay.verification import unbelieved
from schemas.reasons import Reason


class Reading(NamedTuple):
    """What an answer says; `fault` is set when it cannot be believed or its code is not listed: then it is unknown."""

    meaning: Meaning
    code: str = ""
    trade_no: str = ""
    amount_fen: int | None = None
    fault: Reason | None = None
    detail: str = ""


_NAMED = ("orderId", "merId")
_CNY = "156"

Fields = dict[str, str]
Reader = Callable[[Fields], Reading]


def read_answer(access: UnionPayAccess, body: bytes, order_id: str, reader: Reader) -> Reading:
    """Return what the answer says of the order. Never raises: unreadable or unsigned is unknown."""
    try:
        fields = split_pairs(body.decode("utf-8"))
    except (UnicodeDecodeError, TextError):
        return Reading(UNKNOWN, fault=Reason.BODY, detail="not k=v&… with balanced braces")
    if reason := unbelieved(access, fields):
        return Reading(UNKNOWN, fault=reason, detail="unsigned or badly signed")
    if fields.get("orderId", order_id) != order_id or fields.get("merId", access.mer_id) != access.mer_id:
        return Reading(UNKNOWN, fault=Reason.BODY, detail="the answer names another order or merchant")
    return _alarmed(reader(fields))


def _alarmed(reading: Reading) -> Reading:
    """Return a reading whose code nobody has told us with that fault, so that somebody learns of it (6.3)."""
    if reading.meaning.listed or reading.fault is not None:
        return reading
    return reading._replace(fault=Reason.CODE_UNLISTED, detail=f"code {reading.code} is not in our table")


def debit_answer(fields: Fields) -> Reading:
    """Return the synchronous answer of a debit: 00 means accepted, never paid."""
    code = fields.get("respCode", "")
    return Reading(Meaning("waiting") if code in PAID else meaning_of(code), code)


def query_answer(fields: Fields) -> Reading:
    """Return what a query says: `respCode` is the query's own result, `origRespCode` the debit's."""
    return _queried(fields, Meaning("paid"), (*PAID, PAID_LATE), meaning_of)


def refund_answer(fields: Fields) -> Reading:
    """Return the synchronous answer of a refund: accepted, refused or unknown."""
    code = fields.get("respCode", "")
    return Reading(Meaning("waiting") if code in PAID else refund_meaning_of(code), code)


def refund_query_answer(fields: Fields) -> Reading:
    """Return what a query about a refund says."""
    return _queried(fields, Meaning("refunded"), PAID, refund_query_meaning_of)


def _queried(fields: Fields, success: Meaning, successes: tuple[str, ...], judge: Callable[[str], Meaning]) -> Reading:
    own = fields.get("respCode", "")
    if own not in PAID:
        # Only 34 of a query speaks of the order: there is none. Every other failure is the query's own.
        return Reading(Meaning("not_exist") if own == "34" else UNKNOWN._replace(listed=meaning_of(own).listed), own)
    code = fields.get("origRespCode", "")
    amount = fields.get("txnAmt", "")
    amount_fen = int(amount) if _is_fen(amount) else None
    if code not in successes:
        return Reading(judge(code), code, fields.get("queryId", ""), amount_fen)
    if amount_fen is None or not all(fields.get(name) for name in _NAMED) or fields.get("currencyCode") != _CNY:
        # Nobody could compare it with our order: a success that does not say of what is no success.
        return Reading(UNKNOWN, code, fault=Reason.BODY, detail="a success without order, merchant, amount or yuan")
    return Reading(success, code, fields.get("queryId", ""), amount_fen)


def _is_fen(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12

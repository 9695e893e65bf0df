"""Answers of the gateway, believed only with its signature over the bytes as received (protocols 5.1, row 80).

A success must name our order and its amount, and a refund its own number: what nobody can compare is unknown.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from adapters.alipay.access import AlipayAccess
from adapters.alipay.causes import UNKNOWN, Meaning, meaning_of, refund_meaning_of
from adapters.alipay.raw_json import raw_members
from adapters.alipay.signature import decode_signature, verifies
from schemas.money import AmountSyntaxError, fen_from_text
from schemas.reasons import Reason

_PAID = ("TRADE_SUCCESS", "TRADE_FINISHED")


class Reading(NamedTuple):
    """What an answer says; `fault` is set when it cannot be believed or its code is not listed: then it is unknown."""

    meaning: Meaning
    code: str = ""
    trade_no: str = ""
    amount_fen: int | None = None
    refunded_fen: int | None = None
    fault: Reason | None = None
    detail: str = ""


Content = dict[str, Any]
_TEXT_MAX = 128
_READ = (
    "code",
    "sub_code",
    "trade_no",
    "out_trade_no",
    "out_request_no",
    "trade_status",
    "refund_status",
    "fund_change",
)


def read_answer(access: AlipayAccess, method: str, body: bytes, order_no: str, refund_no: str = "") -> Reading:
    """Return what the answer to `method` says of the order. Never raises: unreadable or unsigned is unknown."""
    raw = _believed(access, method, body)
    if isinstance(raw, Reading):
        return raw
    content = _content(raw)
    if content is None:
        return _unreadable(Reason.BODY, "the answer is not an object of plain texts")
    if content.get("out_trade_no", order_no) != order_no or content.get("out_request_no", refund_no) != refund_no:
        return _unreadable(Reason.BODY, "the answer names another order or refund")
    return _alarmed(_READERS[method](content))


def _alarmed(reading: Reading) -> Reading:
    """Return a reading whose code nobody has told us with that fault, so that somebody learns of it (5.1)."""
    if reading.meaning.listed or reading.fault is not None:
        return reading
    return reading._replace(fault=Reason.CODE_UNLISTED, detail=f"code {reading.code} is not in our table")


def believed_content(access: AlipayAccess, method: str, body: bytes) -> Content | None:
    """Return what a signed answer to `method` holds; None for one that is unreadable or not believed."""
    raw = _believed(access, method, body)
    content = None if isinstance(raw, Reading) else json.loads(raw)
    return content if isinstance(content, dict) else None


def _believed(access: AlipayAccess, method: str, body: bytes) -> str | Reading:
    """Return the raw text that the gateway signed."""
    try:
        members = raw_members(body.decode("utf-8"))
    except UnicodeDecodeError:
        members = None
    if members is None:
        return _unreadable(Reason.BODY, "not one JSON object")
    raw = members.get(method.replace(".", "_") + "_response") or members.get("error_response")
    if raw is None:
        return _unreadable(Reason.BODY, "no answer to this method")
    if access.alipay_cert_sn and _text(members, "alipay_cert_sn") != access.alipay_cert_sn:
        return _unreadable(Reason.SIGN_INVALID, "signed under a certificate we do not know")
    signature = decode_signature(_text(members, "sign"))
    if signature is None or not verifies(access.alipay_public_key, raw.encode(), signature):
        return _unreadable(Reason.SIGN_INVALID, "unsigned or badly signed")
    return raw


def _text(members: dict[str, str], name: str) -> str:
    value = json.loads(members.get(name, '""'))
    return value if isinstance(value, str) else ""


def _content(raw: str) -> Content | None:
    content = json.loads(raw)
    if not isinstance(content, dict) or not all(_writable(content.get(name, "")) for name in _READ):
        return None
    return content


def _writable(value: object) -> bool:
    """Return whether a value is a text that can be written again: half a surrogate pair can not."""
    if not isinstance(value, str) or len(value) > _TEXT_MAX:
        return False
    try:
        return bool(value.encode()) or value == ""
    except UnicodeEncodeError:
        return False


def _debit(content: Content) -> Reading:
    if _code(content) != "10000":
        return _refused(content, meaning_of)
    return _with_amount(content, Meaning("paid"))


def _query(content: Content) -> Reading:
    if _code(content) != "10000":
        return _refused(content, meaning_of)
    status = content.get("trade_status", "")
    if status in _PAID:
        return _with_amount(content, Meaning("paid"))
    meaning = {"WAIT_BUYER_PAY": Meaning("waiting"), "TRADE_CLOSED": Meaning("closed")}.get(status)
    reading = _with_amount(content, meaning or Meaning("unknown", listed=False))
    return reading if meaning else reading._replace(code=status)


def _refund(content: Content) -> Reading:
    if _code(content) != "10000":
        return _refused(content, refund_meaning_of)
    moved = content.get("fund_change") == "Y"
    return _with_amount(content, Meaning("refunded" if moved else "waiting"))


def _refund_query(content: Content) -> Reading:
    if _code(content) != "10000":
        return _refused(content, refund_meaning_of)
    proven = content.get("refund_status") == "REFUND_SUCCESS"
    return _with_amount(content, Meaning("refunded" if proven else "waiting"))


_READERS: dict[str, Callable[[Content], Reading]] = {
    "alipay.trade.pay": _debit,
    "alipay.trade.query": _query,
    "alipay.trade.refund": _refund,
    "alipay.trade.fastpay.refund.query": _refund_query,
}


def _with_amount(content: Content, meaning: Meaning) -> Reading:
    try:
        amount = _fen(content, "total_amount")
        refunded = _fen(content, "refund_fee")
    except AmountSyntaxError:
        return _unreadable(Reason.AMOUNT_SYNTAX, "an amount is malformed")
    if meaning.status == "paid" and (amount is None or not content.get("out_trade_no")):
        return _unreadable(Reason.BODY, "a success without order or amount")
    return Reading(meaning, _code(content), content.get("trade_no", ""), amount, refunded)


def _fen(content: Content, name: str) -> int | None:
    value = content.get(name)
    return None if value in (None, "") else fen_from_text(str(value))


def _refused(content: Content, judge: Callable[[str, str], Meaning]) -> Reading:
    sub_code = content.get("sub_code", "")
    return Reading(judge(_code(content), sub_code), sub_code.removeprefix("ACQ.") or _code(content))


def _code(content: Content) -> str:
    return str(content.get("code", ""))


def _unreadable(fault: Reason, detail: str) -> Reading:
    return Reading(UNKNOWN, fault=fault, detail=detail)

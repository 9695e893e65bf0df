"""A back notice from raw bytes to believed fields (protocols 6.3, rows 82-84)."""

import json
import re
from urllib.parse import unquote_to_bytes

from adapters.unionpay.access import UnionPayAccess
from adapters.unionpay.verification import unbelieved
from hub.runtime.wire import Refusal
from schemas.dead_letters import DeadLetterInterface
from schemas.reasons import REASONS, Reason, reason_text

BODY_BYTES_MAX = 64 * 1024
JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_HIDDEN = re.compile("&(?:merId|orderId|txnTime|txnType|txnAmt|currencyCode|queryId|respCode)=")
"""Values are signed unquoted and joined with `&`: what we decide by may not be merged into another value on the way."""

Fields = dict[str, str]


def read_notice(access: UnionPayAccess, body: bytes, content_type: str) -> Fields | Refusal:
    """Return the fields of a notice signed by UnionPay, or the refusal. Never raises for bad bytes.

    The body alone is read: our own `?query` of the address never takes part in the signature.
    """
    if content_type.partition(";")[0].strip().lower() != _FORM:
        return refusal(Reason.BODY, 415)
    if len(body) > BODY_BYTES_MAX:
        return refusal(Reason.BODY, 413)
    fields: Fields = {}
    for part in body.split(b"&"):
        name, _, value = part.partition(b"=")
        try:
            key, text = _text(name), _text(value)
        except UnicodeDecodeError:
            return refusal(Reason.CHARSET, 400)
        if key in fields:
            return refusal(Reason.PARAM_DUPLICATE, 400)
        fields[key] = text
    reason = unbelieved(access, fields)
    if reason is None and any(_HIDDEN.search(value) for value in fields.values()):
        reason = Reason.SIGN_INVALID
    return refusal(reason) if reason else fields


def refusal(reason: Reason, status: int = 0, interface: DeadLetterInterface = "pay") -> Refusal:
    """Return a refusal with body `{"code","message"}`; its status is the registry's unless named."""
    body = json.dumps({"code": reason, "message": reason_text(reason, "en")}).encode()
    return Refusal(reason, status or REASONS[reason].status, body, interface, content_type=JSON)


def _text(value: bytes) -> str:
    return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8")

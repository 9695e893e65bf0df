"""An asynchronous notice from raw bytes to believed fields (protocols 5.2, rows 66-72): read, decode once, verify."""

import codecs
import re
from urllib.parse import unquote_to_bytes

from adapters.alipay.access import AlipayAccess
from adapters.alipay.signature import SIGN_TYPE, decode_signature, downgraded, notice_base, verifies
from hub.runtime.wire import Refusal
from schemas.dead_letters import DeadLetterInterface
from schemas.reasons import Reason

BODY_BYTES_MAX = 64 * 1024
FORM = "application/x-www-form-urlencoded"
FAIL = b"fail"
_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
_READ = (
    "app_id", "seller_id", "out_trade_no", "trade_no", "trade_status", "total_amount", "refund_fee", "out_biz_no",
    "notify_id", "notify_type", "notify_time", "gmt_payment", "agreement_no", "external_agreement_no", "status",
)  # fmt: skip
_HIDDEN = re.compile(f"&(?:{'|'.join(_READ)})=")
"""The base string joins unquoted values with `&`, so one that holds `&refund_fee=…` may be two that were merged on the
way, the signature still fitting: what we decide by may not be hidden in another value."""

Fields = dict[str, str]


def read_notice(access: AlipayAccess, body: bytes, content_type: str) -> Fields | Refusal:
    """Return the fields of a notice signed by Alipay for our endpoint, or the refusal. Never raises for bad bytes."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        return refusal(Reason.BODY, 415, "not form-encoded")
    if len(body) > BODY_BYTES_MAX:
        return refusal(Reason.BODY, 413, "more than 64 KiB")
    fields = _fields(body)
    if isinstance(fields, Refusal):
        return fields
    return _unbelieved(access, fields) or fields


def refusal(reason: Reason, status: int, detail: str, interface: DeadLetterInterface = "pay") -> Refusal:
    """Return a refusal whose body is exactly `fail`: the notice is sent again."""
    return Refusal(reason, status, FAIL, interface, detail)


def _fields(body: bytes) -> Fields | Refusal:
    """Split at `&`, then at the first `=`; percent-decode the bytes; decode them once with the notice's charset."""
    pairs: dict[bytes, bytes] = {}
    for part in body.split(b"&"):
        name, _, value = part.partition(b"=")
        key = _unquoted(name)
        if key in pairs:
            return refusal(Reason.PARAM_DUPLICATE, 400, "a parameter stands twice")
        pairs[key] = _unquoted(value)
    charset = _CHARSETS.get(pairs.get(b"charset", b"utf-8").decode("ascii", "replace").lower())
    if charset is None:
        return refusal(Reason.CHARSET, 400, "charset is neither utf-8 nor GBK")
    try:
        return {codecs.decode(key, charset): codecs.decode(value, charset) for key, value in pairs.items()}
    except UnicodeDecodeError:
        return refusal(Reason.CHARSET, 400, "the bytes do not decode")


def _unbelieved(access: AlipayAccess, fields: Fields) -> Refusal | None:
    signature = decode_signature(fields.get("sign", ""))
    if signature is None:
        return refusal(Reason.SIGN_MISSING, 403, "sign is missing or not base64")
    if fields.get("sign_type") != SIGN_TYPE:
        return refusal(Reason.SIGN_DOWNGRADE, 403, "sign_type is not RSA2")
    charset = _CHARSETS[fields.get("charset", "utf-8").lower()]
    base = notice_base(fields, keep_sign_type=access.keep_sign_type, keep_empty=access.keep_empty).encode(charset)
    if not verifies(access.alipay_public_key, base, signature):
        if downgraded(access.alipay_public_key, base, signature):
            return refusal(Reason.SIGN_DOWNGRADE, 403, "signed with SHA-1")
        return refusal(Reason.SIGN_INVALID, 403, "the signature does not fit")
    if any(_HIDDEN.search(value) for value in fields.values()):
        return refusal(Reason.SIGN_INVALID, 403, "a value holds what reads as another parameter")
    foreign = fields.get("app_id") != access.app_id or fields.get("seller_id", access.seller_id) != access.seller_id
    return refusal(Reason.FOREIGN_NOTICE, 403, "app_id or seller_id", "incident.money") if foreign else None


def _unquoted(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))

"""Original bytes as a person may see them: identity masked token by token, structure and the field in fault kept.

HL7 masks the fields that name people; JSON and forms show only what is known to name nobody. Numbers as long as a
card's, an identity card's or a telephone's are masked wherever they stand.
"""

import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl

from adapters.hl7.charset import decode
from adapters.hl7.reader import lines_of, separators_of

_WORD: Final = re.compile(r"[^\W_]")
_LONG_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])(?:\d{15,18}[\dXx]|\d{15}|1[3-9]\d{9})(?![0-9A-Za-z])", re.ASCII)
_HL7_FIELDS: Final = {"PID": frozenset({2, 3, 4, 5, 6, 7, 9, 11, 13, 14, 19, 20, 21})}
_HL7_SEGMENTS: Final = frozenset({"NK1", "GT1", "IN1", "IN2", "MRG", "NTE"})
_JSON_SHOWN: Final = frozenset(
    {
        *("resourceType", "status", "system", "code", "display", "currency", "unit", "url", "type", "use", "method"),
        *("occurrenceDateTime", "enteredDate", "start", "end", "amount", "institution", "pack", "bank", "channel"),
        *("event", "lang", "mode", "created", "outcome", "fullUrl"),
    }
)
_FORM_SHOWN: Final = frozenset(
    {
        *("notify_id", "notify_type", "notify_time", "app_id", "seller_id", "charset", "version", "sign_type"),
        *("out_trade_no", "trade_no", "trade_status", "total_amount", "refund_fee", "gmt_payment", "gmt_refund"),
        *("orderId", "txnAmt", "txnTime", "txnType", "txnSubType", "respCode", "merId", "signMethod", "queryId"),
        *("currencyCode", "bizType", "accessType", "settleAmt", "settleDate", "encoding"),
    }
)


def masked_lines(raw: bytes) -> list[str] | None:
    """Return the bytes as masked lines, or None where they cannot be read as HL7, JSON or a form: nothing is shown."""
    head = raw.lstrip(b"\x0b\r\n \xef\xbb\xbf")[:3]
    if head in (b"MSH", b"FHS", b"BHS"):
        return _hl7(raw)
    if head[:1] in (b"{", b"["):
        return _json(raw)
    return _form(raw)


def caret_below(lines: list[str], position: str) -> tuple[int, str] | None:
    """Return the number of the line an HL7 position as `FT1^2^11` points into, and a line of carets below its field."""
    parts = position.split("^")
    if len(parts) < 3 or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    segments = [number for number, line in enumerate(lines) if line.startswith(parts[0])]
    occurrence, field = int(parts[1]), int(parts[2])
    if not 1 <= occurrence <= len(segments):
        return None
    fields = lines[segments[occurrence - 1]].split("|")
    index = field - 1 if parts[0] == "MSH" else field
    if index >= len(fields):
        return None
    before = sum(len(text) + 1 for text in fields[:index])
    return segments[occurrence - 1], " " * before + "^" * max(1, len(fields[index])) + f" {parts[0]}-{field}"


def _hl7(raw: bytes) -> list[str] | None:
    decoded = decode(raw.strip(b"\x0b\x1c\r\n") + b"\r")
    lines = lines_of(decoded.text) if decoded else []
    separators = separators_of(lines[0]) if lines else None
    return [_segment(line, separators.field) for line in lines] if separators else None


def _segment(line: str, separator: str) -> str:
    name, *fields = line.split(separator)
    hidden = _HL7_FIELDS.get(name, frozenset())
    everything = name in _HL7_SEGMENTS
    shown = [
        _stars(text) if everything or number in hidden else _without_long_numbers(text)
        for number, text in enumerate(fields, start=1)
    ]
    return separator.join((name, *shown))


def _json(raw: bytes) -> list[str] | None:
    try:
        document = json.loads(raw, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return json.dumps(_tree(document, shown=False), ensure_ascii=False, indent=1).splitlines()


def _tree(value: Any, *, shown: bool) -> Any:
    if isinstance(value, dict):
        return {name: _tree(each, shown=name in _JSON_SHOWN) for name, each in value.items()}
    if isinstance(value, list):
        return [_tree(each, shown=shown) for each in value]
    if isinstance(value, str):
        return _without_long_numbers(value) if shown or _is_decimal(value) else _stars(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _without_long_numbers(str(value))
    return value


def _is_decimal(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,9}\.\d{1,4}", text, re.ASCII) is not None


def _form(raw: bytes) -> list[str] | None:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="replace")
    except (UnicodeDecodeError, ValueError):
        return None
    return [f"{name}={text if name in _FORM_SHOWN else _stars(text)}" for name, text in pairs]


def _stars(text: str) -> str:
    return _WORD.sub("*", text)


def _without_long_numbers(text: str) -> str:
    return _LONG_NUMBER.sub(lambda found: "*" * len(found[0]), text)

"""The ZM settlement file: GBK, fixed width, one blank between fields (protocols 6.4)."""

import base64
import binascii
import zlib
from datetime import date
from itertools import accumulate
from typing import Final

from adapters.unionpay.text import moment_of
from hub.clearing.books import Book, Entry, EntryKind
from hub.runtime.bill_files import gbk_lines, number_of, unpacked, unreadable

WIDTHS: Final = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32),
    *(13, 13, 8, 32, 13, 13, 12, 2, 1, 131),
)
"""Characters of the 41 fields of a row."""
ROW: Final = sum(WIDTHS) + len(WIDTHS) - 1
"""607 characters; newer files have a longer tail."""
_STARTS: Final = tuple(start + number for number, start in enumerate(accumulate((0, *WIDTHS[:-1]))))
_TIME, _AMOUNT, _QUERY_ID, _ORDER, _TYPE = 5, 7, 10, 12, 20
_NAMES: Final = {5: "交易传输时间", 7: "交易金额", 10: "queryId", 12: "orderId", 20: "txnType"}
_KINDS: Final[dict[str, EntryKind]] = {"11": "payment", "01": "payment", "04": "refund", "31": "refund"}


def read_answer(file_content: str, mer_id: str, day: date) -> Book:
    """Return the trades in `fileContent` of a file answer: base64, inflated, ZIP. Raises BillFileError."""
    try:
        archive = zlib.decompress(base64.b64decode(file_content, validate=True))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise unreadable(1, "fileContent", "it is not base64 of a deflated ZIP") from error
    for name, content in unpacked(archive).items():
        if name.endswith(f"ZM_{mer_id}"):
            return read_trades(content, day)
    raise unreadable(1, "fileName", f"no member is called …ZM_{mer_id}")


def read_trades(content: bytes, day: date) -> Book:
    """Return every payment and refund of a ZM file; rows carry no year, which `day` tells.

    Raises BillFileError naming row and field. A ZM file has no totals of its own: its width is its only check, so a
    row that is one character short rejects the whole file.
    """
    entries = [_entry(row, line, day) for row, line in enumerate(gbk_lines(content), start=1) if line]
    return Book("unionpay", tuple(entries))


def _entry(row: int, line: str, day: date) -> Entry:
    """Slice by bytes, else by characters: which of both counts is not documented; the blanks between fields tell."""
    fields = _sliced(line.encode("gb18030")) or _sliced(line)
    if fields is None:
        raise unreadable(row, f"{len(line)} characters", f"the blanks between fields of {ROW} are not in their places")
    kind = _KINDS.get(fields[_TYPE - 1])
    if kind is None:
        raise unreadable(row, _NAMES[_TYPE], f"{fields[_TYPE - 1]!r} is neither a payment nor a refund")
    amount = fields[_AMOUNT - 1]
    if not (amount.isascii() and amount.isdigit()):
        raise unreadable(row, _NAMES[_AMOUNT], f"{amount!r} is no amount in fen")
    key = number_of(row, _NAMES[_ORDER], fields[_ORDER - 1])
    sign = -1 if kind == "refund" else 1
    return Entry(kind, key, sign * int(amount), _instant(row, fields[_TIME - 1], day), fields[_QUERY_ID - 1])


def _sliced(line: str | bytes) -> list[str] | None:
    """Return the fields, or None when a separator is not where the widths put it."""
    blank = " " if isinstance(line, str) else b" "
    ends = [start + width for start, width in zip(_STARTS, WIDTHS, strict=True)]
    if len(line) < ROW or any(line[end : end + 1] != blank for end in ends[:-1]):
        return None
    cells = [line[start:end] for start, end in zip(_STARTS, ends, strict=True)]
    return [(cell if isinstance(cell, str) else cell.decode("gb18030", "replace")).strip() for cell in cells]


def _instant(row: int, text: str, day: date) -> int:
    """Return the instant of `MMddHHmmss`; the year is that of the file, or the one before for the last of December."""
    year = day.year - 1 if text.startswith("12") and day.month == 1 else day.year
    at = moment_of(f"{year}{text}")
    if at is None:
        raise unreadable(row, _NAMES[_TIME], f"{text!r} is no time")
    return round(at.timestamp() * 1000)

"""An institution's bill list of one day, as its HIS exports it: CSV, UTF-8 or GBK, with a total line (ours).

Header `明细号,类型,金额（元）,时间`; rows `F0001,收费,18.34,2026-07-03 10:15:00` or `…,退费,5.00,…`; last line
`#合计,<rows>,<sum>`, where refunds count negative. The line number is FT1-2, the same as in the message.
A small institution may give its total line alone, without header and rows: then only the sums are compared.
"""

import asyncio
import csv
import io
from datetime import date, datetime
from pathlib import Path
from typing import Final

from hub.clearing.books import Book, Entry, EntryKind
from hub.runtime.bill_files import MEMBER_BYTES_MAX, gbk_lines, number_of, unreadable, wrong_total
from hub.runtime.guomi import sm3_hex
from schemas.city_time import CITY
from schemas.money import AmountSyntaxError, fen_from_text, yuan_text

COLUMNS: Final = ("明细号", "类型", "金额（元）", "时间")
_KINDS: Final[dict[str, EntryKind]] = {"收费": "charge", "退费": "credit"}


class HisInbox:
    """The lists of one institution in one folder: `his-XMZSH-2026-07-03.csv`."""

    def __init__(self, institution: str, folder: Path) -> None:
        self.name = f"HIS@{institution}"
        self._institution = institution
        self._folder = folder

    async def fetch(self, day: date) -> tuple[Book, str] | None:
        """Return the list of a day and the SM3 of its file; None while there is none. Raises BillFileError."""
        return await asyncio.to_thread(self._read, day)

    def _read(self, day: date) -> tuple[Book, str] | None:
        path = self._folder / f"his-{self._institution}-{day.isoformat()}.csv"
        if not path.is_file():
            return None
        content = path.read_bytes()
        if len(content) > MEMBER_BYTES_MAX:
            raise unreadable(1, "file", "it is larger than 200 MiB")
        return read_list(content, self.name), sm3_hex(content)


def read_list(content: bytes, name: str) -> Book:
    """Return the lines of a list. Raises BillFileError naming row and column, and for a total that does not hold."""
    lines = _lines(content)
    if len(lines) == 1 and lines[0].startswith("#合计"):
        return Book(name, (), stated_fen=_stated_fen(lines[0].split(",")))
    if not lines or tuple(lines[0].split(",")) != COLUMNS:
        raise unreadable(1, COLUMNS[0], f"the header is not {','.join(COLUMNS)}")
    entries: list[Entry] = []
    for row, line in enumerate(lines[1:], start=2):
        cells = _cells(row, line)
        if cells and cells[0] == "#合计":
            _check_total(row, cells, entries)
            return Book(name, tuple(entries))
        entries.append(_entry(row, cells))
    raise unreadable(len(lines), "#合计", "the total line is missing")


def _lines(content: bytes) -> list[str]:
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return gbk_lines(content)


def _cells(row: int, line: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(line)), [])
    except csv.Error as error:
        raise unreadable(row, COLUMNS[0], str(error)) from error


def _entry(row: int, cells: list[str]) -> Entry:
    if len(cells) != len(COLUMNS):
        raise unreadable(row, COLUMNS[-1], f"the row has {len(cells)} columns, not {len(COLUMNS)}")
    key, word, amount, at = (cell.strip() for cell in cells)
    kind = _KINDS.get(word)
    if kind is None:
        raise unreadable(row, COLUMNS[1], f"{word!r} is neither 收费 nor 退费")
    fen = _fen(row, amount)
    if fen < 0:
        raise unreadable(row, COLUMNS[2], "an amount is never negative here: the kind says which way it goes")
    return Entry(kind, number_of(row, COLUMNS[0], key), fen if kind == "charge" else -fen, _instant(row, at))


def _fen(row: int, text: str) -> int:
    try:
        return fen_from_text(text)
    except AmountSyntaxError as error:
        raise unreadable(row, COLUMNS[2], f"{text!r} is no amount") from error


def _instant(row: int, text: str) -> int:
    try:
        return round(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CITY).timestamp() * 1000)
    except ValueError as error:
        raise unreadable(row, COLUMNS[3], f"{text!r} is no time") from error


def _stated_fen(cells: list[str]) -> int:
    """Return the sum of a list that is its total line alone."""
    if len(cells) != 3 or not (cells[1].isascii() and cells[1].isdigit()):
        raise unreadable(1, "#合计", "it has a count and a sum")
    return _fen(1, cells[2])


def _check_total(row: int, cells: list[str], entries: list[Entry]) -> None:
    if len(cells) != 3:
        raise unreadable(row, "#合计", "it has a count and a sum")
    total_fen = sum(entry.amount_fen for entry in entries)
    if cells[1] != str(len(entries)):
        raise wrong_total("#合计", cells[1], len(entries))
    if _fen(row, cells[2]) != total_fen:
        raise wrong_total("#合计", cells[2], yuan_text(total_fen))

"""The settlement file of one advance batch, and the bank's confirmation file: fixed width, ASCII, LF (ours).

No bank publishes a layout for this; ours is written down here and replaced by a bank's own when it hands one out.

Settlement file, one batch:

| record | fields (width) | characters |
|---|---|---|
| header `H` | version `01` (2) · batch (32) · institution, left (16) · bank, left (16) · day yyyyMMdd (8) | 75 |
| detail `D` | number from 1 (6) · `C` credit, `R` refund (1) · charge or reduction (32) · fen (13) · time (14) | 67 |
| trailer `T` | details (6) · fen of credit, refund, carried, batch (13 each) · SM3 of the detail lines (64) | 123 |

Amounts are fen, right, filled with zeros, the first character a blank or `-`; times are yyyyMMddHHmmss in Beijing.
The batch is credit − refund + carried, never below 0. Confirmation file, one bank and day:

| record | fields (width) | characters |
|---|---|---|
| header `A` | version `01` (2) · bank, left (16) · day yyyyMMdd (8) | 27 |
| batch `B` | batch (32) · `1` paid or `0` refused (1) · fen (13) · the bank's number, left (20) | 67 |
| collection `L` | bill (32) · fen of bill and fee (13 each) · time (14) · the bank's number, left (20) | 93 |
| trailer `Z` | batch and collection records (6) · sum of their fen (13) · SM3 of their lines (64) | 84 |
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from schemas.city_time import CITY
from schemas.commands import Instant
from schemas.ids import sm3_hex

VERSION: Final = "01"


class BatchTotals(NamedTuple):
    """What stands in header and trailer of a settlement file."""

    batch: str
    institution: str
    bank: str
    day: str
    """`yyyy-MM-dd`."""
    credit_fen: int
    returned_fen: int
    carried_fen: int
    amount_fen: int


class BatchWord(NamedTuple):
    """The bank's word about one batch."""

    batch: str
    paid: bool
    amount_fen: int
    serial: str


class Collection(NamedTuple):
    """One debit by the bank of its own customer."""

    bill: str
    amount_fen: int
    fee_fen: int
    at: Instant
    serial: str


class Confirmation(NamedTuple):
    """A bank's file of one day."""

    bank: str
    day: str
    words: tuple[BatchWord, ...]
    collections: tuple[Collection, ...]


class LayoutError(ValueError):
    """A record is not as the layout says: `row` counts from 1, `column` names the field."""

    def __init__(self, row: int, column: str, fault: str) -> None:
        super().__init__(f"row {row}, {column}: {fault}")
        self.row, self.column, self.fault = row, column, fault


def detail_lines(items: Iterable[tuple[str, str, int, Instant]]) -> Iterator[str]:
    """Yield the detail line of each (kind, reference, fen, instant), line end included."""
    for number, (kind, reference, fen, at) in enumerate(items, start=1):
        letter = "C" if kind == "credit" else "R"
        yield f"D{number:06}{letter}{reference:<32}{_amount(fen)}{_moment(at)}\n"


def settlement_file(totals: BatchTotals, lines: Iterable[str]) -> str:
    """Return the whole file; the same batch gives the same bytes."""
    details = "".join(lines)
    head = f"H{VERSION}{totals.batch:<32}{totals.institution:<16}{totals.bank:<16}{totals.day.replace('-', '')}\n"
    sums = "".join(
        _amount(fen) for fen in (totals.credit_fen, totals.returned_fen, totals.carried_fen, totals.amount_fen)
    )
    return f"{head}{details}T{details.count(chr(10)):06}{sums}{sm3_hex(details.encode('ascii'))}\n"


def confirmation_file(confirmation: Confirmation) -> str:
    """Return a bank's file: what a bank, or the sandbox bank, writes."""
    lines = [f"B{w.batch:<32}{int(w.paid)}{_amount(w.amount_fen)}{w.serial:<20}\n" for w in confirmation.words]
    lines += [
        f"L{c.bill:<32}{_amount(c.amount_fen)}{_amount(c.fee_fen)}{_moment(c.at)}{c.serial:<20}\n"
        for c in confirmation.collections
    ]
    total = sum(w.amount_fen for w in confirmation.words)
    total += sum(c.amount_fen + c.fee_fen for c in confirmation.collections)
    body = "".join(lines)
    head = f"A{VERSION}{confirmation.bank:<16}{confirmation.day.replace('-', '')}\n"
    return f"{head}{body}Z{len(lines):06}{_amount(total)}{sm3_hex(body.encode('ascii'))}\n"


def read_confirmation(text: str) -> Confirmation:
    """Return what a bank's file says. Raises LayoutError for a record or a control total that does not hold."""
    lines = text.splitlines()
    if len(lines) < 2 or lines[0][:3] != f"A{VERSION}" or len(lines[0]) != 27:
        raise LayoutError(1, "header", f"it does not begin with A{VERSION}, bank and day")
    words: list[BatchWord] = []
    collections: list[Collection] = []
    for row, line in enumerate(lines[1:-1], start=2):
        if line[:1] == "B":
            words.append(_word(row, line))
        elif line[:1] == "L":
            collections.append(_collection(row, line))
        else:
            raise LayoutError(row, "record", f"{line[:1]!r} is neither B nor L")
    total = sum(w.amount_fen for w in words) + sum(c.amount_fen + c.fee_fen for c in collections)
    _check_trailer(lines, total)
    day = lines[0][19:27]
    return Confirmation(lines[0][3:19].strip(), f"{day[:4]}-{day[4:6]}-{day[6:]}", tuple(words), tuple(collections))


def _check_trailer(lines: list[str], total_fen: int) -> None:
    row, last = len(lines), lines[-1]
    if last[:1] != "Z" or len(last) != 84:
        raise LayoutError(row, "trailer", "the last record is not Z of 84 characters")
    body = "".join(f"{line}\n" for line in lines[1:-1])
    held = (
        ("records", _number(row, "records", last[1:7]), row - 2),
        ("sum", _fen(row, "sum", last[7:20]), total_fen),
        ("SM3", last[20:], sm3_hex(body.encode("utf-8"))),
    )
    for column, stated, found in held:
        if stated != found:
            raise LayoutError(row, column, f"stated {stated}, the records give {found}")


def _word(row: int, line: str) -> BatchWord:
    _sized(row, line, 67)
    if line[33] not in "01":
        raise LayoutError(row, "word", f"{line[33]!r} is neither 1 nor 0")
    return BatchWord(line[1:33].strip(), line[33] == "1", _fen(row, "amount", line[34:47]), line[47:].strip())


def _collection(row: int, line: str) -> Collection:
    _sized(row, line, 93)
    amount_fen, fee_fen = _fen(row, "amount", line[33:46]), _fen(row, "fee", line[46:59])
    return Collection(line[1:33].strip(), amount_fen, fee_fen, _instant(row, line[59:73]), line[73:].strip())


def _sized(row: int, line: str, width: int) -> None:
    if len(line) != width:
        raise LayoutError(row, "record", f"it has {len(line)} characters, not {width}")


def _amount(fen: int) -> str:
    return f"{'-' if fen < 0 else ' '}{abs(fen):012}"


def _fen(row: int, column: str, text: str) -> int:
    if text[:1] not in (" ", "-"):
        raise LayoutError(row, column, f"{text!r} is no amount")
    fen = _number(row, column, text[1:])
    return -fen if text[0] == "-" else fen


def _number(row: int, column: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise LayoutError(row, column, f"{text!r} is no number")
    return int(text)


def _moment(at: Instant) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).astimezone(CITY).strftime("%Y%m%d%H%M%S")


def _instant(row: int, text: str) -> Instant:
    try:
        return round(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=CITY).timestamp() * 1000)
    except ValueError as error:
        raise LayoutError(row, "time", f"{text!r} is no time") from error

"""Lines no wider than the terminal: broken between words, Chinese between characters, the rest below the first text.

A Chinese character takes two columns. What goes to a file or a pipe is never broken: a program reads it.
"""

import re
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_WIDE: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60"
_CLOSING: Final = "，。；：、）」》！？"
_UNITS: Final = re.compile(f"\\s+|（*(?:[^\\s{_WIDE}]+|[{_WIDE}])[{_CLOSING}]*|.")
"""What is never broken: a word, or one Chinese character, with the punctuation that closes or opens it."""
_FIRST_COLUMN: Final = re.compile(r"\S.*?\s{2,}(?=\S)")
_COPIED: Final = re.compile(r"\s*do: medcredit ")
"""A command that somebody copies from the terminal stays in one piece."""
_DEEPEST: Final = 28
"""A first column that is wider leaves the rest too little room: then two blanks begin what follows."""


def width_of(text: str) -> int:
    """Return how many columns a text takes on a terminal; colour takes none."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in _COLOUR.sub("", text))


def padded(text: str, columns: int) -> str:
    """Return the text with blanks behind it up to a width; a wider one stays as it is."""
    return text + " " * (columns - width_of(text))


def in_columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line whose columns stand below each other, as narrow as what they hold allows."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    used = [place for place, width in enumerate(widths) if width]
    for row in rows:
        yield "  ".join(padded(row[place], widths[place]) for place in used).rstrip()


def columns_of(stream: TextIO) -> int | None:
    """Return how wide the terminal is that a stream writes to, or None for a file or a pipe."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def fitted(text: str, columns: int | None) -> Iterator[str]:
    """Yield a text as lines of at most so many columns, or as it is for None; one long word is never broken."""
    for line in text.split("\n"):
        if columns is None or width_of(line) <= columns or _COPIED.match(line):
            yield line
        else:
            yield from _broken(line, columns)


def _broken(line: str, columns: int) -> Iterator[str]:
    indent = " " * _indent(line, columns)
    current = ""
    for unit in _UNITS.findall(line):
        if current.strip() and width_of(current) + width_of(unit.rstrip()) > columns:
            yield current.rstrip()
            current = indent + unit.lstrip()
        else:
            current += unit
    yield current.rstrip()


def _indent(line: str, columns: int) -> int:
    """Return where later lines begin: below the text after the first column, else two columns in."""
    blanks = len(line) - len(line.lstrip())
    place = blanks + 2
    if blanks >= 8:  # a text that is below a first column already
        place = blanks
    elif first := _FIRST_COLUMN.match(line, blanks):
        place = width_of(line[: first.end()])
    return place if place <= min(_DEEPEST, columns // 2) else 2

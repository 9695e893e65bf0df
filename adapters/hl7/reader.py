"""Our own lazy HL7 v2 reader: segments are split when they are asked for, escapes are undone in leaf values only.

hl7apy builds a whole tree (tens of milliseconds a message); a charge needs a dozen positions of it. This reader keeps
the raw fields and goes down to component and subcomponent only where a position is read (protocols 1.2, 2.1).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

DELETE: Final = '""'
"""HL7's "delete the stored value"; an empty field means "not sent"."""


class Separators(msgspec.Struct, frozen=True, cache_hash=True):
    """The signs a message declares in MSH-1 and MSH-2; a three-character MSH-2 has no subcomponent."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @property
    def msh_2(self) -> str:
        """MSH-2 without the truncation sign of 2.7."""
        return self.component + self.repetition + self.escape + self.subcomponent


STANDARD: Final = Separators()


class Place(msgspec.Struct, frozen=True):
    """A position such as `FT1-11.1.1` or `PV1-19.1`; component and subcomponent count from 1."""

    segment: str
    field: int
    component: int = 1
    subcomponent: int = 1

    def __str__(self) -> str:
        """Return the position as profiles write it."""
        tail = f".{self.component}.{self.subcomponent}" if self.subcomponent > 1 else f".{self.component}"
        return f"{self.segment}-{self.field}{tail}"


_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,3})(?:\.(\d{1,2}))?(?:\.(\d{1,2}))?")


def place(text: str) -> Place:
    """Return the position a profile names; raises ValueError for anything else."""
    match = _PLACE.fullmatch(text)
    if not match or any(part is not None and int(part) == 0 for part in match.groups()[1:]):
        raise ValueError(f"{text!r} is not a position such as FT1-11 or PID-3.1; correct the profile")
    segment, field, component, subcomponent = match.groups()
    return Place(segment, int(field), int(component or 1), int(subcomponent or 1))


def separators_of(header: str) -> Separators | None:
    """Return the separators an MSH, BHS or FHS segment declares.

    None where they are repeated, alphanumeric, blank or too few or many (HEADER_SEPARATORS).
    """
    field = header[3:4]
    signs = header[4:].split(field, 1)[0] if field else ""
    return _separators(field, signs)


@lru_cache(maxsize=256)
def _separators(field: str, signs: str) -> Separators | None:
    every = field + signs
    if not 3 <= len(signs) <= 5 or len(set(every)) != len(every):
        return None
    if any(sign.isalnum() or sign.isspace() or not sign.isprintable() for sign in every):
        return None
    return Separators(field, signs[0], signs[1], signs[2], signs[3:4])


class Segment:
    """One line, split at the field separator; `occurrence` counts lines of the same name from 1."""

    __slots__ = ("_fields", "line", "name", "occurrence", "separators")

    def __init__(self, name: str, occurrence: int, line: str, separators: Separators) -> None:
        self.name = name
        self.occurrence = occurrence
        self.line = line
        self.separators = separators
        self._fields: list[str] | None = None

    @property
    def fields(self) -> list[str]:
        """Raw fields: index n holds field n (for MSH the separator itself stands at 1)."""
        fields = self._fields
        if fields is None:
            fields = self._fields = self.line.split(self.separators.field)
            if self.name == "MSH":
                fields.insert(1, self.separators.field)
        return fields

    def raw(self, field: int) -> str:
        """Return the field as sent, all repetitions; empty where the line ends before it."""
        fields = self.fields
        return fields[field] if field < len(fields) else ""

    def repetitions(self, field: int) -> list[str]:
        """Return the raw repetitions of a field; an empty field has none."""
        raw = self.raw(field)
        return raw.split(self.separators.repetition) if raw else []

    def value(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """Return one leaf of the first repetition, unescaped; `""` (delete) reads as empty."""
        fields = self._fields or self.fields
        raw = fields[field] if field < len(fields) else ""
        if not raw:
            return ""
        separators = self.separators
        if separators.repetition in raw:
            raw = raw.split(separators.repetition, 1)[0]
        return leaf(raw, component, subcomponent, separators)

    def at(self, position: Place) -> str:
        """Return the leaf at a profile's position in this segment."""
        return self.value(position.field, position.component, position.subcomponent)


class Message:
    """A decoded message: its lines, and segments by name on demand; segment order is not enforced (protocols 2.1)."""

    __slots__ = ("_lines_by_name", "_segments", "lines", "separators")

    def __init__(self, lines: list[str], separators: Separators) -> None:
        self.lines = lines
        """Non-empty lines without their ends; the first is MSH."""
        self.separators = separators
        self._segments: dict[str, list[Segment]] = {}
        self._lines_by_name = by_name = dict[str, list[str]]()
        """By the name and the field separator behind it, which a line of nothing else may lack."""
        for line in lines:
            by_name.setdefault(line[:4] if len(line) > 3 else line + separators.field, []).append(line)

    def segments(self, name: str) -> list[Segment]:
        """Return the segments of a name in message order."""
        found = self._segments.get(name)
        if found is None:
            separators = self.separators
            found = [Segment(name, number, line, separators) for number, line in enumerate(self.named(name), 1)]
            self._segments[name] = found
        return found

    def named(self, name: str) -> Sequence[str]:
        """Return the lines of a name in message order, not split."""
        return self._lines_by_name.get(name + self.separators.field, ())

    def count(self, name: str) -> int:
        """Return how many segments of a name there are, without splitting them."""
        return len(self.named(name))

    def first(self, name: str) -> Segment | None:
        """Return the first segment of a name, or None."""
        found = self.segments(name)
        return found[0] if found else None

    def at(self, position: Place) -> str:
        """Return the leaf at a position of the first such segment; empty where there is none."""
        segment = self.first(position.segment)
        return segment.at(position) if segment else ""


def lines_of(text: str) -> list[str]:
    """Return the non-empty lines; segments end with CR, LF and CRLF are tolerated."""
    if "\n" in text:
        text = text.replace("\n", "\r")
    return [line for line in text.split("\r") if line]


def read(text: str) -> Message | None:
    """Return the message of a decoded text that begins with MSH; None where its separators cannot be read."""
    lines = lines_of(text)
    separators = separators_of(lines[0]) if lines else None
    return Message(lines, separators) if separators else None


def leaf(raw: str, component: int, subcomponent: int, separators: Separators) -> str:
    """Return a leaf value of one repetition, unescaped; missing parts and `""` are empty."""
    if component == subcomponent == 1 and raw.isalnum():  # no separator is alphanumeric
        return raw
    raw = _part(raw, component, separators.component)
    if separators.subcomponent:
        raw = _part(raw, subcomponent, separators.subcomponent)
    elif subcomponent > 1:
        return ""
    if raw == DELETE:
        return ""
    return unescape(raw, separators) if separators.escape in raw else raw


def _part(raw: str, number: int, separator: str) -> str:
    """Return the n-th part of a text, counted from 1; empty where it has fewer."""
    if separator not in raw:
        return raw if number == 1 else ""
    parts = raw.split(separator, number)
    return parts[number - 1] if len(parts) >= number else ""


def unescape(raw: str, separators: Separators) -> str:
    r"""Undo `\F\ \S\ \T\ \R\ \E\ \Xhh..\ \.br\` in a leaf; other sequences and unpaired signs stay as sent."""
    sign = separators.escape
    parts = raw.split(sign)
    if len(parts) < 3:
        return raw
    out = [parts[0]]
    index = 1
    while index < len(parts):
        meaning = _meaning(parts[index], separators) if index + 1 < len(parts) else None
        if meaning is None:
            out.append(sign + parts[index])
            index += 1
            continue
        out.append(meaning + parts[index + 1])
        index += 2
    return "".join(out)


def _meaning(sequence: str, separators: Separators) -> str | None:
    """Return what stands between two escape signs means, or None where it is no sequence we know."""
    plain = {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent or "&",
        "R": separators.repetition,
        "E": separators.escape,
        ".br": "\n",
    }.get(sequence)
    if plain is not None or not sequence.startswith("X"):
        return plain
    try:
        return bytes.fromhex(sequence[1:]).decode("utf-8") if sequence[1:].isalnum() else None
    except ValueError:
        return None


def escape(text: str, separators: Separators) -> str:
    """Return our own text as a leaf value: the separators escaped, line ends and control characters as blanks."""
    out = []
    names = {
        separators.escape: "E",
        separators.field: "F",
        separators.component: "S",
        separators.repetition: "R",
        separators.subcomponent: "T",
    }
    for character in text:
        name = names.get(character)
        if name:
            out.append(f"{separators.escape}{name}{separators.escape}")
        else:
            out.append(character if character.isprintable() else " ")
    return "".join(out)

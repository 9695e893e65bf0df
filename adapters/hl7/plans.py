"""Many positions of one segment at once: one regular expression for a profile and a message's separators.

A charge needs some seventeen positions of every FT1 and a message has up to 500 of them. Read one by one they cost
5.4 µs a line, by one match 2.2 µs. The match reads plain lines: no delete anywhere, no repetition or escape before the
end of the last field wanted. Any other line is read position by position, and gives what the match would give.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Final

from adapters.hl7.reader import DELETE, Place, Segment, Separators

WHOLE: Final = 0
"""As a component: the field as sent, all of it."""
Read = Callable[[str], tuple[str, ...]]
_ANYTHING: Final = "[^{field}{repetition}{escape}]*+"
"""What stands in a plain field."""
_KEPT: Final = 64
"""Sets of separators a plan keeps its expression for; a sender that changes them with every message gains nothing."""


class Plan:
    """Positions of one segment, in the order their values are wanted; None reads as empty. Not for MSH."""

    def __init__(self, positions: Iterable[Place | None]) -> None:
        """Keep the positions; expressions are made when a message with new separators comes."""
        self._positions = tuple(positions)
        self._reads: dict[Separators, Read] = {}

    def under(self, separators: Separators) -> Read:
        """Return what reads a line of a message with these separators: one value for each position."""
        read = self._reads.get(separators)
        if read is None:
            read = _read_of(self._positions, separators)
            if len(self._reads) < _KEPT:
                self._reads[separators] = read
        return read


def _read_of(positions: tuple[Place | None, ...], separators: Separators) -> Read:
    match, arrange = _expression(positions, separators)
    room = separators.field * max((at.field for at in positions if at is not None), default=0)

    def read(line: str) -> tuple[str, ...]:
        found = match(line + room)  # missing trailing fields are empty
        if found is None or DELETE in line:
            segment = Segment(line[:3], 1, line, separators)
            return tuple([_value(segment, at) for at in positions])
        return arrange((*found.groups(""), ""))

    return read


def _value(segment: Segment, at: Place | None) -> str:
    if at is None:
        return ""
    return segment.raw(at.field) if at.component == WHOLE else segment.at(at)


def _expression(
    positions: tuple[Place | None, ...], separators: Separators
) -> tuple[Callable[[str], "re.Match[str] | None"], Callable[[Sequence[str]], tuple[str, ...]]]:
    """Return the match of a whole segment, and what puts its groups and a last empty text in the order wanted.

    No possessive `*+` ever has to give back: each stops at a sign its successor begins with.
    """
    wanted = {at for at in positions if at is not None}
    if any(at.subcomponent > 1 for at in wanted):
        return (lambda _line: None), tuple
    groups: list[Place] = []
    fields = [_ANYTHING]
    for number in range(1, max((at.field for at in wanted), default=0) + 1):
        components = sorted(at.component for at in wanted if at.field == number)
        groups += [at for component in components for at in wanted if (at.field, at.component) == (number, component)]
        fields.append(_field(components))
    signs = {name: re.escape(sign) for name, sign in zip(separators.__struct_fields__, _signs(separators), strict=True)}
    text = ("{field}".join(fields) + r"(?={field}|\Z)").format(**signs)
    slots = [len(groups) if at is None else groups.index(at) for at in positions]
    return re.compile(text).match, itemgetter(*slots)


def _signs(separators: Separators) -> tuple[str, ...]:
    return tuple(getattr(separators, name) for name in separators.__struct_fields__)


def _field(components: list[int]) -> str:
    """Return the pattern of one field, with a group for each component wanted; 0 is the field as sent."""
    inner = _components([each for each in components if each != WHOLE], 1)
    return f"({inner})" if WHOLE in components else inner


def _components(wanted: list[int], number: int) -> str:
    """Return the pattern from one component on to the end of the field."""
    if not wanted or number > wanted[-1]:
        return _ANYTHING
    leaf = "([^{field}{repetition}{escape}{component}{subcomponent}]*+)" if number in wanted else ""
    if number == wanted[-1]:
        return leaf + _ANYTHING
    rest = "[^{field}{repetition}{escape}{component}]*+(?:{component}"
    return leaf + rest + _components(wanted, number + 1) + ")?+"

"""Whether a measured figure reaches what architecture 10 asks for: OK or MISSED, never a colour alone."""

from collections.abc import Iterable
from typing import Literal

import msgspec


class Verdict(msgspec.Struct, frozen=True):
    """One figure beside its floor; `at_most` says that less is better."""

    name: str
    measured: float
    floor: float
    unit: str
    at_most: bool = False
    word: Literal["OK", "MISSED"] = "OK"

    def __str__(self) -> str:
        """Return the line a person reads."""
        bound = "at most" if self.at_most else "at least"
        return f"{self.word:<7} {self.name}: {self.measured:g} {self.unit}, {bound} {self.floor:g}"


def at_least(name: str, measured: float, floor: float, unit: str) -> Verdict:
    """Return the verdict on a figure that must not be below its floor."""
    return Verdict(name, measured, floor, unit, word="OK" if measured >= floor else "MISSED")


def at_most(name: str, measured: float, floor: float, unit: str) -> Verdict:
    """Return the verdict on a figure that must not be above its floor."""
    return Verdict(name, measured, floor, unit, at_most=True, word="OK" if measured <= floor else "MISSED")


def missed(verdicts: Iterable[Verdict]) -> bool:
    """Return whether any floor is missed."""
    return any(each.word == "MISSED" for each in verdicts)

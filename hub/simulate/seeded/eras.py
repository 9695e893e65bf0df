"""When a city lives: each seed has its time, so that over a few seeds every pack, clock and calendar turn comes up."""

from typing import Final, NamedTuple

from schemas.city_time import DAY_MS
from schemas.commands import Instant


class Era(NamedTuple):
    """A stretch of city time. `days` 0: as long as its deeds take at the usual pace."""

    name: str
    start: Instant
    days: int = 0


PRESENT: Final = Era("present", 1_782_835_200_000)
"""From 2026-07-01: five packs at once, visits close together."""
PILOTS: Final = Era("pilots", 1_591_718_400_000, 430)
"""From 2020-06-10: the two pilots, then the end of one pack and the beginning of the next on 2021-07-01."""
LEAP_YEAR: Final = Era("leap year", 1_704_816_000_000, 430)
"""From 2024-01-10: a leap day, three changes of the loan prime rate, and more than a year on time."""
ERAS: Final = (PRESENT, PILOTS, LEAP_YEAR)
_LIFE_MS: Final = 120_000_000
"""At the usual pace each person does something, or something is done for them, every 33 hours."""


def era_of(seed: int) -> Era:
    """Return the era of a seed."""
    return ERAS[seed % len(ERAS)]


def pace_ms(era: Era, people: int, deeds: int) -> float:
    """Return the mean time between two deeds of the city."""
    return era.days * DAY_MS / max(1, deeds) if era.days else _LIFE_MS / max(1, people)

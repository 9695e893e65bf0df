"""What happens to people in the synthetic city: planted journeys that show each feature once, and everyday ones.

Each journey is told as the messages its hospital, the person and the city send. `PLANTED` are the basic ones, whose
outcome a second arithmetic can follow; `PROGRAMMES` show what the public programmes promise beyond them.
"""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from hub.simulate.city import City
from hub.simulate.journeys import (
    banks,
    clearing,
    deduction,
    enrolment,
    family,
    identity,
    packs,
    payments,
    relief,
    standing,
)
from hub.simulate.journeys.basic import PLANTED
from hub.simulate.journeys.everyday import everyday
from hub.simulate.journeys.steps import Heard, Journey
from hub.simulate.persons import PROGRAMME_PERSONS, Person

LASTING: Final[tuple[Journey, ...]] = (
    *family.JOURNEYS,
    *identity.JOURNEYS,
    *standing.JOURNEYS,
    *relief.JOURNEYS,
    *banks.JOURNEYS,
    *clearing.JOURNEYS,
)
"""What happens between people, funders and offices; some of it takes months of city time."""
PROGRAMMES: Final[tuple[Journey, ...]] = (
    *deduction.JOURNEYS,
    *packs.JOURNEYS,
    *enrolment.JOURNEYS,
    *payments.JOURNEYS,
    *LASTING,
)
"""Played beside the basic ones; each has ten persons' numbers of its own, so that it may bring a family along."""
JourneySet = Literal["none", "basic", "all"]
_PLANTED_SCORE: Final = 680
_NUMBERS_EACH: Final = 10

__all__ = ["LASTING", "PLANTED", "PROGRAMMES", "Cast", "Heard", "Journey", "JourneySet", "cast", "everyday"]


class Cast(NamedTuple):
    """A journey and the person it happens to."""

    journey: Journey
    person: Person

    @property
    def name(self) -> str:
        """The journey's function name."""
        return self.journey.__name__


def cast(city: City, journeys: JourneySet) -> Iterator[Cast]:
    """Yield the planted journeys of a set, each with its person; no person appears in two of them."""
    if journeys == "none":
        return
    for number, journey in enumerate(PLANTED, start=1):
        yield Cast(journey, city.person(number, _PLANTED_SCORE))
    for number, journey in enumerate(PROGRAMMES if journeys == "all" else ()):
        yield Cast(journey, city.person(PROGRAMME_PERSONS + _NUMBERS_EACH * number, _PLANTED_SCORE))

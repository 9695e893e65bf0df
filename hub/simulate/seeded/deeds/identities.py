"""Who is who: numbers link to persons, two numbers are one, two records of a person become one."""

from typing import Final

from msgspec.structs import replace

from hub.simulate.seeded.citizens import INSTITUTIONS, Citizen
from hub.simulate.seeded.deeds.town import Deciding, To, Town
from schemas.commands import Body, IdentifyPatient, Instant, MergePatient, Subject


def identify(town: Town, citizen: Citizen, at: Instant) -> Body | To:
    """A message that carries both the person and a hospital number."""
    number = town.rng.choice(citizen.numbers)
    told = IdentifyPatient(town.rng.choice(INSTITUTIONS), at, replace(citizen.subject, number=number))
    return To(number, told) if town.chance(0.2) else told


def merge_numbers(town: Town, citizen: Citizen, at: Instant) -> To:
    """Two hospital numbers turn out to be one; rarely of two people, which nobody may decide."""
    kept, retired = citizen.numbers if town.chance(0.5) else citizen.numbers[::-1]
    if town.chance(0.1):
        kept = town.rng.choice(town.people).numbers[0]
    person = citizen.account if town.chance(0.5) else ""
    survivor = Subject(person=person, number=kept)
    return To(retired, MergePatient(town.rng.choice(INSTITUTIONS), at, survivor, Subject(number=retired)))


def merge_persons(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """The second record of a person goes into the first."""
    if not citizen.same_as or town.chance(0.9):
        return None
    survivor, retired = Subject(person=citizen.same_as), Subject(person=citizen.account)
    return MergePatient(town.rng.choice(INSTITUTIONS), at, survivor, retired)


WEIGHTS: Final[dict[Deciding, int]] = {identify: 4, merge_numbers: 1, merge_persons: 3}

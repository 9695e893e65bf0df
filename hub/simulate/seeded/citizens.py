"""Who lives in the simulated city: persons with habits and families, hospital numbers, cards, second records."""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Final, Literal

from schemas.city_time import DAY_MS, city_date
from schemas.commands import Channel, Instant, Relation, Role, Subject
from schemas.events.allocation import Provider
from schemas.ids import account_id

CITY_KEY: Final = b"the simulated city's own account key"
INSTITUTIONS: Final = ("XMZSH", "XMDYY", "XMKQY", "XMHCSQ", "PTYY")
BANKS: Final = ("ICBC", "CCB", "ABC", "XIB")
CHANNELS: Final[tuple[Channel, ...]] = ("alipay", "alipay", "unionpay", "unionpay", "bank")
PROVIDERS: Final[tuple[Provider, ...]] = ("egret", "sesame", "bank")
Habit = Literal["any", "steady", "careless"]
"""`steady` people are treated often and pay; `careless` ones let terms pass."""
_BIRTHDAYS: Final = ("1958-03-31", "1974-12-31", "1990-02-28", "1996-02-29")
_GROWN_DAYS: Final = 18 * 365 + 4
"""Days of the first 18 years, but for a leap day more or less."""


@dataclass
class Visit:
    """A visit as its hospital knows it."""

    institution: str
    number: str
    scene: str
    lines: list[tuple[str, int, str]] = field(default_factory=list)
    """Key, amount and item of each line that was charged."""
    settlement_mode: str = "none"
    settlement: str = ""
    closed: bool = False


@dataclass
class Citizen:
    """One person, with what hospitals remember of them."""

    account: str
    numbers: tuple[str, str]
    """Accounts of two hospital numbers, through which some messages come and which may turn out to be one."""
    card: str
    birth_on: str
    habit: Habit = "any"
    visits: list[Visit] = field(default_factory=list)
    scores: int = 0
    kin: list[tuple[Relation, Role, str]] = field(default_factory=list)
    """Whom they may link with, and as what."""
    same_as: str = ""
    """The account of the person of whom this is a second record."""

    @property
    def subject(self) -> Subject:
        """Return what every registration says about the person."""
        return Subject(person=self.account, name_masked="林*岚", birth_on=self.birth_on)


def population(rng: Random, count: int, start: Instant) -> list[Citizen]:
    """Return that many people; of ten, two are children, one a grown child who pays, one registered twice."""
    people: list[Citizen] = []
    for place in range(count):
        citizen = _citizen(rng, place, start)
        if place % 10 in (3, 7):
            _relate(citizen, people[place - 1], "minor")
        elif place % 10 == 5:
            _relate(people[place - 1], citizen, "adult_child")
        elif place % 10 == 9:
            citizen.same_as = people[place - 1 - rng.randrange(3)].account
        people.append(citizen)
    return people


def _citizen(rng: Random, place: int, start: Instant) -> Citizen:
    hospital = rng.choice(INSTITUTIONS)
    numbers = [account_id(CITY_KEY, "number", f"{hospital}|P{place:07}-{n}") for n in range(2)]
    habit: Habit = "steady" if place % 10 in (0, 6) else "careless" if place % 10 == 1 else "any"
    return Citizen(
        account_id(CITY_KEY, "person", f"citizen {place}"),
        (numbers[0], numbers[1]),
        account_id(CITY_KEY, "number", f"card|{place}"),
        _minor_since(rng, start) if place % 10 in (3, 7) else rng.choice(_BIRTHDAYS),
        habit,
    )


def _minor_since(rng: Random, start: Instant) -> str:
    """Return the birthday of a child; most come of age within the next months, one in ten was born on a leap day."""
    if rng.random() < 0.1:
        return "2012-02-29"
    grown_in = rng.choice((-400, 20, 60, 150, 300, 2_000))
    return date.fromordinal(city_date(start + grown_in * DAY_MS).toordinal() - _GROWN_DAYS).isoformat()


def _relate(dependent: Citizen, payer: Citizen, relation: Relation) -> None:
    dependent.kin.append((relation, "dependent", payer.account))
    payer.kin.append((relation, "payer", dependent.account))

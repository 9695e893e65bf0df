"""Who lives in the simulated city: persons with a score and an agreement, hospital numbers, institutions."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from hub.policies import Pack, Policies
from schemas.city_time import DAY_MS
from schemas.commands import Body, Channel, Instant, ObserveScore, SignAgreement, Subject
from schemas.events.allocation import Provider
from schemas.ids import account_id

CITY_KEY: Final = b"the simulated city's own account key"
INSTITUTIONS: Final = ("XMZSH", "XMDYY", "XMKQYY", "XMHCSQ")
BANKS: Final = ("ICBC", "CCB", "ABC", "XMBANK")
CHANNELS: Final[tuple[Channel, ...]] = ("alipay", "alipay", "unionpay", "unionpay", "bank")
PROVIDERS: Final[tuple[Provider, ...]] = ("egret", "sesame", "bank")


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
    number: str
    """The account of their hospital number, through which some messages come."""
    visits: list[Visit] = field(default_factory=list)
    scores: int = 0


def population(rng: Random, count: int) -> list[Citizen]:
    """Return that many people."""
    people = []
    for place in range(count):
        person = account_id(CITY_KEY, "person", f"citizen {place}")
        number = account_id(CITY_KEY, "number", f"{rng.choice(INSTITUTIONS)}|P{place:07}")
        people.append(Citizen(person, number))
    return people


def signing(rng: Random, citizen: Citizen, packs: list[Pack], at: Instant) -> Body:
    """Return an agreement under one of the packs in force."""
    pack = rng.choice(packs)
    return SignAgreement(
        at,
        pack.id,
        rng.choice(BANKS),
        rng.choice(CHANNELS),
        f"contract-{citizen.account[:10]}",
        PROVIDERS,
        "2026-01",
        at + rng.choice((40, 365, 3650)) * DAY_MS,
        rng.random() < 0.9,
        Subject(person=citizen.account, name_masked="林*岚"),
    )


def scoring(rng: Random, citizen: Citizen, policies: Policies, at: Instant) -> Body:
    """Return a score of any height under an authorisation."""
    provider = rng.choice(PROVIDERS)
    citizen.scores += 1
    return ObserveScore(
        provider,
        min(rng.randrange(2 * len(policies.cut_points(provider)) + 1), len(policies.cut_points(provider))),
        policies.cut_points_hash(provider),
        f"score-{citizen.account[:8]}-{citizen.scores}",
        at - rng.randrange(3) * DAY_MS,
        at + 400 * DAY_MS,
        citizen.scores,
        f"authorisation-{provider}",
        at - 30 * DAY_MS,
        at + 700 * DAY_MS,
        ("medical_credit",),
    )

"""What people, hospitals, insurers, staff and banks do next: any of it, any time, now and then twice, late or wrong."""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from hub.domain.state import AccountState
from hub.policies import Policies
from hub.simulate.seeded.citizens import Citizen, Habit, population
from hub.simulate.seeded.deeds import families, hospitals, identities, insurers, persons, staff
from hub.simulate.seeded.deeds.town import Deciding, To, Town
from schemas.commands import (
    Body,
    Command,
    IdentifyPatient,
    Instant,
    Interface,
    MergePatient,
    ObserveScore,
    PostCharge,
    ReceiveFeedMessage,
    RecordBankCollection,
    RecordVisit,
    ReverseSettlement,
    RevokeConsent,
    SettleInsurance,
)

_REMEMBERED: Final = 64
"""Messages that may be sent once more."""
_DELAYS: Final = (0, 0, 0, 0, 0, 0, 60_000, 7_200_000, 86_400_000)
_FROM: Final[dict[type, Interface]] = {
    **dict.fromkeys(
        (PostCharge, RecordVisit, IdentifyPatient, SettleInsurance, ReverseSettlement, MergePatient), "mllp"
    ),
    **dict.fromkeys((ObserveScore, RevokeConsent, ReceiveFeedMessage), "score"),
    RecordBankCollection: "clerk",
}
"""The interface of each kind of message; all others come over the API."""
_ANY: Final[dict[Deciding, int]] = {
    **hospitals.WEIGHTS,
    **insurers.WEIGHTS,
    **persons.WEIGHTS,
    **staff.WEIGHTS,
    **families.WEIGHTS,
    **identities.WEIGHTS,
}
"""Out of three hundred deeds, about."""
_STEADY: Final = frozenset(
    (
        hospitals.charge,
        hospitals.discharge,
        persons.pay_up,
        persons.ask,
        persons.score,
        families.request_link,
        families.answer_link,
    )
)
"""All that steady people do: nobody takes anything from them, so that a year on time can go by."""
_TRIES: Final = 8
"""So many people are looked at for a kind of deed before another kind is drawn."""


_MET: Final[dict[Habit, int]] = {"any": 1, "careless": 3, "steady": 4}
"""How often people of each habit are met: months on time and overdue bills only count where there are many."""


class Deed(NamedTuple):
    """Somebody does something; the command about it may arrive later."""

    at: Instant
    arrives_at: Instant
    command: Command


class Deeds:
    """An endless supply of commands for a city; equal seeds and equal answers of the hub give equal deeds."""

    def __init__(
        self, rng: Random, policies: Policies, people: int, start: Instant, states: Callable[[str], AccountState]
    ) -> None:
        self._town = Town(rng, policies, population(rng, people, start), states)
        self._rng = rng
        self._sent: list[Command] = []
        self._busy: list[Citizen] = []
        """Who did something a moment ago: a visit is more than one message."""
        self._crowd = [citizen for citizen in self._town.people for _ in range(_MET[citizen.habit])]
        self._kinds = [kind for kind, weight in _ANY.items() for _ in range(weight)]

    def enrolment(self, at: Instant) -> list[Deed]:
        """Return identities, cards, scores and agreements of most people, before anybody falls ill."""
        deeds = []
        for citizen in self._town.people:
            kinds: list[Deciding] = [identities.identify, insurers.link_card, persons.score, persons.sign]
            grown = not any(role == "dependent" and relation == "minor" for relation, role, _ in citizen.kin)
            for kind in kinds if grown or self._rng.random() < 0.7 else kinds[:2]:
                made = kind(self._town, citizen, at) if self._rng.random() < 0.9 else None
                if made is not None:
                    deeds.append(self._deed(made, citizen, at))
        return deeds

    def next(self, at: Instant) -> Deed:
        """Return the next deed; some arrive late, some arrive again."""
        rng = self._rng
        if self._sent and rng.random() < 0.04:
            return self._again(at)
        deed = None
        while deed is None:
            deed = self._tried(rng.choice(self._kinds), at)
        self._remember(deed.command)
        late = rng.choice(_DELAYS) if rng.random() < 0.2 else 0
        return deed._replace(arrives_at=at + late)

    def _tried(self, kind: Deciding, at: Instant) -> Deed | None:
        """Return a deed of this kind by the first of some people who can do it."""
        for _ in range(_TRIES):
            citizen = self._somebody()
            if citizen.habit == "steady" and kind not in _STEADY:
                continue
            made = kind(self._town, citizen, at)
            if made is not None:
                return self._deed(made, citizen, at)
        return None

    def _somebody(self) -> Citizen:
        """Return who acts: half of the time somebody who did so a moment ago."""
        if self._busy and self._rng.random() < 0.5:
            return self._rng.choice(self._busy)
        citizen = self._rng.choice(self._crowd)
        self._busy = [*self._busy[-2:], citizen]
        return citizen

    def _again(self, at: Instant) -> Deed:
        """Send something once more: the same, or the same id with another content."""
        command = self._rng.choice(self._sent)
        content = command.content_hash if self._rng.random() < 0.9 else f"other {command.content_hash}"
        repeated = Command(
            command.id, command.account, at, at, command.source, command.interface, content, command.body
        )
        return Deed(at, at, repeated)

    def _remember(self, command: Command) -> None:
        self._sent.append(command)
        if len(self._sent) > _REMEMBERED:
            del self._sent[self._rng.randrange(len(self._sent))]

    def _deed(self, made: Body | To, citizen: Citizen, at: Instant) -> Deed:
        account, body = made if isinstance(made, To) else (citizen.account, made)
        name = f"m{self._town.number()}"
        interface = _FROM.get(type(body), "api")
        return Deed(at, at, Command(name, account, at, at, "HIS@CITY", interface, name, body))

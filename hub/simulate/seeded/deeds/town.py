"""What deeds are drawn from: chance, the packs, the people, and what the hub would answer if it were asked."""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple, TypeVar

from hub.domain.state import AccountState, Core, new_state
from hub.policies import Pack, Policies
from hub.simulate.seeded.citizens import INSTITUTIONS, Citizen
from schemas.commands import Body, Instant

T = TypeVar("T")
STAFF: Final = ("clerk-1", "clerk-2", "clerk-3")
"""Who decides at institutions and the platform: two people are two of these."""
_HOPS: Final = 4
_LOOKED_AT: Final = 24
"""To look at everybody for each deed would take longer than to decide it."""


class To(NamedTuple):
    """A message to another account than the person's own."""

    account: str
    body: Body


class Town:
    """Everything a deed may look at. Equal seeds and equal answers of the hub give equal deeds."""

    def __init__(
        self, rng: Random, policies: Policies, people: list[Citizen], states: Callable[[str], AccountState]
    ) -> None:
        self.rng = rng
        self.policies = policies
        self.people = people
        self._states = states
        self._count = 0
        self.feed = 0
        """The newest sequence number of the score feed."""

    def number(self) -> int:
        """Return a number nothing was named by before."""
        self._count += 1
        return self._count

    def chance(self, of: float) -> bool:
        """Return True so often."""
        return self.rng.random() < of

    def staff(self) -> str:
        """Return who acts."""
        return self.rng.choice(STAFF)

    def one_of(self, things: dict[str, T]) -> T | None:
        """Return one of the things of an account, or None."""
        return self.rng.choice(list(things.values())) if things else None

    def state(self, citizen: Citizen) -> AccountState:
        """Return the account that speaks for a person: their own, or the one it merged into."""
        state = self._states(citizen.account)
        for _ in range(_HOPS):
            if not state.core.merged_into:
                return state
            state = self._states(state.core.merged_into)
        return new_state(citizen.account)

    def core(self, citizen: Citizen) -> Core:
        """Return what the hub knows of a person but for the visits."""
        return self.state(citizen).core

    def find(self, wanted: Callable[[Core], bool]) -> Citizen | None:
        """Return somebody of whom the hub knows such a thing, out of some people; None where it is nobody of them."""
        begin = self.rng.randrange(len(self.people))
        some = (self.people[(begin + n) % len(self.people)] for n in range(min(_LOOKED_AT, len(self.people))))
        return next((citizen for citizen in some if wanted(self.core(citizen))), None)

    def packs(self, at: Instant) -> list[Pack]:
        """Return the packs under which people may sign now."""
        return [pack for pack in self.policies.packs.values() if pack.valid_from <= at < pack.valid_to]

    def institution(self, citizen: Citizen, at: Instant) -> str:
        """Return where somebody goes: mostly where their agreement holds, rarely where no pack does."""
        core = self.core(citizen)
        agreement = core.agreements.get(core.agreement)
        covered = self.policies.packs[agreement.pack].institutions if agreement else ()
        if covered and self.chance(0.8):
            return self.rng.choice(sorted(covered))
        if self.chance(0.05):
            return self.rng.choice(INSTITUTIONS)
        packs = self.packs(at)
        return self.rng.choice([each for each in INSTITUTIONS if any(pack.covers(each, at) for pack in packs)])


Deciding = Callable[[Town, Citizen, Instant], Body | To | None]
"""A kind of deed: what one person does, or what is done for them; None where there is nothing to do it with."""

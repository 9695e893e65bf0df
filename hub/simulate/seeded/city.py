"""Runs a simulated city from a seed, or a script that was recorded from one."""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from hub.domain.decision import Decision
from hub.domain.state import AccountState, new_state
from hub.policies import Policies
from hub.simulate.seeded.deeds import Deed, Deeds
from hub.simulate.seeded.fates import Fates
from hub.simulate.seeded.gateways import Gateways
from hub.simulate.seeded.judge import FaultError, Judge, state_hash
from hub.simulate.seeded.memory_hub import MemoryHub
from hub.simulate.seeded.shrink import shortest
from schemas.city_time import DAY_MS
from schemas.commands import Command, Instant
from schemas.errands import RelayErrand
from schemas.events import DebitPaid, LatePaymentReceived

START: Final = 1_782_835_200_000
"""2026-07-01 00:00 in the city."""
_LIFE_MS: Final = 120_000_000
"""On average each person does something, or something is done for them, every 33 hours."""
_WHOLE_EVERY: Final = 1_000
"""After so many commands all accounts are checked, not only the touched one."""
_REST_DAYS: Final = 120
"""Long enough for every ladder, term and refund to come to its end."""


@dataclass
class Told:
    """What a run came to."""

    commands: int
    timers: int
    outcomes: Counter[str]
    state_sm3: str
    fault: FaultError | None = None
    script: list[Deed] = field(default_factory=list)
    """The deeds up to the fault, or all of them."""
    of: int = 0
    """From how many deeds the script was shortened."""


class City:
    """One run: deeds arrive, gateways answer, relays are delivered, time passes between them."""

    def __init__(self, seed: int, policies: Policies) -> None:
        self.judge = Judge(policies.institution_funded)
        self.hub = MemoryHub(policies, START, self._watch)
        self.gateways = Gateways(Fates(seed))
        self.outcomes: Counter[str] = Counter()
        self._queue: list[tuple[Instant, int, Command]] = []
        self._numbers = itertools.count()
        self._checked_at = 0
        self._booked: dict[str, int] = {}
        """Orders whose money the hub has, for a settled visit leaves the state."""

    def run(self, deeds: Iterable[Deed]) -> None:
        """Play deeds in the order of their arrival, then let everything come to rest. Raises FaultError."""
        for deed in deeds:
            self._put(deed.arrives_at, deed.command)
            self._play(until=deed.at)
        self._play(until=self.hub.at + _REST_DAYS * DAY_MS)
        self.judge.at_rest(self.hub.accounts)
        self._compare()

    def state(self, account: str) -> AccountState:
        """Return an account as it stands."""
        return self.hub.accounts.get(account) or new_state(account)

    def _put(self, at: Instant, command: Command) -> None:
        heapq.heappush(self._queue, (at, next(self._numbers), command))

    def _play(self, until: Instant) -> None:
        """Submit what has arrived by then; timers fire before whatever arrives later than they are due."""
        while True:
            at = min(self._queue[0][0], until) if self._queue else until
            self.hub.advance(at)
            if self.hub.errands:
                self._go_out()
                continue
            if not self._queue or self._queue[0][0] > self.hub.at:
                return
            self.hub.submit(heapq.heappop(self._queue)[2])
            if self.hub.commands - self._checked_at >= _WHOLE_EVERY:
                self._checked_at = self.hub.commands
                self.judge.whole(self.hub.accounts)

    def _go_out(self) -> None:
        for errand in self.hub.take_errands():
            if isinstance(errand, RelayErrand):
                self._put(self.hub.at, errand.command)
                continue
            for at, command in self.gateways.answer(errand, self.hub.at):
                self._put(at, command)

    def _watch(self, before: AccountState, decision: Decision) -> None:
        record = decision.record
        self.outcomes[record.reason if record.outcome == "REFUSED" else record.outcome] += 1
        self.judge.saw(before, decision)
        for event in record.events:
            if isinstance(event, DebitPaid | LatePaymentReceived):
                self._booked[event.order_no] = event.amount_fen

    def _compare(self) -> None:
        """Every order that moved is booked once, and nothing else is (invariant 5)."""
        if self._booked != self.gateways.book.moved:
            odd = sorted(set(self._booked.items()) ^ set(self.gateways.book.moved.items()))
            raise FaultError(5, f"hub and gateways disagree about {odd[:3]}")


def simulate(seed: int, events: int, policies: Policies, people: int = 400) -> Told:
    """Return what became of a city of that many people in that many deeds; never raises for a broken invariant."""
    rng = Random(seed)  # noqa: S311 - the same seed must give the same city
    city, script = City(seed, policies), []
    source = Deeds(rng, policies, people, START)

    def deeds() -> Iterator[Deed]:
        at = START
        for deed in source.enrolment(at):
            script.append(deed)
            yield deed
        for _ in range(events):
            at += int(rng.expovariate(people / _LIFE_MS))
            deed = source.next(at, city.state)
            script.append(deed)
            yield deed

    return _told(city, deeds(), script)


def replay(seed: int, script: list[Deed], policies: Policies) -> Told:
    """Return what becomes of a script under the fates of a seed."""
    return _told(City(seed, policies), script, script)


def shortened(seed: int, told: Told, policies: Policies) -> Told:
    """Return what the shortest part of a failing script comes to that breaks the same invariant."""
    number = told.fault.number if told.fault is not None else 0

    def fails(script: list[Deed]) -> bool:
        fault = replay(seed, script, policies).fault
        return fault is not None and fault.number == number

    # Most faults need one person only: where the deeds about them alone break it too, the rest need not be tried.
    blamed = told.fault.text if told.fault is not None else ""
    about = [deed for deed in told.script if deed.command.account in blamed]
    short = replay(seed, shortest(about if fails(about) else told.script, fails), policies)
    short.of = len(told.script)
    return short


def _told(city: City, deeds: Iterable[Deed], script: list[Deed]) -> Told:
    fault = None
    try:
        city.run(deeds)
    except FaultError as error:
        fault = error
    except Exception as error:  # noqa: BLE001 - whatever a decision raises is a fault of the hub, and has a script
        fault = FaultError(0, repr(error))
    hub = city.hub
    return Told(hub.commands, hub.timers, city.outcomes, state_hash(hub.accounts), fault, script)

"""A simulated city: deeds arrive, gateways, banks and relays answer, time passes between them."""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Final

from hub.domain.decision import Decision
from hub.domain.state import AccountState, new_state
from hub.policies import Policies
from hub.simulate.seeded.bank_clerk import BankClerk
from hub.simulate.seeded.deeds import Deed
from hub.simulate.seeded.eras import era_of
from hub.simulate.seeded.fates import Fates
from hub.simulate.seeded.gateways import Gateways
from hub.simulate.seeded.judge import Judge
from hub.simulate.seeded.memory_hub import MemoryHub
from hub.simulate.seeded.post import Post
from schemas.city_time import DAY_MS
from schemas.commands import Command, Instant
from schemas.errands import Errand, RelayErrand
from schemas.ledger import TimerSource

_WHOLE_EVERY: Final = 1_000
"""After so many commands all accounts are checked, not only the touched one."""
_REST_DAYS: Final = 120
"""Long enough for every ladder, term and refund to come to its end."""


class City:
    """One run. Everything in it follows from the seed and the deeds."""

    def __init__(self, seed: int, policies: Policies) -> None:
        start, fates = era_of(seed).start, Fates(seed)
        self._start = start
        self.judge = Judge(policies.institution_funded)
        self.hub = MemoryHub(policies, start, self._watch)
        self.gateways = Gateways(fates)
        self.outcomes: Counter[str] = Counter()
        self.bodies: Counter[type] = Counter()
        self.happened: Counter[type] = Counter()
        self.fired: Counter[str] = Counter()
        self._clerk = BankClerk(fates, policies.institution_funded, start)
        self._post = Post(fates)
        self._queue: list[tuple[Instant, int, Command]] = []
        self._numbers = itertools.count()
        self._checked_at = 0

    def run(self, deeds: Iterable[Deed]) -> None:
        """Play deeds in the order of their arrival, then let everything come to rest. Raises FaultError."""
        for deed in deeds:
            self._put(deed.arrives_at, deed.command)
            self._play(until=deed.at)
        self._play(until=self.hub.at + _REST_DAYS * DAY_MS)
        self.judge.at_rest(self.hub.accounts, self.hub.at, self.gateways.book)

    @property
    def days(self) -> int:
        """Return how many days of city time went by."""
        return (self.hub.at - self._start) // DAY_MS

    def state(self, account: str) -> AccountState:
        """Return an account as it stands."""
        return self.hub.accounts.get(account) or new_state(account)

    def _put(self, at: Instant, command: Command) -> None:
        heapq.heappush(self._queue, (at, next(self._numbers), command))

    def _play(self, until: Instant) -> None:
        """Submit what has arrived by then; timers fire before whatever arrives later than they are due."""
        while True:
            at = min(self._queue[0][0], until) if self._queue else until
            self.hub.advance(min(at, self._clerk.next_at))
            if self.hub.errands:
                self._go_out()
            elif self.hub.at >= self._clerk.next_at:
                for due_at, command in self._clerk.close(self.hub.at):
                    self._put(due_at, command)
            elif self._queue and self._queue[0][0] <= self.hub.at:
                self._submit(heapq.heappop(self._queue)[2])
            elif self.hub.at >= until:
                return

    def _submit(self, command: Command) -> None:
        self.bodies[type(command.body)] += 1
        self.hub.submit(command)
        if self.hub.commands - self._checked_at >= _WHOLE_EVERY:
            self._checked_at = self.hub.commands
            self.judge.whole(self.hub.accounts)

    def _go_out(self) -> None:
        for errand in self.hub.take_errands():
            for at, command in self._arriving(errand):
                self._put(at, command)

    def _arriving(self, errand: Errand) -> list[tuple[Instant, Command]]:
        if isinstance(errand, RelayErrand):
            return self._post.carry(errand, self.hub.at)
        return self.gateways.answer(errand, self.hub.at)

    def _watch(self, before: AccountState, decision: Decision) -> None:
        record = decision.record
        self.outcomes[record.reason if record.outcome == "REFUSED" else record.outcome] += 1
        if isinstance(record.source, TimerSource):
            self.fired[record.source.kind] += 1
        if record.events:
            self.happened.update(map(type, record.events))
            self._clerk.saw(record)
        self.judge.saw(before, decision)

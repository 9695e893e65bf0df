"""What the lanes do, in memory: one outcome for each command, timers in their order; errands are left to the caller."""

import heapq
from collections.abc import Callable
from typing import Final

from hub.domain.decide import decide, fire
from hub.domain.decision import Decision, Now
from hub.domain.state import NEVER, AccountState, new_state
from hub.domain.timers import next_due, next_timer
from hub.policies import Policies
from schemas.commands import Command, Instant
from schemas.errands import Errand

Watch = Callable[[AccountState, Decision], None]
"""Told of every decision with the state before it."""
TIMERS_MAX: Final = 10_000
"""An account whose timers fire this often at one instant never comes to rest."""


class RestlessError(AssertionError):
    """Timers or relays go on without end."""


class MemoryHub:
    """Accounts and one clock that serves as city and wall time."""

    def __init__(self, policies: Policies, start: Instant, watch: Watch) -> None:
        self.policies = policies
        self.at = start
        self.accounts: dict[str, AccountState] = {}
        self.errands: list[Errand] = []
        """What is to be done outside; whoever plays the outside takes them."""
        self.commands = 0
        self.timers = 0
        self._watch = watch
        self._due: list[tuple[Instant, str]] = []

    def submit(self, command: Command) -> Decision:
        """Decide a command now; what it tells other accounts and gateways waits among the errands."""
        self.commands += 1
        state = self.accounts.get(command.account) or new_state(command.account)
        decision = decide(state, command, self.commands, self.policies, Now(self.at, self.at))
        self._book(state, decision)
        return decision

    def advance(self, until: Instant) -> None:
        """Let time pass up to an instant, or to the first timer that leaves something to be done outside.

        Timers fire in the order (due_at, account).
        """
        while self._due and self._due[0][0] <= until and not self.errands:
            due_at, account = heapq.heappop(self._due)
            if min(next_due(self.accounts[account])) == due_at:
                self.at = max(self.at, due_at)
                self._fire(account)
        if not self.errands:
            self.at = max(self.at, until)

    def _fire(self, account: str) -> None:
        now = Now(self.at, self.at)
        for _ in range(TIMERS_MAX):
            state = self.accounts[account]
            timer = next_timer(state, now)
            if timer is None:
                return
            self.timers += 1
            self._book(state, fire(state, timer, self.policies, now))
        raise RestlessError(f"{account}: timers fire without end at {self.at}")

    def _book(self, before: AccountState, decision: Decision) -> None:
        after = decision.state
        account = after.core.account
        self.accounts[account] = after
        due = min(next_due(after))
        if due != NEVER and due != min(next_due(before)):
            heapq.heappush(self._due, (due, account))
        self.errands += decision.errands
        self._watch(before, decision)

    def take_errands(self) -> list[Errand]:
        """Return what is to be done outside or at another account since the last time, oldest first."""
        errands, self.errands = self.errands, []
        return errands

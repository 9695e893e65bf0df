"""The hub's own rules: `hub.domain` with the policy packs of this process."""

from dataclasses import dataclass

import hub.domain.decide as deciding
import hub.domain.reply as replying
from hub.domain import state as states
from hub.domain import timers
from hub.domain.decision import Decision, Now, Timer
from hub.domain.evolve import evolve
from hub.domain.state import AccountState, Core, Encounter
from hub.policies import Policies
from schemas.commands import Command
from schemas.ledger import LedgerRecord
from schemas.reasons import Reason
from schemas.replies import Reply
from streams.lanes.timers import Due


@dataclass(frozen=True, slots=True)
class DomainRules:
    """The domain's functions behind the lanes' `Rules`, bound to one set of policies."""

    policies: Policies

    def new_state(self, account: str) -> AccountState:
        """Return the state of an account nothing has been heard of."""
        return states.new_state(account)

    def decide(self, state: AccountState, command: Command, offset: int, now: Now) -> Decision:
        """Return the one outcome of a command."""
        return deciding.decide(state, command, offset, self.policies, now)

    def refuse(self, state: AccountState, command: Command, offset: int, now: Now, reason: Reason) -> Decision:
        """Return the refusal of a command for a reason found outside the domain."""
        return deciding.refuse(state, command, offset, self.policies, now, reason)

    def fire(self, state: AccountState, timer: Timer, now: Now) -> Decision:
        """Return the outcome of a timer that is due."""
        return deciding.fire(state, timer, self.policies, now)

    def evolve(self, state: AccountState, record: LedgerRecord) -> AccountState:
        """Return the state after a ledger record."""
        return evolve(state, record)

    def next_timer(self, state: AccountState, now: Now) -> Timer | None:
        """Return the account's first timer that is due at `now`, or None."""
        return timers.next_timer(state, now)

    def next_due(self, state: AccountState) -> Due:
        """Return when the account's next timers are due, NEVER without one."""
        return timers.next_due(state)

    def reply_for(self, decision: Decision, command: Command, now: Now) -> Reply | None:
        """Return what a waiting caller is told, or None."""
        return replying.reply_for(decision, command, now)

    def encode_core(self, core: Core) -> bytes:
        """Return the core's bytes."""
        return states.encode_core(core)

    def decode_core(self, value: bytes) -> Core:
        """Return the core of its bytes."""
        return states.decode_core(value)

    def encode_encounter(self, encounter: Encounter) -> bytes:
        """Return the encounter's bytes."""
        return states.encode_encounter(encounter)

    def decode_encounter(self, value: bytes) -> Encounter:
        """Return the encounter of its bytes."""
        return states.decode_encounter(value)

    def due_from_bytes(self, core: bytes) -> Due:
        """Return the due times at the head of an encoded core."""
        return states.due_from_bytes(core)

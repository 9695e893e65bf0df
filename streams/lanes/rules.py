"""What a lane asks of the domain: pure functions, and how states become bytes."""

from typing import Protocol

from hub.domain.decision import Decision, Now, Timer
from hub.domain.state import AccountState, Core, Encounter
from schemas.commands import Command
from schemas.ledger import LedgerRecord
from schemas.reasons import Reason
from schemas.replies import Reply
from streams.lanes.timers import Due


class Rules(Protocol):
    """Decisions and codecs; nothing in here may read a clock, wait, or keep anything."""

    def new_state(self, account: str) -> AccountState:
        """Return the state of an account nothing has been heard of."""

    def decide(self, state: AccountState, command: Command, offset: int, now: Now) -> Decision:
        """Return the one outcome of a command."""

    def refuse(self, state: AccountState, command: Command, offset: int, now: Now, reason: Reason) -> Decision:
        """Return the refusal of a command for a reason found outside, as OUTCOME_TOO_LARGE."""

    def fire(self, state: AccountState, timer: Timer, now: Now) -> Decision:
        """Return the outcome of a timer that is due."""

    def evolve(self, state: AccountState, record: LedgerRecord) -> AccountState:
        """Return the state after a ledger record."""

    def next_timer(self, state: AccountState, now: Now) -> Timer | None:
        """Return the account's first timer that is due at `now`, or None."""

    def next_due(self, state: AccountState) -> Due:
        """Return when the account's next timers are due by city and wall time, NEVER without one."""

    def reply_for(self, decision: Decision, command: Command, now: Now) -> Reply | None:
        """Return what a waiting caller is told, or None when this outcome tells nothing."""

    def encode_core(self, core: Core) -> bytes:
        """Return the core's bytes; equal cores give equal bytes."""

    def decode_core(self, value: bytes) -> Core:
        """Return the core of its bytes, of this or an older version."""

    def encode_encounter(self, encounter: Encounter) -> bytes:
        """Return the encounter's bytes; equal encounters give equal bytes."""

    def decode_encounter(self, value: bytes) -> Encounter:
        """Return the encounter of its bytes, of this or an older version."""

    def due_from_bytes(self, core: bytes) -> Due:
        """Return the due times at the head of an encoded core, without decoding the rest."""

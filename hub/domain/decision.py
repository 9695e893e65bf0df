"""What deciding returns to the account lane: one outcome and everything that leaves with it (architecture 4)."""

from typing import NamedTuple

from hub.domain.frozen import Frozen
from hub.domain.state import AccountState, Seen
from schemas.commands import Instant
from schemas.dead_letters import DeadLetterInterface
from schemas.errands import Errand
from schemas.facts import Fact
from schemas.ledger import LedgerRecord, TimerKind
from schemas.reasons import Reason


class Now(NamedTuple):
    """The lane's two monotone clocks, in milliseconds since the epoch."""

    city: Instant
    wall: Instant


class Timer(Frozen, frozen=True):
    """Something due at an instant of one clock; held in account state, fired by the lane in order of `due_at`.

    `outside` timers cause a call outside: the lane first consumes everything that was in its log when they came due.
    """

    due_at: Instant
    kind: TimerKind
    subject: str
    city: bool
    """True: due by city time; False: due by wall time."""
    outside: bool


class Quarantine(Frozen, frozen=True):
    """A dead letter the lane writes with the command's sealed bytes: `quarantine.charge` or `incident.money`."""

    interface: DeadLetterInterface
    reason: Reason
    detail: str
    parameters: dict[str, str]


class Decision(Frozen, frozen=True):
    """One outcome.

    `record` lacks only its hash chain; `state` equals `evolve(before, record)`; `result` is the body of the reply for a
    caller that waits, rebuilt identically for a repeat.
    """

    record: LedgerRecord
    state: AccountState
    errands: tuple[Errand, ...] = ()
    facts: tuple[Fact, ...] = ()
    quarantine: tuple[Quarantine, ...] = ()
    result: dict[str, object] | None = None
    repeats: Seen | None = None
    """What is remembered of the first outcome, for a repeat."""

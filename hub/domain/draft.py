"""A decision being made: events are applied as they are emitted, so later steps see what earlier ones did.

Everything goes through `emit`, the same way `evolve` goes later: a decision's state cannot differ from the fold of its
record.
"""

from typing import Final, final

from hub.domain.decision import Now, Quarantine, Timer
from hub.domain.evolve import APPLY
from hub.domain.frozen import Frozen
from hub.domain.journal import POST
from hub.domain.state import AccountState, Agreement, Bill, Core, Debit, Encounter
from hub.policies import Pack, Policies
from schemas.commands import Command, Instant
from schemas.dead_letters import DeadLetterInterface
from schemas.errands import Errand, ErrandKind
from schemas.events import Event
from schemas.ids import Kind, make_id, message_hash
from schemas.ledger import OutcomeCode, Posting, Step
from schemas.reasons import Reason

CHARGE_QUARANTINE: Final[DeadLetterInterface] = "quarantine.charge"
MONEY_INCIDENT: Final[DeadLetterInterface] = "incident.money"
NO_PARAMETERS: Final[dict[str, str]] = {}


@final
class Outcome(Frozen, frozen=True):
    """What a deciding function returns: the outcome's code and what the caller asked for."""

    code: OutcomeCode
    reference: str = ""
    reason: str = ""
    parameters: dict[str, str] = NO_PARAMETERS
    references: tuple[str, ...] = ()
    """For a repeat: the ids of the first outcome, from which its answer is rebuilt."""
    duplicate_of: int = 0


@final
class Refusal(Frozen, frozen=True):
    """Why nothing happened; `kept` events (a frozen bill, a doubted order) are booked all the same."""

    reason: Reason
    parameters: dict[str, str] = NO_PARAMETERS
    quarantine: DeadLetterInterface | None = None
    detail: str = ""
    keep_events: bool = False


class Draft:
    """Collects events, postings, steps, errands and what was touched, for one command or timer."""

    timer: Timer | None = None
    steps: tuple[Step, ...] = ()
    pack: Pack | None = None
    institution = ""
    control_id = ""
    """Key of the strict control id, where the message has one."""

    def __init__(
        self,
        state: AccountState,
        policies: Policies,
        now: Now,
        command: Command | None = None,
    ) -> None:
        self.before = state
        self.state = state
        self.core: Core = state.core
        """The core as it stands after the events so far."""
        self.policies = policies
        self.now = now
        self.command = command
        self.accepted_at: Instant = command.accepted_at if command else now.city
        self.events: list[Event] = []
        self.journal: list[Posting] = []
        self.errands: list[Errand] = []
        self.quarantine: list[Quarantine] = []

    @property
    def seq(self) -> int:
        """The number of the record being made."""
        return self.before.core.seq + 1

    def emit(self, event: Event) -> None:
        """Book an event: its postings, judged before it, and its change of the state."""
        kind = type(event)
        post = POST.get(kind)
        if post is not None:
            self.journal += post(self.state, event)
        self.state = state = APPLY[kind](self.state, event)
        self.core = state.core
        self.events.append(event)

    def forget(self) -> None:
        """Drop everything booked so far: the message is refused."""
        self.state, self.core = self.before, self.before.core
        self.events.clear()
        self.journal.clear()
        self.errands.clear()
        self.quarantine.clear()
        self.steps = ()

    def new_id(self, kind: Kind) -> str:
        """Return the id of the account's next thing of a kind; the event that makes it counts it."""
        return make_id(self.core.account, kind, self.core.counters.get(kind, 0) + 1)

    def errand_id(self, kind: ErrandKind) -> str:
        """Return the id of the record's next errand: hash of account, seq, kind and place."""
        return message_hash("errand", self.core.account, str(self.seq), kind, str(len(self.errands)))

    def set_aside(self, interface: DeadLetterInterface, reason: Reason, detail: str, **parameters: str) -> None:
        """Put the message before a person, whatever its outcome."""
        self.quarantine.append(Quarantine(interface, reason, detail, parameters))

    def encounter(self, institution: str, visit: str) -> Encounter | None:
        """Return the visit as it stands, or None when it is not known."""
        return self.state.encounters.get(f"{institution}|{visit}")

    def bill(self, bill: str) -> Bill:
        """Return a bill as it stands."""
        return self.core.bills[bill]

    def debit(self, order_no: str) -> Debit:
        """Return an order as it stands."""
        return self.core.debits[order_no]

    def agreement(self) -> Agreement | None:
        """Return the agreement in force, or None."""
        core = self.core
        return core.agreements[core.agreement] if core.agreement else None

    def use_pack(self, institution: str, at: Instant) -> Pack | None:
        """Return the pack for an institution at an event time and note it for the record."""
        agreement = self.agreement()
        self.pack = self.policies.pack_for(institution, agreement.pack if agreement else "", at)
        return self.pack

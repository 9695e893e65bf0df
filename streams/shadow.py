"""Recorded commands decided again beside the live hub, under two sets of packs that differ in one (experience, whatif).

Both runs of an account start from one state and see the same commands at the same instants; what differs between them
is the policy alone. Nothing is written anywhere. What only the live hub can know is taken alike for both:

- A debit that a run begins is paid at once; so is a refund. What gateways said about orders begun after the start is
  left out, for those orders are not the runs' own.
- Relays between accounts are taken as they were recorded.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from hub.domain.credit_lines import set_line
from hub.domain.decide import decide, fire
from hub.domain.decision import Decision, Now
from hub.domain.draft import Draft
from hub.domain.state import AccountState, new_state
from hub.domain.timers import next_timer
from hub.policies import Policies
from schemas.commands import Command, Instant, ReceiveNotice, RecordGatewayResult
from schemas.errands import DebitErrand, Errand, QueryErrand, RefundErrand
from schemas.events import Allocation, ChargePosted, ChargeReduced
from schemas.ids import message_hash

WAITING: Final = "waiting_fen"
"""What is held for the insurer's settlement, or for the end of the visit, when the window ends."""
TIMERS_MAX: Final = 10_000
"""More timers than this between two commands of one account are an endless chain, a defect."""


@dataclass(slots=True)
class Sums:
    """What one run decided: amounts in fen, returned ones taken off, and why credit gave less than was asked."""

    charged_fen: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """Count one decision."""
        record = decision.record
        if record.outcome == "REFUSED":
            self.refused[record.reason] += 1
        for event in record.events:
            if isinstance(event, ChargePosted):
                self.charged_fen += event.total_fen
                self._split(event.allocation, 1)
                if event.reason:
                    self.reasons[event.reason] += 1
            elif isinstance(event, ChargeReduced):
                self.charged_fen -= event.amount_fen
                self._split(event.returned, -1)

    def _split(self, allocation: Allocation, sign: int) -> None:
        for part in Allocation.__struct_fields__:
            self.parts[part] += sign * getattr(allocation, part)

    @property
    def unaccounted_fen(self) -> int:
        """Return by how much the parts differ from what was charged: 0, or a defect."""
        return self.charged_fen - sum(self.parts.values())


class Run:
    """One account under one set of packs, from a state and an instant on."""

    def __init__(self, policies: Policies, start: AccountState, now: Now, sums: Sums) -> None:
        self.policies = policies
        self.state = start
        self._now = now
        self._sums = sums
        self._answered = 0
        self._orders = frozenset(start.core.debits)
        self._refunds = frozenset(start.core.refunds)
        self._recompute_line()

    def hear(self, command: Command, offset: int) -> None:
        """Decide a recorded command at the instant it was accepted, after the timers due by then."""
        self.wait(Now(command.accepted_at, command.accepted_wall_at))
        if not self._is_foreign(command):
            self._take(decide(self.state, command, offset, self.policies, self._now))

    def wait(self, until: Now) -> None:
        """Let time go by: the timers due until then fire in order, each at its own instant."""
        until = Now(max(until.city, self._now.city), max(until.wall, self._now.wall))
        for _ in range(TIMERS_MAX):
            timer = next_timer(self.state, until)
            if timer is None:
                self._now = until
                return
            city, wall = self._now
            at = Now(max(city, timer.due_at), wall) if timer.city else Now(city, max(wall, timer.due_at))
            self._now = at
            self._take(fire(self.state, timer, self.policies, at))
        raise RuntimeError(f"timers without end: {self.state.core.account}")

    def end(self, until: Now) -> None:
        """Let time go by to the end of the window, and count what is charged and still waits to be split."""
        self.wait(until)
        for encounter in self.state.encounters.values():
            held = {key for key, charge in encounter.charges.items() if charge.status == "held"}
            waiting = sum(line.open_fen for line in encounter.lines.values() if line.charge in held)
            self._sums.charged_fen += waiting
            self._sums.parts[WAITING] += waiting

    @property
    def limit_fen(self) -> int:
        """The line of the agreement in force; 0 without one."""
        core = self.state.core
        return core.agreements[core.agreement].limit_fen if core.agreement else 0

    def _recompute_line(self) -> None:
        draft = Draft(self.state, self.policies, self._now)
        set_line(draft)
        self.state = draft.state

    def _is_foreign(self, command: Command) -> bool:
        """Return True for what a gateway said about an order or a refund of the live hub that this run never began."""
        body = command.body
        if not isinstance(body, RecordGatewayResult | ReceiveNotice):
            return False
        return body.order_no not in self._orders or bool(body.refund_no and body.refund_no not in self._refunds)

    def _take(self, decision: Decision) -> None:
        self.state = decision.state
        self._sums.add(decision)
        for errand in decision.errands:
            self._answer(errand)

    def _answer(self, errand: Errand) -> None:
        """A gateway that always pays, at once."""
        result = paid(errand, self._now.wall)
        if result is None:
            return
        self._answered += 1
        name = message_hash("shadow", errand.id, str(self._answered))
        account = self.state.core.account
        command = Command(name, account, *self._now, "shadow", "courier", name, result)
        self._take(decide(self.state, command, -self._answered, self.policies, self._now))


def paid(errand: Errand, wall: Instant) -> RecordGatewayResult | None:
    """Return the word of a gateway that always pays; None for what goes to no gateway."""
    if isinstance(errand, RefundErrand):
        fen = errand.amount_fen
        about: dict[str, Any] = {"refund_no": errand.refund_no, "amount_fen": fen, "refunded_fen": fen}
        back: Literal["refund", "refund_query"] = "refund_query" if errand.query else "refund"
        return RecordGatewayResult(errand.id, back, errand.channel, errand.order_no, "refunded", wall, **about)
    if isinstance(errand, DebitErrand | QueryErrand):
        operation: Literal["debit", "query"] = "debit" if isinstance(errand, DebitErrand) else "query"
        about = {"trade_no": f"shadow-{errand.order_no}", "amount_fen": errand.amount_fen}
        return RecordGatewayResult(errand.id, operation, errand.channel, errand.order_no, "paid", wall, **about)
    return None


@dataclass(slots=True)
class Pair:
    """The two runs of one account."""

    a: Run
    b: Run


@dataclass(slots=True)
class Comparison:
    """The two runs of every account, and their sums."""

    under_a: Policies
    under_b: Policies
    a: Sums = field(default_factory=Sums)
    b: Sums = field(default_factory=Sums)
    inputs: int = 0
    _pairs: dict[str, Pair] = field(default_factory=dict)
    raised: int = 0
    lowered: int = 0
    persons: int = 0

    def knows(self, account: str) -> bool:
        """Return whether the runs of an account have begun."""
        return account in self._pairs

    def hear(self, command: Command, offset: int, states: dict[str, AccountState], begin: Now) -> None:
        """Decide a recorded command in both runs; an account's runs begin when it is first heard of."""
        self.inputs += 1
        pair = self._pairs.get(command.account)
        if pair is None:
            start = states.pop(command.account, None) or new_state(command.account)
            pair = self._pairs[command.account] = self._begun(start, begin)
        pair.a.hear(command, offset)
        pair.b.hear(command, offset)

    def close(self, states: dict[str, AccountState], begin: Now, until: Now) -> None:
        """Begin the accounts nothing was heard of, let time go by to the end of the window, and count the persons."""
        for start in states.values():
            self._pairs[start.core.account] = self._begun(start, begin)
        states.clear()
        for pair in self._ended(until):
            if pair.a.limit_fen or pair.b.limit_fen:
                self.persons += 1
            self.raised += pair.b.limit_fen > pair.a.limit_fen
            self.lowered += pair.b.limit_fen < pair.a.limit_fen

    def _begun(self, start: AccountState, begin: Now) -> Pair:
        return Pair(Run(self.under_a, start, begin, self.a), Run(self.under_b, start, begin, self.b))

    def _ended(self, until: Now) -> Iterator[Pair]:
        while self._pairs:
            _, pair = self._pairs.popitem()
            pair.a.end(until)
            pair.b.end(until)
            yield pair

"""The books' invariants, checked record by record from the ledger alone (domain 15).

Nothing of `hub.domain` takes part: an error in a decision must not be excused by the code that made it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from schemas import events
from schemas.ledger import ChargeView, LedgerRecord, PersonView, Posting
from streams.credit_lines import CreditLines, line_used
from streams.funding_invariants import AdvanceSums, FeeCheck
from streams.standing_invariants import StandingCheck

_FAULTS_SHOWN: Final = 20
_KEPT: Final = ("balance", "counter")
"""A refund into the person's balance has not left: the same money may pay another bill and come back again."""

_RECEIVED: Final = (
    events.RepaymentReceived,
    events.BankCollected,
    events.FeesReturned,
    events.LossRecovered,
    events.FamilyCreditReturned,
)
NAMES: Final = {
    1: "debits = credits",
    2: "parts of each split = charge",
    3: "used + held <= limit",
    4: "balances never negative, and as the journal has them",
    5: "one live debit for a bill, each payment once",
    6: "refunds <= what was paid",
    7: "fees within the cap, none in the free days",
    8: "T+1 batches = the day's credit net of refunds",
    9: "folding the ledger gives this state",
    10: "every command has exactly one outcome",
    11: "no credit for anybody barred or without consent",
}
"""Number of domain 15 → what holds."""


@dataclass(slots=True)
class Finding:
    """One invariant: how many things were looked at, and the first faults in words; `faulty` counts all."""

    number: int
    checked: int = 0
    faulty: int = 0
    faults: list[str] = field(default_factory=list)

    def expect(self, holds: bool, text: Callable[[], str]) -> None:  # noqa: FBT001 - reads as a sentence
        """Count one check."""
        self.checked += 1
        if holds:
            return
        self.faulty += 1
        if len(self.faults) < _FAULTS_SHOWN:
            self.faults.append(text())


class Invariants:
    """Takes ledger records in the order of their partition; keeps what one partition's accounts need."""

    def __init__(self, institution_funded: frozenset[str] = frozenset()) -> None:
        """Packs that the institution funds have no advances."""
        self.advances = AdvanceSums(institution_funded)
        """Judged when all partitions are read: `check_advances`."""
        self._fees = FeeCheck()
        self._standing = StandingCheck()
        self.findings = {number: Finding(number) for number in NAMES}
        self._balances: Counter[str] = Counter()
        self._seqs: Counter[str] = Counter()
        self._live: dict[str, str] = {}
        self._paid_orders: set[str] = set()
        self._received: Counter[str] = Counter()
        self._returned: Counter[str] = Counter()
        self._lines = CreditLines()
        self._holding: set[str] = set()
        """Charges that wait for the insurer: what is taken back of them was never split."""
        self._settled: dict[tuple[str, str, str], tuple[str, ...]] = {}
        """(institution, visit, settlement) → the charges it split."""

    def add(self, record: LedgerRecord) -> None:
        """Check one record."""
        self._journal(record)
        self._fees.add(record, self.findings[7].expect)
        self._standing.add(record, self.findings[11].expect)
        self.advances.add(record)
        self._sequence(record)
        for event in record.events:
            self._lines.add(event)
            self._event(record, event)
        for view in record.after:
            if isinstance(view, PersonView):
                self._person(record, view)

    def balance(self, name: str) -> int:
        """Return what was credited to a ledger account less what was debited."""
        return self._balances[name]

    def check_transit(self) -> None:
        """Check that no money is on its way between accounts; to be asked when every relay has arrived."""
        for name, left in self._balances.items():
            if name.startswith("transit/"):
                self.findings[1].expect(left == 0, lambda name=name, left=left: f"{name} holds {left} fen")  # type: ignore[misc]

    def _journal(self, record: LedgerRecord) -> None:
        finding, charged = self.findings[1], 0
        for event in record.events:
            if isinstance(event, events.LinesHeld):  # a credit that came first is taken back in the same record
                self._holding.add(event.charge)
            elif isinstance(event, events.AccountAbsorbed):
                self._take_over(record, event)
        for posting in record.journal:
            finding.expect(
                posting.amount_fen > 0 and posting.debit != posting.credit,
                lambda posting=posting: f"{_place(record)}: {posting}",  # type: ignore[misc]
            )
            self._balances[posting.credit] += posting.amount_fen
            self._balances[posting.debit] -= posting.amount_fen
            charged += _charged(posting)
        decided = sum(self._decided(event) for event in record.events)
        if record.journal or decided:
            finding.expect(charged == decided, lambda: f"{_place(record)}: journal {charged}, events {decided} fen")

    def _take_over(self, record: LedgerRecord, event: events.AccountAbsorbed) -> None:
        """Note what another account, merged into this one, brings: charges that wait for the insurer, payments."""
        self._holding.update([v.charge for v in record.after if isinstance(v, ChargeView) and v.status == "held"])
        self._received.update({payment: fen for payment, fen in event.payments if payment not in self._received})

    def _sequence(self, record: LedgerRecord) -> None:
        self._seqs[record.account] += 1
        expected = self._seqs[record.account]
        self.findings[10].expect(record.seq == expected, lambda: f"{_place(record)}: seq {expected} was due")

    def _event(self, record: LedgerRecord, event: events.Event) -> None:
        if isinstance(event, events.ChargePosted):
            total, amount = event.allocation.total_fen(), event.total_fen
            self.findings[2].expect(total == amount, lambda: f"{_place(record)}: {event.charge} {total} of {amount}")
            self._holding.difference_update(event.absorbs)
            if event.settlement is not None:
                place = (event.institution, event.visit, event.settlement.settlement_id)
                self._settled[place] = event.absorbs
        elif isinstance(event, events.ChargeReduced):
            total, amount = event.returned.total_fen(), -self._decided(event)
            self.findings[2].expect(total == amount, lambda: f"{_place(record)}: {event.charge} {total} of {amount}")
        elif isinstance(event, events.SettlementReversed):
            self._holding.update(self._settled.get((event.institution, event.visit, event.settlement_id), ()))
        else:
            self._money(record, event)

    def _line(self, record: LedgerRecord, agreement: str) -> None:
        """Check one line: a person who signed anew may still owe on an older one."""
        used = self._lines.held[agreement] - self._balances[f"agreement/{agreement}/receivable"]
        limit = self._lines.limits[agreement]
        self.findings[3].expect(used <= limit, lambda: f"{_place(record)}: {used} of {limit} fen")

    def _decided(self, event: events.Event) -> int:
        """Return by how much an event raises what institutions have charged."""
        if isinstance(event, events.ChargePosted):
            return event.total_fen
        if isinstance(event, events.ChargeReduced) and event.charge not in self._holding:
            return -event.amount_fen
        return 0

    def _money(self, record: LedgerRecord, event: Any) -> None:
        if isinstance(event, events.DebitStarted):
            live = self._live.get(event.bill, event.order_no)
            text = f"{_place(record)}: {event.bill} had {live} open when {event.order_no} left"
            self.findings[5].expect(live == event.order_no, lambda: text)
            self._live[event.bill] = event.order_no
        elif isinstance(event, events.DebitFailed) and not event.same_number:
            self._live.pop(event.bill, None)
        elif isinstance(event, events.DebitPaid | events.LatePaymentReceived):
            self._live.pop(event.bill, None)
            once = event.order_no not in self._paid_orders
            self.findings[5].expect(once, lambda: f"{_place(record)}: {event.order_no} was paid twice")
            self._paid_orders.add(event.order_no)
            self._received[event.payment] += event.amount_fen
        elif isinstance(event, _RECEIVED):
            self._received[event.payment] += event.amount_fen
        else:
            self._refund(record, event)

    def _refund(self, record: LedgerRecord, event: Any) -> None:
        if isinstance(event, events.RefundFailed):
            self._returned[event.payment] -= event.amount_fen
        leaves = not isinstance(event, events.RefundStarted) or event.channel not in _KEPT
        if leaves and isinstance(event, events.RefundStarted | events.ChannelRefunded | events.BalanceRefunded):
            self._returned[event.payment] += event.amount_fen
            back, paid = self._returned[event.payment], self._received[event.payment]
            self.findings[6].expect(back <= paid, lambda: f"{_place(record)}: {event.payment} {back} of {paid} fen")

    def _person(self, record: LedgerRecord, view: PersonView) -> None:
        for line in {line_used(event) for event in record.events} - {""}:
            self._line(record, line)
        balances = {
            "insurance": view.insurance_fen,
            "refundable": view.refundable_fen,
            **{f"prepayment/{institution}": fen for institution, fen in view.prepayments.items()},
        }
        for name, fen in balances.items():
            kept = self._balances[f"person/{view.account}/{name}"]
            self.findings[4].expect(
                fen >= 0 and fen == kept,
                lambda name=name, fen=fen, kept=kept: f"{_place(record)}: {name} {fen}, journal {kept} fen",  # type: ignore[misc]
            )


def _place(record: LedgerRecord) -> str:
    return f"{record.account} seq {record.seq}"


def _charged(posting: Posting) -> int:
    """Return by how much a posting raises what institutions have charged."""
    raised = posting.amount_fen if posting.credit.endswith("/charges") else 0
    return raised - (posting.amount_fen if posting.debit.endswith("/charges") else 0)

"""One account in memory: commands go in, timers fire as both clocks move, every decision is checked as it is made.

Nothing here stands in for the domain: it is what a lane does, without Kafka.
"""

from collections import defaultdict
from pathlib import Path

import msgspec

from hub.domain.bill_states import REOPENED, TRANSITIONS, UNDONE, bill_state
from hub.domain.decide import decide, fire
from hub.domain.decision import Decision, Now
from hub.domain.evolve import apply, evolve
from hub.domain.holds import prepayment_held
from hub.domain.reply import reply_for
from hub.domain.state import AccountState, Agreement, Bill, Debit, encode_core, encode_encounter, new_state
from hub.domain.timers import next_timer
from hub.policies import DEFAULT_LADDERS, Policies, load_policies
from hub.policies.loader import read_pack
from hub.simulate.seeded.judge import owed_on
from schemas.commands import (
    Body,
    ChargeLine,
    Command,
    Item,
    ObserveScore,
    PostCharge,
    RecordGatewayResult,
    RecordVisit,
    ReplyTo,
    SignAgreement,
    Subject,
    Via,
)
from schemas.errands import DebitErrand, Errand, FeedbackErrand, QueryErrand, RefundErrand, RelayErrand
from schemas.events import (
    BalanceRefunded,
    BillIssued,
    ChannelRefunded,
    ChargePosted,
    ChargeReduced,
    DebitFailed,
    FamilyBillTaken,
    FamilyHoldPlaced,
    RefundFailed,
    RefundStarted,
)
from schemas.ids import account_id, message_hash
from schemas.ledger import LedgerRecord
from schemas.replies import Reply

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
START = 1_782_900_000_000  # 2026-07-01 18:00 in the city
KEY = b"a city's key for tests only......"
PERSON = account_id(KEY, "person", "350203199001011234")
NUMBER = account_id(KEY, "number", "XMZSH|P0091827")
FEED = account_id(KEY, "feed", "egret")
A, B = "XMZSH", "XMDYY"
CITY, PLATFORM, EXAMPLE = "xiamen-city-2023", "xiamen-platform-2024", "example-city-2025"
SAMPLE_PACKS = Path(__file__).parent / "samples" / "packs"

BY_WALL_TIME = {"debit_query", "debit_retry", "refund_query", "feedback_retry", "family_hold"}
WAIT_FOR_THE_LOG = BY_WALL_TIME | {"auto_debit", "term", "fee", "family_request", "of_age"}

XIAMEN = load_policies()
EXAMPLES = Policies([read_pack(SAMPLE_PACKS / "example-city-2025.toml")])
_records = msgspec.json.Decoder(LedgerRecord)


class World:
    """An account, its ledger, its errands and the two clocks."""

    def __init__(self, policies: Policies = EXAMPLES, account: str = PERSON) -> None:
        self.policies = policies
        self.state: AccountState = new_state(account)
        self.city = START
        self.wall = START
        self.ledger: list[LedgerRecord] = []
        self.decisions: list[Decision] = []
        self.errands: list[Errand] = []
        self.replies: list[Reply] = []
        self.balances: dict[str, int] = defaultdict(int)
        self.transitions: set[tuple[str, str]] = set()
        self._sent = 0

    @property
    def now(self) -> Now:
        """Both clocks."""
        return Now(self.city, self.wall)

    def command(
        self, body: Body, named: str = "", interface: str = "mllp", content: str = "", via: Via | None = None
    ) -> Command:
        """Return a command as an edge would make it; without an id it is a new message."""
        self._sent += 1
        name = named or f"message-{self._sent}"
        digest = content or message_hash(str(msgspec.json.encode(body)))
        return Command(
            name, self.state.core.account, self.city, self.wall, "HIS@XMZSH", interface, digest, body, via=via,
            reply=ReplyTo(0),
        )  # fmt: skip

    def send(self, body: Body, **about: object) -> Decision:
        """Decide a command and book its decision."""
        return self.take(self.command(body, **about))

    def take(self, command: Command) -> Decision:
        """Decide a command that is already made."""
        decision = decide(self.state, command, len(self.ledger), self.policies, self.now)
        reply = reply_for(decision, command, self.now)
        if reply is not None:
            self.replies.append(reply)
        return self._book(decision)

    def move(self, city: int = 0, wall: int = 0) -> list[Decision]:
        """Move the clocks and fire what comes due, in order; returns the decisions of the timers."""
        until = Now(self.city + city, self.wall + wall)
        fired = []
        while (timer := next_timer(self.state, until)) is not None:
            if timer.city:
                self.city = max(self.city, timer.due_at)
            else:
                self.wall = max(self.wall, timer.due_at)
            fired.append(self._book(fire(self.state, timer, self.policies, self.now)))
            assert len(fired) < 1_000, f"timers without end: {timer}"
        self.city, self.wall = until
        return fired

    def _book(self, decision: Decision) -> Decision:
        before = self.state
        check_fold(before, decision)
        self.transitions |= check_transitions(before, decision)
        check_entitled(before, decision)
        self.state = decision.state
        self.ledger.append(decision.record)
        self.decisions.append(decision)
        self.errands.extend(decision.errands)
        for posting in decision.record.journal:
            assert posting.amount_fen > 0
            self.balances[posting.debit] += posting.amount_fen
            self.balances[posting.credit] -= posting.amount_fen
        check_invariants(self, decision)
        return decision

    # what tests ask for

    @property
    def agreement(self) -> Agreement:
        """The newest agreement."""
        return list(self.state.core.agreements.values())[-1]

    @property
    def bill(self) -> Bill:
        """The newest bill."""
        return list(self.state.core.bills.values())[-1]

    @property
    def debit(self) -> Debit:
        """The newest order."""
        return list(self.state.core.debits.values())[-1]

    @property
    def reply(self) -> Reply:
        """The newest reply."""
        return self.replies[-1]

    def errands_of(self, kind: type) -> list[Errand]:
        """Every errand of a kind so far."""
        return [errand for errand in self.errands if isinstance(errand, kind)]

    @property
    def debit_errands(self) -> list[DebitErrand]:
        """Every debit errand so far."""
        return self.errands_of(DebitErrand)

    @property
    def query_errands(self) -> list[QueryErrand]:
        """Every query errand so far."""
        return self.errands_of(QueryErrand)

    @property
    def refund_errands(self) -> list[RefundErrand]:
        """Every refund errand so far."""
        return self.errands_of(RefundErrand)

    @property
    def relay_errands(self) -> list[RelayErrand]:
        """Every relay errand so far."""
        return self.errands_of(RelayErrand)

    # ready-made steps

    def enrol(self, limit_fen: int = 50_000, channel: str = "alipay", pack: str = EXAMPLE, bank: str = "ICBC") -> None:
        """Give the person a score and an agreement whose line is this."""
        value = {50_000: 150, 100_000: 250, 200_000: 350, 0: 50}[limit_fen] if pack == EXAMPLE else limit_fen
        self.send(score(self.policies, value, at=self.city), interface="score")
        self.send(signing(pack, channel, bank, at=self.city), interface="api")

    def close(self, visit: str = "V1", institution: str = A) -> Decision:
        """Discharge the visit now."""
        return self.send(RecordVisit(institution, visit, "discharged", self.city))

    def answer(self, errand: Errand | None = None, status: str = "paid", sent_at: int = 0, **about: object) -> Decision:
        """Book what the courier brings back for an errand, the newest debit or query by default."""
        errand = errand or [e for e in self.errands if not isinstance(e, RelayErrand | FeedbackErrand)][-1]
        body = result(errand, status, sent_at or self.wall, **about)
        ident = message_hash(errand.id, str(msgspec.json.encode(body)))
        return self.send(body, named=ident, interface="courier", content=ident)


def result(errand: Errand, status: str, sent_at: int, **about: object) -> RecordGatewayResult:
    """Return the result of one call."""
    refund = isinstance(errand, RefundErrand)
    if refund:
        about.setdefault("refund_no", errand.refund_no)
    operation = "refund_query" if refund and errand.query else "refund" if refund else "query"
    if isinstance(errand, DebitErrand):
        operation = "debit"
    if status == "paid":
        about.setdefault("amount_fen", errand.amount_fen)
        about.setdefault("trade_no", f"T{errand.order_no[-6:]}")
    return RecordGatewayResult(errand.id, operation, errand.channel, errand.order_no, status, sent_at, **about)


def line(key: str, fen: int, kind: str = "charge", item: str = "XD0001", **more: object) -> ChargeLine:
    """Return a charge line."""
    return ChargeLine(key, kind, fen, Item(item, "NHSA", "药品"), START, **more)


def charge(
    *lines: ChargeLine, visit: str = "V1", institution: str = A, scene: str = "outpatient", at: int = START,
    **more: object,
) -> PostCharge:  # fmt: skip
    """Return one message with these lines."""
    return PostCharge(institution, visit, scene, at, lines, **more)


def score(policies: Policies, value: int, at: int, sequence: int = 1, **changed: object) -> ObserveScore:
    """Return a score reduced to its band, under an authorisation in force."""
    about = {
        "authorisation": "auth-1",
        "authorisation_from": at - DAY,
        "authorisation_until": at + 400 * DAY,
        "authorisation_scopes": ("medical_credit",),
        "source": "egret",
    } | changed
    return ObserveScore(
        "egret", policies.band("egret", value), policies.cut_points_hash("egret"), f"score-{sequence}-{value}",
        at, at + 400 * DAY, sequence, **about,
    )  # fmt: skip


def signing(pack: str, channel: str = "alipay", bank: str = "ICBC", at: int = START, **more: object) -> SignAgreement:
    """Return an agreement that consents to everything for a year."""
    about = {"subject": Subject(person=PERSON, name_masked="林**")} | more
    return SignAgreement(
        at, pack, bank, channel, f"{channel}-agreement-1", ("egret",), "2026-01", at + 365 * DAY, **about
    )


def check_fold(before: AccountState, decision: Decision) -> None:
    """The record alone, read back from its JSON, makes the same state, byte for byte (invariant 9)."""
    record = _records.decode(msgspec.json.encode(decision.record))
    assert encoded(evolve(before, record)) == encoded(decision.state)
    assert decision.state.core.seq == before.core.seq + 1 == decision.record.seq


def check_transitions(before: AccountState, decision: Decision) -> set[tuple[str, str]]:
    """No bill goes another way than those of architecture 12; a failed debit is a step of its own."""
    steps, events, old = set(), decision.record.events, before
    state, happened = before, set()
    for number, event in enumerate(events):
        state = apply(state, event)
        happened.add(type(event))
        if number < len(events) - 1 and not isinstance(event, DebitFailed):
            continue
        for ident, bill in state.core.bills.items():
            known = old.core.bills.get(ident)
            pair = (bill_state(known) if known else "open", bill_state(bill))
            if pair[0] != pair[1] and (known is not None or BillIssued in happened):
                assert pair in TRANSITIONS | UNDONE or (pair in REOPENED and ChannelRefunded in happened), pair
                steps.add(pair)
        old = state
    return steps


def encoded(state: AccountState) -> dict[str, bytes]:
    """Return the state as a lane keeps it."""
    return {"": encode_core(state.core)} | {key: encode_encounter(e) for key, e in state.encounters.items()}


def check_invariants(world: World, decision: Decision) -> None:
    """Check what holds after every decision (domain 15: 1 to 6)."""
    core, encounters = world.state.core, world.state.encounters.values()
    assert min(core.insurance_fen, core.refundable_fen, *core.prepayments.values(), 0) == 0
    assert sum(world.balances.values()) == 0
    for encounter in encounters:
        for booked in encounter.charges.values():
            assert booked.status != "posted" or sum(booked.parts) == booked.total_fen
            assert all(0 <= back <= part for back, part in zip(booked.returned, booked.parts, strict=True))
        assert all(0 <= booked.open_fen <= booked.amount_fen for booked in encounter.lines.values())
    for agreement in core.agreements.values():
        assert 0 <= agreement.used_fen == owed_on(world.state, agreement)
        held = [hold.open_fen for hold in core.holds.values() if hold.agreement == agreement.id]
        assert agreement.held_fen >= sum(held)
    for institution, kept in core.prepayments.items():
        assert prepayment_held(core, institution) <= kept
    for event in decision.record.events:
        used = isinstance(event, ChargePosted) and event.allocation.credit_fen and not event.hold
        if used or isinstance(event, FamilyHoldPlaced | FamilyBillTaken):
            agreement = core.agreements[event.agreement]
            assert agreement.used_fen + agreement.held_fen <= agreement.limit_fen
    check_debits(world)
    check_balances(world)
    check_postings(decision)
    check_timers(world)


def check_entitled(before: AccountState, decision: Decision) -> None:
    """Nobody barred, suspended or without consent gets credit (invariant 11, domain 4.1 and 15)."""
    core = before.core
    for event in decision.record.events:
        own = isinstance(event, ChargePosted) and event.allocation.credit_fen > 0 and not event.hold
        if own or isinstance(event, FamilyHoldPlaced):
            agreement = core.agreements[event.agreement]
            assert not (core.barred or core.suspended)
            assert agreement.consent_until >= event.event_at
            assert not agreement.ended_at
            assert agreement.provider in core.scores or agreement.provider in ("", "none")


def check_debits(world: World) -> None:
    """One live order for a bill, one payment for an order, refunds within what was paid (invariants 5 and 6)."""
    core = world.state.core
    for bill in core.bills.values():
        live = [debit for debit in core.debits.values() if debit.bill == bill.id and debit.live]
        assert len(live) == (1 if bill.debiting else 0)
        assert bill.paid_fen == sum(p.amount_fen - p.returned_fen for p in bill.payments)
        assert all(0 <= p.returned_fen <= p.amount_fen for p in bill.payments)
        assert bill.final or bill.debiting or bill.owed_fen >= 0
    orders = [p.order_no for bill in core.bills.values() for p in bill.payments if p.order_no]
    assert len(orders) == len(set(orders))
    refunded: dict[str, int] = defaultdict(int)
    for event in (event for record in world.ledger for event in record.events):
        if isinstance(event, BalanceRefunded) or (isinstance(event, RefundStarted) and event.channel != "balance"):
            refunded[event.payment] += event.amount_fen
        elif isinstance(event, RefundFailed):
            refunded[event.payment] -= event.amount_fen
    for payment, amount in refunded.items():
        assert payment not in core.payments or amount <= core.payments[payment].amount_fen
    assert min([payment.free_fen for payment in core.payments.values()], default=0) >= 0
    assert sum(payment.free_fen for payment in core.payments.values()) == core.refundable_fen


def check_balances(world: World) -> None:
    """The journal alone gives the balances that the state keeps (invariant 1)."""
    core, balances = world.state.core, world.balances
    account = core.account
    assert -balances[f"person/{account}/insurance"] == core.insurance_fen
    assert -balances[f"person/{account}/refundable"] == core.refundable_fen
    for institution, amount in core.prepayments.items():
        assert -balances[f"person/{account}/prepayment/{institution}"] == amount
    for agreement in core.agreements.values():
        waiting = sum(b.reduction_waiting_fen for b in core.bills.values() if b.agreement == agreement.id)
        assert balances[f"agreement/{agreement.id}/receivable"] == agreement.used_fen
        assert -balances[f"agreement/{agreement.id}/reductions"] == waiting


def check_timers(world: World) -> None:
    """A timer that calls outside, marks or charges waits for what the log holds; a gateway's run by wall time."""
    for key, alarm in world.state.core.timers.items():
        kind = key.partition("|")[0]
        assert alarm.outside == (kind in WAIT_FOR_THE_LOG), key
        assert alarm.city == (kind not in BY_WALL_TIME) or kind == "debit_retry", key


def check_postings(decision: Decision) -> None:
    """What a decision posts to an institution's charges is what it charged less what it gave back (invariants 1, 2)."""
    expected: dict[str, int] = defaultdict(int)
    posted: dict[str, int] = defaultdict(int)
    for event in decision.record.events:
        if isinstance(event, ChargePosted):
            expected[f"institution/{event.institution}/charges"] += event.total_fen
        elif isinstance(event, ChargeReduced):
            expected[f"institution/{event.institution}/charges"] -= sum(msgspec.structs.astuple(event.returned))
    for posting in decision.record.journal:
        posted[posting.credit] += posting.amount_fen
        posted[posting.debit] -= posting.amount_fen
    charges = {name: fen for name, fen in posted.items() if name.endswith("/charges") and fen}
    assert charges == {name: fen for name, fen in expected.items() if fen}


__all__ = ["DEFAULT_LADDERS", "World"]

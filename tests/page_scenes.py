"""An invented city as its lanes would write it: ledger records, chained, and the facts of the same transaction."""

import random
from dataclasses import dataclass, field

import msgspec
from aiokafka import AIOKafkaProducer
from ledger_samples import KEY, START

from hub.runtime.settings import Settings
from schemas.commands import Item
from schemas.events import (
    Allocation,
    BillIssued,
    ChargePosted,
    ChargeReduced,
    DebitFailed,
    DebitPaid,
    DebitStarted,
    Event,
    PostedLine,
    RepaymentApplied,
)
from schemas.facts import Fact, Facts
from schemas.ids import account_id, make_id
from schemas.ledger import (
    BillView,
    ChargeView,
    CommandSource,
    DebitView,
    LedgerRecord,
    PersonView,
    Posting,
    Step,
    TimerSource,
    View,
)
from streams.chain import FIRST, chained

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PACK = "xiamen-platform-2024"
INSTITUTIONS = ("XMZSH", "XMDYY", "XMFYB")
DEPARTMENTS = ("内科", "外科", "儿科", "口腔科", "急诊科")
LIMIT_FEN = 500_000


@dataclass
class Person:
    """One account of the scene: what its records say about it."""

    account: str
    seq: int = 0
    charges: int = 0
    used_fen: int = 0
    agreement: str = ""


@dataclass
class Scene:
    """One partition's records, written in transactions as a lane writes them; `wall` is the lane's wall clock."""

    settings: Settings
    partition: int
    wall: int
    now: int = START
    people: int = 8
    head: str = FIRST
    commands: int = 0
    facts: list[Fact] = field(default_factory=list)
    """Every fact written so far, for a test's own addition."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.partition)
        names = [account_id(KEY, "person", f"scene-{self.partition}-{n}") for n in range(self.people)]
        self.persons = [Person(name, agreement=make_id(name, "A", 1)) for name in names]
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Begin as the lane of this partition."""
        self._producer = AIOKafkaProducer(
            **self.settings.kafka.client_arguments(),
            transactional_id=f"{self.settings.topic_prefix}-scene-{self.partition}",
            linger_ms=0,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Leave."""
        if self._producer is not None:
            await self._producer.stop()

    async def commit(self, *pairs: tuple[LedgerRecord, Fact | None]) -> None:
        """Write records and the facts about them in one transaction."""
        assert self._producer is not None
        topics = self.settings.topics
        async with self._producer.transaction():
            for record, _ in pairs:
                key = record.account.encode()
                value, self.head = chained(self.head, key, msgspec.json.encode(record))
                await self._producer.send(topics.ledger.name, value, key=key, partition=self.partition)
            facts = tuple(fact for _, fact in pairs if fact is not None)
            if facts:
                body = msgspec.json.encode(Facts(self.partition, self.now, self.wall, facts))
                await self._producer.send(topics.facts.name, body, partition=self.partition)
        self.facts += facts

    def charge(
        self, *, parts: Allocation | None = None, institution: str = "", hours: int = 0
    ) -> tuple[LedgerRecord, Fact]:
        """Return a charge of a random person, by default the first worked example of domain 4.2."""
        self.now += hours * HOUR_MS
        person = self._random.choice(self.persons)
        parts = parts or Allocation(account_fen=10_000, prepayment_fen=5_000, credit_fen=32_500)
        institution, department = institution or self._random.choice(INSTITUTIONS), self._random.choice(DEPARTMENTS)
        person.charges += 1
        person.used_fen += parts.credit_fen
        charge, visit = make_id(person.account, "C", person.charges), f"V{self.partition}-{self.commands}"
        line = PostedLine(
            f"F{self.partition}-{self.commands}", parts.total_fen(), Item("XD0001", "NHSA", "阿莫西林胶囊"),
            self.now, department=department, unit_price=str(parts.total_fen() / 100),
        )  # fmt: skip
        event = ChargePosted(
            charge,
            visit,
            institution,
            "outpatient",
            self.now,
            PACK,
            person.agreement,
            parts.total_fen(),
            parts,
            (line,),
        )
        bill = make_id(person.account, "B", person.charges) if parts.credit_fen else ""
        view = ChargeView(
            charge, visit, institution, "outpatient", department, self.now, PACK, parts.total_fen(), parts,
            Allocation(), "posted", bill,
        )  # fmt: skip
        posting = Posting(
            f"agreement/{person.agreement}/receivable", f"institution/{institution}/charges", parts.total_fen()
        )
        record = self._record(person, (event,), (self._person(person), view), reference=charge, journal=(posting,))
        record = msgspec.structs.replace(record, explanation=steps_of(parts))
        fact = self._fact(
            institution, department, lines=1, visits=1, charged_fen=parts.total_fen(), account_fen=parts.account_fen,
            prepayment_fen=parts.prepayment_fen, credit_fen=parts.credit_fen, self_pay_fen=parts.self_pay_fen,
        )  # fmt: skip
        return record, fact

    def bill_of(self, charged: LedgerRecord) -> tuple[LedgerRecord, Fact]:
        """Return the bill of a charge's visit, closed now, debited in 72 hours, due in 7 days."""
        event = posted(charged)
        person, amount = self._of(charged), event.allocation.credit_fen
        bill = make_id(person.account, "B", int_of(person, event))
        issued = BillIssued(
            bill, event.visit, event.institution, person.agreement, PACK, amount, self.now, self.now + 3 * DAY_MS,
            self.now + 7 * DAY_MS,
        )  # fmt: skip
        record = self._record(person, (issued,), (self._bill(issued, "issued", 0),), reference=bill)
        return record, self._fact(event.institution, "", billed_fen=amount)

    def debit_of(self, billed: LedgerRecord, *, paid: bool) -> list[tuple[LedgerRecord, Fact | None]]:
        """Return the debit of a bill at its time and the gateway's word: paid, or insufficient funds."""
        issued = next(event for event in billed.events if isinstance(event, BillIssued))
        person = self._of(billed)
        self.now = max(self.now, issued.debit_at)
        order = make_id(person.account, "D", int_of(person, issued))
        sent = DebitStarted(
            issued.bill,
            order,
            "alipay",
            issued.amount_fen,
            1,
            new_number=True,
            txn_wall_at=self.wall,
            expires_wall_at=self.wall + 60_000,
            errand_id="e1",
        )
        debit = DebitView(order, issued.bill, "alipay", 1, issued.amount_fen, "sent", "", "", "", self.now)
        first = self._record(person, (sent,), (self._bill(issued, "debiting", 0), debit), timer="auto_debit")
        fact: Fact
        if paid:
            events: tuple[Event, ...] = (
                DebitPaid(issued.bill, order, "alipay", issued.amount_fen, "T1", "Y1"),
                RepaymentApplied(issued.bill, "Y1", issued.amount_fen),
            )
            person.used_fen -= issued.amount_fen
            fact = self._fact(issued.institution, "", repaid_fen=issued.amount_fen, debits_paid=1, channel="alipay")
            after = (
                self._bill(issued, "paid", issued.amount_fen),
                msgspec.structs.replace(debit, state="paid", trade_no="T1"),
            )
        else:
            retry = self.now + DAY_MS
            events = (DebitFailed(issued.bill, order, "nsf", "ACQ.BUYER_BALANCE_NOT_ENOUGH", retry),)
            failed = msgspec.structs.replace(debit, state="failed", cause="nsf", next_at=retry)
            fact = self._fact(issued.institution, "", debits_failed=1, channel="alipay")
            after = (self._bill(issued, "issued", 0), failed)
        return [(first, None), (self._record(person, events, after), fact)]

    def reversal_of(self, charged: LedgerRecord, amount_fen: int) -> tuple[LedgerRecord, Fact]:
        """Return a reversal that takes back part of a charge's credit."""
        event = posted(charged)
        person = self._of(charged)
        returned = Allocation(credit_fen=amount_fen)
        person.used_fen -= amount_fen
        reduced = ChargeReduced(event.charge, event.visit, event.institution, self.now, amount_fen, returned)
        before = next(view for view in charged.after if isinstance(view, ChargeView))
        view = msgspec.structs.replace(before, returned=returned)
        record = self._record(person, (reduced,), (view,), reference=event.charge)
        return record, self._fact(event.institution, before.department, returned_credit_fen=amount_fen)

    def refusal(self) -> tuple[LedgerRecord, Fact]:
        """Return a refused message: nothing changed."""
        record = self._record(self._random.choice(self.persons), (), ())
        record = msgspec.structs.replace(record, outcome="REFUSED", reason="LINE_CHANGED", parameters={"line": "F1"})
        return record, self._fact("XMZSH", "", outcome="LINE_CHANGED")

    def _of(self, record: LedgerRecord) -> Person:
        return next(person for person in self.persons if person.account == record.account)

    def _record(
        self, person: Person, events: tuple[Event, ...], after: tuple[View, ...], timer: str = "", **changes: object
    ) -> LedgerRecord:
        person.seq += 1
        source: CommandSource | TimerSource = TimerSource("auto_debit", self.now)
        if not timer:
            source = CommandSource(self.commands)
            self.commands += 1
        return LedgerRecord(
            account=person.account, seq=person.seq, source=source, now=self.now, wall_now=self.wall,
            outcome="TIMER" if timer else "POSTED", command_id="" if timer else f"MSG{self.partition}-{self.commands}",
            interface="timer" if timer else "mllp", sender="" if timer else "HIS@XMZSH", pack=PACK, events=events,
            after=after, **changes,  # type: ignore[arg-type]
        )  # fmt: skip

    def _person(self, person: Person) -> PersonView:
        return PersonView(
            person.account, "person", "林*岚", "**************0025", "active", 12_000, {"XMZSH": 5_000}, 0,
            person.agreement, PACK, "ICBC-XM", "alipay", LIMIT_FEN, person.used_fen, 0,
        )  # fmt: skip

    def _bill(self, issued: BillIssued, state: str, paid_fen: int) -> BillView:
        return BillView(
            issued.bill, issued.visit, issued.institution, issued.agreement, PACK, state, issued.amount_fen,
            paid_fen, 1,
            issued.closed_at, issued.debit_at, issued.due_at, overdue=False, frozen=False, supplementary=False,
            channel="alipay",
        )  # fmt: skip

    def _fact(self, institution: str, department: str, outcome: str = "POSTED", **sums: object) -> Fact:
        hour = self.now - self.now % HOUR_MS
        return Fact(institution, department, hour, "outpatient", outcome, PACK, **sums)  # type: ignore[arg-type]


def posted(record: LedgerRecord) -> ChargePosted:
    """Return the event that posted the record's charge."""
    return next(event for event in record.events if isinstance(event, ChargePosted))


def int_of(person: Person, event: ChargePosted | BillIssued) -> int:
    """Return the number of a person's charge or bill: both count together in this scene."""
    identifier = event.charge if isinstance(event, ChargePosted) else event.bill
    kind = identifier[26]
    return next(n for n in range(1, person.charges + 1) if make_id(person.account, kind, n) == identifier)  # type: ignore[arg-type]


def steps_of(parts: Allocation) -> tuple[Step, ...]:
    """Return the explanation of a split: the deduction order with what each source had, gave and left."""
    rest = parts.total_fen() - parts.fund_fen - parts.other_fen
    steps = []
    for name, taken, spare, clause in (
        ("insurance", parts.account_fen, 0, "order"),
        ("prepayment", parts.prepayment_fen, 0, "order"),
        ("credit", parts.credit_fen, LIMIT_FEN - parts.credit_fen if not parts.self_pay_fen else 0, "tiers[0]"),
        ("self_pay", parts.self_pay_fen, 0, ""),
    ):
        rest -= taken
        short_of = name == "credit" and parts.self_pay_fen > 0
        steps.append(
            Step(
                name,  # type: ignore[arg-type]
                taken + spare,
                taken,
                reason="CREDIT_EXHAUSTED" if short_of else "",
                parameters={"available": f"{taken / 100:.2f}", "rest": f"{rest / 100:.2f}"} if short_of else {},
                clause=f"{PACK} {clause}" if clause else "",
                source="xiamen-platform-2025 ¶3" if clause else "",
            )
        )
    return tuple(steps)

"""One city day of the ledger, added up record by record: the credit ledger 信用日账, advances, entries, the root.

Every partition's records are added in their order. Sums follow the journal: what moved on an agreement's receivable is
credit posted, taken back, repaid, paid back, or given up, whatever the event was called.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from hub.clearing.batches import Item
from hub.clearing.books import Entry
from hub.clearing.merkle import Step, leaf_hash, proof_of, root_of
from schemas import events
from schemas.ids import sm3_hex
from schemas.ledger import BillView, LedgerRecord, Posting

Scope = Literal["person", "institution", "bank"]
MEASURES: Final = ("credit_fen", "returned_fen", "repaid_fen", "paid_back_fen", "given_up_fen", "fee_fen", "visits")
"""Columns of the daily credit ledger, in their order."""


class Agreement(NamedTuple):
    """Who funds an agreement: its bank, empty where the pack lets the institution fund."""

    agreement: str
    bank: str
    pack: str


@dataclass(slots=True)
class PartitionDay:
    """One partition's day: its records' hashes, and the chain head when the day was over."""

    partition: int
    head: str = ""
    hashes: list[str] = field(default_factory=list)

    def content(self) -> bytes:
        """Return what the day's tree holds of this partition."""
        leaves = [leaf_hash(each.encode()) for each in self.hashes]
        return f"{self.partition}|{len(self.hashes)}|{self.head}|{root_of(leaves)}".encode()


class RecordProof(NamedTuple):
    """That a record stands in a closed day: from its hash to its partition's root, from there to the signed root."""

    partition: int
    hash: str
    in_partition: tuple[Step, ...]
    partition_content: str
    in_day: tuple[Step, ...]


class DayBooks:
    """Collects a day. Who funds an agreement is asked at the end: `unresolved` names those signed on earlier days."""

    def __init__(self, heads: Mapping[int, str]) -> None:
        """`heads` has every partition's chain head at the day's first instant, empty for one without a record."""
        self.partitions = {number: PartitionDay(number, head) for number, head in sorted(heads.items())}
        self.signed: dict[str, Agreement] = {}
        self.sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        """By (person, institution or agreement, its id)."""
        self._items: list[tuple[str, Item]] = []
        self.entries: list[tuple[str, Entry]] = []
        """(channel, entry) of money that moved through a gateway or a bank."""
        self.debits: Counter[tuple[str, str]] = Counter()
        """(channel, paid or cause) of orders that ended."""
        self._at = 0

    @property
    def records(self) -> int:
        """Return how many records the day has."""
        return sum(len(each.hashes) for each in self.partitions.values())

    def total(self, measure: str) -> int:
        """Return a measure over all institutions."""
        return sum(sums[measure] for (scope, _), sums in self.sums.items() if scope == "institution")

    def add(self, partition: int, record: LedgerRecord) -> None:
        """Add one record of the day."""
        day = self.partitions[partition]
        day.hashes.append(record.hash)
        day.head = record.hash
        if not record.events:
            return
        self._at = record.now
        for event in record.events:
            note = _NOTED.get(type(event))
            if note is not None:
                note(self, event)
        if record.journal:
            self._post(record)

    def unresolved(self) -> set[str]:
        """Return the agreements of this day that were not signed on it."""
        return {key for scope, key in self.sums if scope == "agreement"} - self.signed.keys()

    def items(self, known: Mapping[str, Agreement], institution_funded: Container[str]) -> list[Item]:
        """Return what banks advance for this day, in order of time; packs funded by institutions have no advance."""
        found: list[Item] = []
        for agreement, item in self._items:
            who = self._funder(agreement, known)
            if who.bank and who.pack not in institution_funded:
                found.append(item._replace(bank=who.bank))
        return found

    def rows(self, known: Mapping[str, Agreement]) -> dict[tuple[Scope, str], Counter[str]]:
        """Return the daily credit ledger by person, institution and bank; each measure has one total in all three."""
        rows: dict[tuple[Scope, str], Counter[str]] = defaultdict(Counter)
        for (scope, key), sums in self.sums.items():
            if scope == "person":
                rows["person", key].update(sums)
            elif scope == "institution":
                rows["institution", key].update(sums)
            else:
                rows["bank", self._funder(key, known).bank].update(sums)
        return rows

    def _funder(self, agreement: str, known: Mapping[str, Agreement]) -> Agreement:
        return self.signed.get(agreement) or known.get(agreement) or Agreement(agreement, "", "")

    def root(self) -> str:
        """Return the Merkle root over all partitions."""
        return root_of([leaf_hash(each.content()) for each in self.partitions.values()])

    def proof(self, partition: int, record_hash: str) -> RecordProof:
        """Return the proof of a record of this day; raises ValueError when it is not one of it."""
        day = self.partitions[partition]
        numbers = list(self.partitions)
        leaves = [leaf_hash(each.encode()) for each in day.hashes]
        days = [leaf_hash(each.content()) for each in self.partitions.values()]
        steps = proof_of(leaves, day.hashes.index(record_hash))
        return RecordProof(
            partition, record_hash, steps, day.content().decode(), proof_of(days, numbers.index(partition))
        )

    # ---- money --------------------------------------------------------------------------------------------------

    def _post(self, record: LedgerRecord) -> None:
        references = _credit_references(record)
        institutions, families = _bill_institutions(record), _family_institutions(record)
        refunds = (event.refund_no for event in record.events if isinstance(event, events.RefundSettled))
        for posting in record.journal:
            agreement = _receivable_of(posting.debit) or _receivable_of(posting.credit)
            if agreement:
                by_family = _FAMILY in (posting.debit, posting.credit)
                self._moved(record, posting, agreement, references, families if by_family else institutions)
            elif posting.debit == f"{posting.credit}/refunds":
                self._refunded(posting, refunds)
            elif posting.debit.endswith("/fees") and posting.credit.endswith("/fees"):
                self._fee(record.account, posting)
            elif posting.credit.endswith("/reductions"):
                agreement = _middle(posting.credit)
                institution = next(families, "") if posting.debit == _FAMILY else _middle(posting.debit)
                self._returned(record, agreement, institution, posting.amount_fen, references)

    def _moved(
        self,
        record: LedgerRecord,
        posting: Posting,
        agreement: str,
        references: Iterator[str],
        institutions: Iterator[str],
    ) -> None:
        """Add one movement of a receivable to its person, institution and bank."""
        raised = posting.debit == f"agreement/{agreement}/receivable"
        other = posting.credit if raised else posting.debit
        if other.endswith("/reductions") or other == _MERGE:
            return  # counted when the institution gave it back; a line that moves with its person stays what it is
        if other == _FAMILY or (other.startswith("institution/") and other.endswith("/charges")):
            institution = next(institutions, "") if other == _FAMILY else _middle(other)
            if raised:
                self._item(agreement, institution, "credit", posting.amount_fen, references)
                self._count(record.account, institution, agreement, "credit_fen", posting.amount_fen)
            else:
                self._returned(record, agreement, institution, posting.amount_fen, references)
            return
        measure = "given_up_fen" if not _is_payment(other) else "paid_back_fen" if raised else "repaid_fen"
        taken_back = raised and measure == "given_up_fen"
        amount_fen = -posting.amount_fen if taken_back else posting.amount_fen
        self._count(record.account, next(institutions, ""), agreement, measure, amount_fen)

    def _returned(
        self, record: LedgerRecord, agreement: str, institution: str, amount_fen: int, references: Iterator[str]
    ) -> None:
        self._item(agreement, institution, "refund", amount_fen, references)
        self._count(record.account, institution, agreement, "returned_fen", amount_fen)

    def _fee(self, account: str, posting: Posting) -> None:
        """Add an accrued fee, or take a waived one off; it belongs to no institution."""
        accrued = posting.debit.startswith("agreement/")
        agreement = _middle(posting.debit if accrued else posting.credit)
        self._count(account, "", agreement, "fee_fen", posting.amount_fen if accrued else -posting.amount_fen)

    def _refunded(self, posting: Posting, refunds: Iterator[str]) -> None:
        """Add money that a channel gave back, under the refund's own number."""
        entry = Entry("refund", next(refunds, ""), -posting.amount_fen, self._at)
        self.entries.append((_middle(posting.debit), entry))

    def _item(
        self,
        agreement: str,
        institution: str,
        kind: Literal["credit", "refund"],
        amount_fen: int,
        references: Iterator[str],
    ) -> None:
        reference = next(references, agreement)
        self._items.append((agreement, Item(institution, "", kind, reference, amount_fen, self._at)))

    def _count(self, account: str, institution: str, agreement: str, measure: str, amount_fen: int) -> None:
        self.sums["person", account][measure] += amount_fen
        self.sums["institution", institution][measure] += amount_fen
        self.sums["agreement", agreement][measure] += amount_fen

    # ---- events -------------------------------------------------------------------------------------------------

    def _signed(self, event: events.AgreementSigned) -> None:
        self.signed[event.agreement] = Agreement(event.agreement, event.bank, event.pack)

    def _opened(self, event: events.VisitOpened) -> None:
        self.sums["institution", event.institution]["visits"] += 1

    def _paid(self, event: events.DebitPaid | events.LatePaymentReceived) -> None:
        self.debits[event.channel, "paid"] += 1
        entry = Entry("payment", event.order_no, event.amount_fen, self._at, event.trade_no)
        self.entries.append((event.channel, entry))

    def _failed(self, event: events.DebitFailed) -> None:
        if not event.same_number:
            self.debits["", event.cause or "unknown"] += 1

    def _collected(self, event: events.BankCollected) -> None:
        self.entries.append(("bank", Entry("payment", event.serial, event.amount_fen, self._at)))


_NOTED: Final[dict[type, Any]] = {
    events.AgreementSigned: DayBooks._signed,  # noqa: SLF001 - its own methods, by event
    events.VisitOpened: DayBooks._opened,  # noqa: SLF001
    events.DebitPaid: DayBooks._paid,  # noqa: SLF001
    events.LatePaymentReceived: DayBooks._paid,  # noqa: SLF001
    events.DebitFailed: DayBooks._failed,  # noqa: SLF001
    events.BankCollected: DayBooks._collected,  # noqa: SLF001
}


def close_text(day: str, root: str, totals: Sequence[int]) -> bytes:
    """Return what is signed for a closed day: version, day, root and control totals."""
    return "|".join(("medcredit-day-close-1", day, root, *map(str, totals))).encode("ascii")


def proof_holds(proof: RecordProof, root: str) -> bool:
    """Return True when a record's hash leads to the root of its day."""
    inner = proof.partition_content.rpartition("|")[2]
    found = leaf_hash(proof.hash.encode())
    for step in proof.in_partition:
        found = _beside(step, found)
    if found != inner:
        return False
    found = leaf_hash(proof.partition_content.encode())
    for step in proof.in_day:
        found = _beside(step, found)
    return found == root


def _beside(step: Step, found: str) -> str:
    pair = (step.hash, found) if step.side == "left" else (found, step.hash)
    return sm3_hex(b"\x01" + bytes.fromhex(pair[0]) + bytes.fromhex(pair[1]))


def _receivable_of(account: str) -> str:
    """Return the agreement whose receivable a ledger account is, or nothing."""
    parts = account.split("/")
    return parts[1] if len(parts) == 3 and parts[0] == "agreement" and parts[2] == "receivable" else ""


def _middle(account: str) -> str:
    """Return the owner in `kind/owner/what`."""
    return account.split("/")[1]


def _is_payment(account: str) -> bool:
    return account.startswith(("clearing/", "person/"))


def _family_institutions(record: LedgerRecord) -> Iterator[str]:
    """Yield where the credit was used that a family member put on this account's line, in the order of the events."""
    for event in record.events:
        if isinstance(event, _BY_FAMILY):
            yield event.institution


def _credit_references(record: LedgerRecord) -> Iterator[str]:
    """Yield charge or reduction of each event whose credit part moved, in the order of their postings."""
    for event in record.events:
        if isinstance(event, events.ChargePosted) and event.allocation.credit_fen and not event.hold:
            yield event.charge
        elif isinstance(event, events.FamilyCreditPosted | events.FamilyCreditReduced):
            yield event.hold
        elif isinstance(event, events.FamilyBillTaken):
            yield event.holds[0]
        elif isinstance(event, events.ChargeReduced) and event.returned.credit_fen:
            yield event.reduction


def _bill_institutions(record: LedgerRecord) -> Iterator[str]:
    """Yield the institution of the bill of each event that moved money to or from one, in their order."""
    bills = {view.bill: view.institution for view in record.after if isinstance(view, BillView)}
    for event in record.events:
        if isinstance(event, _MOVING) and not (isinstance(event, events.RefundStarted) and event.from_balance):
            yield bills.get(event.bill, "")


_BY_FAMILY: Final = (events.FamilyCreditPosted, events.FamilyCreditReduced, events.FamilyBillTaken)
_FAMILY: Final = "transit/family"
_MERGE: Final = "transit/merge"
_MOVING: Final = (
    events.RepaymentApplied,
    events.DebitPaid,
    events.ChannelRefunded,
    events.RefundStarted,
    events.BankCollected,
    events.BillWrittenOff,
    events.LossReversed,
    events.ReliefPaid,
    events.ReliefReturned,
)

"""What a run of the demo showed, counted from the ledger records the books hold."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypedDict

from schemas.events import SOURCES


class TallyDocument(TypedDict):
    """The counts of a run; amounts in fen by source, the rest numbers of distinct things."""

    decisions: int
    ledger_records: int
    outcomes: dict[str, int]
    charges: int
    charges_by_pack: dict[str, int]
    paid_fen: dict[str, int]
    bills: int
    debits_paid: int
    debits_paid_by_gateway: dict[str, int]
    reversals: int
    debits_failed_then_paid: int
    debits_unknown_then_resolved: int
    refusals: int
    refusals_by_reason: dict[str, int]
    late_charges: int
    numbers_linked: int
    repayments_before_debit: int


class Tally:
    """Counts over ledger records given in the order of each account; every count is of distinct things."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._packs: Counter[str] = Counter()
        self._gateways: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._seen: dict[str, set[str]] = {}
        self._records = 0

    def add(self, record: dict[str, Any]) -> None:
        """Count one ledger record."""
        self._records += 1
        self._outcomes[record["outcome"]] += 1
        if record["outcome"] == "REFUSED":
            self._reasons[record["reason"]] += 1
        for event in record.get("events", ()):
            self._event(event)

    def add_all(self, records: Iterable[dict[str, Any]]) -> None:
        """Count many."""
        for record in records:
            self.add(record)

    def document(self) -> TallyDocument:
        """Return the counts as the demo's JSON document has them."""
        return {
            "decisions": sum(self._outcomes[code] for code in ("POSTED", "RECORDED", "HELD", "REFUSED")),
            "ledger_records": self._records,
            "outcomes": dict(sorted(self._outcomes.items())),
            "charges": self._count("charge_posted") + self._count("lines_held"),
            "charges_by_pack": dict(sorted(self._packs.items())),
            "paid_fen": {name: self._sources[name] for name in SOURCES},
            "bills": self._count("bill_issued"),
            "debits_paid": self._count("debit_paid"),
            "debits_paid_by_gateway": dict(sorted(self._gateways.items())),
            "reversals": self._count("charge_reduced"),
            "debits_failed_then_paid": len(self._of("debit_failed_bill") & self._of("debit_paid_bill")),
            "debits_unknown_then_resolved": len(
                self._of("debit_unknown") & (self._of("debit_paid") | self._of("debit_failed"))
            ),
            "refusals": self._outcomes["REFUSED"],
            "refusals_by_reason": dict(sorted(self._reasons.items())),
            "late_charges": len(self._of("late_bill")),
            "numbers_linked": self._count("number_linked"),
            "repayments_before_debit": len(self._of("repaid_before_debit")),
        }

    def _event(self, event: dict[str, Any]) -> None:
        count = getattr(self, f"_on_{event['type']}", None)
        if count:
            count(event)
        key = event.get("order_no") or event.get("charge") or event.get("bill") or event.get("visit") or ""
        self._mark(event["type"], f"{key}{event.get('event_at', '')}{event.get('person', '')}")

    def _on_charge_posted(self, event: dict[str, Any]) -> None:
        self._packs[event["pack"]] += 1
        self._sources.update({name: event["allocation"].get(f"{name}_fen", 0) for name in SOURCES})

    def _on_debit_started(self, event: dict[str, Any]) -> None:
        self._mark("debit_started_bill", event["bill"])

    def _on_debit_failed(self, event: dict[str, Any]) -> None:
        self._mark("debit_failed_bill", event["bill"])

    def _on_debit_paid(self, event: dict[str, Any]) -> None:
        self._gateways[event["channel"]] += 1
        self._mark("debit_paid_bill", event["bill"])

    def _on_repayment_applied(self, event: dict[str, Any]) -> None:
        if event["bill"] not in self._of("debit_started_bill"):
            self._mark("repaid_before_debit", event["bill"])

    def _on_bill_issued(self, event: dict[str, Any]) -> None:
        if event.get("supplementary"):
            self._mark("late_bill", event["bill"])
        self._mark(f"amount {event['bill']}", str(event["amount_fen"]))

    def _on_bill_revised(self, event: dict[str, Any]) -> None:
        amounts = self._of(f"amount {event['bill']}")
        if amounts and event["amount_fen"] > max(int(amount) for amount in amounts):
            self._mark("late_bill", event["bill"])
        self._mark(f"amount {event['bill']}", str(event["amount_fen"]))

    def _mark(self, name: str, key: str) -> None:
        self._seen.setdefault(name, set()).add(key)

    def _of(self, name: str) -> set[str]:
        return self._seen.get(name, set())

    def _count(self, event_type: str) -> int:
        return len(self._of(event_type))

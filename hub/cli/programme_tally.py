"""What a run showed of the public programmes beyond basic visits, counted from the ledger records the books hold."""

from collections import Counter
from typing import Any, TypedDict


class ProgrammesDocument(TypedDict):
    """Counts of features: charges by scene, charges with reduced credit by reason, lines by score, agreements by bank.

    `visits_settled_whole` are charges that settled every waiting line of a visit at once; `agreements_signed_again` are
    those of persons who had one before; `bills_paid_in_parts` took more than one payment.
    """

    scenes: dict[str, int]
    credit_reduced: dict[str, int]
    lines_by_score: dict[str, int]
    banks: dict[str, int]
    agreements_ended: int
    agreements_signed_again: int
    holds_placed: int
    holds_captured: int
    holds_released: int
    visits_settled_whole: int
    prepayments_refunded: int
    refunds_settled: int
    balances_refunded: int
    bills_paid_in_parts: int
    supplementary_bills: int
    cards_linked: int
    insurance_checks: int
    dishonesty_records: int
    consents_revoked: int
    further_sources: int
    bills_freed: int
    statements: int


class ProgrammeTally:
    """Counts over ledger records given in the order of each account."""

    def __init__(self) -> None:
        self._events: Counter[str] = Counter()
        self._scenes: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._scores: Counter[str] = Counter()
        self._banks: Counter[str] = Counter()
        self._signatures: Counter[str] = Counter()
        self._payments: Counter[str] = Counter()
        self._whole = 0
        self._supplementary = 0

    def add(self, record: dict[str, Any]) -> None:
        """Count one ledger record."""
        for event in record.get("events", ()):
            self._events[event["type"]] += 1
            count = getattr(self, f"_on_{event['type']}", None)
            if count:
                count(record, event)

    def document(self) -> ProgrammesDocument:
        """Return the counts."""
        count = self._events
        return {
            "scenes": dict(sorted(self._scenes.items())),
            "credit_reduced": dict(sorted(self._reasons.items())),
            "lines_by_score": dict(sorted(self._scores.items())),
            "banks": dict(sorted(self._banks.items())),
            "agreements_ended": count["agreement_ended"],
            "agreements_signed_again": sum(times - 1 for times in self._signatures.values()),
            "holds_placed": count["hold_placed"],
            "holds_captured": count["hold_captured"],
            "holds_released": count["hold_released"],
            "visits_settled_whole": self._whole,
            "prepayments_refunded": count["prepayment_refunded"],
            "refunds_settled": count["refund_settled"],
            "balances_refunded": count["balance_refunded"],
            "bills_paid_in_parts": sum(times > 1 for times in self._payments.values()),
            "supplementary_bills": self._supplementary,
            "cards_linked": count["insurance_linked"],
            "insurance_checks": count["insurance_credit_checked"],
            "dishonesty_records": count["dishonesty_recorded"],
            "consents_revoked": count["consent_revoked"],
            "further_sources": count["repayment_sources_set"],
            "bills_freed": count["bill_unfrozen"],
            "statements": count["statement_issued"],
        }

    def _on_charge_posted(self, _record: dict[str, Any], event: dict[str, Any]) -> None:
        self._scenes[event["scene"]] += 1
        self._whole += len(event.get("absorbs", ())) > 1
        if event.get("reason"):
            self._reasons[event["reason"]] += 1

    def _on_agreement_signed(self, record: dict[str, Any], event: dict[str, Any]) -> None:
        self._signatures[record["account"]] += 1
        if event.get("bank"):
            self._banks[event["bank"]] += 1
        if event.get("provider"):
            self._scores[event["provider"]] += 1

    def _on_line_set(self, _record: dict[str, Any], event: dict[str, Any]) -> None:
        self._scores[event["provider"]] += 1

    def _on_repayment_applied(self, _record: dict[str, Any], event: dict[str, Any]) -> None:
        self._payments[event["bill"]] += 1

    def _on_debit_paid(self, _record: dict[str, Any], event: dict[str, Any]) -> None:
        self._payments[event["bill"]] += 1

    def _on_bill_issued(self, _record: dict[str, Any], event: dict[str, Any]) -> None:
        self._supplementary += bool(event.get("supplementary"))

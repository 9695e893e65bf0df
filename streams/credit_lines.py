"""Limits and holds of credit lines as the ledger tells them, for the invariant used + held ≤ limit (domain 15)."""

from collections import Counter
from typing import Any

from schemas import events


class CreditLines:
    """Takes events in the order of the ledger; every amount is in fen, every line is named by its agreement."""

    def __init__(self) -> None:
        self.limits: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self._holds: dict[str, tuple[str, int]] = {}
        """Hold → its line and what is left of it."""

    def add(self, event: Any) -> None:
        """Note what an event does to a limit or a hold; any other event does nothing here."""
        if isinstance(event, events.AgreementSigned | events.LineSet):
            self.limits[event.agreement] = event.limit_fen
        elif isinstance(event, events.AccountAbsorbed):
            self.limits.update({each.agreement: each.limit_fen for each in event.agreements})
        elif isinstance(event, events.FamilyHoldPlaced) or (
            isinstance(event, events.HoldPlaced) and event.source == "credit"
        ):
            self._holds[event.hold] = (event.agreement, event.amount_fen)
            self.held[event.agreement] += event.amount_fen
        elif isinstance(event, events.HoldCaptured | events.HoldReleased):
            self._let_go(event.hold, event.amount_fen)
        elif isinstance(event, events.FamilyHoldVoided | events.FamilyCreditPosted):
            self._let_go(event.hold, self._holds.get(event.hold, ("", 0))[1])

    def _let_go(self, hold: str, amount_fen: int) -> None:
        if hold in self._holds:
            agreement, left = self._holds[hold]
            self._holds[hold] = (agreement, left - amount_fen)
            self.held[agreement] -= amount_fen


def line_used(event: events.Event) -> str:
    """Return the agreement whose line an event took or held credit on, or empty for none."""
    if isinstance(event, events.ChargePosted):
        return event.agreement if event.allocation.credit_fen and not event.hold else ""
    if isinstance(event, events.FamilyHoldPlaced | events.FamilyBillTaken):
        return event.agreement
    return event.agreement if isinstance(event, events.HoldPlaced) and event.source == "credit" else ""

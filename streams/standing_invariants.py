"""Who may have credit, told from the ledger alone: nobody barred, suspended or without an agreement and consent.

The status of an account stands in the view after each record that changed it; what a record books is judged by how the
account stood before it (domain 15, invariant 11).
"""

from collections.abc import Callable
from typing import Final, TypeGuard

from schemas import events
from schemas.ledger import LedgerRecord, PersonView

Expect = Callable[[bool, Callable[[], str]], None]
_GOOD: Final = "active"


class StandingCheck:
    """Follows status and agreement of every account; keeps nothing of an account that never had an agreement."""

    def __init__(self) -> None:
        self._status: dict[str, str] = {}
        """Accounts that are not in good standing."""
        self._in_force: dict[str, str] = {}
        self._consents: dict[str, int] = {}
        """Agreement → until when its consent is given."""

    def add(self, record: LedgerRecord, expect: Expect) -> None:
        """Judge the credit that a record gives, then take note of what it changed."""
        for event in record.events:
            if isinstance(event, events.AgreementSigned):
                self._consents[event.agreement] = event.consent_until
            elif isinstance(event, events.AgreementEnded):
                self._consents.pop(event.agreement, None)
            elif isinstance(event, events.AccountAbsorbed):
                self._consents.update({each.agreement: each.consent_until for each in event.agreements})
            elif _gives_credit(event):
                self._judge(record, event.agreement, event.event_at, expect)
        for view in record.after:
            if isinstance(view, PersonView):
                self._note(view)

    def _judge(self, record: LedgerRecord, agreement: str, at: int, expect: Expect) -> None:
        status = self._status.get(record.account, _GOOD)
        in_force = self._in_force.get(record.account) == agreement
        consented = self._consents.get(agreement, 0) >= at
        text = f"{record.account} seq {record.seq}: credit while {status}, agreement in force {in_force}"
        expect(status == _GOOD and in_force and consented, lambda: f"{text}, consent {consented}")

    def _note(self, view: PersonView) -> None:
        if view.status == _GOOD:
            self._status.pop(view.account, None)
        else:
            self._status[view.account] = view.status
        if view.agreement:
            self._in_force[view.account] = view.agreement
        else:
            self._in_force.pop(view.account, None)


def _gives_credit(event: object) -> TypeGuard[events.ChargePosted | events.FamilyHoldPlaced]:
    """Return True for credit on the account's own line; what a payer's hold gave was judged at the payer."""
    if isinstance(event, events.ChargePosted):
        return event.allocation.credit_fen > 0 and not event.hold
    return isinstance(event, events.FamilyHoldPlaced)

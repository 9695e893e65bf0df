"""What a decision means for the rest of the family, told in the same record: one place, whatever made it happen.

Only accounts with a family come here; what is told follows from the record's events alone.
"""

from collections.abc import Callable
from typing import Any, Final

from hub.domain.draft import Draft
from hub.domain.family_links import tell_contract
from hub.domain.relays import send
from schemas import events
from schemas.commands import NoteFamilyVisit, ReduceFamilyCredit
from schemas.ids import account_of


def tell_family(draft: Draft) -> None:
    """Tell payers of closed and reopened visits and of credit taken back, and parents of a changed contract."""
    for event in draft.events:
        tell = _TELL.get(type(event))
        if tell is not None:
            tell(draft, event)
    if draft.core.agreements is not draft.before.core.agreements:
        tell_contract(draft)


def _closed(draft: Draft, event: events.VisitClosed) -> None:
    _note_visit(draft, event.institution, event.visit, "closed", event.closed_at)


def _reopened(draft: Draft, event: events.VisitReopened) -> None:
    _note_visit(draft, event.institution, event.visit, "reopened", draft.now.city)


def _note_visit(draft: Draft, institution: str, visit: str, event: Any, at: int) -> None:
    """Tell every payer once for each account that asked for holds of this visit."""
    encounter = draft.state.encounters.get(f"{institution}|{visit}")
    charges = encounter.charges.values() if encounter else ()
    told = {(charge.payer, account_of(charge.bill) or ""): None for charge in charges if charge.payer}
    for payer, patient in told:
        send(draft, payer, NoteFamilyVisit(patient, institution, visit, event, at))


def _reduced(draft: Draft, event: events.ChargeReduced) -> None:
    charge = draft.state.encounters[f"{event.institution}|{event.visit}"].charges[event.charge]
    credit = event.returned.credit_fen
    if charge.payer and credit:
        back = ReduceFamilyCredit(charge.bill, event.institution, event.visit, credit, event.event_at)
        send(draft, charge.payer, back)


_TELL: Final[dict[type, Callable[[Draft, Any], None]]] = {
    events.VisitClosed: _closed,
    events.VisitReopened: _reopened,
    events.ChargeReduced: _reduced,
}

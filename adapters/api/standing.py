"""API bodies about lists, undoing, relief and enrolment to commands."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from adapters.api import standing_bodies as bodies
from adapters.api.faults import ApiFaultError
from adapters.api.reading import Asked, Meaning, check_institution, event_at, fen_of, instant, named_person, owner
from hub.runtime.subjects import card_account
from schemas.commands import (
    ApplyRelief,
    ApproveRelief,
    CloseRelief,
    ConfirmProposal,
    LinkInsurance,
    ProposeListing,
    ProposeUnlisting,
    RecordDishonesty,
    RecordInsuranceCredit,
    RejectProposal,
    Subject,
    UndoOverdue,
)
from schemas.reasons import Reason


def _listing(body: bodies.ListingBody, asked: Asked) -> Meaning:
    _city_only(asked)
    account = named_person(body.person, "", asked).person
    until = instant(body.until, "/until") if body.until else 0
    return Meaning(account, ProposeListing(body.colour, body.author, body.reason, asked.now, until))


def _unlisting(body: bodies.UnlistingBody, asked: Asked) -> Meaning:
    _city_only(asked)
    account = named_person(body.person, "", asked).person
    return Meaning(account, ProposeUnlisting(body.colour, body.author, body.reason, asked.now))


def _repair(body: bodies.RepairBody, asked: Asked) -> Meaning:
    due_at = instant(body.due_at, "/due_at") if body.due_at else 0
    undo = UndoOverdue(asked.address, body.author, body.reason, asked.now, due_at)
    return Meaning(owner(asked, "B", Reason.BILL_UNKNOWN), undo)


def _confirmation(body: bodies.ConfirmationBody, asked: Asked) -> Meaning:
    account = owner(asked, "Q", Reason.PROPOSAL_UNKNOWN)
    return Meaning(account, ConfirmProposal(asked.address, body.author, asked.now))


def _rejection(body: bodies.RejectionBody, asked: Asked) -> Meaning:
    account = owner(asked, "Q", Reason.PROPOSAL_UNKNOWN)
    return Meaning(account, RejectProposal(asked.address, body.author, asked.now))


def _relief(body: bodies.ReliefBody, asked: Asked) -> Meaning:
    amount = 0 if body.amount is None else fen_of(body.amount)
    case = ApplyRelief(asked.address, body.kind, body.author, body.reason, asked.now, amount)
    return Meaning(owner(asked, "B", Reason.BILL_UNKNOWN), case)


def _relief_approval(body: bodies.ReliefApprovalBody, asked: Asked) -> Meaning:
    amount = 0 if body.amount is None else fen_of(body.amount)
    account = owner(asked, "S", Reason.RELIEF_CASE_UNKNOWN)
    return Meaning(account, ApproveRelief(asked.address, body.author, asked.now, amount))


def _relief_closure(body: bodies.ReliefClosureBody, asked: Asked) -> Meaning:
    account = owner(asked, "S", Reason.RELIEF_CASE_UNKNOWN)
    return Meaning(account, CloseRelief(asked.address, body.state, body.author, asked.now, body.reason))


def _dishonesty(body: bodies.DishonestyBody, asked: Asked) -> Meaning:
    _city_only(asked)
    account = named_person(body.person, "", asked).person
    record = RecordDishonesty(body.reference, body.author, body.reason, asked.now, body.cleared)
    return Meaning(account, record)


def _insurance_link(body: bodies.InsuranceLinkBody, asked: Asked) -> Meaning:
    check_institution(body.institution, asked)
    person = named_person(body.person, "", asked)
    card = card_of(body.insurance_card, body.e_health_code, asked)
    subject = Subject(person.person, card, person.name_masked, person.id_masked)
    return Meaning(person.person, LinkInsurance(body.institution, asked.now, body.author, subject))


def _insurance_credit(body: bodies.InsuranceCreditBody, asked: Asked) -> Meaning:
    _city_only(asked)
    account = named_person(body.person, "", asked).person
    at = event_at(body.checked_at, "/checked_at", asked)
    return Meaning(account, RecordInsuranceCredit(body.passed, at, body.reference))


def card_of(insurance_card: str, e_health_code: str, asked: Asked) -> str:
    """Return the account of a card or code. Raises FIELD_MISSING for neither, CHOICE_CONFLICT for both."""
    if insurance_card and e_health_code:
        raise ApiFaultError(Reason.CHOICE_CONFLICT, "/e_health_code")
    if insurance_card:
        return card_account(asked.city_key, "insurance_card", insurance_card)
    if e_health_code:
        return card_account(asked.city_key, "e_health_code", e_health_code)
    raise ApiFaultError(Reason.FIELD_MISSING, "/insurance_card", {"field": "/insurance_card"})


def _city_only(asked: Asked) -> None:
    """Raise SENDER_MISMATCH for an institution's own source: the city's offices decide this."""
    if asked.source.institution:
        raise ApiFaultError(Reason.SENDER_MISMATCH, keep=False)


STANDING: Final[Mapping[type, Callable[[Any, Asked], Meaning]]] = MappingProxyType(
    {
        bodies.ListingBody: _listing,
        bodies.UnlistingBody: _unlisting,
        bodies.RepairBody: _repair,
        bodies.ConfirmationBody: _confirmation,
        bodies.RejectionBody: _rejection,
        bodies.ReliefBody: _relief,
        bodies.ReliefApprovalBody: _relief_approval,
        bodies.ReliefClosureBody: _relief_closure,
        bodies.DishonestyBody: _dishonesty,
        bodies.InsuranceLinkBody: _insurance_link,
        bodies.InsuranceCreditBody: _insurance_credit,
    }
)
"""Body type → its command."""

"""What a pack asks before it gives credit: dishonesty record, insurance card, the insurer's credit check (domain 5)."""

from typing import Final

from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.numbers import note_number
from hub.domain.standing_state import Enrolment
from hub.domain.state import Core
from hub.policies import Pack
from schemas.commands import IdentifyPatient, LinkInsurance, RecordDishonesty, RecordInsuranceCredit
from schemas.events import DishonestyCleared, DishonestyRecorded, InsuranceCreditChecked, InsuranceLinked
from schemas.reasons import Reason

_NOTHING: Final = Enrolment()
NEXT_STEPS: Final[dict[str, str]] = {
    Reason.AGREEMENT_MISSING: "sign_agreement",
    Reason.LINK_INSURANCE_AT_COUNTER: "link_insurance_at_counter",
    Reason.NOT_INSURED: "link_insurance_at_counter",
    Reason.INSURANCE_CREDIT: "ask_the_insurer",
    Reason.DISHONESTY: "ask_the_credit_office",
    Reason.CONSENT: "renew_consent",
    Reason.SUSPENDED: "repay_arrears",
    Reason.CREDIT_EXHAUSTED: "repay_bills",
}
"""Reason of no credit → what the person does next; for every other: pay at the counter."""


def enrolment_bar(core: Core, pack: Pack) -> Reason | None:
    """Return the first thing the pack asks for that the person has not, or None."""
    rule = pack.enrolment
    known = core.enrolment or _NOTHING
    if rule.dishonesty_check and known.dishonesty:
        return Reason.DISHONESTY
    if rule.insurance_link and not known.cards:
        return Reason.LINK_INSURANCE_AT_COUNTER
    if rule.insured_only and not is_insured(core):
        return Reason.NOT_INSURED
    if rule.insurance_credit_check and known.insurance_credit != "passed":
        return Reason.INSURANCE_CREDIT
    return None


def is_insured(core: Core) -> bool:
    """Return True when anything shows that the person is insured: a linked card, a check, or money of an insurer."""
    known = core.enrolment or _NOTHING
    return bool(known.insured or known.cards or known.insurance_credit)


def next_step(reason: str) -> str:
    """Return what the person does next about a reason; empty for none."""
    return NEXT_STEPS.get(reason, "pay_at_counter") if reason else ""


def record_dishonesty(draft: Draft, body: RecordDishonesty) -> Outcome | Refusal:
    """Record what the city's register says, or that it takes it back; heard again it changes nothing."""
    known = draft.core.enrolment or _NOTHING
    if not body.cleared and known.dishonesty != body.reference:
        draft.emit(DishonestyRecorded(body.reference, body.author, body.reason))
    elif body.cleared and known.dishonesty != body.reference:
        return Refusal(Reason.DISHONESTY_UNKNOWN, {"reference": body.reference})
    elif body.cleared:
        draft.emit(DishonestyCleared(body.reference, body.author, body.reason))
    return Outcome("RECORDED", body.reference)


def link_insurance(draft: Draft, body: LinkInsurance) -> Outcome | Refusal:
    """Link a card or e-health code once: its account hears whose it is and forwards from then on."""
    card = body.subject.number
    if draft.core.kind != "person" or not card or card == draft.core.account:
        return Refusal(Reason.SUBJECT_INVALID)
    if card not in (draft.core.enrolment or _NOTHING).cards:
        draft.emit(InsuranceLinked(card, body.institution, body.author))
    note_number(draft, IdentifyPatient(body.institution, body.event_at, body.subject))
    return Outcome("RECORDED", card)


def record_insurance_credit(draft: Draft, body: RecordInsuranceCredit) -> Outcome | Refusal:
    """Keep the newest word of the insurer's credit check."""
    known = draft.core.enrolment or _NOTHING
    if body.event_at < known.insurance_checked_at:
        return Outcome("LATE", body.reference, Reason.LATE)
    draft.emit(InsuranceCreditChecked(body.passed, body.event_at, body.reference))
    return Outcome("RECORDED", body.reference)

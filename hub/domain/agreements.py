"""Signing and leaving: under which pack, with which bank and channel, with which consents (domain 5)."""

from hub.domain.credit_lines import granted
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.enrolment import enrolment_bar
from hub.domain.family import is_deceased
from hub.domain.holds import release_agreement
from hub.domain.numbers import identify
from hub.domain.state import Agreement
from hub.policies import Pack
from schemas.commands import SignAgreement, WithdrawAgreement
from schemas.events import AgreementEnded, AgreementSigned
from schemas.reasons import Reason


def sign_agreement(draft: Draft, body: SignAgreement) -> Outcome | Refusal:
    """Sign under a pack that is in force; the line follows at once from the scores that are known."""
    pack = draft.policies.packs.get(body.pack)
    if pack is None or not pack.valid_from <= body.event_at < pack.valid_to:
        return Refusal(Reason.PACK_UNKNOWN, {"pack": body.pack})
    refusal = _may_sign(draft, body, pack)
    if refusal is not None:
        return refusal
    draft.pack = pack
    identify(draft, body.subject)
    agreement = _agreement(draft, body)
    grant, provider, band = granted(draft, agreement, draft.now.city)
    draft.emit(
        AgreementSigned(
            agreement.id,
            pack.id,
            body.bank,
            body.channel,
            body.channel_agreement,
            body.score_consents,
            body.consent_version,
            body.consent_until,
            body.debit_consent,
            body.event_at,
            grant.limit_fen if grant else 0,
            provider,
            band,
        )
    )
    return Outcome("RECORDED", agreement.id)


def _may_sign(draft: Draft, body: SignAgreement, pack: Pack) -> Refusal | None:
    """Return why not: somebody else's account, a second agreement, no consent, no bank, or what the pack asks for."""
    if draft.core.kind != "person" or body.subject.number == draft.core.account:
        return Refusal(Reason.SUBJECT_INVALID)
    if is_deceased(draft.core):
        return Refusal(Reason.DECEASED)
    if draft.core.agreement:
        return Refusal(Reason.AGREEMENT_EXISTS)
    if body.consent_until <= body.event_at or not body.consent_version:
        return Refusal(Reason.CONSENT)
    if pack.funding.by == "bank" and not body.bank:
        return Refusal(Reason.BANK_MISSING)
    missing = enrolment_bar(draft.core, pack)
    return None if missing is None else Refusal(missing)


def _agreement(draft: Draft, body: SignAgreement) -> Agreement:
    return Agreement(
        draft.new_id("A"),
        body.pack,
        body.bank,
        body.channel,
        body.channel_agreement,
        body.score_consents,
        body.consent_until,
        body.debit_consent,
        body.event_at,
    )


def withdraw_agreement(draft: Draft, body: WithdrawAgreement) -> Outcome | Refusal:
    """End the agreement in force: no new credit, what is owed stays owed and is debited as agreed."""
    if not body.agreement or body.agreement != draft.core.agreement:
        return Refusal(Reason.AGREEMENT_UNKNOWN, {"agreement": body.agreement})
    draft.emit(AgreementEnded(body.agreement, body.event_at))
    release_agreement(draft, body.agreement)
    return Outcome("RECORDED", body.agreement)

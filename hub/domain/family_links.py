"""Family links: made by two consents, a request by one side and a confirmation by the other (domain 9).

The side that asked decides whether a request is still open: a consent that comes too late is undone by its word. So
both sides end in the same state, whatever is delivered late or twice.
"""

from typing import Final

from hub.domain.ages import birthday, is_below
from hub.domain.clocks import DAY_MS
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.family import ADULT_YEARS, Contract, is_deceased, links_of, paying_contract
from hub.domain.family_state import Link
from hub.domain.numbers import identify
from hub.domain.relays import send
from hub.domain.state import Agreement
from schemas.commands import (
    AnswerFamilyLink,
    EndFamilyLink,
    Instant,
    NoteFamilyContract,
    OfferFamilyLink,
    Relation,
    RequestFamilyLink,
    Role,
    SettleFamilyLink,
)
from schemas.events import (
    FamilyContractNoted,
    FamilyLinked,
    FamilyLinkEnded,
    FamilyLinkOffered,
    FamilyLinkRequested,
    FamilyUnlinkRefused,
)
from schemas.reasons import Reason

REQUEST_OPEN_MS: Final = 7 * DAY_MS
"""A request that nobody answers is over after a week of city time (ours)."""
_OPPOSITE: Final[dict[Role, Role]] = {"payer": "dependent", "dependent": "payer"}


def request_family_link(draft: Draft, body: RequestFamilyLink) -> Outcome | Refusal:
    """Ask the other account for a link; this side consents with it."""
    identify(draft, body.subject)
    if body.other == draft.core.account:
        return Refusal(Reason.FAMILY_RELATION_INVALID, {"why": "oneself"})
    refusal = _may_link(draft, body.relation, body.role, body.other)
    if refusal is not None:
        return refusal
    link, expires_at = draft.new_id("F"), draft.now.city + REQUEST_OPEN_MS
    draft.emit(
        FamilyLinkRequested(link, body.relation, body.role, body.other, body.consent_version, body.event_at, expires_at)
    )
    channel, contract, _ = _contract(draft, body.relation, body.role)
    offer = OfferFamilyLink(
        link,
        body.relation,
        _OPPOSITE[body.role],
        draft.core.account,
        body.consent_version,
        expires_at,
        body.event_at,
        draft.core.birth_on,
        channel,
        contract,
    )
    send(draft, body.other, offer)
    return Outcome("RECORDED", link)


def offer_family_link(draft: Draft, body: OfferFamilyLink) -> Outcome | Refusal:
    """Keep the request until this side's person answers; what cannot be is refused at once."""
    if body.link in links_of(draft.core):
        return Outcome("RECORDED", body.link)
    refusal = _may_link(draft, body.relation, body.role, body.from_account)
    if refusal is not None:
        send(draft, body.from_account, SettleFamilyLink(body.link, accept=False, event_at=0, reason=refusal.reason))
        return Outcome("RECORDED", body.link, refusal.reason)
    draft.emit(
        FamilyLinkOffered(
            body.link,
            body.relation,
            body.role,
            body.from_account,
            body.consent_version,
            body.expires_at,
            body.birth_on,
            body.channel,
            body.channel_agreement,
        )
    )
    return Outcome("RECORDED", body.link)


def answer_family_link(draft: Draft, body: AnswerFamilyLink) -> Outcome | Refusal:
    """Consent to a link or refuse it; the asking side hears of it."""
    link = links_of(draft.core).get(body.link)
    if link is None or link.state != "offered":
        over = link is not None and link.cause == "expired"
        return Refusal(Reason.FAMILY_REQUEST_EXPIRED if over else Reason.FAMILY_LINK_UNKNOWN)
    if not body.accept:
        draft.emit(FamilyLinkEnded(link.id, "refused", draft.accepted_at))
        send(draft, link.other, SettleFamilyLink(link.id, accept=False, event_at=0, reason=Reason.FAMILY_REFUSED))
        return Outcome("RECORDED", link.id)
    if not body.consent_version:
        return Refusal(Reason.CONSENT)
    refusal = _may_link(draft, link.relation, link.role, link.other, link.id)
    if refusal is not None:
        return refusal
    draft.emit(FamilyLinked(link.id, draft.accepted_at, body.consent_version, _of_age_at(draft, link)))
    channel, contract, _ = _contract(draft, link.relation, link.role)
    word = SettleFamilyLink(
        link.id,
        accept=True,
        event_at=draft.accepted_at,
        consent_version=body.consent_version,
        birth_on=draft.core.birth_on,
        channel=channel,
        channel_agreement=contract,
    )
    send(draft, link.other, word)
    return Outcome("RECORDED", link.id)


def settle_family_link(draft: Draft, body: SettleFamilyLink) -> Outcome | Refusal:
    """Take the other side's word: a consent makes the link, unless the request is over; then it is undone there."""
    link = links_of(draft.core).get(body.link)
    if link is None or link.state != "requested":
        if link is not None and body.accept and link.state == "ended":
            send(draft, link.other, EndFamilyLink(link.id, "expired", draft.accepted_at))
        return Outcome("RECORDED", body.link)
    if not body.accept:
        draft.emit(FamilyLinkEnded(link.id, "refused", draft.accepted_at, body.reason))
        return Outcome("RECORDED", link.id, body.reason)
    linked = FamilyLinked(
        link.id,
        body.event_at,
        body.consent_version,
        _of_age_at(draft, link),
        body.channel,
        body.channel_agreement,
        body.birth_on,
    )
    draft.emit(linked)
    return Outcome("RECORDED", link.id)


def note_family_contract(draft: Draft, body: NoteFamilyContract) -> Outcome | Refusal:
    """Keep through which contract the child pays from now on; a debit under way keeps its own."""
    link = links_of(draft.core).get(body.link)
    if link is not None and link.state == "active":
        draft.emit(FamilyContractNoted(link.id, body.channel, body.channel_agreement))
    return Outcome("RECORDED", body.link)


def request_expired(draft: Draft, link_id: str) -> Outcome:
    """A request that nobody answered: a link is not made, an end is not made."""
    link = links_of(draft.core)[link_id]
    if link.state in ("requested", "offered"):
        draft.emit(FamilyLinkEnded(link_id, "expired", draft.now.city, Reason.FAMILY_REQUEST_EXPIRED))
    elif link.ending:
        draft.emit(FamilyUnlinkRefused(link_id))
    return Outcome("TIMER", link_id)


def tell_contract(draft: Draft) -> None:
    """Tell parents when the contract through which this person repays for them is another than before."""
    for link in links_of(draft.core).values():
        if link.relation != "adult_child" or link.role != "payer" or link.state != "active":
            continue
        contract = paying_contract(draft.agreement())
        before = draft.before.core
        if contract != paying_contract(before.agreements.get(before.agreement)):
            send(draft, link.other, NoteFamilyContract(link.id, contract.channel, contract.channel_agreement))


def _may_link(draft: Draft, relation: Relation, role: Role, other: str, itself: str = "") -> Refusal | None:
    """Return why this side cannot be in such a link, or None."""
    if is_deceased(draft.core):
        return Refusal(Reason.DECEASED)
    if draft.core.kind != "person":
        return Refusal(Reason.SUBJECT_INVALID)
    if any(_excludes(link, relation, role, other) for link in links_of(draft.core).values() if link.id != itself):
        return Refusal(Reason.FAMILY_LINK_EXISTS)
    minor = is_below(draft.core.birth_on, ADULT_YEARS, draft.accepted_at)
    if minor != (relation == "minor" and role == "dependent"):
        why = "the birthday does not show a person below 18" if not minor else "a person below 18 cannot stand here"
        return Refusal(Reason.FAMILY_RELATION_INVALID, {"why": why})
    ineligible = role == "payer" and not _pack_allows(draft, relation, draft.agreement())
    return Refusal(Reason.FAMILY_PAYER_INELIGIBLE) if ineligible else None


def _pack_allows(draft: Draft, relation: Relation, agreement: Agreement | None) -> bool:
    """Return True when a payer's agreement can bear the relation, and its pack knows such families."""
    if agreement is None:
        return False
    rule = draft.policies.packs[agreement.pack].family
    if relation == "minor":
        return rule.minors_until > 0
    return rule.adult_children_pay and paying_contract(agreement).channel != ""


def _excludes(link: Link, relation: Relation, role: Role, other: str) -> bool:
    """A dependent has one payer of a kind; two accounts have one link of a kind."""
    if link.state == "ended" or link.relation != relation:
        return False
    return link.other == other or (role == "dependent" and link.role == "dependent")


def _of_age_at(draft: Draft, link: Link) -> Instant:
    dependent = link.relation == "minor" and link.role == "dependent"
    return birthday(draft.core.birth_on, ADULT_YEARS) if dependent else 0


def _contract(draft: Draft, relation: Relation, role: Role) -> Contract:
    """Return the contract to tell the other side: that of a child who is going to pay."""
    pays = relation == "adult_child" and role == "payer"
    return paying_contract(draft.agreement()) if pays else Contract()

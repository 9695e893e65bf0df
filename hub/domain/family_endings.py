"""The end of family links: by two consents, at an 18th birthday, at a death (domain 9).

What is asked for or held at that instant is finished by the dependent's account as if the link stood. A bill that
nobody paid yet moves to the former dependent where an own line bears it; everything else stays where it is owed.
"""

from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.family import is_deceased, links_of
from hub.domain.family_links import REQUEST_OPEN_MS
from hub.domain.family_state import Link
from hub.domain.holds import release_agreement
from hub.domain.numbers import identify
from hub.domain.relays import send
from hub.domain.state import Bill
from schemas.commands import (
    AnswerFamilyUnlink,
    EndCause,
    EndFamilyLink,
    Instant,
    OfferFamilyBill,
    OfferFamilyUnlink,
    RecordDeath,
    RequestFamilyUnlink,
    SettleFamilyUnlink,
)
from schemas.events import (
    AgreementEnded,
    BillFrozen,
    FamilyBillOffered,
    FamilyLinkEnded,
    FamilyUnlinkAsked,
    FamilyUnlinkRefused,
    PersonDied,
)
from schemas.reasons import Reason


def request_family_unlink(draft: Draft, body: RequestFamilyUnlink) -> Outcome | Refusal:
    """Ask the other side to end the link."""
    link = links_of(draft.core).get(body.link)
    if link is None or link.state != "active":
        return Refusal(Reason.FAMILY_LINK_UNKNOWN)
    if link.ending:
        return Refusal(Reason.FAMILY_LINK_EXISTS)
    expires_at = draft.now.city + REQUEST_OPEN_MS
    draft.emit(FamilyUnlinkAsked(link.id, by_us=True, consent_version=body.consent_version, expires_at=expires_at))
    send(draft, link.other, OfferFamilyUnlink(link.id, body.consent_version, expires_at))
    return Outcome("RECORDED", link.id)


def offer_family_unlink(draft: Draft, body: OfferFamilyUnlink) -> Outcome | Refusal:
    """Keep the wish of the other side; where both wish it, both have consented."""
    link = links_of(draft.core).get(body.link)
    if link is None or link.state != "active":
        return Outcome("RECORDED", body.link)
    if link.ending == "requested":
        end_link(draft, link, "unlinked", draft.accepted_at, tell=True)
    else:
        asked = FamilyUnlinkAsked(
            link.id, by_us=False, consent_version=body.consent_version, expires_at=body.expires_at
        )
        draft.emit(asked)
    return Outcome("RECORDED", link.id)


def answer_family_unlink(draft: Draft, body: AnswerFamilyUnlink) -> Outcome | Refusal:
    """End the link, or refuse its end."""
    link = links_of(draft.core).get(body.link)
    if link is None or link.state != "active" or link.ending != "offered":
        return Refusal(Reason.FAMILY_LINK_UNKNOWN)
    if not body.accept:
        draft.emit(FamilyUnlinkRefused(link.id))
        send(draft, link.other, SettleFamilyUnlink(link.id))
    elif not body.consent_version:
        return Refusal(Reason.CONSENT)
    else:
        end_link(draft, link, "unlinked", draft.accepted_at, tell=True)
    return Outcome("RECORDED", link.id)


def settle_family_unlink(draft: Draft, body: SettleFamilyUnlink) -> Outcome | Refusal:
    """The other side refused the end: the link stays."""
    link = links_of(draft.core).get(body.link)
    if link is not None and link.state == "active" and link.ending == "requested":
        draft.emit(FamilyUnlinkRefused(link.id))
    return Outcome("RECORDED", body.link)


def end_family_link(draft: Draft, body: EndFamilyLink) -> Outcome | Refusal:
    """The other side's word that the link is over."""
    link = links_of(draft.core).get(body.link)
    if link is not None and link.state != "ended":
        end_link(draft, link, body.cause, body.ended_at, tell=False)
    return Outcome("RECORDED", body.link)


def came_of_age(draft: Draft, link_id: str) -> Outcome:
    """At the city's midnight of the 18th birthday the line is shared no more."""
    link = links_of(draft.core)[link_id]
    if link.state == "active":
        ended_at = draft.timer.due_at if draft.timer else draft.now.city
        end_link(draft, link, "came_of_age", ended_at, tell=True)
    return Outcome("TIMER", link_id)


def record_death(draft: Draft, body: RecordDeath) -> Outcome | Refusal:
    """No new credit and no debit from here on; every link ends, open bills wait for a person."""
    identify(draft, body.subject)
    if is_deceased(draft.core):
        return Outcome("RECORDED", draft.core.account)
    draft.emit(PersonDied(body.event_at, body.reference))
    for link in list(links_of(draft.core).values()):
        if link.state != "ended":
            end_link(draft, link, "death", draft.accepted_at, tell=True)
    if draft.core.agreement:
        ended = draft.core.agreement
        draft.emit(AgreementEnded(ended, body.event_at))
        release_agreement(draft, ended)
    for bill in list(draft.core.bills.values()):
        if bill.owed_fen > 0 and not bill.frozen:
            draft.emit(BillFrozen(bill.id, Reason.DECEASED))
    return Outcome("RECORDED", draft.core.account)


def end_link(draft: Draft, link: Link, cause: EndCause, ended_at: Instant, *, tell: bool) -> None:
    """End a link on this side; a payer offers what nobody paid yet to the dependent it was used for.

    What is asked for or held at this instant is finished by the dependent's account as if the link stood.
    """
    was_active = link.state == "active"
    draft.emit(FamilyLinkEnded(link.id, cause, ended_at))
    if tell:
        send(draft, link.other, EndFamilyLink(link.id, cause, ended_at))
    if was_active and link.relation == "minor" and link.role == "payer":
        for bill in list(draft.core.bills.values()):
            _offer_bill(draft, bill, link.other)


def _offer_bill(draft: Draft, bill: Bill, dependent: str) -> None:
    mirror = draft.state.encounters.get(bill.visit)
    untouched = not (bill.paid_fen or bill.debiting or bill.attempts or bill.frozen or bill.overdue_since)
    if mirror is None or mirror.patient != dependent or bill.owed_fen <= 0 or not untouched:
        return
    holds = tuple(charge.id for charge in mirror.charges.values() if charge.bill == bill.id)
    draft.emit(FamilyBillOffered(bill.id, dependent))
    visit = mirror.visit.rpartition("~")[0]
    send(draft, dependent, OfferFamilyBill(bill.id, mirror.institution, visit, holds, bill.closed_at))

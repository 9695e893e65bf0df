"""What families do: ask for links and for their end, consent or refuse; children come of age, people die."""

from typing import Final

from hub.domain.family import links_of
from hub.domain.family_state import Link
from hub.domain.state import Bill
from hub.simulate.seeded.citizens import Citizen
from hub.simulate.seeded.deeds.town import Deciding, To, Town
from schemas.commands import (
    AnswerFamilyLink,
    AnswerFamilyUnlink,
    Body,
    Instant,
    RecordDeath,
    RequestFamilyLink,
    RequestFamilyUnlink,
)

_CONSENT: Final = "2026-01"


def request_link(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Ask somebody of the family for a link, now and then a stranger."""
    if not citizen.kin:
        return None
    relation, role, other = town.rng.choice(citizen.kin)
    if town.chance(0.05):
        other = town.rng.choice(town.people).account
    return RequestFamilyLink(at, relation, role, other, _CONSENT, citizen.subject)


def answer_link(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Consent to a link that somebody asked for, or refuse it."""
    link = _link(town, citizen, "offered")
    return AnswerFamilyLink(at, link.id, town.chance(0.9), _CONSENT) if link else None


def request_unlink(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Ask for the end of a link."""
    link = _link(town, citizen, "active")
    return RequestFamilyUnlink(at, link.id, _CONSENT) if link else None


def answer_unlink(town: Town, _citizen: Citizen, at: Instant) -> To | None:
    """Somebody who was asked whether a link may end agrees or not."""
    citizen = town.find(lambda core: any(link.ending == "offered" for link in links_of(core).values()))
    if citizen is None:
        return None
    link = next(link for link in links_of(town.core(citizen)).values() if link.ending == "offered")
    return To(citizen.account, AnswerFamilyUnlink(at, link.id, town.chance(0.8), _CONSENT))


def unlink_while_owing(town: Town, _citizen: Citizen, at: Instant) -> To | None:
    """A payer wants out while a bill of the dependent stands on the line, untouched."""
    citizen = town.find(lambda core: any(map(_open_mirror, core.bills.values())))
    link = _link(town, citizen, "active") if citizen else None
    return To(citizen.account, RequestFamilyUnlink(at, link.id, _CONSENT)) if citizen and link else None


def _open_mirror(bill: Bill) -> bool:
    """A visit on a payer's side is named for the dependent, after a tilde."""
    return "~" in bill.visit and bill.owed_fen > 0 and not bill.attempts


def _link(town: Town, citizen: Citizen, state: str) -> Link | None:
    return town.one_of({k.id: k for k in links_of(town.core(citizen)).values() if k.state == state})


def die(town: Town, _citizen: Citizen, at: Instant) -> Body | None:
    """Somebody dies; rarely, and not the steady ones."""
    return RecordDeath(at, "certificate") if town.chance(0.25) else None


WEIGHTS: Final[dict[Deciding, int]] = {
    request_link: 8,
    answer_link: 24,
    request_unlink: 2,
    answer_unlink: 4,
    unlink_while_owing: 6,
    die: 1,
}

"""What families do: ask for links and for their end, consent or refuse; children come of age, people die."""

from typing import Final

from hub.domain.family import links_of
from hub.domain.family_state import Link
from hub.simulate.seeded.citizens import Citizen
from hub.simulate.seeded.deeds.town import Deciding, Town
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
    """Ask for the end of a link, or answer who asked first."""
    link = _link(town, citizen, "active")
    if link is None:
        return None
    if link.ending == "offered":
        return AnswerFamilyUnlink(at, link.id, town.chance(0.7), _CONSENT)
    return RequestFamilyUnlink(at, link.id, _CONSENT) if town.chance(0.5) else None


def _link(town: Town, citizen: Citizen, state: str) -> Link | None:
    return town.one_of({k.id: k for k in links_of(town.core(citizen)).values() if k.state == state})


def die(town: Town, _citizen: Citizen, at: Instant) -> Body | None:
    """Somebody dies; rarely, and not the steady ones."""
    return RecordDeath(at, "certificate") if town.chance(0.25) else None


WEIGHTS: Final[dict[Deciding, int]] = {
    request_link: 6,
    answer_link: 24,
    request_unlink: 8,
    die: 1,
}

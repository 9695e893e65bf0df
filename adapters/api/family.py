"""API bodies about families and deaths to commands."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec.structs import replace

from adapters.api.bodies import (
    DeathBody,
    FamilyAnswerBody,
    FamilyLinkBody,
    FamilyUnlinkAnswerBody,
    FamilyUnlinkBody,
    PersonBody,
)
from adapters.api.reading import Asked, Meaning, event_at, named_person, owner
from hub.runtime.subjects import birthday_of
from schemas.commands import (
    AnswerFamilyLink,
    AnswerFamilyUnlink,
    RecordDeath,
    RequestFamilyLink,
    RequestFamilyUnlink,
    Subject,
)
from schemas.reasons import Reason


def _citizen(person: PersonBody, asked: Asked) -> Subject:
    """Return a person named by citizen id, with the birthday that the id tells: who is a minor follows from it."""
    subject = named_person(person, "", asked)
    return replace(subject, birth_on=birthday_of(person.citizen_id))


def _link(body: FamilyLinkBody, asked: Asked) -> Meaning:
    subject, other = _citizen(body.person, asked), _citizen(body.other, asked)
    at = event_at(body.asked_at, "/asked_at", asked)
    ask = RequestFamilyLink(at, body.relation, body.role, other.person, body.consent_version, subject)
    return Meaning(subject.person, ask)


def _answer(body: FamilyAnswerBody, asked: Asked) -> Meaning:
    owner(asked, "F", Reason.FAMILY_LINK_UNKNOWN)
    word = AnswerFamilyLink(asked.now, asked.address, body.accept, body.consent_version)
    return Meaning(_citizen(body.person, asked).person, word)


def _unlink(body: FamilyUnlinkBody, asked: Asked) -> Meaning:
    owner(asked, "F", Reason.FAMILY_LINK_UNKNOWN)
    ask = RequestFamilyUnlink(asked.now, asked.address, body.consent_version)
    return Meaning(_citizen(body.person, asked).person, ask)


def _unlink_answer(body: FamilyUnlinkAnswerBody, asked: Asked) -> Meaning:
    owner(asked, "F", Reason.FAMILY_LINK_UNKNOWN)
    word = AnswerFamilyUnlink(asked.now, asked.address, body.accept, body.consent_version)
    return Meaning(_citizen(body.person, asked).person, word)


def _death(body: DeathBody, asked: Asked) -> Meaning:
    subject = _citizen(body.person, asked)
    return Meaning(subject.person, RecordDeath(event_at(body.died_at, "/died_at", asked), body.reference, subject))


FAMILY: Final[Mapping[type, Callable[[Any, Asked], Meaning]]] = MappingProxyType(
    {
        FamilyLinkBody: _link,
        FamilyAnswerBody: _answer,
        FamilyUnlinkBody: _unlink,
        FamilyUnlinkAnswerBody: _unlink_answer,
        DeathBody: _death,
    }
)
"""Body type → its command."""

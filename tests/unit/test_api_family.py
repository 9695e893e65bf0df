"""Family links and deaths over the JSON API: each body is one command to one account."""

import json

import pytest

from adapters.api.bodies import (
    AnyBody,
    DeathBody,
    FamilyAnswerBody,
    FamilyLinkBody,
    FamilyUnlinkAnswerBody,
    FamilyUnlinkBody,
)
from adapters.api.faults import ApiFaultError
from adapters.api.reading import Asked, Meaning, read_body_as
from adapters.api.translate import meaning_of
from hub.runtime.http_sources import HttpSource
from schemas.commands import (
    AnswerFamilyLink,
    AnswerFamilyUnlink,
    RecordDeath,
    RequestFamilyLink,
    RequestFamilyUnlink,
)
from schemas.ids import account_id, make_id

KEY = b"a city's key for tests only......"
CHILD, PARENT = "350203201503090013", "350203198005010016"
NOW = 1_782_900_000_000


def with_check(seventeen: str) -> str:
    """Return a citizen id with its check character."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return seventeen + "10X98765432"[sum(int(a) * b for a, b in zip(seventeen, weights, strict=True)) % 11]


CHILD, PARENT = with_check(CHILD[:17]), with_check(PARENT[:17])
CHILD_ACCOUNT, PARENT_ACCOUNT = account_id(KEY, "person", CHILD), account_id(KEY, "person", PARENT)
LINK = make_id(CHILD_ACCOUNT, "F", 1)


def meant(body_type: type[AnyBody], address: str = "", /, **body: object) -> Meaning:
    """Return what a request means."""
    typed, _ = read_body_as(body_type, json.dumps(body).encode())
    return meaning_of(typed, Asked(SOURCE, address, KEY, NOW))


SOURCE = HttpSource("DESK", "0" * 64)


def test_a_request_names_both_persons_and_knows_the_birthday_by_the_id():
    """To the asking account; who is a minor follows from the citizen id."""
    account, body = meant(
        FamilyLinkBody,
        person={"citizen_id": CHILD},
        other={"citizen_id": PARENT},
        relation="minor",
        role="dependent",
        consent_version="F-1",
    )
    assert isinstance(body, RequestFamilyLink)
    assert (account, body.other, body.subject.birth_on) == (CHILD_ACCOUNT, PARENT_ACCOUNT, "2015-03-09")


@pytest.mark.parametrize(
    ("kind", "command"),
    [(FamilyAnswerBody, AnswerFamilyLink), (FamilyUnlinkAnswerBody, AnswerFamilyUnlink)],
)
def test_an_answer_goes_to_the_account_of_who_answers(kind, command):
    """The link's id begins with the account that asked; the answer is the other one's."""
    account, body = meant(kind, LINK, person={"citizen_id": PARENT}, accept=True, consent_version="F-2")
    assert isinstance(body, command)
    assert (account, body.link, body.accept) == (PARENT_ACCOUNT, LINK, True)


def test_the_end_of_a_link_is_asked_for_by_either_side():
    """With the version of the consent."""
    account, body = meant(FamilyUnlinkBody, LINK, person={"citizen_id": PARENT}, consent_version="U-1")
    assert isinstance(body, RequestFamilyUnlink)
    assert (account, body.link, body.consent_version) == (PARENT_ACCOUNT, LINK, "U-1")


def test_an_id_that_is_no_link_is_unknown():
    """FAMILY_LINK_UNKNOWN, before anything is stored."""
    with pytest.raises(ApiFaultError) as fault:
        meant(FamilyUnlinkBody, make_id(CHILD_ACCOUNT, "B", 1), person={"citizen_id": CHILD}, consent_version="U")
    assert fault.value.reason == "FAMILY_LINK_UNKNOWN"


def test_a_death_is_recorded_at_the_persons_account():
    """With its reference."""
    account, body = meant(DeathBody, person={"citizen_id": PARENT}, reference="certificate 7")
    assert isinstance(body, RecordDeath)
    assert (account, body.reference, body.event_at) == (PARENT_ACCOUNT, "certificate 7", NOW)

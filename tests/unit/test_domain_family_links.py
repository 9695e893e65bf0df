"""Family links: two consents make them and end them; a birthday or a death ends them too (domain 9)."""

import pytest
from domain_world import DAY, A, charge, line, score, signing
from family_world import Town, person_account

from hub.domain.ages import birthday, is_below
from schemas.commands import (
    AnswerFamilyLink,
    AnswerFamilyUnlink,
    IdentifyPatient,
    RecordDeath,
    RecordVisit,
    RequestFamilyLink,
    RequestFamilyUnlink,
    Subject,
)
from schemas.events import BillFrozen, FamilyLinkEnded

CHILD, PARENT, OTHER = person_account("child"), person_account("parent"), person_account("other")
BORN, ADULT_BORN = "2015-03-09", "1980-05-01"


def enrol(town, account, fen=50_000, channel="alipay"):
    """Give an adult a line and a channel."""
    world = town.world(account)
    value = {50_000: 150, 100_000: 250, 200_000: 350}[fen]
    world.send(IdentifyPatient(A, town.city, Subject(person=account, birth_on=ADULT_BORN)))
    world.send(score(town.policies, value, at=town.city), interface="score")
    subject = Subject(person=account)
    world.send(signing("example-city-2025", channel, at=town.city, subject=subject), interface="api")


def family(born=BORN, fen=50_000):
    """Return a town with a child and a parent who has a line."""
    town = Town()
    enrol(town, PARENT, fen)
    town.send(CHILD, IdentifyPatient(A, town.city, Subject(person=CHILD, birth_on=born)))
    return town


def asked(town, role="dependent", relation="minor", by=CHILD, other=PARENT):
    """Send a request; return its decision."""
    return town.send(by, RequestFamilyLink(town.city, relation, role, other, "F-2026-1"), interface="api")


def link_of(town, account=CHILD):
    """Return the newest link of an account."""
    return list(town.world(account).state.core.family.links.values())[-1]


def linked(born=BORN, fen=50_000):
    """Return a town whose child shares the parent's line."""
    town = family(born, fen)
    asked(town)
    town.settle()
    town.send(PARENT, AnswerFamilyLink(town.city, link_of(town).id, accept=True, consent_version="F-2026-2"))
    town.settle()
    return town


def test_a_request_and_a_confirmation_make_a_link_on_both_sides():
    """Each side keeps both consent texts' versions."""
    town = linked()
    child, parent = link_of(town), link_of(town, PARENT)
    assert (child.state, child.role, parent.state, parent.role) == ("active", "dependent", "active", "payer")
    assert (child.consent, child.other_consent) == ("F-2026-1", "F-2026-2")
    assert (parent.consent, parent.other_consent) == ("F-2026-2", "F-2026-1")


def test_the_payer_may_ask_as_well():
    """Either side asks, the other confirms."""
    town = family()
    asked(town, "payer", by=PARENT, other=CHILD)
    town.settle()
    town.send(CHILD, AnswerFamilyLink(town.city, link_of(town).id, accept=True, consent_version="F"))
    town.settle()
    assert link_of(town).state == link_of(town, PARENT).state == "active"


def test_a_refusal_ends_the_request_with_its_reason():
    """FAMILY_REFUSED stands at the side that asked."""
    town = family()
    asked(town)
    town.settle()
    town.send(PARENT, AnswerFamilyLink(town.city, link_of(town).id, accept=False))
    town.settle()
    ended = [e for r in town.world(CHILD).ledger for e in r.events if isinstance(e, FamilyLinkEnded)]
    assert [(e.cause, e.reason) for e in ended] == [("refused", "FAMILY_REFUSED")]


def test_a_request_that_nobody_answers_is_over_after_a_week():
    """Both sides forget it by their own timers; a later confirmation is FAMILY_REQUEST_EXPIRED."""
    town = family()
    asked(town)
    town.settle()
    town.move(city=7 * DAY)
    assert link_of(town).cause == link_of(town, PARENT).cause == "expired"
    late = town.send(PARENT, AnswerFamilyLink(town.city, link_of(town).id, accept=True, consent_version="F"))
    assert late.record.reason == "FAMILY_REQUEST_EXPIRED"


def test_a_consent_that_reaches_an_expired_request_is_undone():
    """The side that asked decides: both end without a link."""
    town = family()
    asked(town)
    town.settle()
    link = link_of(town).id
    town.send(PARENT, AnswerFamilyLink(town.city, link, accept=True, consent_version="F"))
    town.move(city=7 * DAY)
    assert (link_of(town).state, link_of(town, PARENT).state) == ("ended", "active")
    town.settle()
    assert link_of(town, PARENT).state == "ended"


@pytest.mark.parametrize(
    ("role", "by", "other", "reason"),
    [
        ("dependent", CHILD, CHILD, "FAMILY_RELATION_INVALID"),
        ("payer", CHILD, PARENT, "FAMILY_RELATION_INVALID"),
        ("dependent", PARENT, CHILD, "FAMILY_RELATION_INVALID"),
        ("dependent", OTHER, PARENT, "FAMILY_RELATION_INVALID"),
    ],
)
def test_what_cannot_be_is_refused_to_who_asks(role, by, other, reason):
    """Oneself; a child who pays; an adult, or somebody without a known birthday, who shares a line."""
    assert asked(family(), role, by=by, other=other).record.reason == reason


def test_a_payer_without_an_agreement_is_refused():
    """FAMILY_PAYER_INELIGIBLE, told to the side that asked."""
    town = family()
    asked(town, other=OTHER)
    town.settle()
    assert town.world(CHILD).ledger[-1].reason == "FAMILY_PAYER_INELIGIBLE"
    assert link_of(town).state == "ended"


def test_a_minor_has_one_payer():
    """FAMILY_LINK_EXISTS while a link is in force or being asked for."""
    town = linked()
    enrol(town, OTHER)
    assert asked(town, other=OTHER).record.reason == "FAMILY_LINK_EXISTS"


def test_a_confirmation_needs_a_consent_and_a_known_request():
    """CONSENT without a text version, FAMILY_LINK_UNKNOWN for another id."""
    town = family()
    asked(town)
    town.settle()
    bare = town.send(PARENT, AnswerFamilyLink(town.city, link_of(town).id, accept=True))
    unknown = town.send(PARENT, AnswerFamilyLink(town.city, "F9", accept=True, consent_version="F"))
    assert (bare.record.reason, unknown.record.reason) == ("CONSENT", "FAMILY_LINK_UNKNOWN")


def test_an_end_needs_both_consents():
    """Asked by one, confirmed by the other; until then the link stands."""
    town = linked()
    town.send(CHILD, RequestFamilyUnlink(town.city, link_of(town).id, "U-1"))
    town.settle()
    assert link_of(town).state == link_of(town, PARENT).state == "active"
    town.send(PARENT, AnswerFamilyUnlink(town.city, link_of(town).id, accept=True, consent_version="U-1"))
    town.settle()
    assert (link_of(town).cause, link_of(town, PARENT).cause) == ("unlinked", "unlinked")


def test_the_end_of_a_link_may_be_refused_or_not_answered():
    """Then it stands, and may be asked for again."""
    town = linked()
    for accept in (False, None):
        town.send(CHILD, RequestFamilyUnlink(town.city, link_of(town).id, "U-1"))
        town.settle()
        if accept is None:
            town.move(city=7 * DAY)
        else:
            town.send(PARENT, AnswerFamilyUnlink(town.city, link_of(town).id, accept=False))
        town.settle()
        assert (link_of(town).state, link_of(town).ending, link_of(town, PARENT).ending) == ("active", "", "")


def test_both_sides_that_ask_to_end_it_have_both_consented():
    """The two wishes meet on the way."""
    town = linked()
    for account in (CHILD, PARENT):
        town.send(account, RequestFamilyUnlink(town.city, link_of(town).id, "U-1"))
    town.settle()
    assert link_of(town).state == link_of(town, PARENT).state == "ended"


@pytest.mark.parametrize(
    ("born", "years", "text"),
    [
        ("2008-07-02", 18, "2026-07-01T16:00"),
        ("2008-02-29", 18, "2026-02-28T16:00"),
        ("2008-02-29", 20, "2028-02-28T16:00"),
        ("2000-12-31", 18, "2018-12-30T16:00"),
    ],
)
def test_a_birthday_begins_at_the_citys_midnight(born, years, text):
    """29 February is 1 March in a common year: nobody is older than the days lived."""
    from datetime import UTC, datetime

    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    assert birthday(born, years) == int(at.timestamp() * 1000)
    assert is_below(born, years, birthday(born, years) - 1)
    assert not is_below(born, years, birthday(born, years))


def test_an_unknown_birthday_makes_nobody_a_minor():
    """No birthday, no shared line."""
    assert not is_below("", 18, 0)
    assert not is_below("2015-13-40", 18, 0)


def test_a_link_ends_at_the_midnight_of_the_eighteenth_birthday():
    """Ended on both sides as of that instant, whenever the timer was seen."""
    town = linked(born="2008-07-04")
    town.move(city=10 * DAY)
    town.settle()
    assert link_of(town).cause == link_of(town, PARENT).cause == "came_of_age"
    assert link_of(town).ended_at == link_of(town, PARENT).ended_at == birthday("2008-07-04", 18)


def test_a_charge_of_the_last_day_as_a_minor_still_uses_the_line():
    """Below 18 on the event date, however late it arrives; the next day's charge does not."""
    town = linked(born="2008-07-04")
    town.move(city=10 * DAY)
    town.settle()
    for number, (at, credit) in enumerate([(-1, 3_000), (0, 0)]):
        body = charge(line(f"F{number}", 3_000), visit=f"V{number}", at=birthday("2008-07-04", 18) + at)
        town.send(CHILD, body)
        town.settle()
        booked = list(town.world(CHILD).state.encounters[f"{A}|V{number}"].charges.values())[-1]
        assert booked.parts.credit == credit


def test_a_death_ends_agreement_and_links_and_freezes_bills():
    """No new credit, no debit; the other side's link ends too; a second report changes nothing."""
    town = linked()
    town.send(PARENT, charge(line("F1", 9_000)))
    town.send(PARENT, RecordVisit(A, "V1", "discharged", town.city))
    town.send(PARENT, RecordDeath(town.city, "HIS 7"))
    town.settle()
    core = town.world(PARENT).state.core
    assert (core.agreement, link_of(town).cause, link_of(town, PARENT).cause) == ("", "death", "death")
    assert [bill.frozen for bill in core.bills.values()] == ["DECEASED"]
    town.move(city=30 * DAY)
    assert not town.world(PARENT).debit_errands
    again = town.send(PARENT, RecordDeath(town.city, "HIS 8"))
    assert (again.record.outcome, again.record.events) == ("RECORDED", ())
    assert town.send(PARENT, signing("example-city-2025", at=town.city)).record.reason == "DECEASED"
    assert not any(isinstance(event, BillFrozen) for event in again.record.events)

"""The API's bodies about lists, repairs, relief and enrolment: which account they go to and what they command."""

import msgspec
import pytest

from adapters.api.bodies import EligibilityBody
from adapters.api.faults import ApiFaultError
from adapters.api.reading import Asked, read_body_as
from adapters.api.routes import ROUTES
from adapters.api.translate import meaning_of
from hub.runtime.http_sources import HttpSource
from hub.runtime.subjects import card_account
from schemas.commands import (
    ApplyRelief,
    ApproveRelief,
    CheckEligibility,
    CloseRelief,
    ConfirmProposal,
    LinkInsurance,
    ProposeListing,
    ProposeUnlisting,
    RecordDishonesty,
    RecordInsuranceCredit,
    RejectProposal,
    UndoOverdue,
)
from schemas.ids import account_id, make_id

KEY = bytes(range(32))
NOW = 1_782_900_000_000
CITIZEN = "35020319900101123X"
PERSON = account_id(KEY, "person", CITIZEN)
BILL, PROPOSAL, CASE = (make_id(PERSON, kind, 1) for kind in ("B", "Q", "S"))
WHO = {"person": {"citizen_id": CITIZEN}}
LINK = {"institution": "XMZSH", "author": "c", "insurance_card": "3502"}
BY = {"author": "clerk-1", "reason": "evidence 7"}
UNTIL = {"until": "2026-08-01T00:00:00+08:00"}


def meant(path: str, body: dict, address: str = "", institution: str = ""):
    """Return what the route makes of a body."""
    route = next(route for route in ROUTES if route.path == path)
    typed, _ = read_body_as(route.body, msgspec.json.encode(body))
    return meaning_of(typed, Asked(HttpSource("API@XM", "0" * 64, institution=institution), address, KEY, NOW))


@pytest.mark.parametrize(
    ("path", "address", "body", "command"),
    [
        ("/lists", "", WHO | BY | UNTIL | {"colour": "black"}, ProposeListing),
        ("/list-removals", "", WHO | BY | {"colour": "white"}, ProposeUnlisting),
        ("/bills/{id}/repairs", BILL, BY, UndoOverdue),
        ("/approvals/{id}/confirmations", PROPOSAL, {"author": "clerk-2"}, ConfirmProposal),
        ("/approvals/{id}/rejections", PROPOSAL, {"author": "clerk-2"}, RejectProposal),
        ("/bills/{id}/relief-cases", BILL, BY | {"kind": "fiscal", "amount": "12.34"}, ApplyRelief),
        ("/relief-cases/{id}/approvals", CASE, {"author": "clerk-2"}, ApproveRelief),
        ("/relief-cases/{id}/closures", CASE, {"author": "clerk-2", "state": "refused"}, CloseRelief),
        ("/dishonesty-records", "", WHO | BY | {"reference": "SX-1"}, RecordDishonesty),
        (
            "/insurance-links",
            "",
            WHO | {"institution": "XMZSH", "author": "c", "insurance_card": "3502"},
            LinkInsurance,
        ),
        ("/insurance-credit-checks", "", WHO | {"passed": True}, RecordInsuranceCredit),
    ],
)
def test_each_route_commands_the_persons_own_account(path, address, body, command):
    """By citizen id or by the id in the address; times are the edge's own."""
    meaning = meant(path, body, address)
    assert (meaning.account, type(meaning.body)) == (PERSON, command)


def test_amounts_and_times_arrive_exactly():
    """12.34 is 1234 fen; no amount asks for all; midnight in the city is an instant."""
    assert meant("/bills/{id}/relief-cases", BY | {"kind": "fiscal", "amount": "12.34"}, BILL).body.amount_fen == 1_234
    assert meant("/bills/{id}/relief-cases", BY | {"kind": "fiscal"}, BILL).body.amount_fen == 0
    assert meant("/lists", WHO | BY | UNTIL | {"colour": "black"}).body.until == 1_785_513_600_000


@pytest.mark.parametrize(
    ("path", "address", "body", "institution", "reason"),
    [
        ("/bills/{id}/repairs", PROPOSAL, BY, "", "BILL_UNKNOWN"),
        ("/approvals/{id}/confirmations", BILL, {"author": "x"}, "", "PROPOSAL_UNKNOWN"),
        ("/relief-cases/{id}/approvals", "nothing", {"author": "x"}, "", "RELIEF_CASE_UNKNOWN"),
        ("/lists", "", WHO | BY | {"colour": "black"}, "XMZSH", "SENDER_MISMATCH"),
        ("/dishonesty-records", "", WHO | BY | {"reference": "SX-1"}, "XMZSH", "SENDER_MISMATCH"),
        ("/lists", "", WHO | BY | {"colour": "black", "until": "tomorrow"}, "", "TIME_INVALID"),
        ("/lists", "", WHO | {"colour": "black", "author": "x", "reason": ""}, "", "RESOURCE_INVALID"),
        ("/lists", "", BY | {"colour": "black"}, "", "FIELD_MISSING"),
        ("/bills/{id}/relief-cases", BILL, BY | {"kind": "charity"}, "", "RESOURCE_INVALID"),
        ("/insurance-links", "", WHO | {"institution": "XMZSH", "author": "c"}, "", "FIELD_MISSING"),
        ("/insurance-links", "", WHO | LINK, "XMDYY", "SENDER_MISMATCH"),
        (
            "/insurance-links",
            "",
            WHO | {"institution": "XMZSH", "author": "c", "insurance_card": "1", "e_health_code": "2"},
            "",
            "CHOICE_CONFLICT",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_reason(path, address, body, institution, reason):
    """The id's kind, the sender's reach, the forms of times and members."""
    with pytest.raises(ApiFaultError) as fault:
        meant(path, body, address, institution)
    assert fault.value.reason == reason


def test_the_kiosk_asks_by_card_or_code_and_never_by_two_things_at_once():
    """The card's own account answers or forwards; person and card together are CHOICE_CONFLICT."""
    for member in ("insurance_card", "e_health_code"):
        meaning = meant("/eligibility-checks", {"institution": "XMZSH", member: "3502-a1"})
        assert meaning.account == card_account(KEY, member, "3502-A1")
        assert meaning.body == CheckEligibility("XMZSH", "outpatient", NOW, "card")
    with pytest.raises(ApiFaultError) as fault:
        meant("/eligibility-checks", WHO | {"institution": "XMZSH", "insurance_card": "1"})
    assert fault.value.reason == "CHOICE_CONFLICT"
    with pytest.raises(ApiFaultError) as fault:
        meant("/eligibility-checks", {"institution": "XMZSH"})
    assert fault.value.reason == "FIELD_MISSING"
    assert EligibilityBody("XMZSH").person is None


def test_a_card_and_a_code_of_the_same_number_are_two_accounts():
    """And neither meets a hospital's number."""
    accounts = {
        card_account(KEY, "insurance_card", "1"),
        card_account(KEY, "e_health_code", "1"),
        account_id(KEY, "number", "XMZSH|1"),
    }
    assert len(accounts) == 3

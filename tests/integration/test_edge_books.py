"""The edge in front of real account lanes: what the books decide is what the caller is told (rows 54-60)."""

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.policies import load_policies
from hub.roles.edge import Edge
from hub.runtime.clock import SystemClock
from hub.runtime.guomi.vault import open_provider
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Settings
from schemas.topics import Topics
from streams.lanes.domain_rules import DomainRules
from streams.lanes.processor import AccountProcessor
from streams.lanes.settings import lane_settings
from tests.integration.edge_client import CHARGE, Answered, local, post, ready

PERSON = {"citizen_id": "350299199003070025", "name": "林晓岚"}
SUBJECT = {"identifier": {"system": "urn:nhsa:citizen-id", "value": PERSON["citizen_id"]}}


@pytest.fixture
async def edge(settings: Settings, hub_topics: Topics) -> AsyncIterator[Edge]:
    """An edge and the lanes of all partitions, on the test's own topics."""
    del hub_topics
    at_home = local(settings, reply_wait_ms=10_000)
    clock = SystemClock()
    seal = Sealer(open_provider(at_home)).seal
    processor = AccountProcessor(lane_settings(at_home), DomainRules(load_policies()), clock, seal=seal)
    running = Edge(at_home, clock)
    await processor.start()
    await running.start()
    yield await ready(running)
    await running.stop()
    await processor.stop()


def charge(key: str = "F1", yuan: str = "18.34", **changes: Any) -> bytes:
    """Return a ChargeItem of the person as bytes, its amount written digit by digit."""
    document = {**copy.deepcopy(CHARGE), "subject": SUBJECT, **changes}
    document["identifier"] = [{"system": "urn:xm:xmzsh:ft1", "value": key}]
    del document["quantity"]
    return json.dumps(document).replace('"value": 18.34', f'"value": {yuan}').encode()


def encounter(status: str = "in-progress") -> dict[str, Any]:
    """Return the person's visit."""
    return {
        "resourceType": "Encounter",
        "identifier": [{"system": "urn:xm:xmzsh:visit", "value": "V5512"}],
        "status": status,
        "class": {"code": "AMB"},
        "subject": SUBJECT,
        "period": {"start": "2026-07-03T09:40:00+08:00"},
    }


def code_of(answer: Answered) -> str:
    """Return the reason of an OperationOutcome."""
    return str(answer.document["issue"][0]["details"]["coding"][0]["code"])


def parts_of(answer: Answered) -> dict[str, float]:
    """Return how a charge was split, as its answer says it."""
    return {each["url"].rpartition(":")[2]: each["valueMoney"]["value"] for each in answer.document["extension"]}


async def test_a_charge_is_split_over_the_sources_the_api_filled(edge: Edge):
    """Insurance account, prepayment and window pay one charge; the caller hears the split and the id routes itself."""
    insured = {"person": PERSON, "amount": "5.00", "reference": "I1"}
    prepaid = {"person": PERSON, "institution": "XMZSH", "amount": "3.00"}
    assert (await post(edge, "/api/v1/insurance-deposits", insured, "KIOSK@XM", Idempotency_Key="i")).status == 201
    assert (await post(edge, "/api/v1/prepayments", prepaid, "KIOSK@XM", Idempotency_Key="p")).status == 201
    assert (await post(edge, "/fhir/R4/Encounter", encounter())).status == 201
    answer = await post(edge, "/fhir/R4/ChargeItem", charge())
    assert answer.status == 201
    parts = parts_of(answer)
    assert (parts["account"], parts["prepayment"], parts["credit"], parts["self-pay"]) == (5.0, 3.0, 0.0, 10.34)
    assert len(answer.document["id"]) == 32


async def test_the_rows_that_need_the_books_are_answered_by_them(edge: Edge):
    """Visit unknown 422, repeat 200 with the same id, other content 409, conditional match 200, reversal 201."""
    unknown = await post(edge, "/fhir/R4/ChargeItem", charge())
    assert (unknown.status, code_of(unknown)) == (422, "VISIT_UNKNOWN")
    assert (await post(edge, "/fhir/R4/Encounter", encounter())).status == 201
    first = await post(edge, "/fhir/R4/ChargeItem", charge("F2"))
    again = await post(edge, "/fhir/R4/ChargeItem", charge("F2"))
    assert (first.status, again.status) == (201, 200)
    assert first.document["id"] == again.document["id"]
    changed = await post(edge, "/fhir/R4/ChargeItem", charge("F2", "20.00"))
    assert (changed.status, code_of(changed)) == (409, "LINE_CHANGED")
    condition = {"If_None_Exist": "identifier=urn:xm:xmzsh:ft1|F2"}
    conditional = await post(edge, "/fhir/R4/ChargeItem", charge("F2", "20.00"), **condition)
    assert (conditional.status, conditional.document["id"]) == (200, first.document["id"])
    reversed_ = await post(edge, "/fhir/R4/ChargeItem", charge("F2", status="entered-in-error"))
    assert reversed_.status == 201


async def test_a_credit_above_its_charge_is_refused(edge: Edge):
    """Row 35 over FHIR: more than is left of the charge is CREDIT_EXCEEDS."""
    await post(edge, "/fhir/R4/Encounter", encounter())
    await post(edge, "/fhir/R4/ChargeItem", charge("F3"))
    part_of = [{"reference": "ChargeItem/F3"}]
    answer = await post(edge, "/fhir/R4/ChargeItem", charge("F4", "-20.00", partOf=part_of))
    assert (answer.status, code_of(answer)) == (409, "CREDIT_EXCEEDS")


async def test_a_key_is_kept_by_the_account(edge: Edge):
    """A repeat gets the same bytes and says so; another body under the key is 422; nothing moved twice."""
    body = {"person": PERSON, "institution": "XMZSH", "amount": "50.00"}
    first = await post(edge, "/api/v1/prepayments", body, "KIOSK@XM", Idempotency_Key="k")
    again = await post(edge, "/api/v1/prepayments", body, "KIOSK@XM", Idempotency_Key="k")
    other = await post(edge, "/api/v1/prepayments", {**body, "amount": "60.00"}, "KIOSK@XM", Idempotency_Key="k")
    assert (first.status, again.status, other.status) == (201, 201, 422)
    assert first.body == again.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.document["code"] == "IDEMPOTENCY_KEY_REUSED"
    question = {"person": PERSON, "institution": "XMZSH"}
    asked = await post(edge, "/api/v1/eligibility-checks", question, "KIOSK@XM")
    assert (asked.status, asked.document["prepayment_fen"]) == (200, 5000)


async def test_an_agreement_is_signed_once_and_ended(edge: Edge):
    """POST agreements gives the agreement's id; a second one is 409; the withdrawal finds it by its own address."""
    body = {
        "person": PERSON,
        "pack": "xiamen-platform-2024",
        "bank": "ICBC",
        "channel": "alipay",
        "channel_agreement": "AG1",
        "score_consents": ["egret"],
        "consent_version": "2026-01",
        "consent_until": "2036-06-01T00:00:00+08:00",
    }
    signed = await post(edge, "/api/v1/agreements", body, "KIOSK@XM", Idempotency_Key="a1")
    assert signed.status == 201
    second = await post(edge, "/api/v1/agreements", body, "KIOSK@XM", Idempotency_Key="a2")
    assert (second.status, second.document["code"]) == (409, "AGREEMENT_EXISTS")
    path = f"/api/v1/agreements/{signed.document['agreement']}/withdrawals"
    assert (await post(edge, path, {}, "KIOSK@XM", Idempotency_Key="w1")).status == 201
    nobody = f"/api/v1/agreements/{'0' * 26}A00001/withdrawals"
    unknown = await post(edge, nobody, {}, "KIOSK@XM", Idempotency_Key="w2")
    assert (unknown.status, unknown.document["code"]) == (404, "AGREEMENT_UNKNOWN")


async def test_a_transaction_books_all_its_lines_or_none(edge: Edge):
    """Row 59: two charges of a new visit are one charge; with one changed line nothing of the Bundle is booked."""
    entries = [json.loads(charge(key)) for key in ("T1", "T2")]
    posted = await post(edge, "/fhir/R4", _transaction(encounter(), *entries))
    assert (posted.status, posted.document["type"]) == (200, "transaction-response")
    assert [entry["response"]["status"] for entry in posted.document["entry"]] == ["201", "201", "201"]
    changed = [json.loads(charge("T1", "99.00")), json.loads(charge("T3"))]
    refused = await post(edge, "/fhir/R4", _transaction(*changed))
    assert (refused.status, code_of(refused)) == (409, "LINE_CHANGED")
    alone = await post(edge, "/fhir/R4/ChargeItem", charge("T3"))
    assert alone.status == 201


def _transaction(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [
        {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}} for resource in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

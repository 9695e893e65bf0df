"""Bad FHIR input gets the exact answer of its row (protocols 11, rows 41-60), and good input its exact meaning."""

import json
from typing import Any

import pytest

from adapters.fhir.bundle import condition_value, translate_bundle
from adapters.fhir.context import Context
from adapters.fhir.faults import FhirFaultError
from adapters.fhir.translate import translate_body
from hub.runtime.http_sources import demo_token, load_http_sources
from schemas.commands import IdentifyPatient, PostCharge, RecordVisit, ReverseSettlement, SettleInsurance
from schemas.ids import account_id
from schemas.reasons import Reason

CITY_KEY = b"\x01" * 32
NOW = 1_783_044_900_000
CITIZEN = "350299199003070025"
SOURCES = load_http_sources()


def context(source: str = "FHIR@XMZSH", condition: str = "") -> Context:
    """Return the context of one of the demo's sources."""
    found = SOURCES.by_token(demo_token(source))
    assert found is not None
    return Context(found, SOURCES, CITY_KEY, NOW, condition=condition)


def charge(**changes: Any) -> dict[str, Any]:
    """Return the example of protocols 3.4; None removes an element."""
    resource = {
        "resourceType": "ChargeItem",
        "identifier": [{"system": "urn:xm:xmzsh:ft1", "value": "F0002"}],
        "status": "billable",
        "code": {"coding": [{"system": "urn:nhsa:item", "code": "XD0001", "display": "阿莫西林胶囊"}]},
        "subject": {"reference": "Patient/P0091827"},
        "context": {"reference": "Encounter/V5512"},
        "occurrenceDateTime": "2026-07-03T10:10:00+08:00",
        "quantity": {"value": 14},
        "priceOverride": {"value": 18.34, "currency": "CNY"},
        "account": [{"reference": "Account/A5512"}],
        "performingOrganization": {"reference": "Organization/PHA"},
        "enteredDate": "2026-07-03T10:15:00+08:00",
        **changes,
    }
    return {name: value for name, value in resource.items() if value is not None}


def encounter(status: str = "in-progress", **changes: Any) -> dict[str, Any]:
    """Return an Encounter of the same visit."""
    resource = {
        "resourceType": "Encounter",
        "identifier": [{"system": "urn:xm:xmzsh:visit", "value": "V5512"}],
        "status": status,
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/P0091827"},
        "period": {"start": "2026-07-03T09:40:00+08:00", "end": "2026-07-03T10:15:00+08:00"},
        **changes,
    }
    return {name: value for name, value in resource.items() if value is not None}


def patient(citizen: str = CITIZEN, number: str = "P0091827") -> dict[str, Any]:
    """Return a Patient with both numbers."""
    return {
        "resourceType": "Patient",
        "identifier": [
            {"system": "urn:nhsa:citizen-id", "value": citizen},
            {"system": "urn:xm:xmzsh:mr", "value": number},
        ],
        "name": [{"family": "林", "given": ["晓岚"]}],
        "birthDate": "1990-03-07",
        "gender": "female",
    }


def settlement(**amounts: Any) -> dict[str, Any]:
    """Return a ClaimResponse: total 38.10 = fund 20.00 + account 10.00 + other 0 + cash 8.10 (protocols 4.2)."""
    parts = {"submitted": 38.10, "benefit": 30.00, "account": 10.00, "other": 0, "cash": 8.10, **amounts}
    money = {name: {"value": value, "currency": "CNY"} for name, value in parts.items() if value is not None}
    visit = {"url": "urn:xm:visit", "valueReference": {"reference": "Encounter/V5512"}}
    split = [
        {"url": f"urn:xm:split:{name}", "valueMoney": money[name]}
        for name in ("account", "other", "cash")
        if name in money
    ]
    return {
        "resourceType": "ClaimResponse",
        "identifier": [{"system": "urn:xm:xmzsh:settlement", "value": "S1"}],
        "status": "active",
        "type": {"coding": [{"code": "institutional"}]},
        "use": "claim",
        "patient": {"reference": "Patient/P0091827"},
        "created": "2026-07-03",
        "insurer": {"display": "insurer"},
        "outcome": "complete",
        "total": [
            {"category": {"coding": [{"code": name}]}, "amount": money[name]}
            for name in ("submitted", "benefit")
            if name in money
        ],
        "extension": [visit, *split],
    }


def bundle(kind: str, *resources: dict[str, Any], urls: dict[int, str] | None = None) -> bytes:
    """Return a Bundle that posts the resources; `urls` gives some of them a fullUrl."""
    entries = []
    for index, resource in enumerate(resources):
        entry: dict[str, Any] = {
            "resource": resource,
            "request": {"method": "POST", "url": resource.get("resourceType", "")},
        }
        if urls and index in urls:
            entry["fullUrl"] = urls[index]
        entries.append(entry)
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()


def fault_of(resource: Any, source: str = "FHIR@XMZSH", resource_type: str = "ChargeItem") -> FhirFaultError:
    """Return the fault a resource is refused with."""
    body = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    with pytest.raises(FhirFaultError) as refused:
        translate_body(resource_type, body, context(source))
    return refused.value


@pytest.mark.parametrize(
    ("row", "resource", "reason", "status", "issue", "expression"),
    [
        (41, b"{", "JSON_INVALID", 400, "structure", ""),
        (41, b'{"a": 1, "a": 2}', "JSON_INVALID", 400, "structure", ""),
        (41, b'{"a": NaN}', "JSON_INVALID", 400, "structure", ""),
        (41, b"[]", "JSON_INVALID", 400, "structure", ""),
        (42, b"{" + b" " * 600_000 + b"}", "BODY_TOO_LARGE", 413, "too-long", ""),
        (44, charge(encounter={"reference": "Encounter/V5512"}), "FHIR_VERSION_MISMATCH", 422, "structure",
         "ChargeItem.encounter"),
        (44, charge(totalPriceComponent={}), "FHIR_VERSION_MISMATCH", 422, "structure",
         "ChargeItem.totalPriceComponent"),
        (45, charge(identifier=[{"system": "urn:xm:xmdyy:ft1", "value": "F1"}]), "SENDER_MISMATCH", 403, "forbidden",
         "ChargeItem.identifier.system"),
        (47, charge(identifier=None), "FIELD_MISSING", 422, "required", "ChargeItem.identifier"),
        (47, charge(identifier=[{"system": "urn:else", "value": "F1"}]), "FIELD_MISSING", 422, "required",
         "ChargeItem.identifier"),
        (47, charge(status=None), "FIELD_MISSING", 422, "required", "ChargeItem.status"),
        (47, charge(code=None), "FIELD_MISSING", 422, "required", "ChargeItem.code"),
        (47, charge(subject=None), "FIELD_MISSING", 422, "required", "ChargeItem.subject"),
        (47, charge(context=None), "FIELD_MISSING", 422, "required", "ChargeItem.context"),
        (47, charge(priceOverride=None), "AMOUNT_MISSING", 422, "required", "ChargeItem.priceOverride"),
        (48, charge(status="nonsense"), "STATUS_INVALID", 422, "code-invalid", "ChargeItem.status"),
        (48, charge(status="unknown"), "STATUS_INVALID", 422, "code-invalid", "ChargeItem.status"),
        (49, charge(priceOverride={"value": "18.34", "currency": "CNY"}), "AMOUNT_SYNTAX", 422, "value",
         "ChargeItem.priceOverride.value"),
        (49, charge(priceOverride={"value": 18.345, "currency": "CNY"}), "AMOUNT_SYNTAX", 422, "value",
         "ChargeItem.priceOverride.value"),
        (49, charge(priceOverride={"value": 1e-3, "currency": "CNY"}), "AMOUNT_SYNTAX", 422, "value",
         "ChargeItem.priceOverride.value"),
        (49, charge(priceOverride={"value": True, "currency": "CNY"}), "AMOUNT_SYNTAX", 422, "value",
         "ChargeItem.priceOverride.value"),
        (50, charge(priceOverride={"value": 18.34, "currency": "EUR"}), "CURRENCY", 422, "code-invalid",
         "ChargeItem.priceOverride.currency"),
        (51, charge(occurrencePeriod={"start": "2026-07-03"}), "CHOICE_CONFLICT", 400, "structure",
         "ChargeItem.occurrence[x]"),
        (52, charge(occurrenceDateTime="2026-07-03T10:10:00"), "TIME_INVALID", 400, "value",
         "ChargeItem.occurrenceDateTime"),
        (52, charge(occurrenceDateTime="026-07-03"), "TIME_INVALID", 400, "value", "ChargeItem.occurrenceDateTime"),
        (52, charge(occurrenceDateTime="2026-02-30"), "TIME_INVALID", 400, "value", "ChargeItem.occurrenceDateTime"),
        (37, charge(occurrenceDateTime="2026-07-05T10:10:00+08:00"), "TIME_INVALID", 400, "value",
         "ChargeItem.occurrenceDateTime"),
        (60, charge(context={"reference": "urn:uuid:00000000-0000-0000-0000-000000000000"}), "VISIT_UNKNOWN", 422,
         "not-found", "ChargeItem.context"),
    ],
)  # fmt: skip
def test_a_bad_charge_gets_the_answer_of_its_row(row, resource, reason, status, issue, expression):
    """Status, issue code, reason and FHIRPath are those of protocols 11."""
    fault = fault_of(resource)
    assert (row, fault.reason, fault.row.status, fault.row.issue, fault.expression) == (
        row,
        reason,
        status,
        issue,
        expression,
    )


@pytest.mark.parametrize(
    ("resource", "reason", "interface"),
    [
        (charge(factorOverride=0.8), "DIALECT_UNMAPPED", "quarantine.charge"),
        (charge(priceOverride={"value": -5.24, "currency": "CNY"}), "SIGN_AMBIGUOUS", "quarantine.charge"),
        (charge(extension=[{"url": "urn:xm:unit-price", "valueMoney": {"value": 1.31, "currency": "CNY"}}],
                priceOverride={"value": 18.43, "currency": "CNY"}), "AMOUNT_MISMATCH", "quarantine.charge"),
        (charge(priceOverride={"value": 50000000.01, "currency": "CNY"}), "AMOUNT_OUT_OF_RANGE", "fhir"),
        (charge(subject={"identifier": {"system": "urn:nhsa:citizen-id", "value": "350299199003070026"}}),
         "SUBJECT_INVALID", "fhir"),
        (charge(subject={"reference": "Group/1"}), "PATIENT_MISSING", "fhir"),
        (charge(subject='{"reference": "Patient/1"}'), "RESOURCE_INVALID", "fhir"),
        (charge(performer=[{"actor": 5}]), "RESOURCE_INVALID", "fhir"),
        (charge(note=[{"text": 5}]), "RESOURCE_INVALID", "fhir"),
        (charge(surprise=1), "FHIR_VERSION_MISMATCH", "fhir"),
    ],
)  # fmt: skip
def test_other_bad_charges_go_where_a_person_looks(resource, reason, interface):
    """What a person must settle is quarantined, the rest is a dead letter of the interface."""
    fault = fault_of(resource)
    assert (fault.reason, fault.row.interface) == (reason, interface)


def test_an_stu3_document_is_refused():
    """Row 44: an STU3 resource of an accepted type names elements R4 does not have."""
    stu3 = charge(context=None, definition=["http://x"])
    assert fault_of({**stu3, "context": {"reference": "Encounter/1"}}).reason == Reason.FHIR_VERSION_MISMATCH


def test_the_example_of_the_protocols_has_its_exact_meaning():
    """Amount in fen, quantity, item, department, line key and times come over without loss (3.4)."""
    body = translate_body("ChargeItem", json.dumps(charge()).encode(), context()).inbound.body
    assert isinstance(body, PostCharge)
    (line,) = body.lines
    assert (line.line_key, line.kind, line.amount_fen, line.quantity) == ("F0002", "charge", 1834, "14")
    assert (line.item.code, line.item.system, line.department) == ("XD0001", "NHSA", "PHA")
    assert (body.visit, body.institution, body.visit_required) == ("V5512", "XMZSH", True)
    assert (line.service_at, body.event_at) == (1_783_044_600_000, 1_783_044_900_000)
    assert body.subject.number == account_id(CITY_KEY, "number", "XMZSH|P0091827")


@pytest.mark.parametrize(
    ("status", "amount", "part_of", "kind", "fen", "in_error"),
    [
        ("billed", 18.34, None, "charge", 1834, False),
        ("planned", 18.34, None, "memo", 1834, False),
        ("aborted", 18.34, None, "memo", 1834, False),
        ("not-billable", 18.34, None, "memo", 1834, False),
        ("billable", 0, None, "memo", 0, False),
        ("billable", -5.24, [{"reference": "ChargeItem/F0002"}], "credit", 524, False),
        ("entered-in-error", 18.34, None, "credit", 1834, True),
        ("entered-in-error", None, None, "credit", 0, True),
    ],
)
def test_the_status_says_what_a_line_is(status, amount, part_of, kind, fen, in_error):
    """Billable and billed post, planned and aborted are memos, entered-in-error reverses, a credit names its charge."""
    price = None if amount is None else {"value": amount, "currency": "CNY"}
    resource = charge(status=status, priceOverride=price, partOf=part_of)
    body = translate_body("ChargeItem", json.dumps(resource).encode(), context()).inbound.body
    assert isinstance(body, PostCharge)
    (line,) = body.lines
    assert (line.kind, line.amount_fen, line.entered_in_error) == (kind, fen, in_error)
    assert line.reverses == ("F0002" if part_of else "")


def test_amounts_stay_exact_where_binary_floating_point_would_lose_a_fen():
    """0.10, 0.29 and 49999999.99 are what they say; 18.340 is 18.34; 1.834E1 is 18.34."""
    for text, fen in (("0.10", 10), ("0.29", 29), ("49999999.99", 4_999_999_999), ("18.340", 1834), ("1.834E1", 1834)):
        raw = json.dumps(charge()).replace('"value": 18.34', f'"value": {text}').encode()
        body = translate_body("ChargeItem", raw, context()).inbound.body
        assert isinstance(body, PostCharge)
        assert body.lines[0].amount_fen == fen


def test_a_fraction_of_a_fen_hidden_by_many_digits_is_refused():
    """Thirty digits do not round to an amount: 0.10 and a trace of a fen is AMOUNT_SYNTAX."""
    raw = json.dumps(charge()).replace('"value": 18.34', '"value": 18.340000000000000000000000000001').encode()
    assert fault_of(raw).reason == Reason.AMOUNT_SYNTAX


def test_the_same_content_is_the_same_message_and_other_content_another():
    """id, meta and text of the client do not count, the amount does; so the lane can tell a repeat from a change."""
    first = translate_body("ChargeItem", json.dumps(charge()).encode(), context()).inbound
    again = translate_body(
        "ChargeItem", json.dumps(charge(id="x", meta={"versionId": "7"})).encode(), context()
    ).inbound
    other = translate_body(
        "ChargeItem", json.dumps(charge(priceOverride={"value": 18.35, "currency": "CNY"})).encode(), context()
    ).inbound
    assert (first.id, first.content_hash) == (again.id, again.content_hash)
    assert first.id != other.id


@pytest.mark.parametrize(
    ("change", "department"),
    [
        ({}, ""),
        ({"serviceType": {"coding": [{"code": "CARD"}, {"code": "X"}]}}, "CARD"),
        ({"serviceType": {"text": "心内科"}, "serviceProvider": {"reference": "Organization/OPD"}}, "OPD"),
        ({"serviceProvider": {"identifier": {"value": "OPD-3"}}}, "OPD-3"),
        ({"serviceProvider": {"reference": "Organization/XMZSH"}}, ""),
    ],
)
def test_an_encounter_names_its_department(change: dict[str, Any], department: str):
    """The service's code, else who provides it; the institution itself is no department."""
    body = translate_body("Encounter", json.dumps(encounter(**change)).encode(), context()).inbound.body
    assert body.department == department


def test_an_encounter_opens_and_ends_a_visit():
    """in-progress opens at the period's start, finished discharges at its end, the class is the scene."""
    opened = translate_body("Encounter", json.dumps(encounter()).encode(), context()).inbound.body
    finished = translate_body("Encounter", json.dumps(encounter("finished")).encode(), context()).inbound.body
    assert isinstance(opened, RecordVisit)
    assert isinstance(finished, RecordVisit)
    assert (opened.event, opened.scene, opened.event_at) == ("opened", "outpatient", 1_783_042_800_000)
    assert (finished.event, finished.visit, finished.event_at) == ("discharged", "V5512", 1_783_044_900_000)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "planned"}, "STATUS_INVALID"),
        ({"class": {"code": "XX"}}, "STATUS_INVALID"),
        ({"class": [{"coding": [{"code": "AMB"}]}]}, "FHIR_VERSION_MISMATCH"),
        ({"actualPeriod": {}}, "FHIR_VERSION_MISMATCH"),
        ({"identifier": None}, "FIELD_MISSING"),
        ({"subject": None}, "FIELD_MISSING"),
    ],
)
def test_a_bad_encounter_is_refused_by_name(change, reason):
    """Codes outside our lists and R5 elements are refused."""
    assert fault_of(encounter(**change), resource_type="Encounter").reason == reason


def test_a_patient_with_both_numbers_goes_where_route_by_says():
    """The person tells the number account of its link; names and numbers leave as masks and keyed hashes."""
    inbound = translate_body("Patient", json.dumps(patient()).encode(), context()).inbound
    body = inbound.body
    assert isinstance(body, IdentifyPatient)
    assert inbound.account == body.subject.person == account_id(CITY_KEY, "person", CITIZEN)
    assert body.subject.number == account_id(CITY_KEY, "number", "XMZSH|P0091827")
    assert (body.subject.name_masked, body.subject.id_masked) == ("林**", "**************0025")


def test_a_charge_goes_where_route_by_says():
    """citizen_id sends to the person, number (XMFYB) to the number account, whatever else is known."""
    person = {"identifier": {"system": "urn:nhsa:citizen-id", "value": CITIZEN}}
    to_person = translate_body("ChargeItem", json.dumps(charge(subject=person)).encode(), context()).inbound
    assert to_person.account == account_id(CITY_KEY, "person", CITIZEN)
    fyb = charge(identifier=[{"system": "urn:xm:xmfyb:ft1", "value": "F1"}])
    to_number = translate_body("ChargeItem", json.dumps(fyb).encode(), context("FHIR@XMFYB")).inbound
    assert to_number.account == account_id(CITY_KEY, "number", "XMFYB|P0091827")


def test_a_settlement_adds_up_to_its_total():
    """Fund = benefit - account - other; the parts are those of protocols 4.2."""
    body = translate_body("ClaimResponse", json.dumps(settlement()).encode(), context()).inbound.body
    assert isinstance(body, SettleInsurance)
    split = body.split
    assert (split.total_fen, split.fund_fen, split.account_fen, split.other_fen, split.cash_fen) == (
        3810,
        2000,
        1000,
        0,
        810,
    )
    cancelled = {**settlement(), "status": "cancelled"}
    contra = translate_body("ClaimResponse", json.dumps(cancelled).encode(), context()).inbound.body
    assert isinstance(contra, ReverseSettlement)
    assert contra.settlement_id == "S1"


@pytest.mark.parametrize(
    ("amounts", "reason"),
    [
        ({"cash": 8.11}, "SPLIT_TOTAL"),
        ({"benefit": 5.00}, "SPLIT_NEGATIVE"),
        ({"cash": -8.10, "submitted": 21.90}, "SPLIT_NEGATIVE"),
        ({"cash": None}, "SPLIT_FIELD"),
        ({"submitted": None}, "SPLIT_FIELD"),
        ({"account": None}, "SPLIT_FIELD"),
    ],
)
def test_a_settlement_that_does_not_add_up_is_quarantined(amounts, reason):
    """Rows 63 and 64: wrong, negative and missing parts; a missing part is not zero."""
    fault = fault_of(settlement(**amounts), resource_type="ClaimResponse")
    assert (fault.reason, fault.row.status, fault.row.interface) == (reason, 422, "quarantine.charge")


def test_a_batch_is_judged_entry_by_entry():
    """One bad entry does not touch the others; its fault names the entry."""
    bad = charge(status="nonsense")
    entries = translate_bundle(bundle("batch", charge(), bad, encounter()), context()).entries
    assert [isinstance(entry, FhirFaultError) for entry in entries] == [False, True, False]
    fault = entries[1]
    assert isinstance(fault, FhirFaultError)
    assert fault.expression == "Bundle.entry[1].resource.ChargeItem.status"


def test_a_transaction_of_one_visit_is_one_charge():
    """Patient, Encounter and two ChargeItems become one command: two lines, the person, the visit opened."""
    visit, person = {"reference": "urn:uuid:visit"}, {"reference": "urn:uuid:person"}
    first = charge(context=visit, subject=person)
    second = charge(context=visit, subject=person, identifier=[{"system": "urn:xm:xmzsh:ft1", "value": "F0003"}])
    raw = bundle(
        "transaction",
        patient(),
        encounter(subject=person),
        first,
        second,
        urls={0: "urn:uuid:person", 1: "urn:uuid:visit"},
    )
    whole = translate_bundle(raw, context()).whole
    assert whole is not None
    assert isinstance(whole.body, PostCharge)
    assert [line.line_key for line in whole.body.lines] == ["F0002", "F0003"]
    assert (whole.body.visit, whole.body.visit_required) == ("V5512", False)
    assert whole.account == account_id(CITY_KEY, "person", CITIZEN)


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ((charge(), charge(subject={"reference": "Patient/OTHER"})), "BUNDLE_MULTI_PATIENT"),
        ((charge(), charge(context={"reference": "Encounter/V2"})), "BUNDLE_UNSUPPORTED"),
        ((charge(), charge()), "BUNDLE_UNSUPPORTED"),
        ((charge(), encounter("finished")), "BUNDLE_UNSUPPORTED"),
        ((charge(), settlement()), "BUNDLE_UNSUPPORTED"),
        ((charge(), charge(status="nonsense")), "STATUS_INVALID"),
        ((), "FIELD_MISSING"),
    ],
)
def test_a_transaction_that_cannot_be_one_step_is_refused_whole(resources, reason):
    """Row 59 and architecture 5: one bad entry, two patients or two steps store nothing."""
    with pytest.raises(FhirFaultError) as refused:
        translate_bundle(bundle("transaction", *resources), context())
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("document", "reason", "status"),
    [
        ({"resourceType": "Bundle", "type": "message", "entry": [{"resource": charge()}]}, "HEADER_MISSING", 400),
        ({"resourceType": "Bundle", "type": "collection"}, "STATUS_INVALID", 422),
        ({"resourceType": "Bundle"}, "STATUS_INVALID", 422),
        ({"resourceType": "ChargeItem"}, "RESOURCE_INVALID", 422),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{}] * 501}, "BODY_TOO_LARGE", 413),
        ({"resourceType": "Bundle", "type": "batch", "entry": 5}, "RESOURCE_INVALID", 422),
    ],
)
def test_a_bundle_that_is_none_is_refused(document, reason, status):
    """Rows 42 and 57: a message without its header, an unknown type, too many entries."""
    with pytest.raises(FhirFaultError) as refused:
        translate_bundle(json.dumps(document).encode(), context())
    assert (refused.value.reason, refused.value.row.status) == (reason, status)


def test_a_name_the_sender_made_up_is_not_repeated_at_any_length():
    """The place of a fault is cut: neither the answer nor the dead letter repeats megabytes."""
    for document in ({"x" * 100_000: 1, "resourceType": "Bundle", "type": "batch"}, charge(**{"x" * 100_000: 1})):
        body, kind = json.dumps(document).encode(), document["resourceType"]
        with pytest.raises(FhirFaultError) as refused:
            translate_bundle(body, context()) if kind == "Bundle" else translate_body(kind, body, context())
        assert len(json.dumps(refused.value.outcome())) < 2000


def test_a_condition_names_one_identifier():
    """Row 55: If-None-Exist without identifier, or with several, is 400 CONDITION."""
    assert condition_value("identifier=urn:xm:xmzsh:ft1|F0002") == "F0002"
    assert condition_value("") == ""
    for text in ("status=billable", "identifier=F1", "identifier=a|1&identifier=a|2", "identifier=a|1,a|2", "x"):
        with pytest.raises(FhirFaultError) as refused:
            condition_value(text)
        assert (refused.value.reason, refused.value.row.status) == ("CONDITION", 400)
    conditional = translate_body("ChargeItem", json.dumps(charge()).encode(), context(condition="F0002")).inbound.body
    assert isinstance(conditional, PostCharge)
    assert conditional.condition_key == "F0002"


def line_of(resource: dict[str, Any], source: str = "FHIR@XMZSH"):
    """Return the one line of a charge."""
    body = translate_body("ChargeItem", json.dumps(resource).encode(), context(source)).inbound.body
    assert isinstance(body, PostCharge)
    (line,) = body.lines
    return line


def unit_price(value: float, url: str = "urn:xm:unit-price") -> list[dict[str, Any]]:
    """Return the extension that names a unit price."""
    return [{"url": url, "valueMoney": {"value": value, "currency": "CNY"}}]


def test_a_charge_whose_product_is_its_amount_keeps_its_unit_price():
    """14 x 1.31 = 18.34; an extension of somebody else's, before it or alone, is no unit price (3.4)."""
    foreign = unit_price(99.99, "urn:else:price")
    assert line_of(charge(extension=foreign + unit_price(1.31))).unit_price == "1.31"
    assert line_of(charge(extension=foreign)).unit_price == ""


def test_a_unit_price_without_a_quantity_is_compared_with_nothing():
    """The guard needs both; the quantity of one is an assumption, not a word of the sender."""
    line = line_of(charge(extension=unit_price(1.31), quantity=None))
    assert (line.amount_fen, line.quantity, line.unit_price) == (1_834, "1", "1.31")


def test_the_refusal_of_a_product_names_what_was_expected():
    """14 x 1.31 is 18.34, 18.43 was sent."""
    fault = fault_of(charge(extension=unit_price(1.31), priceOverride={"value": 18.43, "currency": "CNY"}))
    assert fault.parameters == {"quantity": "14", "unit": "1.31", "expected": "18.34", "sent": "18.43"}


def test_a_factor_of_one_changes_nothing_and_any_other_is_refused():
    """An amount is never computed from a factor."""
    assert line_of(charge(factorOverride=1)).amount_fen == 1_834
    assert line_of(charge(factorOverride=1.0)).amount_fen == 1_834
    assert fault_of(charge(factorOverride=2)).reason == Reason.DIALECT_UNMAPPED


@pytest.mark.parametrize(
    ("change", "doctor"),
    [
        ([{"actor": {"reference": "Practitioner/D1"}}, {"actor": {"reference": "Practitioner/D2"}}], "D1"),
        ([{"actor": {"identifier": {"value": "D7"}, "reference": "Practitioner/D1"}}], "D7"),
        ([{"actor": {"reference": "Patient/P1"}}], ""),
        (None, ""),
    ],
)
def test_a_line_names_its_first_performer(change, doctor):
    """By identifier, else by the practitioner that is referred to."""
    assert line_of(charge(performer=change)).doctor == doctor


def test_an_item_without_a_code_is_named_by_its_text():
    """The display first, then the text of the concept; the code falls back to the name."""
    named = line_of(charge(code={"text": "输液费"})).item
    assert (named.code, named.name, named.system) == ("输液费", "输液费", "")
    both = line_of(charge(code={"coding": [{"code": "X1"}], "text": "输液费"})).item
    assert (both.code, both.name) == ("X1", "输液费")


def test_a_service_without_its_own_time_was_given_when_it_was_entered():
    """Occurrence, else enteredDate, else the arrival."""
    assert line_of(charge(occurrenceDateTime=None)).service_at == 1_783_044_900_000
    assert line_of(charge(occurrenceDateTime=None, enteredDate=None)).service_at == NOW
    period = {"start": "2026-07-03T10:10:00+08:00", "end": "2026-07-03T10:12:00+08:00"}
    assert line_of(charge(occurrenceDateTime=None, occurrencePeriod=period)).service_at == 1_783_044_600_000


def test_a_settlement_with_a_part_of_another_scheme_adds_up():
    """Benefit 30 = fund 15 + account 10 + other 5; with 8.10 in cash it is 38.10."""
    resource = settlement(other=5.00)
    body = translate_body("ClaimResponse", json.dumps(resource).encode(), context()).inbound.body
    assert isinstance(body, SettleInsurance)
    split = body.split
    assert (split.fund_fen, split.account_fen, split.other_fen, split.cash_fen) == (1_500, 1_000, 500, 810)


@pytest.mark.parametrize("name", ["total", "extension"])
def test_a_part_of_a_settlement_that_is_said_twice_is_refused(name):
    """Which of the two is true nobody can know."""
    resource = settlement()
    resource[name] = [*resource[name], *resource[name]]
    assert fault_of(resource, resource_type="ClaimResponse").reason == Reason.RESOURCE_INVALID

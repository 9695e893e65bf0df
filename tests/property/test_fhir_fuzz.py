"""Whatever is posted as FHIR becomes a command or a fault with a reason; never an exception of ours, never a hang."""

import copy
import json
import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.fhir.answers import decided_answer, fault_answer
from adapters.fhir.bundle import translate_bundle
from adapters.fhir.context import Context
from adapters.fhir.faults import ROWS, FhirFaultError
from adapters.fhir.translate import TRANSLATORS, translate_body
from hub.runtime.exact_json import read_json
from hub.runtime.http_sources import demo_token, load_http_sources
from schemas.commands import PostCharge
from schemas.replies import Reply

NOW = 1_783_044_900_000
SOURCES = load_http_sources()
_SOURCE = SOURCES.by_token(demo_token("FHIR@XMZSH"))
assert _SOURCE is not None
CONTEXT = Context(_SOURCE, SOURCES, b"\x01" * 32, NOW)

_IDENTIFIER = {"system": "urn:nhsa:citizen-id", "value": "350299199003070025"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "ChargeItem": {
        "resourceType": "ChargeItem",
        "identifier": [{"system": "urn:xm:xmzsh:ft1", "value": "F0002"}],
        "status": "billable",
        "code": {"coding": [{"system": "urn:nhsa:item", "code": "XD0001", "display": "阿莫西林胶囊"}]},
        "subject": {"reference": "Patient/P0091827", "identifier": _IDENTIFIER},
        "context": {"reference": "Encounter/V5512"},
        "occurrenceDateTime": "2026-07-03T10:10:00+08:00",
        "quantity": {"value": 14},
        "priceOverride": {"value": 18.34, "currency": "CNY"},
        "performer": [{"actor": {"reference": "Practitioner/D1"}}],
        "partOf": [{"reference": "ChargeItem/F1"}],
        "performingOrganization": {"reference": "Organization/PHA"},
        "extension": [{"url": "urn:xm:unit-price", "valueMoney": {"value": 1.31, "currency": "CNY"}}],
        "enteredDate": "2026-07-03T10:15:00+08:00",
    },
    "Encounter": {
        "resourceType": "Encounter",
        "identifier": [{"system": "urn:xm:xmzsh:visit", "value": "V5512"}],
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"identifier": _IDENTIFIER},
        "period": {"start": "2026-07-03T09:40:00+08:00", "end": "2026-07-03T10:15:00+08:00"},
    },
    "Patient": {
        "resourceType": "Patient",
        "identifier": [_IDENTIFIER, {"system": "urn:xm:xmzsh:mr", "value": "P1"}],
        "name": [{"family": "林", "given": ["晓岚"]}],
        "birthDate": "1990-03-07",
        "gender": "female",
    },
    "ClaimResponse": {
        "resourceType": "ClaimResponse",
        "identifier": [{"system": "urn:xm:xmzsh:settlement", "value": "S1"}],
        "status": "active",
        "type": {"coding": [{"code": "institutional"}]},
        "use": "claim",
        "patient": {"identifier": _IDENTIFIER},
        "created": "2026-07-03",
        "insurer": {"display": "insurer"},
        "outcome": "complete",
        "total": [
            {"category": {"coding": [{"code": "submitted"}]}, "amount": {"value": 38.10, "currency": "CNY"}},
            {"category": {"coding": [{"code": "benefit"}]}, "amount": {"value": 30.00, "currency": "CNY"}},
        ],
        "extension": [
            {"url": "urn:xm:visit", "valueReference": {"reference": "Encounter/V5512"}},
            {"url": "urn:xm:split:account", "valueMoney": {"value": 10.00, "currency": "CNY"}},
            {"url": "urn:xm:split:other", "valueMoney": {"value": 0, "currency": "CNY"}},
            {"url": "urn:xm:split:cash", "valueMoney": {"value": 8.10, "currency": "CNY"}},
        ],
    },
}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["", " ", "unknown", "2026-02-30", "0000-01-01", "2026-07-03T10:10:00", "urn:uuid:x", '{"a":1}', "１２.５０"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in children:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += _places(value, (*path, key))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Return a valid resource in which one to three places hold something else, or nothing."""
    kind = draw(st.sampled_from(sorted(EXAMPLES)))
    document = copy.deepcopy(EXAMPLES[kind])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(_places(document)))
        holder: Any = document
        for key in path[:-1]:
            holder = holder[key]
        if draw(st.booleans()):
            holder[path[-1]] = draw(VALUES)
        else:
            del holder[path[-1]]
        if not _places(document):
            break
    return kind, document


def judge(kind: str, body: bytes) -> None:
    """Translate a body; a refusal must be a row of ours, an acceptance must encode and answer."""
    try:
        entry = translate_body(kind, body, CONTEXT)
    except FhirFaultError as fault:
        assert fault.reason in ROWS
        assert 400 <= fault_answer(fault).status < 500
        assert read_json(fault_answer(fault, "zh").body)["issue"][0]["details"]["text"]
        return
    assert msgspec.json.encode(entry.inbound)
    reply = Reply(entry.inbound.id, entry.inbound.account, "POSTED", refused=False, at=NOW)
    assert read_json(decided_answer(kind, entry.resource, entry.inbound, reply).body)["resourceType"] == kind


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_the_undamaged_examples_are_accepted(kind):
    """The fuzz starts from resources that are accepted, so that damage is what is refused."""
    assert translate_body(kind, json.dumps(EXAMPLES[kind]).encode(), CONTEXT).inbound.account


@given(damaged())
@settings(max_examples=400, deadline=None)
def test_a_damaged_resource_is_refused_with_a_reason_or_means_something(case):
    """Any value at any place: a command that encodes, or a fault of a known row."""
    kind, document = case
    judge(kind, json.dumps(document).encode())


@given(st.sampled_from(sorted(TRANSLATORS)), VALUES | st.dictionaries(st.text(max_size=8), VALUES))
@settings(max_examples=150, deadline=None)
def test_any_json_is_refused_with_a_reason(kind, document):
    """JSON that is no resource at all."""
    judge(kind, json.dumps(document).encode())


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_refused_with_a_reason(body):
    """Bytes that are no JSON."""
    judge("ChargeItem", body)


@given(
    st.lists(damaged() | st.just(("ChargeItem", EXAMPLES["ChargeItem"])), max_size=4),
    st.sampled_from(["batch", "transaction", "message", "x"]),
    st.dictionaries(st.sampled_from(["fullUrl", "request", "resource", "search"]), VALUES, max_size=2),
)
@settings(max_examples=200, deadline=None)
def test_any_bundle_is_judged_entry_by_entry_or_refused_whole(cases, kind, damage):
    """Damaged entries in batches and transactions, with damage to the envelope itself."""
    entries: list[Any] = [
        {"fullUrl": f"urn:uuid:{index}", "resource": document, "request": {"method": "POST", "url": name}}
        for index, (name, document) in enumerate(cases)
    ]
    if entries:
        entries[0] |= damage
    body = json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()
    try:
        bundle = translate_bundle(body, CONTEXT)
    except FhirFaultError as fault:
        assert fault.reason in ROWS
        return
    assert len(bundle.resources) == len(entries)
    assert all(entry.reason in ROWS for entry in bundle.entries if isinstance(entry, FhirFaultError))


@given(st.decimals(min_value=0, max_value=50_000_000, places=2), st.integers(1, 99))
@settings(max_examples=200, deadline=None)
def test_every_amount_of_two_decimals_arrives_to_the_fen(amount, quantity):
    """The fen of a ChargeItem are the decimals that were sent, times one hundred, exactly."""
    document = copy.deepcopy(EXAMPLES["ChargeItem"])
    del document["extension"]
    document["quantity"] = {"value": quantity}
    raw = json.dumps(document).replace("18.34", str(amount)).encode()
    body = translate_body("ChargeItem", raw, CONTEXT).inbound.body
    assert isinstance(body, PostCharge)
    assert Decimal(body.lines[0].amount_fen) == amount * 100
    assert not math.isnan(body.lines[0].amount_fen)

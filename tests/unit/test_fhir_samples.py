"""The official R4 examples and the published model classes as oracle: what we read is what they read."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.fhir.context import Context
from adapters.fhir.faults import FhirFaultError
from adapters.fhir.models import check_model
from adapters.fhir.translate import translate_body
from hub.runtime.exact_json import JsonInvalidError, read_json, write_json
from hub.runtime.http_sources import HttpSource, HttpSources
from schemas.commands import PostCharge, RecordVisit
from schemas.ids import sm3_hex

SAMPLES = Path(__file__).parents[1] / "samples" / "fhir"
NOW = 1_783_044_900_000


def source_of(**systems: Any) -> Context:
    """Return a context whose source owns the sample's identifier systems."""
    source = HttpSource("FHIR@SAMPLE", sm3_hex(b"t"), institution="SAMPLE", systems=systems)
    return Context(source, HttpSources([source]), b"\x01" * 32, NOW)


def sample(name: str) -> Any:
    """Return an official example with exact numbers."""
    return read_json((SAMPLES / "r4-official" / f"{name}.json").read_bytes())


def test_the_official_charge_item_means_what_the_model_says():
    """Amount, quantity and code equal what the published classes read; only currency and factor are made ours."""
    from fhir.resources.R4B.chargeitem import ChargeItem

    document = sample("ChargeItem-example")
    del document["factorOverride"]
    document["priceOverride"]["currency"] = "CNY"
    model = ChargeItem.model_validate(document)
    entry = translate_body(
        "ChargeItem", write_json(document), source_of(**{"http://myHospital.org/ChargeItems": "line"})
    )
    body = entry.inbound.body
    assert isinstance(body, PostCharge)
    (line,) = body.lines
    assert Decimal(line.amount_fen) / 100 == model.priceOverride.value
    assert Decimal(line.quantity) == model.quantity.value
    assert line.item.code == model.code.coding[0].code
    assert line.line_key == model.identifier[0].value
    assert line.service_at == int(model.occurrencePeriod.start.timestamp() * 1000)
    assert line.department == "CARD_INTERMEDIATE_CARE"
    assert body.visit == "example"


def test_the_official_charge_item_as_it_stands_is_quarantined_for_its_factor():
    """FactorOverride 0.8 means something else at every sender: nothing is guessed."""
    raw = (SAMPLES / "r4-official" / "ChargeItem-example.json").read_bytes()
    with pytest.raises(FhirFaultError) as refused:
        translate_body("ChargeItem", raw, source_of(**{"http://myHospital.org/ChargeItems": "line"}))
    assert refused.value.reason == "DIALECT_UNMAPPED"


@pytest.mark.parametrize("name", ["Encounter-emerg", "Encounter-f001", "Encounter-f002", "Encounter-f003"])
def test_official_encounters_with_our_statuses_become_visit_events(name):
    """Status and class of the official encounters come over as the model reads them."""
    document = sample(name)
    document.setdefault("identifier", [{"system": "urn:none", "value": "V1"}])
    systems = {document["identifier"][0]["system"]: "visit"}
    body = translate_body("Encounter", write_json(document), source_of(**systems)).inbound.body
    assert isinstance(body, RecordVisit)
    assert body.event == ("opened" if document["status"] == "in-progress" else "discharged")
    assert body.visit == document["identifier"][0]["value"]


@pytest.mark.parametrize("path", sorted((SAMPLES / "r4-official").glob("*.json")), ids=lambda path: path.stem)
def test_every_official_example_of_an_accepted_type_is_valid_to_the_model_check(path):
    """The second reader accepts what the standard's authors published; JSON survives reading and writing exactly."""
    document = read_json(path.read_bytes())
    kind = document["resourceType"]
    if kind in ("ChargeItem", "Encounter", "ClaimResponse", "Bundle", "Patient"):
        check_model(kind, document)
    assert read_json(write_json(document)) == document


def test_the_odd_ones_are_refused_by_name():
    """An STU3 account is no ChargeItem; a posted type that is not listed is TYPE_UNSUPPORTED."""
    raw = (SAMPLES / "odd" / "stu3-Account.json").read_bytes()
    with pytest.raises(FhirFaultError) as refused:
        translate_body("Account", raw, source_of())
    assert refused.value.reason == "TYPE_UNSUPPORTED"
    with pytest.raises(FhirFaultError) as other:
        translate_body("ChargeItem", raw, source_of())
    assert other.value.reason == "RESOURCE_INVALID"


def _lines(name: str) -> list[str]:
    return [line for line in (SAMPLES / "primitives" / name).read_text().splitlines() if line.strip()]


def _timed(value: str) -> bytes:
    return (
        b'{"resourceType":"ChargeItem","identifier":[{"system":"s","value":"1"}],"status":"billable",'
        b'"code":{"text":"x"},"subject":{"reference":"Patient/1"},"context":{"reference":"Encounter/1"},'
        b'"occurrenceDateTime":' + value.encode() + b',"priceOverride":{"value":1,"currency":"CNY"}}'
    )


@pytest.mark.parametrize("value", _lines("date_time.invalid.ndjson"))
def test_published_invalid_times_are_refused(value):
    """Every value the standard's authors call invalid is refused as time or type."""
    with pytest.raises(FhirFaultError) as refused:
        translate_body("ChargeItem", _timed(value), source_of(s="line"))
    assert refused.value.reason in ("TIME_INVALID", "RESOURCE_INVALID")


@pytest.mark.parametrize("value", _lines("decimal.invalid.ndjson"))
def test_published_invalid_decimals_are_refused_as_amounts(value):
    """Text, blanks and booleans are no amounts."""
    raw = _timed('"2026-07-03"').replace(b'"value":1,', b'"value":' + value.encode() + b",")
    with pytest.raises(FhirFaultError) as refused:
        translate_body("ChargeItem", raw, source_of(s="line"))
    assert refused.value.reason == "AMOUNT_SYNTAX"


@pytest.mark.parametrize("text", ["0.10", "99999999999999.99", "1E2", "-0.01", "12345678901234567890.12"])
def test_numbers_are_read_and_written_digit_by_digit(text):
    """No number passes through binary floating point on its way in or out."""
    number = read_json(text.encode())
    assert Decimal(number) == Decimal(text)
    assert Decimal(write_json(number).decode()) == Decimal(text)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff", b"\xef\xbb\xbf{}", b'{"a":1,"a":1}', b"Infinity", b'"\\ud800"', b'"\\u0000"', b"[" * 70 + b"]" * 70,
     b"[" * 100_000, b"9" * 5000, b"1E-99999999999999999999", b"{} {}"],
)  # fmt: skip
def test_what_two_readers_could_understand_differently_is_no_json(raw):
    """Repeated keys, lone surrogates, control characters, deep nesting and absurd numbers are refused."""
    with pytest.raises(JsonInvalidError):
        read_json(raw)


def test_writing_json_needs_no_floats():
    """A Decimal is written as a number, not as text."""
    assert write_json({"value": Decimal("25.00")}) == b'{"value":25.00}'
    assert msgspec.json.decode(write_json({"value": Decimal("25.00")})) == {"value": 25.0}

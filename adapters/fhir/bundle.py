"""Bundles: a batch is one command per entry, a transaction is one command as a whole (architecture 5, protocols 3.1).

A transaction concerns one patient. Its charges of one visit become one charge of several lines, which the lane books or
refuses in one step; what cannot be one step is refused as a whole, never booked in part.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from adapters.fhir.context import Context, Meaning
from adapters.fhir.elements import Resource, obj, objects, text
from adapters.fhir.encounter import scene_of
from adapters.fhir.faults import FhirFaultError, Row
from adapters.fhir.models import check_model
from adapters.fhir.translate import Entry, inbound_of, meaning_of, read_document, translate_resource
from hub.runtime.exact_json import is_storable, write_json
from hub.runtime.wire import Inbound
from schemas.commands import (
    COMMAND_BYTES_MAX,
    LINES_MAX,
    IdentifyPatient,
    PostCharge,
    RecordVisit,
    SettleInsurance,
    Subject,
)
from schemas.reasons import Reason

BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
ENTRIES_MAX: Final = 500
_METHOD_ROW: Final = Row(405, "not-supported", None)


class Bundle(NamedTuple):
    """A Bundle as commands: a batch has one result per entry, a transaction one command for all entries."""

    kind: Literal["batch", "transaction"]
    entries: tuple[Entry | FhirFaultError, ...]
    resources: tuple[Resource, ...]
    whole: Inbound | None
    raw: bytes


def translate_bundle(body: bytes, context: Context) -> Bundle:
    """Return the commands of a Bundle. Raises FhirFaultError for the Bundle, or for any entry of a transaction."""
    if len(body) > BATCH_BYTES_MAX:
        raise FhirFaultError(Reason.BODY_TOO_LARGE)
    document = read_document(body)
    kind = _kind(document)
    entries = objects(document, "entry", "Bundle")
    if len(entries) > ENTRIES_MAX:
        raise FhirFaultError(Reason.BODY_TOO_LARGE, "Bundle.entry")
    check_model("Bundle", {**document, "entry": [_envelope(entry) for entry in entries]})
    if kind == "batch":
        results = tuple(_alone(index, entry, context) for index, entry in enumerate(entries))
        return Bundle(kind, results, tuple(_resource(entry) for entry in entries), None, body)
    if len(body) > COMMAND_BYTES_MAX:
        raise FhirFaultError(Reason.BODY_TOO_LARGE)
    return Bundle(kind, (), tuple(_resource(entry) for entry in entries), _whole(document, entries, context), body)


def _kind(document: Resource) -> Literal["batch", "transaction"]:
    if document.get("resourceType") != "Bundle":
        raise FhirFaultError(Reason.RESOURCE_INVALID, "resourceType", {"field": "resourceType"})
    kind = text(document, "type", "Bundle")
    if kind == "batch":
        return "batch"
    if kind == "transaction":
        return "transaction"
    if kind == "message":
        first = (objects(document, "entry", "Bundle") or [{}])[0]
        if obj(first, "resource", "Bundle.entry[0]").get("resourceType") != "MessageHeader":
            raise FhirFaultError(Reason.HEADER_MISSING, "Bundle.entry[0]")
        raise FhirFaultError(Reason.TYPE_UNSUPPORTED, "Bundle.type")
    raise FhirFaultError(Reason.STATUS_INVALID, "Bundle.type")


def _envelope(entry: Resource) -> dict[str, object]:
    """Return an entry without its resource: resources are judged one by one, with their own place in the fault."""
    return {name: value for name, value in entry.items() if name not in ("resource", "response", "search")}


def _resource(entry: Resource) -> Resource:
    resource = entry.get("resource")
    return resource if isinstance(resource, dict) else {}


def _alone(index: int, entry: Resource, context: Context) -> Entry | FhirFaultError:
    try:
        return _translated(entry, context)
    except FhirFaultError as fault:
        return fault.inside(f"Bundle.entry[{index}]")


def _translated(entry: Resource, context: Context) -> Entry:
    resource_type, resource = _request(entry)
    alone = context._replace(condition=condition_value(text(obj(entry, "request", ""), "ifNoneExist", "request")))
    return translate_resource(resource_type, resource, write_json(resource), alone)


def _request(entry: Resource) -> tuple[str, Resource]:
    request = obj(entry, "request", "entry")
    if text(request, "method", "request") != "POST":
        raise FhirFaultError(Reason.METHOD, "", row=_METHOD_ROW)
    resource_type = text(request, "url", "request").strip("/")
    return resource_type, obj(entry, "resource", "entry")


def condition_value(condition: str, *, path: str = "If-None-Exist") -> str:
    """Return the identifier value of `identifier=<system>|<value>`, empty without condition. Raises CONDITION."""
    if not condition:
        return ""
    try:
        pairs = parse_qsl(condition.removeprefix("?"), keep_blank_values=True, errors="strict")
    except UnicodeError:  # two values that are no text must not become one
        raise FhirFaultError(Reason.CONDITION, path) from None
    if len(pairs) != 1 or pairs[0][0] != "identifier":
        raise FhirFaultError(Reason.CONDITION, path)
    system, separator, value = pairs[0][1].partition("|")
    if not separator or not system or not value or "," in value or not is_storable(value):
        raise FhirFaultError(Reason.CONDITION, path)
    return value


def _whole(document: Resource, entries: Sequence[Resource], context: Context) -> Inbound:
    """Return the one command of a transaction. Raises the first entry's fault, or why it cannot be one step."""
    if not entries:
        raise FhirFaultError(Reason.FIELD_MISSING, "Bundle.entry", {"field": "Bundle.entry"})
    inside = context._replace(bundle=_by_url(entries))
    meanings: list[Meaning] = []
    for index, entry in enumerate(entries):
        try:
            meanings.append(_meaning(entry, inside))
        except FhirFaultError as fault:
            raise fault.inside(f"Bundle.entry[{index}]") from None
    subject = _one_patient([meaning.subject for meaning in meanings])
    body = _one_step(meanings, entries, subject, context)
    return inbound_of("Bundle", document, Meaning(body, subject), context)


def _by_url(entries: Sequence[Resource]) -> Mapping[str, Resource]:
    found = {text(entry, "fullUrl", "entry"): _resource(entry) for entry in entries}
    found.pop("", None)
    return found


def _meaning(entry: Resource, context: Context) -> Meaning:
    resource_type, resource = _request(entry)
    condition = condition_value(text(obj(entry, "request", "entry"), "ifNoneExist", "request"))
    return meaning_of(resource_type, resource, context._replace(condition=condition))


def _one_patient(subjects: Sequence[Subject]) -> Subject:
    """Return the fullest subject. Raises BUNDLE_MULTI_PATIENT when another one names somebody it does not."""
    fullest = max(subjects, key=lambda each: (bool(each.person) + bool(each.number), bool(each.name_masked)))
    for each in subjects:
        if each.person not in ("", fullest.person) or each.number not in ("", fullest.number):
            raise FhirFaultError(Reason.BUNDLE_MULTI_PATIENT, "Bundle.entry")
    return fullest


def _one_step(
    meanings: Sequence[Meaning], entries: Sequence[Resource], subject: Subject, context: Context
) -> PostCharge | RecordVisit | IdentifyPatient:
    charges = [each.body for each in meanings if isinstance(each.body, PostCharge)]
    visits = [each.body for each in meanings if isinstance(each.body, RecordVisit)]
    settlements = [each.body for each in meanings if isinstance(each.body, SettleInsurance)]
    others = [each.body for each in meanings if not isinstance(each.body, PostCharge | RecordVisit | IdentifyPatient)]
    if charges:
        charge = _one_charge(charges, subject)
        charge = _with_visit(charge, visits, entries)
        return _with_settlement(charge, settlements, len(others), context)
    if others or len(visits) > 1:
        raise _unsupported("a settlement, or several visits, without the charges they belong to")
    if visits:
        return msgspec.structs.replace(visits[0], subject=subject)
    return IdentifyPatient(context.source.institution, context.now, subject)


def _one_charge(charges: Sequence[PostCharge], subject: Subject) -> PostCharge:
    if len({charge.visit for charge in charges}) > 1:
        raise _unsupported("charges of several visits")
    if len(charges) > 1 and any(charge.condition_key for charge in charges):
        raise _unsupported("conditions on several charges")
    lines = tuple(line for charge in charges for line in charge.lines)
    if len(lines) > LINES_MAX:
        raise FhirFaultError(Reason.BODY_TOO_LARGE, "Bundle.entry")
    if len({line.line_key for line in lines}) < len(lines):
        raise _unsupported("one line twice")
    event_at = max(charge.event_at for charge in charges)
    return msgspec.structs.replace(charges[0], lines=lines, subject=subject, event_at=event_at)


def _with_visit(charge: PostCharge, visits: Sequence[RecordVisit], entries: Sequence[Resource]) -> PostCharge:
    """Return the charge that also opens its visit, when the Bundle brings the Encounter."""
    if not visits:
        return charge
    if len(visits) > 1 or visits[0].visit != charge.visit or visits[0].event != "opened":
        raise _unsupported("a visit that these charges do not open")
    encounters = [_resource(entry) for entry in entries if _resource(entry).get("resourceType") == "Encounter"]
    return msgspec.structs.replace(charge, scene=scene_of(encounters[0]), visit_required=False)


def _with_settlement(
    charge: PostCharge, settlements: Sequence[SettleInsurance], others: int, context: Context
) -> PostCharge:
    """Return the charge with its settlement, where the institution's profile says settlements come in the message."""
    if not others:
        return charge
    fits = len(settlements) == others == 1 and settlements[0].visit == charge.visit
    if not fits or context.source.settlement != "in_message":
        raise _unsupported("a settlement that does not come with its charges")
    return msgspec.structs.replace(charge, settlement=settlements[0].split)


def _unsupported(why: str) -> FhirFaultError:
    return FhirFaultError(Reason.BUNDLE_UNSUPPORTED, "Bundle.entry", {"why": why})

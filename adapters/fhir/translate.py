"""A resource's bytes to one command: strict JSON, our meaning, the published model, in this order."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from adapters.fhir.charge_item import charge_item
from adapters.fhir.claim_response import claim_response
from adapters.fhir.context import Context, Meaning
from adapters.fhir.elements import Resource
from adapters.fhir.encounter import encounter, patient
from adapters.fhir.faults import FhirFaultError
from adapters.fhir.models import check_model
from hub.runtime.exact_json import JsonInvalidError, canonical_json, read_json
from hub.runtime.subjects import route
from hub.runtime.wire import Inbound
from schemas.commands import COMMAND_BYTES_MAX
from schemas.ids import message_hash, sm3_hex
from schemas.reasons import Reason

TRANSLATORS: Final[Mapping[str, Callable[[Resource, Context], Meaning]]] = MappingProxyType(
    {"ChargeItem": charge_item, "Encounter": encounter, "Patient": patient, "ClaimResponse": claim_response}
)
"""The resource types that can be created, with what makes a command of each."""

_NOT_CONTENT: Final = frozenset({"id", "meta", "text"})
"""A client's id, version and narrative say nothing about the charge: repeats may differ in them."""


class Entry(NamedTuple):
    """One resource that became a command; `raw` are the bytes that are sealed with it."""

    resource_type: str
    resource: Resource
    inbound: Inbound
    raw: bytes


def read_document(body: bytes) -> Resource:
    """Return the JSON object. Raises JSON_INVALID (row 41); the size is the caller's to check."""
    try:
        document = read_json(body)
    except JsonInvalidError as fault:
        raise FhirFaultError(Reason.JSON_INVALID, "", {"fault": str(fault)}) from None
    if not isinstance(document, dict):
        raise FhirFaultError(Reason.JSON_INVALID)
    return document


def translate_body(resource_type: str, body: bytes, context: Context) -> Entry:
    """Return the command of a resource posted alone. Raises FhirFaultError."""
    if len(body) > COMMAND_BYTES_MAX:
        raise FhirFaultError(Reason.BODY_TOO_LARGE)
    return translate_resource(resource_type, read_document(body), body, context)


def translate_resource(resource_type: str, resource: Resource, raw: bytes, context: Context) -> Entry:
    """Return the command of one resource. Raises FhirFaultError with the element at fault."""
    if len(raw) > COMMAND_BYTES_MAX:
        raise FhirFaultError(Reason.BODY_TOO_LARGE)
    meaning = meaning_of(resource_type, resource, context)
    return Entry(resource_type, resource, inbound_of(resource_type, resource, meaning, context), raw)


def meaning_of(resource_type: str, resource: Resource, context: Context) -> Meaning:
    """Return what a resource says, once the published model accepts it too. Raises FhirFaultError."""
    translator = TRANSLATORS.get(resource_type)
    if translator is None:
        raise FhirFaultError(Reason.TYPE_UNSUPPORTED)
    if resource.get("resourceType") != resource_type:
        raise FhirFaultError(Reason.RESOURCE_INVALID, "resourceType", {"field": "resourceType"})
    meaning = translator(resource, context)
    check_model(resource_type, resource)
    return meaning


def inbound_of(kind: str, content: Resource, meaning: Meaning, context: Context) -> Inbound:
    """Return the message for the intake: its id and hash are those of the content, so a repeat is the same message."""
    digest = sm3_hex(canonical_json(_content(content)))
    message_id = message_hash("fhir", context.source.source_id, kind, context.condition, digest)
    return Inbound(
        id=message_id,
        account=route(meaning.subject, context.source.route_by),
        content_hash=digest,
        source=context.source.source_id,
        receipt_key=message_id,
        body=meaning.body,
    )


def _content(resource: Resource) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in _NOT_CONTENT}

"""Outcomes of the books as FHIR answers (protocols 3.1, 3.5)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from adapters.fhir.elements import Resource
from adapters.fhir.faults import FhirFaultError, operation_outcome, row_of
from hub.runtime.exact_json import write_json
from hub.runtime.outcomes import outcome_path, reason_of, thing_id
from hub.runtime.wire import Inbound
from schemas.money import yuan_text
from schemas.reasons import Reason
from schemas.replies import Reply

BASE: Final = "/fhir/R4"
CONTENT_TYPE: Final = "application/fhir+json"
_PARTS: Final = ("fund", "account", "other", "prepayment", "credit", "self_pay")
_SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
Language = Literal["en", "zh"]


class FhirAnswer(NamedTuple):
    """Status, headers and document of one answer; a Bundle puts status and document into its entry."""

    status: int
    document: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def body(self) -> bytes:
        """The document's bytes."""
        return write_json(self.document)


def fault_answer(fault: FhirFaultError, language: Language = "en") -> FhirAnswer:
    """Return the refusal; what may be repeated says when."""
    headers = {"Retry-After": "1"} if fault.row.status in (429, 503) else {}
    if fault.row.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if fault.row.status == 405:
        headers["Allow"] = "POST"
    return FhirAnswer(fault.row.status, fault.outcome(language), headers)


def decided_answer(
    resource_type: str,
    resource: Resource,
    inbound: Inbound,
    reply: Reply | None,
    language: Language = "en",
    *,
    place: int = 0,
) -> FhirAnswer:
    """Return 201 with the created resource, 200 for one that was known, the refusal, or 202 when not yet decided.

    `place` is the entry's number in a transaction, whose one outcome stands for all of them; 0 for one alone.
    """
    if reply is None:
        return _undecided(inbound)
    if reply.refused:
        return _refused(resource_type, reply, language)
    identifier = f"{thing_id(reply, inbound)}-{place}" if place else thing_id(reply, inbound)
    headers = {"Location": f"{BASE}/{resource_type}/{identifier}/_history/1", "ETag": 'W/"1"'}
    document = _stored(resource_type, resource, identifier, reply)
    return FhirAnswer(200 if reply.repeated else 201, document, headers)


def _undecided(inbound: Inbound) -> FhirAnswer:
    issue = {
        "severity": "information",
        "code": "informational",
        "details": {"text": "Accepted and safe; the outcome will stand at the Location."},
    }
    document = {"resourceType": "OperationOutcome", "issue": [issue]}
    return FhirAnswer(202, document, {"Location": outcome_path(inbound), "Retry-After": "1"})


def _refused(resource_type: str, reply: Reply, language: Language) -> FhirAnswer:
    reason = reason_of(reply)
    row = row_of(reason)
    document = operation_outcome(reason, row.issue, _element(resource_type, reason), reply.parameters, language)
    return FhirAnswer(row.status, document, {"Retry-After": "1"} if row.status in (429, 503) else {})


def _element(resource_type: str, reason: Reason) -> str:
    """Return the element a refusal of the books concerns."""
    if resource_type != "ChargeItem":
        return resource_type
    if reason in (Reason.LINE_CHANGED, Reason.CREDIT_UNMATCHED):
        return "ChargeItem.identifier"
    if reason in (Reason.VISIT_UNKNOWN, Reason.VISIT_CLOSED, Reason.VISIT_ARCHIVED):
        return "ChargeItem.context"
    return "ChargeItem.priceOverride" if reason == Reason.CREDIT_EXCEEDS else resource_type


def _stored(resource_type: str, resource: Resource, identifier: str, reply: Reply) -> dict[str, Any]:
    """Return the resource as accepted; for a known one only what surely equals the stored one, marked as a subset."""
    if reply.repeated:
        kept: dict[str, Any] = {"identifier": resource["identifier"]} if "identifier" in resource else {}
        meta: dict[str, Any] = {"versionId": "1", "tag": [_SUBSETTED]}
    else:
        kept = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta", "text")}
        meta = {"versionId": "1"}
    document = {"resourceType": resource_type, "id": identifier, "meta": meta, **kept}
    parts = _decision(reply)
    if parts:
        document["extension"] = [*document.get("extension", []), *parts]
    return document


def _decision(reply: Reply) -> list[dict[str, Any]]:
    """Return how the charge was split, one extension a part, for the cashier who waits for it."""
    allocation = reply.result.get("allocation")
    if not isinstance(allocation, Mapping):
        return []
    return [
        {
            "url": f"urn:xm:decision:{part.replace('_', '-')}",
            "valueMoney": {"value": _number(int(allocation.get(f"{part}_fen", 0))), "currency": "CNY"},
        }
        for part in _PARTS
    ]


def _number(fen: int) -> Decimal:
    return Decimal(yuan_text(fen))


def bundle_answer(kind: str, answers: list[FhirAnswer]) -> FhirAnswer:
    """Return the transaction-response or batch-response: one entry per inbound entry, in order."""
    entries = [_entry(answer) for answer in answers]
    document = {"resourceType": "Bundle", "type": f"{kind}-response", "entry": entries}
    if not entries:
        del document["entry"]
    return FhirAnswer(200, document, {})


def _entry(answer: FhirAnswer) -> dict[str, Any]:
    response: dict[str, Any] = {"status": str(answer.status)}
    if "Location" in answer.headers:
        response["location"] = answer.headers["Location"]
    if "ETag" in answer.headers:
        response["etag"] = answer.headers["ETag"]
    if answer.document["resourceType"] == "OperationOutcome":
        return {"response": {**response, "outcome": answer.document}}
    return {"response": response, "resource": answer.document}

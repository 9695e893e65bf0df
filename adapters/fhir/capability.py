"""What this server can do, as `GET /fhir/R4/metadata` says it (protocols 3.1)."""

from typing import Any, Final

from adapters.fhir.translate import TRANSLATORS

_SINCE: Final = "2026-01-01"


def capability_statement() -> dict[str, Any]:
    """Return the CapabilityStatement: create and conditional create of each type, batch and transaction, no search."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _SINCE,
        "kind": "instance",
        "software": {"name": "medcredit"},
        "implementation": {"description": "Credit-based medical payment: charges, visits, identities, settlements"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "A bearer token per source"},
                "resource": [_resource(resource_type) for resource_type in sorted(TRANSLATORS)],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _resource(resource_type: str) -> dict[str, Any]:
    return {
        "type": resource_type,
        "interaction": [{"code": "create"}],
        "versioning": "versioned",
        "conditionalCreate": True,
        "updateCreate": False,
    }

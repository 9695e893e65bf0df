"""The published R4 model as a second reader: what we accept is valid FHIR (protocols 3.2).

`fhir.resources` has no R4 package of its own; R4B is its successor for the resources used here. It is imported with the
first resource, because importing costs more than half a second.
"""

import importlib
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from adapters.fhir.elements import Resource
from adapters.fhir.faults import EXPRESSION_MAX, FhirFaultError
from schemas.reasons import Reason

_MODULES: Final = {
    "ChargeItem": "chargeitem",
    "Encounter": "encounter",
    "Patient": "patient",
    "ClaimResponse": "claimresponse",
    "Bundle": "bundle",
}


@lru_cache(maxsize=len(_MODULES))
def _model(resource_type: str) -> type[BaseModel]:
    module = importlib.import_module(f"fhir.resources.R4B.{_MODULES[resource_type]}")
    model: type[BaseModel] = getattr(module, resource_type)
    return model


def check_model(resource_type: str, resource: Resource) -> None:
    """Raise the fault of the first element that the R4 model refuses.

    FHIR_VERSION_MISMATCH for an element R4 does not have, FIELD_MISSING, CHOICE_CONFLICT, TIME_INVALID,
    RESOURCE_INVALID for the rest. Model classes do not check code lists; translation does.
    """
    try:
        _model(resource_type).model_validate(resource)
    except ValidationError as refused:
        raise _fault(resource_type, dict(refused.errors(include_url=False, include_input=False)[0])) from None
    except (TypeError, ValueError, AttributeError, RecursionError):
        # The models trip over some shapes that JSON allows instead of refusing them.
        raise FhirFaultError(Reason.RESOURCE_INVALID, resource_type, {"field": resource_type}) from None


def _fault(resource_type: str, error: dict[str, Any]) -> FhirFaultError:
    path = ".".join([resource_type, *(part for part in error["loc"] if isinstance(part, str))])[:EXPRESSION_MAX]
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "extra_forbidden":
        return FhirFaultError(Reason.FHIR_VERSION_MISMATCH, path)
    if kind.endswith("missing"):
        return FhirFaultError(Reason.FIELD_MISSING, path, {"field": path})
    if "Any of one field value is expected" in message:
        return FhirFaultError(Reason.CHOICE_CONFLICT, path)
    if "DateTime" in message or "Date " in message:
        return FhirFaultError(Reason.TIME_INVALID, path)
    return FhirFaultError(Reason.RESOURCE_INVALID, path, {"field": path})

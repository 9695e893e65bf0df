"""Encounter to a visit event, Patient to an identity (protocols 3.3)."""

from typing import Final, Literal

from adapters.fhir.context import Context, Meaning, own_key, referred, subject_at, subject_in
from adapters.fhir.elements import Resource, instant, obj, objects, one_of, reference_tail, required, text
from adapters.fhir.faults import FhirFaultError
from schemas.commands import IdentifyPatient, RecordVisit, Scene
from schemas.reasons import Reason

_AT: Final = "Encounter"
_EVENTS: Final[dict[str, Literal["opened", "discharged"]]] = {"in-progress": "opened", "finished": "discharged"}
SCENES: Final[dict[str, Scene]] = {
    "AMB": "outpatient",
    "EMER": "emergency",
    "IMP": "inpatient",
    "ACUTE": "inpatient",
    "NONAC": "inpatient",
    "VR": "internet",
}
"""ActEncounterCode; the first three are what protocols 3.3 names."""


def encounter(resource: Resource, context: Context) -> Meaning:
    """Return the visit event an Encounter says. Raises FhirFaultError with the element at fault."""
    if "actualPeriod" in resource or "admission" in resource:
        name = "actualPeriod" if "actualPeriod" in resource else "admission"
        raise FhirFaultError(Reason.FHIR_VERSION_MISMATCH, f"{_AT}.{name}")
    event = _EVENTS.get(required(text(resource, "status", _AT), f"{_AT}.status"))
    if event is None:
        raise FhirFaultError(Reason.STATUS_INVALID, f"{_AT}.status")
    subject = subject_at(resource, "subject", _AT, context)
    body = RecordVisit(
        institution=context.source.institution,
        visit=own_key(resource, "visit", context, _AT),
        event=event,
        event_at=_event_at(resource, event, context),
        scene=scene_of(resource),
        subject=subject,
        department=_department(resource, context),
    )
    return Meaning(body, subject)


def _department(resource: Resource, context: Context) -> str:
    """Return the code of the service, else the organization that gives it when that is not the institution itself."""
    at = f"{_AT}.serviceType"
    for coding in objects(obj(resource, "serviceType", _AT), "coding", at)[:1]:
        if code := text(coding, "code", f"{at}.coding"):
            return code
    target, identifier, _ = referred(resource, "serviceProvider", _AT, context)
    found = text(identifier, "value", f"{_AT}.serviceProvider") or reference_tail(target, "Organization")
    return "" if found == context.source.institution else found


def scene_of(resource: Resource) -> Scene:
    """Return the scene of an Encounter's class. Raises FHIR_VERSION_MISMATCH for the R5 list, STATUS_INVALID else."""
    if isinstance(resource.get("class"), list):
        raise FhirFaultError(Reason.FHIR_VERSION_MISMATCH, f"{_AT}.class")
    code = required(text(obj(resource, "class", _AT), "code", f"{_AT}.class"), f"{_AT}.class")
    scene = SCENES.get(code)
    if scene is None:
        raise FhirFaultError(Reason.STATUS_INVALID, f"{_AT}.class")
    return scene


def _event_at(resource: Resource, event: str, context: Context) -> int:
    period = obj(resource, "period", _AT)
    start = instant(period, "start", f"{_AT}.period", context.now)
    end = instant(period, "end", f"{_AT}.period", context.now)
    at = end if event == "discharged" else start
    return context.now if at is None else at


def patient(resource: Resource, context: Context) -> Meaning:
    """Return the identity a Patient says; both a citizen id and a hospital number may link a number account."""
    one_of(resource, "deceased", "Patient")
    one_of(resource, "multipleBirth", "Patient")
    subject = subject_in(resource, context)
    body = IdentifyPatient(institution=context.source.institution, event_at=context.now, subject=subject)
    return Meaning(body, subject)

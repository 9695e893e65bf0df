"""What every resource of one request shares, and how a resource names the person, the visit and its own key."""

from collections.abc import Mapping
from typing import NamedTuple

from adapters.fhir.elements import (
    CITIZEN_SYSTEMS,
    Resource,
    birthday,
    coded,
    obj,
    objects,
    reference_tail,
    required,
    text,
    with_system,
)
from adapters.fhir.faults import FhirFaultError
from hub.runtime.http_sources import HttpSource, HttpSources, SystemUse
from hub.runtime.subjects import is_citizen_id, subject_of
from schemas.commands import Body, Subject
from schemas.reasons import Reason

_SEX = {"male": "M", "female": "F", "other": "O", "unknown": "U"}


class Context(NamedTuple):
    """The sender, the city's key, the city time, and the other resources of the same Bundle by their fullUrl."""

    source: HttpSource
    sources: HttpSources
    city_key: bytes
    now: int
    bundle: Mapping[str, Resource] = {}
    condition: str = ""
    """The value of `If-None-Exist: identifier=system|value`."""


class Meaning(NamedTuple):
    """What one resource says: the body of its command."""

    body: Body
    subject: Subject


def own_key(resource: Resource, use: SystemUse, context: Context, path: str) -> str:
    """Return the identifier value whose system the source's profile declares for this use.

    Raises SENDER_MISMATCH when another source owns one of the systems (row 45), FIELD_MISSING when none is declared.
    """
    identifiers = objects(resource, "identifier", path)
    for identifier in identifiers:
        owner = context.sources.owner(text(identifier, "system", f"{path}.identifier"))
        if owner not in (None, context.source.source_id):
            raise FhirFaultError(Reason.SENDER_MISMATCH, f"{path}.identifier.system")
    systems = [system for system, meant in context.source.systems.items() if meant == use]
    key: str = required(with_system(identifiers, systems, f"{path}.identifier"), f"{path}.identifier")
    return key


def referred(resource: Resource, name: str, path: str, context: Context) -> tuple[str, Resource, Resource]:
    """Return a Reference as (reference text, identifier, resource of the same Bundle); absent parts are empty."""
    reference = obj(resource, name, path)
    target = text(reference, "reference", f"{path}.{name}")
    identifier = obj(reference, "identifier", f"{path}.{name}")
    return target, identifier, context.bundle.get(target, {})


def visit_of(resource: Resource, name: str, path: str, context: Context) -> str:
    """Return the visit number a resource points to: by Bundle entry, by identifier or by `Encounter/<number>`.

    Raises FIELD_MISSING without any reference, VISIT_UNKNOWN for one that cannot name a visit (row 60).
    """
    target, identifier, entry = referred(resource, name, path, context)
    if entry:
        return own_key(entry, "visit", context, "Encounter")
    at = f"{path}.{name}"
    by_identifier = own_key({"identifier": [dict(identifier)]}, "visit", context, at) if identifier else ""
    visit = by_identifier or reference_tail(target, "Encounter")
    if not visit and target:
        raise FhirFaultError(Reason.VISIT_UNKNOWN, at)
    found: str = required(visit, at)
    return found


def subject_at(resource: Resource, name: str, path: str, context: Context) -> Subject:
    """Return whom a resource is about, by Bundle entry, by identifier or by `Patient/<hospital number>`."""
    target, identifier, entry = referred(resource, name, path, context)
    if entry:
        return subject_in(entry, context)
    at = f"{path}.{name}"
    if identifier:
        return _subject([identifier], {}, context, at)
    number = reference_tail(target, "Patient")
    if not number:
        raise FhirFaultError(Reason.FIELD_MISSING if not target else Reason.PATIENT_MISSING, at, {"field": at})
    return subject_of(context.city_key, context.source.institution, number=number)


def subject_in(patient: Resource, context: Context) -> Subject:
    """Return the subject a Patient resource describes, names and numbers reduced to masks and account ids."""
    identifiers = objects(patient, "identifier", "Patient")
    required(identifiers, "Patient.identifier")
    return _subject(identifiers, patient, context, "Patient.identifier")


def _subject(identifiers: list[Resource], patient: Resource, context: Context, path: str) -> Subject:
    citizen = _citizen_id(identifiers, path)
    number = _number(identifiers, context, path)
    if not citizen and not number:
        raise FhirFaultError(Reason.PATIENT_MISSING, path)
    return subject_of(
        context.city_key,
        context.source.institution,
        citizen_id=citizen,
        number=number,
        name=_name(patient),
        birth_on=birthday(text(patient, "birthDate", "Patient")),
        sex=_SEX.get(text(patient, "gender", "Patient"), ""),
    )


def _citizen_id(identifiers: list[Resource], path: str) -> str:
    """Return the citizen id. Raises IDENTITY_CONFLICT for two, SUBJECT_INVALID for a wrong check digit."""
    values = {
        text(each, "value", path).upper()
        for each in identifiers
        if text(each, "system", path) in CITIZEN_SYSTEMS or coded(each, "NI")
    } - {""}
    if len(values) > 1:
        raise FhirFaultError(Reason.IDENTITY_CONFLICT, path)
    value = next(iter(values), "")
    if value and not is_citizen_id(value):
        raise FhirFaultError(Reason.SUBJECT_INVALID, path)
    return value


def _number(identifiers: list[Resource], context: Context, path: str) -> str:
    systems = [system for system, use in context.source.systems.items() if use == "number"]
    for identifier in identifiers:
        owner = context.sources.owner(text(identifier, "system", path))
        if owner not in (None, context.source.source_id):
            raise FhirFaultError(Reason.SENDER_MISMATCH, f"{path}.system")
    return with_system(identifiers, systems, path)


def _name(patient: Resource) -> str:
    names = objects(patient, "name", "Patient")
    if not names:
        return ""
    return text(names[0], "text", "Patient.name") or text(names[0], "family", "Patient.name")

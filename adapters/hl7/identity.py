"""Who a message is about, and to which account it goes: a pure function of bytes and profile (architecture 5).

Precedence of identifiers: citizen id `NI`, health card `HC`, hospital number `MR`/`PI`, PID-2, PID-19 (protocols 2.2).
Names and numbers leave this module only as keyed hashes and masks.
"""

import re
from typing import Final

import msgspec

from adapters.hl7.faults import Fault, Location
from adapters.hl7.profile import Profile
from adapters.hl7.reader import Message, Segment, leaf
from hub.runtime.subjects import is_citizen_id, route, subject_of
from schemas.commands import Subject
from schemas.reasons import Reason

_BIRTHDAY: Final = re.compile(r"(\d{4})(\d\d)(\d\d)\d*", re.ASCII)
_HOSPITAL_TYPES: Final = ("MR", "PI", "")
_SEXES: Final = frozenset("MFOUAN")


class Identity(msgspec.Struct, frozen=True):
    """The subject of a message and the account its profile routes it to."""

    subject: Subject
    account: str


def identify(message: Message, profile: Profile, city_key: bytes) -> Identity | Fault:
    """Return whom the message is about, or PATIENT_MISSING or IDENTITY_CONFLICT."""
    pid = message.first("PID")
    if pid is None:
        return Fault(Reason.PATIENT_MISSING, Location("PID", 1, 3))
    by_type = _identifiers(pid, profile, 3)
    citizens = {value.upper() for value in by_type.get("NI", ())}
    if len(citizens) > 1:
        return Fault(Reason.IDENTITY_CONFLICT, Location("PID", 1, 3))
    number = _hospital_number(pid, by_type)
    citizen = next(iter(citizens), "") or _legacy_citizen_id(pid)
    if not citizen and not number:
        return Fault(Reason.PATIENT_MISSING, Location("PID", 1, 3))
    return _identity(pid, profile, city_key, citizen, number)


def _identity(pid: Segment, profile: Profile, city_key: bytes, citizen: str, number: str) -> Identity:
    subject = subject_of(
        city_key,
        profile.institution,
        citizen_id=citizen,
        number=number,
        name=pid.value(5, 1) or pid.value(5, 2),
        birth_on=_birthday(pid.value(7)),
        sex=_sex(pid.value(8), profile),
    )
    return Identity(subject, route(subject, profile.defaults.route_by))


def retired_subject(message: Message, profile: Profile, city_key: bytes) -> Subject | Fault:
    """Return whom MRG-1 retires (ADT^A40), or MERGE_INVALID; its citizen id merges persons, its number numbers."""
    mrg = message.first("MRG")
    by_type = _identifiers(mrg, profile, 1) if mrg is not None else {}
    citizens = {value.upper() for value in by_type.get("NI", ())}
    number = next((by_type[kind][0] for kind in _HOSPITAL_TYPES if kind in by_type), "")
    if not citizens and not number:
        return Fault(Reason.MERGE_INVALID, Location("MRG", 1, 1), code="101")
    if len(citizens) > 1:
        return Fault(Reason.IDENTITY_CONFLICT, Location("MRG", 1, 1))
    return subject_of(city_key, profile.institution, citizen_id=next(iter(citizens), ""), number=number)


def _identifiers(pid: Segment, profile: Profile, field: int) -> dict[str, list[str]]:
    """Return the numbers of a CX field by their type after the profile's aliases, in order of appearance."""
    found: dict[str, list[str]] = {}
    for raw in pid.repetitions(field):
        value = leaf(raw, 1, 1, pid.separators).strip()
        kind = leaf(raw, 5, 1, pid.separators)
        if value:
            found.setdefault(profile.id_types.get(kind, kind), []).append(value)
    return found


def _hospital_number(pid: Segment, by_type: dict[str, list[str]]) -> str:
    """Return the institution's own number; a health card alone counts as one, under its own prefix."""
    cards = by_type.get("HC")
    for kind in _HOSPITAL_TYPES:
        if kind in by_type:
            return by_type[kind][0]
    return f"HC:{cards[0]}" if cards else pid.value(2).strip()


def _legacy_citizen_id(pid: Segment) -> str:
    """Return PID-19 where it is a citizen id by its check character."""
    value = pid.value(19).strip().upper()
    return value if is_citizen_id(value) else ""


def _birthday(text: str) -> str:
    match = _BIRTHDAY.match(text)
    return "-".join(match.groups()) if match else ""


def _sex(text: str, profile: Profile) -> str:
    sex = profile.sexes.get(text, text)
    return sex if sex in _SEXES else ""

"""The body of a message: DFT^P03 to a charge, ADT to a visit event, with every fault at once (protocols 2.1, 2.2)."""

from typing import Final, Literal

import msgspec

from adapters.hl7.faults import Fault, Location, too_long
from adapters.hl7.header import Header
from adapters.hl7.identity import Identity, identify, retired_subject
from adapters.hl7.lines import read_lines
from adapters.hl7.profile import Profile
from adapters.hl7.reader import Message
from adapters.hl7.times import AHEAD_MAX_MS, instant
from adapters.hl7.totals import control_faults, read_settlement
from schemas.commands import Body, MergePatient, PostCharge, RecordVisit, Scene
from schemas.reasons import Reason

VisitEvent = Literal["opened", "updated", "discharged", "cancelled", "reopened"]
VISIT_EVENTS: Final[dict[str, VisitEvent]] = {
    "A01": "opened",
    "A04": "opened",
    "A08": "updated",
    "A03": "discharged",
    "A11": "cancelled",
    "A13": "reopened",
}
MERGE_EVENT: Final = "A40"
_DEFAULT_SCENE: Final[dict[str, Scene]] = {"A01": "inpatient", "A04": "outpatient"}


class Content(msgspec.Struct, frozen=True):
    """The command body and its account, or faults; warnings do not refuse."""

    body: Body | None
    account: str
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...] = ()


class _Visit(msgspec.Struct, frozen=True):
    """What DFT and ADT share: whose visit, when and in which scene."""

    number: str
    event_at: int
    scene: Scene | None
    identity: Identity | None
    department: str = ""


def read_content(message: Message, header: Header, event: str, profile: Profile, city_key: bytes, now: int) -> Content:
    """Return what a message of a mapped source asks for; `event` is MSH-9.2 after aliases, `now` city time in ms."""
    faults: list[Fault] = []
    if event == MERGE_EVENT:
        return _merge(message, header, profile, city_key, now)
    if header.message_type == "DFT":
        faults += _structure_faults(message)
    visit = _visit(message, header, profile, city_key, now, faults)
    if header.message_type == "ADT":
        return _visit_event(visit, event, profile, faults)
    return _charge(message, header, visit, profile, now, faults)


def _merge(message: Message, header: Header, profile: Profile, city_key: bytes, now: int) -> Content:
    """Return the merge of two records, for the retired account: a person's where both citizen ids are named."""
    faults: list[Fault] = []
    event_at = _event_at(message, header, profile, now, faults)
    identity, retired = identify(message, profile, city_key), retired_subject(message, profile, city_key)
    faults += [each for each in (identity, retired) if isinstance(each, Fault)]
    if faults or isinstance(identity, Fault) or isinstance(retired, Fault):
        return Content(None, "", tuple(faults))
    survivor = identity.subject
    persons = bool(retired.person and survivor.person and retired.person != survivor.person)
    account = retired.person if persons or not retired.number else retired.number
    if account in (survivor.person, survivor.number):
        return Content(None, "", (Fault(Reason.MERGE_INVALID, Location("MRG", 1, 1)),))
    return Content(MergePatient(profile.institution, event_at, survivor, retired), account, ())


def _structure_faults(message: Message) -> list[Fault]:
    """Return FT1_MISSING where there is no FT1, or one is glued to another segment by a blank."""
    glued = f" FT1{message.separators.field}"
    found = message.count("FT1")
    if found and not any(glued in line for line in message.lines):
        return []
    return [Fault(Reason.FT1_MISSING, Location("FT1", found + 1))]


def _visit(
    message: Message, header: Header, profile: Profile, city_key: bytes, now: int, faults: list[Fault]
) -> _Visit:
    identity = identify(message, profile, city_key)
    if isinstance(identity, Fault):
        faults.append(identity)
    number = next((value for value in map(message.at, profile.visit) if value), "")
    if not number:
        faults.append(Fault(Reason.VISIT_MISSING, Location("PV1", 1, 19)))
    faults += too_long(number, "PV1", 19)
    event_at = _event_at(message, header, profile, now, faults)
    scene = _scene(message, profile, faults)
    department = next((value for value in map(message.at, profile.department) if value), "")
    faults += too_long(department, "PV1", 3)
    return _Visit(number, event_at, scene, None if isinstance(identity, Fault) else identity, department)


def _event_at(message: Message, header: Header, profile: Profile, now: int, faults: list[Fault]) -> int:
    """Return EVN-2, else MSH-7 (protocols 2.2)."""
    evn = message.first("EVN")
    text = evn.value(2) if evn else ""
    location = Location("EVN", 1, 2) if text else Location("MSH", 1, 7)
    moment = instant(text or header.time.split(header.separators.component, 1)[0], profile.offset)
    if moment is None or moment > now + AHEAD_MAX_MS:
        faults.append(Fault(Reason.TIME_INVALID, location))
        return 0
    return moment


def _scene(message: Message, profile: Profile, faults: list[Fault]) -> Scene | None:
    """Return the scene PV1-2 means after aliases; None where it is not sent."""
    pv1 = message.first("PV1")
    text = pv1.value(2) if pv1 else ""
    scene = profile.classes.get(text)
    if text and scene is None:
        faults.append(Fault(Reason.STATUS_INVALID, Location("PV1", 1, 2)))
    return scene


def _visit_event(visit: _Visit, event: str, profile: Profile, faults: list[Fault]) -> Content:
    if faults or visit.identity is None:
        return Content(None, "", tuple(faults))
    body = RecordVisit(
        institution=profile.institution,
        visit=visit.number,
        event=VISIT_EVENTS[event],
        event_at=visit.event_at,
        scene=visit.scene or _DEFAULT_SCENE.get(event),
        subject=visit.identity.subject,
        department=visit.department,
    )
    return Content(body, visit.identity.account, ())


def _charge(
    message: Message, header: Header, visit: _Visit, profile: Profile, now: int, faults: list[Fault]
) -> Content:
    read = read_lines(message, profile, header.control_id, visit.event_at, now)
    faults += read.faults
    settlement, settlement_faults = read_settlement(message, profile)
    faults += settlement_faults
    controls = [] if read.faults else control_faults(message, profile, read.lines)
    if profile.guard.control_mode == "enforce":
        faults += controls
    if faults or visit.identity is None:
        return Content(None, "", tuple(faults))
    # Payment lines (FT1-6 PY) stay lines: their keys keep a prepayment from being booked twice under another MSH-10.
    body = PostCharge(
        institution=profile.institution,
        visit=visit.number,
        scene=visit.scene or "outpatient",
        event_at=visit.event_at,
        lines=read.lines,
        subject=visit.identity.subject,
        settlement=settlement,
        settlement_mode=profile.defaults.settlement,
        replace_lines=profile.defaults.line_replace == "allow",
        strict_control_id=header.control_id if profile.defaults.control_id_policy == "strict" else "",
    )
    return Content(body, visit.identity.account, (), tuple(controls))

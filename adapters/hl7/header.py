"""MSH: what it says, and the checks that come before anything else is read (protocols 1.3, 1.5, rows 6-15 and 21)."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from adapters.hl7.faults import Fault, Location, too_long
from adapters.hl7.reader import STANDARD, Separators, leaf, separators_of
from schemas.reasons import Reason

ACK_MODES: Final = ("", "AL", "NE", "ER", "SU")
ADT_EVENTS: Final = frozenset({"A01", "A03", "A04", "A08", "A11", "A13", "A40"})
_EVENTS: Final = {"ADT": ADT_EVENTS, "DFT": frozenset({"P03"})}
_VERSION: Final = re.compile(r"2\.[1-8](\.\d)?", re.ASCII)
_GLUED: Final = re.compile(r"\s(?:SFT|EVN|PID|PD1|PV1|FT1)(\W)")


class Header(msgspec.Struct, frozen=True):
    """The header's fields as sent, raw and never re-escaped, so that an answer can echo them byte for byte."""

    separators: Separators
    msh_2: str
    sending_application: str
    sending_facility: str
    receiving_application: str
    receiving_facility: str
    time: str
    message_type: str
    event: str
    control_id: str
    processing_id: str
    version: str
    continuation: str
    accept_mode: str
    application_mode: str
    language: str
    charset_name: str
    codec: str = "utf-8"
    """The charset the message was read with; the answer is written in it."""
    source: str = ""
    """The sender, `MSH-3.1@MSH-4.1`."""

    @property
    def enhanced(self) -> bool:
        """True when at least one of MSH-15 and MSH-16 is filled."""
        return bool(self.accept_mode or self.application_mode)

    @property
    def version_number(self) -> tuple[int, ...]:
        """The version to compare with, (2, 5, 1) for `2.5.1^CHN`; (2, 5, 1) too where it cannot be read."""
        return _version_number(self.version.split(self.separators.component, 1)[0])


UNREADABLE: Final = Header(
    STANDARD, STANDARD.msh_2, "", "", "", "", "", "", "", "", "P", "2.5.1", "", "", "", "", "UNICODE UTF-8"
)
"""What the answer to a message without a readable header echoes (protocols 1.4)."""


@lru_cache(maxsize=256)
def _version_number(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("."))) if _VERSION.fullmatch(text) else (2, 5, 1)


def unglued(line: str) -> str:
    """Return the header line without further segments that blanks glue to it (row 26)."""
    match = _GLUED.search(line, 8)
    return line[: match.start()] if match and match[1] == line[3] else line


def read_header(line: str, codec: str) -> Header | None:
    """Return the header of an MSH line; None where its separators cannot be read (HEADER_SEPARATORS)."""
    separators = separators_of(line)
    if separators is None:
        return None
    fields = unglued(line).split(separators.field)
    fields += [""] * (18 - len(fields))
    message_type = [*fields[8].split(separators.component, 2), "", ""]
    source = f"{leaf(fields[2], 1, 1, separators)}@{leaf(fields[3], 1, 1, separators)}"
    return Header(
        separators, fields[1], fields[2], fields[3], fields[4], fields[5], fields[6],
        message_type[0], message_type[1], fields[9], fields[10], fields[11], fields[13], fields[14], fields[15],
        fields[16], fields[17], codec, source,
    )  # fmt: skip


def long_fields(header: Header) -> list[Fault]:
    """Return FIELD_TOO_LONG for the sender and the control id: they name the message wherever it goes."""
    fields = ((3, header.sending_application), (4, header.sending_facility), (10, header.control_id))
    return [fault for number, text in fields for fault in too_long(text, "MSH", number)]


def header_faults(header: Header, processing_ids: frozenset[str], event: str) -> list[Fault]:
    """Return every fault of the header, in field order; `event` is MSH-9.2 after the profile's aliases."""
    component = header.separators.component
    faults = _type_faults(header, event)
    if not header.control_id:
        faults.append(_fault(Reason.CONTROL_ID_MISSING, 10))
    if header.processing_id.split(component, 1)[0] not in processing_ids:
        faults.append(_fault(Reason.PROCESSING_ID, 11))
    if not _VERSION.fullmatch(header.version.split(component, 1)[0]):
        faults.append(_fault(Reason.VERSION_UNSUPPORTED, 12))
    for number, mode in ((15, header.accept_mode), (16, header.application_mode)):
        if mode not in ACK_MODES:
            faults.append(_fault(Reason.ACK_MODE, number))
    return faults


def _type_faults(header: Header, event: str) -> list[Fault]:
    events = _EVENTS.get(header.message_type)
    if events is None:
        return [Fault(Reason.TYPE_UNSUPPORTED, Location("MSH", 1, 9, 1, 1))]
    if event not in events:
        return [Fault(Reason.EVENT_UNSUPPORTED, Location("MSH", 1, 9, 1, 2))]
    return []


def _fault(reason: Reason, field: int) -> Fault:
    return Fault(reason, Location("MSH", 1, field))

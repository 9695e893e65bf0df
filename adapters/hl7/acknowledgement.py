"""Acknowledgements: built from a template, a function of the inbound bytes and the verdict alone (protocols 1.3, 1.4).

A repeat therefore gets the same bytes without any lookup. Nothing of a person, an amount of another line or a stack
trace ever stands in an answer.
"""

from collections.abc import Sequence
from typing import Final, Literal

from adapters.hl7.faults import TABLE_0357, Fault, Location
from adapters.hl7.header import Header
from adapters.hl7.reader import escape
from schemas.ids import sm3_hex
from schemas.reasons import reason_text

AckCode = Literal["AA", "AE", "AR", "CA", "CE", "CR"]
ERR_MAX: Final = 200
"""ERR segments of one answer; the lint report lists every fault."""
TEXT_MAX: Final = 120
"""Characters of ERR-7 and ERR-8 (experience 6)."""


def acknowledgement(header: Header, code: AckCode, key: str, faults: Sequence[Fault] = ()) -> bytes:
    """Return one ACK message, without its frame, in the charset of the inbound message.

    `key` is the message_key, or for an unreadable message the digest of its bytes. A character that the sender's
    charset lacks is written as `?`; only our own text can hold one.
    """
    lines = [_msh(header, code, key), _msa(header, code, faults)]
    lines += _errors(header, faults[:ERR_MAX])
    return ("\r".join(lines) + "\r").encode(header.codec, errors="replace")


def control_id(code: AckCode, key: str) -> str:
    """Return MSH-10 of the answer: `C` or `A` and 18 hex digits, within the 20 characters of 2.5."""
    return ("C" if code in ("CA", "CE", "CR") else "A") + sm3_hex(key.encode())[:18]


def permitted(mode: str, *, success: bool) -> bool:
    """Return whether MSH-15 or MSH-16 asks for an answer; an empty one beside a filled one counts as NE."""
    return mode in ("AL", "SU" if success else "ER")


def _msh(header: Header, code: AckCode, key: str) -> str:
    component = header.separators.component
    event = header.event
    message_type = "ACK" + (component + event if event else "")
    if event and header.version_number >= (2, 3, 1):
        message_type += component + "ACK"
    none = "NE" if header.enhanced else ""
    fields = [
        "MSH",
        header.msh_2,
        header.receiving_application,
        header.receiving_facility,
        header.sending_application,
        header.sending_facility,
        header.time,
        "",
        message_type,
        control_id(code, key),
        header.processing_id,
        header.version,
        "",
        "",
        none,
        none,
        header.language,
        header.charset_name,
    ]
    return _joined(fields, header)


def _msa(header: Header, code: AckCode, faults: Sequence[Fault]) -> str:
    fields = ["MSA", code, header.control_id or "UNKNOWN"]
    if faults and header.version_number < (2, 7):
        first = faults[0]
        fields.append(first.reason.value)
        if (2, 3) <= header.version_number < (2, 5):
            fields += ["", "", _coded(header, first.table_0357, TABLE_0357[first.table_0357], "HL70357")]
    return _joined(fields, header)


def _errors(header: Header, faults: Sequence[Fault]) -> list[str]:
    if not faults:
        return []
    if header.version_number < (2, 5):
        repetitions = header.separators.repetition.join(_err_1(header, fault) for fault in faults)
        return [_joined(["ERR", repetitions], header)]
    return [_err(header, fault) for fault in faults]


def _err_1(header: Header, fault: Fault) -> str:
    """Return ERR-1 of versions up to 2.4: segment ^ sequence ^ field ^ code & text & system."""
    separators = header.separators
    code = fault.table_0357
    identified = (separators.subcomponent or "&").join((code, TABLE_0357[code], "HL70357"))
    place = fault.location.parts()[:3] if fault.location.segment else ()
    return separators.component.join((*place, *[""] * (3 - len(place)), identified))


def _err(header: Header, fault: Fault) -> str:
    """Return an ERR segment of versions from 2.5."""
    english = reason_text(fault.reason, "en", fault.parameters)
    code = fault.table_0357
    fields = [
        "ERR",
        "",
        _location(header, fault.location),
        _coded(header, code, TABLE_0357[code], "HL70357"),
        "E",
        _coded(header, fault.reason.value, english.split(". ", 1)[0].rstrip("."), "XMHUB"),
        "",
        escape(english[:TEXT_MAX], header.separators),
        escape(reason_text(fault.reason, "zh", fault.parameters)[:TEXT_MAX], header.separators),
    ]
    return _joined(fields, header)


def _location(header: Header, location: Location) -> str:
    return header.separators.component.join(location.parts()) if location.segment else ""


def _coded(header: Header, code: str, text: str, system: str) -> str:
    return header.separators.component.join((code, escape(text, header.separators), system))


def _joined(fields: list[str], header: Header) -> str:
    """Return the segment without the empty fields at its end."""
    while fields and not fields[-1]:
        fields.pop()
    return header.separators.field.join(fields)

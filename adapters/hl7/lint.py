"""`hl7 lint`: what the live listener would answer, without storing or sending anything (experience 5).

The same translation judges file and live message, so codes and positions are equal by construction.
"""

import re
from typing import Final, Literal

import msgspec

from adapters.hl7.batches import is_batch, read_batch
from adapters.hl7.charset import decode
from adapters.hl7.faults import Fault, Location
from adapters.hl7.reader import read
from adapters.hl7.translation import Accepted, Refused, Setting, Translated, in_original_mode, translate
from schemas.reasons import reason_text

_FT1: Final = re.compile(rb"(?:^|[\r\n])FT1[^A-Za-z0-9]")
Severity = Literal["error", "warning", "note"]

NOTES = {
    "WEAK_LINE_KEY": (
        "FT1-2 is empty, so MSH-10#FT1-1 stands in. If the sequence changes on a repeat it counts as a new line.",
        "为空，用 MSH-10#FT1-1 代替；重发时若序号变化会被当作新明细。",
    ),
    "CHARSET_MISMATCH": (
        "The text is in {charset}, but message or profile name another charset. Correct MSH-18 or the profile.",
        "内容实际为 {charset}，与消息或方言声明不一致。请更正 MSH-18 或方言。",
    ),
}
"""Texts of what lint tells beside the registered reasons; nothing is refused for them."""


class Finding(msgspec.Struct, frozen=True):
    """One line of the report."""

    severity: Severity
    code: str
    position: str
    """ERR-2, as `FT1^2^11`; empty for the whole message."""
    en: str
    zh: str

    @property
    def docs(self) -> str:
        """The page that explains the code."""
        return f"docs/errors/{self.code}"


class Report(msgspec.Struct, frozen=True):
    """What one message would be answered, and why."""

    answer: str
    """AA, AE, AR or CR; for `ack_after: decision` AA stands for "goes to the books"."""
    message: str
    """As `DFT^P03 2.5.1`; empty where the header cannot be read."""
    control_id: str
    charset: str
    charset_declared: bool
    """True where message and profile name the charset that was read."""
    lines: int
    """FT1 segments."""
    profile: str
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """True when it would be accepted."""
        return self.answer == "AA"


def lint(content: bytes, setting: Setting, now: int) -> tuple[Report, ...]:
    """Return one report for each message of a file: a single message, or a batch with its envelopes.

    MLLP frame bytes around the content are tolerated; `now` is city time in milliseconds.
    """
    payload = content.removeprefix(b"\x0b")
    payload = payload[: payload.rindex(b"\x1c")] if b"\x1c" in payload else payload
    if not is_batch(payload):
        return (_report(translate(payload, setting, now), payload, setting),)
    file = read_batch(payload)
    if isinstance(file, Refused):
        return (_report(file, payload, setting),)
    return tuple(_report(in_original_mode(translate(raw, setting, now)), raw, setting) for raw in file.messages)


def _report(translated: Translated, payload: bytes, setting: Setting) -> Report:
    header = translated.header
    event = f"^{header.event}" if header.event else ""
    return Report(
        answer="AA" if isinstance(translated, Accepted) else _refusal_code(translated),
        message=f"{header.message_type}{event} {header.version}".strip() if header.control_id else "",
        control_id=header.control_id,
        charset=header.codec,
        charset_declared=not (isinstance(translated, Accepted) and translated.charset_mismatch),
        lines=len(_FT1.findall(payload)),
        profile=translated.profile,
        findings=(*_findings(translated), *_weak_lines(translated, payload, setting)),
    )


def _refusal_code(refused: Refused) -> str:
    return "CR" if refused.level == "header" and refused.header.enhanced else refused.reply


def _findings(translated: Translated) -> list[Finding]:
    if isinstance(translated, Refused):
        return [_finding("error", fault) for fault in translated.faults]
    found = [_finding("warning", fault) for fault in translated.warnings]
    if translated.charset_mismatch:
        found.append(_note("CHARSET_MISMATCH", Location("MSH", 1, 18), charset=translated.header.codec))
    return found


def _weak_lines(translated: Translated, payload: bytes, setting: Setting) -> list[Finding]:
    """Return a note for each line without an id of its own, also in a message refused for other reasons."""
    header = translated.header
    profile = setting.profiles.find(header.source, header.time[:8])
    place = profile.places.get("line_id") if profile else None
    decoded = decode(payload)
    message = read(decoded.text) if decoded and decoded.text.startswith("MSH") and place else None
    if message is None or place is None:
        return []
    weak = [segment for segment in message.segments("FT1") if not segment.at(place)]
    return [_note("WEAK_LINE_KEY", Location("FT1", segment.occurrence, place.field)) for segment in weak]


def _finding(severity: Severity, fault: Fault) -> Finding:
    position = str(fault.location) if fault.location.segment else ""
    return Finding(
        severity,
        fault.reason.value,
        position,
        reason_text(fault.reason, "en", fault.parameters),
        reason_text(fault.reason, "zh", fault.parameters),
    )


def _note(code: str, location: Location, **parameters: str) -> Finding:
    english, chinese = NOTES[code]
    return Finding("note", code, str(location), english.format(**parameters), chinese.format(**parameters))

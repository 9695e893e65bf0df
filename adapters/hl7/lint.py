"""`hl7 lint`: what the live listener would answer, without storing or sending anything (experience 5).

The same translation judges file and live message, so codes and positions are equal by construction.
"""

from typing import Literal

import msgspec

from adapters.hl7.batches import is_batch, read_batch
from adapters.hl7.faults import Fault, Location
from adapters.hl7.translation import Accepted, Refused, Setting, Translated, in_original_mode, translate
from schemas.commands import PostCharge
from schemas.reasons import reason_text

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
    """As `DFT^P03 2.5.1`."""
    control_id: str
    charset: str
    lines: int
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
        return (_report(translate(payload, setting, now)),)
    file = read_batch(payload)
    if isinstance(file, Refused):
        return (_report(file),)
    return tuple(_report(in_original_mode(translate(raw, setting, now))) for raw in file.messages)


def _report(translated: Translated) -> Report:
    header = translated.header
    event = f"^{header.event}" if header.event else ""
    return Report(
        answer="AA" if isinstance(translated, Accepted) else _refusal_code(translated),
        message=f"{header.message_type}{event} {header.version}".strip() if header.control_id else "",
        control_id=header.control_id,
        charset=header.codec,
        lines=_line_count(translated),
        profile=translated.profile,
        findings=tuple(_findings(translated)),
    )


def _refusal_code(refused: Refused) -> str:
    return "CR" if refused.level == "header" and refused.header.enhanced else refused.reply


def _line_count(translated: Translated) -> int:
    if isinstance(translated, Accepted):
        return len(translated.body.lines) if isinstance(translated.body, PostCharge) else 0
    return max((fault.location.occurrence for fault in translated.faults if fault.location.segment == "FT1"), default=0)


def _findings(translated: Translated) -> list[Finding]:
    if isinstance(translated, Refused):
        return [_finding("error", fault) for fault in translated.faults]
    found = [_finding("warning", fault) for fault in translated.warnings]
    if translated.charset_mismatch:
        found.append(_note("CHARSET_MISMATCH", Location("MSH", 1, 18), charset=translated.header.codec))
    if isinstance(translated.body, PostCharge):
        weak = [number for number, line in enumerate(translated.body.lines, 1) if line.weak_key]
        found += [_note("WEAK_LINE_KEY", Location("FT1", number, 2)) for number in weak]
    return found


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

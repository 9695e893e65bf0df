"""What the verbs of `medcredit hl7` answer under --json."""

from typing import Any

from schemas.commands import Struct


class LintedMessage(Struct, frozen=True, omit_defaults=False):
    """One message of a file: the report as the adapter made it, and the same as lines."""

    file: str
    report: dict[str, Any]
    clean: bool
    lines: tuple[str, ...]


class LintAnswer(Struct, frozen=True, omit_defaults=False):
    """`hl7 lint`: `clean` when every message would be accepted."""

    clean: bool
    messages: tuple[LintedMessage, ...]


class AckAnswer(Struct, frozen=True, omit_defaults=False):
    """One acknowledgement explained; `resend` where the same bytes are to be sent again."""

    code: str
    control_id: str
    reasons: tuple[str, ...]
    locations: tuple[str, ...]
    resend: bool
    lines: tuple[str, ...]
    milliseconds: float = 0.0
    """From the message's first byte out to its last answer in; 0 for one read from a file."""


class SentFile(Struct, frozen=True, omit_defaults=False):
    """One file that was sent, with its answers in order."""

    file: str
    control_id: str
    accepted: bool
    answers: tuple[AckAnswer, ...]


class SendAnswer(Struct, frozen=True, omit_defaults=False):
    """`hl7 send`: `accepted` when every message was."""

    accepted: bool
    files: tuple[SentFile, ...]


class SourceAnswer(Struct, frozen=True, omit_defaults=False):
    """`hl7 source add`: what was written and where the source sends to."""

    source: str
    profile: str
    samples: tuple[str, ...]
    mllp: str
    fhir: str
    do: str

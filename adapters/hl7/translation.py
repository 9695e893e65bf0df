"""One HL7 message to one command, or to everything that is wrong with it; pure (protocols 1.5, architecture 5).

Order: decode, header, sender and header checks, profile, content. The result is a function of the bytes, the profiles,
the city's key and, for times far ahead only, the hub's clock; so every repeat is answered alike without any lookup.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from adapters.hl7.charset import UTF_8, Decoded, decode, decode_named_utf_8
from adapters.hl7.content import read_content
from adapters.hl7.faults import QUARANTINED, Fault, Location
from adapters.hl7.header import UNREADABLE, Header, header_faults, long_fields, read_header, unglued
from adapters.hl7.profile import Profile, Profiles
from adapters.hl7.reader import Message, lines_of
from schemas.commands import COMMAND_BYTES_MAX, LINES_MAX, Body
from schemas.ids import message_hash, sm3_hex
from schemas.reasons import Reason

PRODUCTION: Final = frozenset({"P"})
"""MSH-11 of a production listener."""
SANDBOX: Final = frozenset({"P", "T", "D"})
"""MSH-11 of a sandbox listener."""

DeadLetterInterface = Literal["mllp", "hl7", "quarantine.charge"]
Level = Literal["frame", "header", "content"]
BusyReply = Literal["AR", "AE", "close"]
Reply = Literal["", "AA", "AE", "AR"]
_FRAME_REASONS: Final = frozenset({Reason.CONTROL_ID_MISSING, Reason.ACK_MODE})
"""Header faults answered like an unreadable header: AR in every mode (protocols 1.3)."""
_UNANSWERED: Final = frozenset({Reason.FRAME_UNTERMINATED, Reason.FRAME_TIMEOUT})
_HEADER_BYTES: Final = 4096


class Setting(msgspec.Struct, frozen=True):
    """What translation needs besides the bytes; the edge makes one and keeps it."""

    profiles: Profiles
    city_key: bytes
    processing_ids: frozenset[str] = PRODUCTION
    allowed_sources: frozenset[str] | None = None
    """The sources this listener's client may write for; None where no client is proven (plain loopback)."""


class Accepted(msgspec.Struct, frozen=True):
    """A message that becomes one command; what the edge adds is time, sealed bytes and the reply address."""

    header: Header
    message_key: str
    """`MSH-3.1|MSH-4.1|MSH-10|SM3(body)[:16]`: also the receipt key and the key of its answers."""
    command_id: str
    """The same for every repeat; another body under the same MSH-10 has another one."""
    content_hash: str
    account: str
    source: str
    profile: str
    body: Body
    warnings: tuple[Fault, ...]
    """What the sender should know though nothing is refused: control totals in mode `warn`."""
    await_decision: bool
    """The profile's `ack_after: decision`: the application answer waits for the books."""
    busy_reply: BusyReply
    charset_mismatch: bool


class Refused(msgspec.Struct, frozen=True):
    """A message that becomes a dead letter; `faults` holds everything that is wrong, the first one names it."""

    header: Header
    receipt_key: str
    """The message_key; for bytes without a readable header `sm3:` and 32 hex digits of their digest."""
    source: str
    profile: str
    faults: tuple[Fault, ...]
    interface: DeadLetterInterface
    level: Level
    """Which row of the table in protocols 1.3 answers it."""
    reply: Reply
    """The application code in original mode; empty for a frame that is never answered."""
    busy_reply: BusyReply = "AR"

    @property
    def reason(self) -> Reason:
        """The reason the dead letter and MSA-3 carry."""
        return self.faults[0].reason


Translated = Accepted | Refused


class _Case(msgspec.Struct, frozen=True):
    """What is known of a message once its header is read."""

    header: Header
    message: Message
    profile: Profile | None
    event: str
    """MSH-9.2 after the profile's aliases."""
    digest: str
    """SM3 of the body: CR line ends, MSH-7 emptied, as UTF-8."""
    charset_mismatch: bool

    @property
    def key(self) -> str:
        """The message_key."""
        application, _, facility = self.header.source.partition("@")
        return f"{application}|{facility}|{self.header.control_id}|{self.digest[:16]}"


def translate(payload: bytes, setting: Setting, now: int) -> Translated:
    """Return the command a message becomes, or all its faults; never raises, whatever the bytes.

    `payload` is one message without its frame; `now` the hub's city time in milliseconds.
    """
    if not 0 < len(payload) <= COMMAND_BYTES_MAX:  # judged without reading megabytes
        return refused_oversized(payload, setting) if payload else refused_bytes(payload, Reason.FRAME_EMPTY)
    decoded = _decoded(payload, setting.profiles)
    if decoded is None:
        return refused_bytes(payload, Reason.CHARSET_UNDECODABLE)
    lines = lines_of(decoded.text)
    if not lines or not lines[0].startswith("MSH"):
        return refused_bytes(payload, Reason.HEADER_MISSING)
    header = read_header(lines[0], decoded.charset)
    if header is None:
        return refused_bytes(payload, Reason.HEADER_SEPARATORS)
    return _with_header(payload, header, decoded, lines, setting, now)


def _with_header(
    payload: bytes, header: Header, decoded: Decoded, lines: list[str], setting: Setting, now: int
) -> Translated:
    if long := long_fields(header):
        refused = refused_bytes(payload, Reason.FIELD_TOO_LONG)
        return msgspec.structs.replace(refused, header=header, faults=tuple(long), level="header")
    case = _case(header, lines, setting, charset_mismatch=decoded.mismatch)
    if decoded.unknown_name is not None:
        return _refused(case, [Fault(Reason.CHARSET_UNKNOWN, Location("MSH", 1, 18))], "frame")
    return _judge(case, setting, now)


def refused_bytes(payload: bytes, reason: Reason) -> Refused:
    """Return the refusal of bytes whose header cannot be read: AR in every mode, MSA-2 `UNKNOWN`."""
    key = f"sm3:{sm3_hex(payload)[:32]}"
    reply: Reply = "" if reason in _UNANSWERED else "AR"
    return Refused(UNREADABLE, key, "", "", (Fault(reason),), "mllp", "frame", reply)


def refused_oversized(head: bytes, setting: Setting) -> Refused:
    """Return the refusal of a frame or message over its cap: MSA-2 is told where the header line is readable."""
    refused = refused_bytes(head, Reason.FRAME_TOO_LARGE)
    line = head[:_HEADER_BYTES].partition(b"\r")[0].partition(b"\n")[0]
    decoded = decode(line, _declared_charset(line, setting.profiles))
    header = read_header(decoded.text, decoded.charset) if decoded and decoded.text.startswith("MSH") else None
    if header is None:
        return refused
    return msgspec.structs.replace(refused, header=header, source=header.source)


def in_original_mode(translated: Translated) -> Translated:
    """Return the message as one inside a batch, where only original mode is used (protocols 1.6)."""
    header = msgspec.structs.replace(translated.header, accept_mode="", application_mode="")
    return msgspec.structs.replace(translated, header=header)


def line_event_id(message_key: str, line_no: int) -> str:
    """Return the id of the n-th FT1's event, counted from 1 (protocols 2.5)."""
    return message_hash("charge", message_key, str(line_no))


def _decoded(payload: bytes, profiles: Profiles) -> Decoded | None:
    text = decode_named_utf_8(payload)
    return decode(payload, _declared_charset(payload, profiles)) if text is None else Decoded(text, UTF_8)


def _declared_charset(payload: bytes, profiles: Profiles) -> str:
    """Return the charset of the source's profile, found by the ASCII bytes of MSH-3 and MSH-4."""
    header = payload[:512].removeprefix(b"\xef\xbb\xbf")
    separator = header[3:4]
    fields = header.split(separator, 4) if separator else []
    if len(fields) < 5:
        return "utf-8"
    source = b"@".join(field.partition(b"^")[0] for field in fields[2:4]).decode("latin-1")
    profile = profiles.find(source)
    return profile.identity.charset if profile else "utf-8"


def _case(header: Header, lines: list[str], setting: Setting, *, charset_mismatch: bool) -> _Case:
    profile = setting.profiles.find(header.source, header.time[:8])
    event = profile.events.get(header.event, header.event) if profile else header.event
    message = Message([unglued(lines[0]), *lines[1:]], header.separators)
    mismatch = charset_mismatch or (profile is not None and profile.identity.charset != header.codec)
    return _Case(header, message, profile, event, _body_digest(lines, header), mismatch)


def _body_digest(lines: list[str], header: Header) -> str:
    """Return SM3 of the body; engines restamp MSH-7 on a repeat, so it does not count."""
    field = header.separators.field
    fields = lines[0].split(field, 7)
    if len(fields) > 6:
        fields[6] = ""
    return sm3_hex("\r".join((field.join(fields), *lines[1:], "")).encode("utf-8", errors="surrogatepass"))


def _judge(case: _Case, setting: Setting, now: int) -> Translated:
    """Judge header, sender, number of lines, profile and content, in this order."""
    faults = header_faults(case.header, setting.processing_ids, case.event)
    if faults:
        unreadable = any(fault.reason in _FRAME_REASONS for fault in faults)
        return _refused(case, faults, "frame" if unreadable else "header")
    if setting.allowed_sources is not None and case.header.source not in setting.allowed_sources:
        return _refused(case, [Fault(Reason.SENDER_MISMATCH, Location("MSH", 1, 3))], "header")
    if case.message.count("FT1") > LINES_MAX:
        return _refused(case, [Fault(Reason.FRAME_TOO_LARGE)], "frame")
    if case.header.continuation:
        return _refused(case, [Fault(Reason.CONTINUATION_UNSUPPORTED, Location("MSH", 1, 14))], "content")
    if case.profile is None or not case.profile.mapped:
        parameters = {"source": case.header.source}
        return _refused(case, [Fault(Reason.DIALECT_UNMAPPED, Location("MSH", 1, 3), parameters)], "content")
    return _content(case, case.profile, setting, now)


def _content(case: _Case, profile: Profile, setting: Setting, now: int) -> Translated:
    content = read_content(case.message, case.header, case.event, profile, setting.city_key, now)
    if content.body is None:
        return _refused(case, content.faults, "content")
    key = case.key
    return Accepted(
        header=case.header,
        message_key=key,
        command_id=message_hash("hl7", key),
        content_hash=case.digest,
        account=content.account,
        source=case.header.source,
        profile=profile.name,
        body=content.body,
        warnings=content.warnings,
        await_decision=profile.defaults.ack_after == "decision",
        busy_reply=profile.defaults.busy_reply,
        charset_mismatch=case.charset_mismatch,
    )


def _refused(case: _Case, faults: Sequence[Fault], level: Level) -> Refused:
    reason, profile = faults[0].reason, case.profile
    reply: Reply = "AE" if level == "content" else "AR"
    if reason == Reason.DIALECT_UNMAPPED and profile is not None:
        reply = profile.defaults.unmapped_reply
    return Refused(
        header=case.header,
        receipt_key=case.key,
        source=case.header.source,
        profile=profile.name if profile else "",
        faults=tuple(faults),
        interface=_interface(reason, level),
        level=level,
        reply=reply,
        busy_reply=profile.defaults.busy_reply if profile else "AR",
    )


def _interface(reason: Reason, level: Level) -> DeadLetterInterface:
    if level != "content" or reason == Reason.CONTINUATION_UNSUPPORTED:
        return "mllp"
    return "quarantine.charge" if reason in QUARANTINED else "hl7"

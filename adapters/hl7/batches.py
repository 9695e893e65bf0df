"""Batches: `[FHS] {BHS {MSH…} BTS} [FTS]` in one frame or file, split on bytes, answered as one (protocols 1.6).

Line ends are never part of a character in UTF-8, GB18030 or Big5, so each message keeps its own bytes and charset.
"""

import re
from typing import Final, Literal

import msgspec

from adapters.hl7.charset import decode
from adapters.hl7.faults import Fault, Location
from adapters.hl7.header import UNREADABLE
from adapters.hl7.reader import STANDARD, Separators, separators_of
from adapters.hl7.translation import Refused, refused_bytes
from schemas.commands import TEXT_CHARACTERS_MAX
from schemas.ids import sm3_hex
from schemas.reasons import Reason

MESSAGES_MAX: Final = 1000
_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"[\r\n]+")
_SEGMENT: Final = re.compile(rb"[A-Z][A-Z0-9]{2}(?:[^A-Za-z0-9\s]|$)")


class Envelope(msgspec.Struct, frozen=True):
    """An FHS or BHS line as sent: what its level's answer echoes."""

    name: str
    separators: Separators
    fields: tuple[str, ...]
    codec: str

    def raw(self, number: int) -> str:
        """Return field n as sent; FHS-1 and BHS-1 are the separator itself."""
        return self.fields[number - 1] if 2 <= number <= len(self.fields) else ""


class Batch(msgspec.Struct, frozen=True):
    """The messages between a BHS and its BTS; `header` is None where messages stand directly under FHS."""

    header: Envelope | None
    messages: tuple[bytes, ...]


class BatchFile(msgspec.Struct, frozen=True):
    """One frame that holds batches, in order."""

    header: Envelope | None
    batches: tuple[Batch, ...]

    @property
    def messages(self) -> tuple[bytes, ...]:
        """Every message of the file in order."""
        return tuple(message for batch in self.batches for message in batch.messages)


def is_batch(payload: bytes) -> bool:
    """Return whether a payload begins with FHS or BHS."""
    return payload.removeprefix(_BOM).lstrip(b"\r\n").startswith((b"FHS", b"BHS"))


def read_batch(payload: bytes) -> BatchFile | Refused:
    """Return the batches of a payload, or the refusal of all of it: count wrong, too large, no segments."""
    try:
        return _Reader(payload).read()
    except _BatchError as error:
        return error.refused


def answer_batch(file: BatchFile, answers: list[bytes]) -> bytes:
    """Return one payload that answers a file: an ACK for each message in order, inside the same envelopes."""
    out: list[bytes] = []
    remaining = iter(answers)
    for batch in file.batches:
        acks = [next(remaining) for _ in batch.messages]
        out += [_echo(batch.header, 11), *acks, _trailer("BTS", batch.header, len(acks))] if batch.header else acks
    if file.header is None:
        return b"".join(out)
    return b"".join([_echo(file.header, 11), *out, _trailer("FTS", file.header, len(file.batches))])


def _echo(envelope: Envelope, control_field: int) -> bytes:
    """Return the answer's FHS or BHS: sender and receiver exchanged, field 12 = the inbound field 11, no clock."""
    raw = envelope.raw
    fields = [envelope.name, raw(2), raw(5), raw(6), raw(3), raw(4), raw(7), "", "", "", "", raw(control_field)]
    return _line(fields, envelope)


def _trailer(name: str, envelope: Envelope, count: int) -> bytes:
    return _line([name, str(count)], envelope)


def _line(fields: list[str], envelope: Envelope) -> bytes:
    return (envelope.separators.field.join(fields).rstrip(envelope.separators.field) + "\r").encode(
        envelope.codec, errors="replace"
    )


class _BatchError(ValueError):
    """Carries the refusal of a whole batch out of the reader."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.refused = refused


class _Reader:
    """Walks the lines of one payload once."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._file: Envelope | None = None
        self._header: Envelope | None = None
        self._batches: list[Batch] = []
        self._messages: list[list[bytes]] = []
        self._count = 0
        self._in_batch = False
        self._ended = False

    def read(self) -> BatchFile:
        for line in _LINE_END.split(self._payload.removeprefix(_BOM)):
            if line:
                self._take(line)
        self._close_batch()
        if not self._batches:
            raise self._error(Reason.HEADER_MISSING)
        return BatchFile(self._file, tuple(self._batches))

    def _take(self, line: bytes) -> None:
        name = line[:3]
        if not _SEGMENT.match(line) or (self._ended and name != b"FTS"):
            raise self._error(Reason.HEADER_MISSING)
        if name == b"FHS":
            self._open_file(line)
        elif name == b"BHS":
            self._open_batch(line)
        elif name == b"MSH":
            self._open_message(line)
        elif name == b"BTS":
            self._check(line, len(self._messages), self._header)
            self._close_batch()
        elif name == b"FTS":
            self._close_batch()
            self._check(line, len(self._batches), self._file)
            self._ended = True
        elif self._messages and self._in_batch:
            self._messages[-1].append(line)
        else:
            raise self._error(Reason.HEADER_MISSING)

    def _open_file(self, line: bytes) -> None:
        if self._file is not None or self._in_batch or self._batches:
            raise self._error(Reason.HEADER_MISSING)
        self._file = self._envelope(line)

    def _open_batch(self, line: bytes) -> None:
        self._close_batch()
        self._header = self._envelope(line)
        self._in_batch = True

    def _open_message(self, line: bytes) -> None:
        self._count += 1
        if self._count > MESSAGES_MAX:
            raise self._error(Reason.BATCH_TOO_LARGE)
        self._in_batch = True
        self._messages.append([line])

    def _close_batch(self) -> None:
        if self._in_batch:
            messages = tuple(b"\r".join((*lines, b"")) for lines in self._messages)
            self._batches.append(Batch(self._header, messages))
        self._in_batch, self._header, self._messages = False, None, []

    def _envelope(self, line: bytes) -> Envelope:
        decoded = decode(line)
        separators = separators_of(decoded.text) if decoded else None
        if decoded is None or separators is None:
            raise self._error(Reason.HEADER_SEPARATORS)
        fields = decoded.text.split(separators.field)
        return Envelope(fields[0], separators, (separators.field, *fields[1:]), decoded.charset)

    def _check(self, line: bytes, count: int, envelope: Envelope | None) -> None:
        """Compare BTS-1 or FTS-1, where it is filled, with what was sent."""
        sign = (envelope.separators if envelope else STANDARD).field.encode()
        fields = line.split(sign)
        stated = fields[1].strip() if len(fields) > 1 else b""
        if stated and stated != str(count).encode():
            raise self._error(Reason.BATCH_COUNT, envelope)

    def _error(self, reason: Reason, envelope: Envelope | None = None) -> _BatchError:
        named = envelope or self._header or self._file
        if named is None:
            return _BatchError(refused_bytes(self._payload, reason))
        return _BatchError(_refused(self._payload, named, reason))


def _refused(payload: bytes, envelope: Envelope, reason: Reason) -> Refused:
    """Return the refusal of a whole batch: MSA-2 is BHS-11 (FHS-11 where the file's count is wrong)."""
    raw = envelope.raw
    charset_name = UNREADABLE.charset_name if envelope.codec == "utf-8" else ""
    header = msgspec.structs.replace(
        UNREADABLE,
        separators=envelope.separators,
        msh_2=raw(2),
        sending_application=raw(3),
        sending_facility=raw(4),
        receiving_application=raw(5),
        receiving_facility=raw(6),
        time=raw(7),
        control_id=raw(11),
        charset_name=charset_name,
        codec=envelope.codec,
        source=f"{raw(3)}@{raw(4)}"[:TEXT_CHARACTERS_MAX],
    )
    reply: Literal["AE", "AR"] = "AR" if reason in (Reason.BATCH_TOO_LARGE, Reason.HEADER_SEPARATORS) else "AE"
    key = f"sm3:{sm3_hex(payload)[:32]}"
    return Refused(header, key, header.source, "", (Fault(reason, Location("", 0)),), "mllp", "frame", reply)

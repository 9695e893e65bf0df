"""The outer message of the feed: read strictly, then believed by its SM2 signature, then opened (protocols 8.1).

The order of checks is fixed: form, sender, signature, freshness, seal. What fails keeps nothing but its SM3.
"""

import base64
import binascii
import re
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from adapters.scores.access import FeedAccess
from hub.runtime.guomi import Kind, SealError, sm3_hex
from schemas.reasons import Reason

BODY_BYTES_MAX: Final = 256 * 1024
TYPES: Final = ("SCORE_PUSH", "CONSENT_GRANT", "CONSENT_REVOKE", "HEARTBEAT")
"""Accepted now; corrections and batches are refused as TYPE_UNSUPPORTED."""
_STREAMS: Final = ("score", "consent")
_SEQ_MAX: Final = 2**53 - 1
"""What every JSON reader keeps exactly."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


class FeedFaultError(Exception):
    """The message is refused; `reason` and `status` are its answer (rows 94-98)."""

    def __init__(self, reason: Reason, status: int, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.status = status
        self.detail = detail


class Envelope(msgspec.Struct, frozen=True):
    """The message as sent; `payload` and `iv` are base64."""

    ver: str
    msg_type: str
    sender: str
    receiver: str
    stream: str
    msg_id: str
    seq: int
    ts: str
    enc_kid: str
    iv: str
    payload: str
    sign_kid: str
    sig: str

    @property
    def head(self) -> str:
        """The clear part, bound to the seal as its additional data and to the signature."""
        parts = (self.ver, self.msg_type, self.sender, self.receiver, self.msg_id, self.stream)
        return "\n".join((*parts, str(self.seq), self.ts, self.enc_kid))

    @property
    def payload_sm3(self) -> str:
        """SM3 of the sealed payload text: tells a replay from a conflict."""
        return sm3_hex(self.payload.encode())


class Opened(NamedTuple):
    """A believed message with its plain content."""

    envelope: Envelope
    plain: bytes


def open_message(access: FeedAccess, body: bytes, wall: int) -> Opened:
    """Return the believed and opened message. Raises FeedFaultError with the exact refusal."""
    envelope = _read(access, body)
    if (envelope.sender, envelope.receiver) != (access.source.sender, access.source.receiver):
        raise FeedFaultError(Reason.SENDER_MISMATCH, 403, "sender or receiver is not of this feed")
    _believe(access, envelope)
    if abs(wall - instant(envelope.ts)) > access.window_ms:
        raise FeedFaultError(Reason.STALE, 409, "ts is outside the window")
    return Opened(envelope, _open(access, envelope))


def instant(text: str) -> int:
    """Return RFC 3339 with an offset as milliseconds since the epoch. Raises FeedFaultError BODY."""
    try:
        if _TIME.fullmatch(text):
            return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        pass
    raise FeedFaultError(Reason.BODY, 400, "a time is not RFC 3339 with an offset")


def _read(access: FeedAccess, body: bytes) -> Envelope:
    if len(body) > BODY_BYTES_MAX:
        raise FeedFaultError(Reason.BODY_TOO_LARGE, 413, "more than 256 KiB")
    try:
        envelope = msgspec.json.decode(body, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # a ladder of brackets recurses
        raise FeedFaultError(Reason.BODY, 400, "not the JSON of a feed message") from error
    if envelope.ver != access.source.version or envelope.msg_type not in TYPES:
        raise FeedFaultError(Reason.TYPE_UNSUPPORTED, 400, "ver or msg_type is unknown")
    if envelope.stream not in _STREAMS or not 1 <= envelope.seq <= _SEQ_MAX or not _ULID.fullmatch(envelope.msg_id):
        raise FeedFaultError(Reason.BODY, 400, "stream, seq or msg_id is malformed")
    return envelope


def _believe(access: FeedAccess, envelope: Envelope) -> None:
    if not access.knows(envelope.sign_kid, Kind.SM2_PUBLIC):
        raise FeedFaultError(Reason.KEY_UNKNOWN, 403, "sign_kid is not registered")
    signed = f"{envelope.head}\n{envelope.sign_kid}\n{envelope.iv}\n{envelope.payload_sm3}".encode()
    signature = _base64(envelope.sig)
    provider = access.provider
    if signature is None or not provider.sm2_verify(envelope.sign_kid, signed, signature, fmt="rs"):
        raise FeedFaultError(Reason.SIGN_INVALID, 403, "sig does not fit")


def _open(access: FeedAccess, envelope: Envelope) -> bytes:
    if not access.knows(envelope.enc_kid, Kind.SM4):
        raise FeedFaultError(Reason.KEY_UNKNOWN, 422, "enc_kid is not registered")
    iv, sealed = _base64(envelope.iv), _base64(envelope.payload)
    if iv is None or sealed is None:
        raise FeedFaultError(Reason.DECRYPT, 422, "iv or payload is not base64")
    try:
        return access.provider.sm4_open(envelope.enc_kid, iv, envelope.head.encode(), sealed)
    except SealError as error:
        raise FeedFaultError(Reason.DECRYPT, 422, "the seal does not open") from error


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None

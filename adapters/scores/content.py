"""The sealed content of a feed message: subject, authorisation and score, checked and reduced (protocols 8.2).

The score's value leaves this module only as its band; the id number only as an account id.
"""

from typing import Final, Protocol

import msgspec

from adapters.scores.envelope import Envelope, FeedFaultError, instant
from hub.runtime.score_sources import ScoreSource
from hub.runtime.subjects import is_citizen_id
from schemas.commands import ObserveScore, RevokeConsent
from schemas.reasons import Reason

_CITIZEN_ID: Final = "01"
_ABSENT: Final = msgspec.Raw()
_CONTENT_BYTES_MAX: Final = 16 * 1024
"""A content has some 400 bytes; its authorisation is kept, and what is kept is repeated in records."""


class Bands(Protocol):
    """What reduces a value to its band (hub.policies)."""

    def band(self, provider: str, value: int) -> int:
        """Return the number of cut points at or below the value."""

    def cut_points_hash(self, provider: str) -> str:
        """Return the name of the list of cut points."""


class Subject(msgspec.Struct, frozen=True):
    """Whom the message is about; the name is read by nobody."""

    id_no: str
    id_type: str


class Authorization(msgspec.Struct, frozen=True):
    """Under which authorisation the score may be read."""

    auth_id: str = ""
    granted_at: str = ""
    expires_at: str = ""
    scope: tuple[str, ...] = ()


class Score(msgspec.Struct, frozen=True):
    """The score; numbers are checked by hand so that a wrong one has its own reason.

    A source that does not tell the value says whether the person was `admitted` at a score (Sesame's brief form).
    """

    computed_at: str
    valid_until: str
    model: str = ""
    value: msgspec.Raw = _ABSENT
    admitted: bool | None = None
    admittance_score: msgspec.Raw = _ABSENT


class Content(msgspec.Struct, frozen=True):
    """The plain text of a score or consent message."""

    subject: Subject
    authorization: Authorization = Authorization()
    score: Score | None = None


def read_content(plain: bytes) -> Content:
    """Return the content. Raises FeedFaultError BODY, or SUBJECT_INVALID for a wrong check digit (row 103)."""
    if len(plain) > _CONTENT_BYTES_MAX:
        raise FeedFaultError(Reason.BODY, 400, "the sealed content is larger than a score and its authorisation are")
    try:
        content = msgspec.json.decode(plain, type=Content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FeedFaultError(Reason.BODY, 400, "the sealed content is malformed") from error
    if content.subject.id_type != _CITIZEN_ID or not is_citizen_id(content.subject.id_no):
        raise FeedFaultError(Reason.SUBJECT_INVALID, 422, "id_no is not a citizen id")
    return content


def observed(source: ScoreSource, envelope: Envelope, content: Content, bands: Bands) -> ObserveScore:
    """Return the score as its band. Raises FeedFaultError SCORE_RANGE (row 102); consent is judged by the person."""
    if content.score is None:
        raise FeedFaultError(Reason.BODY, 400, "a SCORE_PUSH holds a score")
    value = _known_value(source, content.score)
    authorization = content.authorization
    return ObserveScore(
        provider=source.provider,
        band=bands.band(source.provider, value),
        cut_points_hash=bands.cut_points_hash(source.provider),
        message_id=envelope.msg_id,
        computed_at=instant(content.score.computed_at),
        valid_until=instant(content.score.valid_until),
        sequence=envelope.seq,
        authorisation=authorization.auth_id,
        authorisation_from=_instant_or_zero(authorization.granted_at),
        authorisation_until=_instant_or_zero(authorization.expires_at),
        authorisation_scopes=authorization.scope,
        source=source.name,
    )


def revoked(source: ScoreSource, envelope: Envelope, content: Content) -> RevokeConsent:
    """Return the withdrawal of the named authorisation."""
    return RevokeConsent(source.provider, instant(envelope.ts), content.authorization.auth_id)


def _known_value(source: ScoreSource, score: Score) -> int:
    """Return the value, or the least that an admission proves: the score it was asked at, else the scale's foot."""
    told, asked = bytes(score.value) != b"", bytes(score.admittance_score) != b""
    if told == asked or asked != (score.admitted is not None):
        raise FeedFaultError(Reason.BODY, 400, "a score has a value, or admitted with its admittance_score")
    if told:
        return _number(source, score.value)
    least = _number(source, score.admittance_score)
    return least if score.admitted else source.scale[0]


def _number(source: ScoreSource, raw: msgspec.Raw) -> int:
    try:
        value = msgspec.json.decode(raw, type=int, strict=True)
    except msgspec.DecodeError as error:
        raise FeedFaultError(Reason.SCORE_RANGE, 422, "the score is not an integer") from error
    if b"." in bytes(raw) or not source.scale[0] <= value <= source.scale[1]:
        raise FeedFaultError(Reason.SCORE_RANGE, 422, "the score is outside the scale")
    return value


def _instant_or_zero(text: str) -> int:
    return instant(text) if text else 0

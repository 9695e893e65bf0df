"""What the hub tells a score source: the sealed and signed form of the feed the other way round (protocols 8.1).

The same head, seal and signature as a score push, with the hub as the sender, `stream` "feedback" and `seq` 0: messages
are not sequenced, each stands alone and is recognised by `msg_id`, under which its content is always the same. It names
the person by the authorisation and message of the score, and says neither bill, nor amount, nor institution.
"""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal

import aiohttp
import msgspec

from adapters.scores.access import FeedAccess
from hub.runtime.form_post import whole_body
from hub.runtime.guomi import Kind, sm3_hex
from hub.runtime.wire import CallOutcome
from schemas.commands import Instant, RecordFeedbackResult
from schemas.errands import FeedbackErrand

SIGNING: Final = "feedback"
"""Purpose of the hub's own SM2 key in the ring."""
MSG_TYPE: Final = "SCORE_FEEDBACK"
STREAM: Final = "feedback"
_ANSWER_BYTES_MAX: Final = 64 * 1024
_CODE_MAX: Final = 64
_REFUSED: Final = frozenset((400, 409, 413, 422))
"""Answers about the message itself; every other one is about the moment, and the message leaves again."""
_OF_THE_MOMENT: Final = frozenset(("STALE", "HUB_BUSY"))
_EVENTS: Final = {"overdue": "OVERDUE", "overdue_withdrawn": "OVERDUE_WITHDRAWN", "reward": "REWARD"}


class _Receipt(msgspec.Struct):
    """What the source answers: `msg_id` and `receipt` when it took the message, else a code."""

    msg_id: str = ""
    receipt: str = ""
    code: str = ""


class FeedbackClient:
    """Tells one score source. A lost or unreadable answer is an outcome, unknown, never an exception."""

    def __init__(
        self, access: FeedAccess, session: aiohttp.ClientSession, wall: Callable[[], int], seconds: float = 10.0
    ) -> None:
        """Raises KeyRingError when the ring has no active key to sign or to seal with."""
        ring = access.provider.ring
        self._sign_kid = ring.active(SIGNING, Kind.SM2_PRIVATE).kid
        self._enc_kid = ring.active(access.source.name, Kind.SM4).kid
        self._access = access
        self._session = session
        self._wall = wall
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    async def tell(self, errand: FeedbackErrand) -> CallOutcome:
        """Send the message and read the source's word."""
        at = self._wall()
        status, body = await self._post(self.message(errand, at))
        word, code, receipt = read_answer(errand.message, status, body)
        return CallOutcome(RecordFeedbackResult(errand.id, errand.message, errand.source, word, at, code, receipt))

    def message(self, errand: FeedbackErrand, at: Instant) -> bytes:
        """Return the message as sent at this wall instant: its content is always the same, seal and time are fresh."""
        source, provider = self._access.source, self._access.provider
        clear = (source.version, MSG_TYPE, source.receiver, source.sender, errand.message, STREAM, "0", _text(at))
        head = "\n".join((*clear, self._enc_kid))
        iv, sealed = provider.sm4_seal(self._enc_kid, head.encode(), content(errand))
        iv_text, payload = base64.b64encode(iv).decode(), base64.b64encode(sealed).decode()
        signed = f"{head}\n{self._sign_kid}\n{iv_text}\n{sm3_hex(payload.encode())}"
        signature = provider.sm2_sign(self._sign_kid, signed.encode(), fmt="rs")
        names = ("ver", "msg_type", "sender", "receiver", "msg_id", "stream", "seq", "ts")
        return json.dumps(
            dict(zip(names, clear, strict=True))
            | {"seq": 0, "enc_kid": self._enc_kid, "iv": iv_text, "payload": payload}
            | {"sign_kid": self._sign_kid, "sig": base64.b64encode(signature).decode()}
        ).encode()

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer; 0 when there was none."""
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(
                self._access.source.feedback_url,
                data=body,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                return answer.status, await whole_body(answer, _ANSWER_BYTES_MAX) or b""
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, b""


def content(errand: FeedbackErrand) -> bytes:
    """Return the plain text: the same bytes for every attempt."""
    told: dict[str, object] = {
        "at": _text(errand.at),
        "event": _EVENTS[errand.kind],
        "subject": {"auth_id": errand.authorisation, "score_msg_id": errand.score_message},
    }
    if errand.kind == "reward":
        told |= {"points": errand.points, "last_month": f"{errand.month // 12:04d}-{errand.month % 12 + 1:02d}"}
    if errand.withdraws:
        told["withdraws"] = errand.withdraws
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def read_answer(message: str, status: int, body: bytes) -> tuple[Literal["taken", "refused", "unknown"], str, str]:
    """Return the source's word, its code and its receipt; what is not certain is unknown."""
    if not status:
        return "unknown", "NO_ANSWER", ""
    try:
        said = msgspec.json.decode(body, type=_Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = _Receipt()
    if status in (200, 202):
        taken = said.msg_id == message
        return ("taken", "", said.receipt[:_CODE_MAX]) if taken else ("unknown", "ANSWER_UNREADABLE", "")
    code = said.code[:_CODE_MAX] if said.code.isprintable() and said.code else f"HTTP_{status}"
    final = status in _REFUSED and said.code not in _OF_THE_MOMENT
    return ("refused", code, "") if final else ("unknown", f"HTTP_{status}" if status >= 500 else code, "")


def _text(at: Instant) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

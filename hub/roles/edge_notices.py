"""Notices of the payment gateways and messages of the score feed: believed, made durable, judged, answered exactly.

The adapters judge bytes and write answers; here stands only what needs the intake. Every resend is the same message
again, so whatever is not certain is answered so that it is sent again.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from aiohttp import web

from adapters.alipay import notice as alipay_notice
from adapters.alipay import translation as alipay
from adapters.alipay.access import AlipayAccess
from adapters.scores import translation as scores
from adapters.scores.access import FeedAccess
from adapters.scores.envelope import BODY_BYTES_MAX as FEED_BYTES_MAX
from adapters.unionpay import notice as unionpay_notice
from adapters.unionpay import translation as unionpay
from adapters.unionpay.access import UnionPayAccess
from hub.runtime.durable_log import HubBusyError
from hub.runtime.http_body import BodyEncodingError, BodyTooLargeError, read_body
from hub.runtime.intake import Intake, Misfit
from hub.runtime.metrics import EDGE_ANSWER_SECONDS, EDGE_MESSAGES, SECURITY_EVENTS
from hub.runtime.score_sources import ScoreSource
from hub.runtime.wire import HttpAnswer, Inbound, Refusal
from schemas.commands import Interface
from schemas.dead_letters import DeadLetterInterface
from schemas.ids import sm3_hex
from schemas.reasons import Reason
from schemas.replies import Reply

ALIPAY_PATH: Final = "/notify/alipay"
UNIONPAY_PATH: Final = "/notify/unionpay"
_UNBELIEVED: Final = frozenset(
    {
        Reason.SIGN_INVALID,
        Reason.SIGN_MISSING,
        Reason.SIGN_DOWNGRADE,
        Reason.CERT_CHAIN,
        Reason.FOREIGN_NOTICE,
        Reason.SENDER_MISMATCH,
        Reason.KEY_UNKNOWN,
    }
)
_UNREADABLE: Final = "application/octet-stream"
"""The content type of a body in an encoding nobody reads: no form, whatever the sender calls it."""
Kept = HttpAnswer
"""The answer to an authentic message of an unknown kind: it is kept and answered as received."""
Judge = Callable[[bytes, str], Inbound | Refusal | Kept]
Answer = Callable[[Inbound, Reply | None], HttpAnswer]


class Wire(NamedTuple):
    """One partner's way in: how its bytes are judged, and how it is answered."""

    path: str
    interface: Interface
    letters: DeadLetterInterface
    source: str
    limit: int
    judge: Judge
    answer: Answer
    busy: HttpAnswer


def alipay_wire(access: AlipayAccess) -> Wire:
    """Return the way in of one Alipay endpoint (protocols 5.2, rows 66-79)."""
    return Wire(
        path=f"{ALIPAY_PATH}/{access.endpoint}",
        interface="alipay",
        letters="pay",
        source=f"alipay@{access.endpoint}",
        limit=alipay_notice.BODY_BYTES_MAX,
        judge=partial(alipay.judge, access),
        answer=lambda _inbound, reply: alipay.notice_answer(reply),
        busy=alipay.notice_answer(None),
    )


def unionpay_wire(access: UnionPayAccess) -> Wire:
    """Return the way in of one UnionPay merchant (protocols 6.3, rows 82-87)."""
    return Wire(
        path=f"{UNIONPAY_PATH}/{access.endpoint}",
        interface="unionpay",
        letters="pay",
        source=f"unionpay@{access.endpoint}",
        limit=unionpay_notice.BODY_BYTES_MAX,
        judge=partial(unionpay.judge, access),
        answer=lambda _inbound, reply: unionpay.notice_answer(reply),
        busy=unionpay.notice_answer(None),
    )


def feed_path(source: ScoreSource) -> str:
    """Return where a score source pushes to."""
    return f"/feeds/{source.name}/v1/messages"


def score_wire(access: FeedAccess, bands: scores.Bands, city_key: bytes, wall: Callable[[], int]) -> Wire:
    """Return the way in of one score source (protocols 8, rows 94-103); its bytes are never kept."""
    return Wire(
        path=feed_path(access.source),
        interface="score",
        letters="score",
        source=f"{access.source.name}@{access.source.sender}",
        limit=FEED_BYTES_MAX,
        judge=lambda body, _content_type: scores.receive(access, bands, city_key, body, wall()),
        answer=lambda inbound, reply: scores.feed_answer(inbound, reply, _received_at(reply)),
        busy=HttpAnswer(503, b'{"code":"HUB_BUSY","message":"Send it again."}', "application/json"),
    )


class NoticeRoutes:
    """Answers `POST` on each partner's path."""

    def __init__(self, intake: Intake, wires: tuple[Wire, ...]) -> None:
        """A partner that is not configured has no path: it gets 404."""
        self._intake = intake
        self._wires = wires

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        for wire in self._wires:
            app.router.add_post(wire.path, self._handler(wire))

    def _handler(self, wire: Wire) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            with EDGE_ANSWER_SECONDS.labels(wire.interface).time():
                answer = await self._answered(wire, request)
            EDGE_MESSAGES.labels(wire.interface, str(answer.status)).inc()
            return _response(answer)

        return handle

    async def _answered(self, wire: Wire, request: web.Request) -> HttpAnswer:
        body, judged = await _judged(wire, request)
        if isinstance(judged, Refusal):
            return await self._refused(wire, judged, body)
        try:
            if isinstance(judged, Inbound):
                reply = await self._intake.decide(judged, body, wire.interface)
                return wire.answer(judged, reply)
            await self._intake.set_aside(_misfit(wire, Reason.TYPE_UNSUPPORTED, wire.letters, body, judged))
        except HubBusyError:
            return wire.busy
        return judged

    async def _refused(self, wire: Wire, refusal: Refusal, body: bytes) -> HttpAnswer:
        """Return the refusal once its bytes are kept; it is told even when they cannot be, and sent again then."""
        if refusal.reason in _UNBELIEVED:
            SECURITY_EVENTS.labels(wire.interface, refusal.reason).inc()
        answer = HttpAnswer(refusal.status, refusal.body, refusal.content_type)
        if refusal.interface is not None:
            with contextlib.suppress(HubBusyError):
                letter = _misfit(wire, refusal.reason, refusal.interface, body, answer)
                await self._intake.set_aside(letter._replace(detail=refusal.detail))
        return answer


def _misfit(wire: Wire, reason: Reason, interface: DeadLetterInterface, body: bytes, answer: HttpAnswer) -> Misfit:
    return Misfit(
        interface=interface,
        wire=wire.letters,
        source=wire.source,
        reason=reason,
        receipt_key=f"sm3:{sm3_hex(body)[:32]}",
        raw=body,
        reply_sent=str(answer.status),
    )


async def _judged(wire: Wire, request: web.Request) -> tuple[bytes, Inbound | Refusal | Kept]:
    """Return the bytes as they came, as many as are kept, and their judgement.

    A body that is too long, or in an encoding nobody reads, is refused by the adapter in its own words.
    """
    content_type = request.headers.get("Content-Type", "")
    try:
        body = await read_body(request, wire.limit, keep=True)
    except BodyTooLargeError as too_large:
        return too_large.head, wire.judge(bytes(wire.limit + 1), content_type)
    except BodyEncodingError as unread:
        return unread.head, wire.judge(b"", _UNREADABLE)
    return body, wire.judge(body, content_type)


def _response(answer: HttpAnswer) -> web.Response:
    headers: Mapping[str, str] = {"Retry-After": "1"} if answer.status == 503 else {}
    content_type = answer.content_type
    if content_type == "text/plain":
        content_type = "text/plain; charset=utf-8"
    return web.Response(status=answer.status, body=answer.body, headers={**headers, "Content-Type": content_type})


def _received_at(reply: Reply | None) -> str:
    """Return when the books took the message, as they say it: a repeat is told the same."""
    if reply is None:
        return ""
    return datetime.fromtimestamp(reply.at / 1000, UTC).isoformat(timespec="milliseconds")

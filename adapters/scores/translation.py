"""A feed message to the command of its feed's account, and the books' outcome to the feed's answer (protocols 8.2)."""

import json
from collections.abc import Mapping
from typing import Final

from adapters.scores.access import FeedAccess
from adapters.scores.content import Bands, Content, observed, read_content, revoked
from adapters.scores.envelope import Envelope, FeedFaultError, open_message
from hub.runtime.score_sources import ScoreSource
from hub.runtime.wire import HttpAnswer, Inbound, Refusal
from schemas.commands import ObserveScore, ReceiveFeedMessage, RevokeConsent
from schemas.ids import account_id, message_hash
from schemas.reasons import REASONS, Reason, reason_text
from schemas.replies import Reply

__all__ = ["Bands", "feed_answer", "receive"]
_JSON: Final = "application/json"


def receive(access: FeedAccess, bands: Bands, city_key: bytes, body: bytes, wall: int) -> Inbound | Refusal:
    """Return the command of the feed's account, or the refusal with its exact answer; never raises for bad bytes.

    A message refused here used no sequence number: the sender corrects it and sends it under the same one.
    """
    try:
        envelope, plain = open_message(access, body, wall)
        message, account = _message(access.source, envelope, plain, bands, city_key)
    except FeedFaultError as fault:
        answer = _refused(fault.reason, fault.status, {})
        return Refusal(fault.reason, answer.status, answer.body, "score", fault.detail, _JSON)
    payload_sm3 = envelope.payload_sm3
    return Inbound(
        id=message_hash(
            access.source.name, envelope.sender, envelope.stream, str(envelope.seq), envelope.msg_id, payload_sm3
        ),
        account=account_id(city_key, "feed", f"{envelope.sender}|{envelope.stream}"),
        content_hash=payload_sm3,
        source=f"{access.source.name}@{envelope.sender}",
        receipt_key=f"{envelope.sender}|{envelope.msg_id}",
        body=ReceiveFeedMessage(envelope.stream, envelope.seq, envelope.msg_id, payload_sm3, account, message),
    )


def feed_answer(inbound: Inbound, reply: Reply | None, received_at: str) -> HttpAnswer:
    """Return the receipt: 202 when taken, 200 for an exact replay, the refusal's status otherwise, 503 when unknown."""
    if reply is None:
        return _refused(Reason.HUB_BUSY, 503, {})
    if reply.refused:
        reason = Reason(reply.code)
        return _refused(reason, REASONS[reason].status, reply.parameters)
    message = inbound.body
    if not isinstance(message, ReceiveFeedMessage):
        raise TypeError("a feed's inbound message is a ReceiveFeedMessage")
    receipt = {
        "msg_id": message.message_id,
        "seq": message.sequence,
        "receipt": inbound.id,
        "received_at": received_at,
    }
    return HttpAnswer(200 if reply.repeated else 202, json.dumps(receipt).encode(), _JSON)


def _message(
    source: ScoreSource, envelope: Envelope, plain: bytes, bands: Bands, city_key: bytes
) -> tuple[ObserveScore | RevokeConsent | None, str]:
    """Return what is relayed and to whom; a heartbeat or a grant advances the sequence and relays nothing."""
    if envelope.msg_type == "HEARTBEAT":
        return None, ""
    content: Content = read_content(plain)
    account = account_id(city_key, "person", content.subject.id_no)
    if envelope.msg_type == "SCORE_PUSH":
        return observed(source, envelope, content, bands), account
    return (revoked(source, envelope, content) if envelope.msg_type == "CONSENT_REVOKE" else None), account


def _refused(reason: Reason, status: int, parameters: Mapping[str, str]) -> HttpAnswer:
    answer: dict[str, object] = {"code": reason, "message": reason_text(reason, "en", parameters)}
    if "expected" in parameters:
        answer["expected_seq"] = int(parameters["expected"])
    return HttpAnswer(status, json.dumps(answer).encode(), _JSON)

"""A feed's account: the only judge of its sequence; what is in order goes on to the person (protocols 8.2)."""

from msgspec.structs import replace

from hub.domain.digests import feed_digest
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.evolve.accounts import FEED_DIGEST_BYTES
from hub.domain.numbers import forward
from hub.domain.state import Feed
from schemas.commands import ReceiveFeedMessage
from schemas.events import FeedAdvanced
from schemas.reasons import Reason


def receive_feed_message(draft: Draft, body: ReceiveFeedMessage) -> Outcome | Refusal:
    """Forward the expected message and an exact replay; the person answers both, the second from what is stored.

    A heartbeat or a grant holds nothing for the person to judge: it is answered here.
    """
    feed = draft.core.feed or Feed(body.stream)
    expected = feed.sequence + 1
    if body.sequence > expected:
        return Refusal(Reason.SEQ_GAP, {"expected": str(expected), "got": str(body.sequence)})
    if body.sequence < expected and not _known(feed, body):
        return Refusal(Reason.SEQ_CONFLICT, {"sequence": str(body.sequence)})
    fresh = body.sequence == expected
    if fresh:
        draft.emit(FeedAdvanced(body.stream, body.sequence, body.message_id, body.payload_sm3))
    if draft.command is None or body.message is None:
        return Outcome("RECORDED" if fresh else "DUPLICATE", body.message_id)
    return forward(draft, replace(draft.command, body=body.message), body.relay_account)


def _known(feed: Feed, body: ReceiveFeedMessage) -> bool:
    """Return True when a sequence number at or below the last carried exactly this message."""
    end = len(feed.digests) - (feed.sequence - body.sequence) * FEED_DIGEST_BYTES
    start = end - FEED_DIGEST_BYTES
    return start >= 0 and feed.digests[start:end] == feed_digest(body.message_id, body.payload_sm3)

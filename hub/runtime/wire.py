"""What an adapter hands over: a translated message, a refusal with its exact answer, or what a call brought back."""

from schemas.commands import Body, RecordFeedbackResult, RecordGatewayResult, Struct
from schemas.dead_letters import DeadLetterInterface
from schemas.reasons import Reason


class Refusal(Struct, frozen=True):
    """A message that is answered now and booked nowhere: the exact answer, and where its bytes are kept.

    `interface` None means metric and log only (protocols 11). `detail` names the fault without any content of it.
    """

    reason: Reason
    status: int
    body: bytes
    interface: DeadLetterInterface | None
    detail: str = ""
    content_type: str = "text/plain"


class Inbound(Struct, frozen=True):
    """A verified message in our words; the edge adds times, seal and reply address and makes the command.

    `id` is equal for every repeat of the message; `content_hash` tells a repeat (equal) from a conflict (other).
    """

    id: str
    account: str
    content_hash: str
    source: str
    receipt_key: str
    body: Body


class HttpAnswer(Struct, frozen=True):
    """Status and exact bytes of an answer to a partner."""

    status: int
    body: bytes
    content_type: str = "text/plain"


class CallOutcome(Struct, frozen=True):
    """What one outbound call brought back, never an exception.

    `fault` is set when the answer cannot be believed, read or understood (a dead letter keeps `received`); the result
    is then UNKNOWN and is resolved by query.
    """

    result: RecordGatewayResult | RecordFeedbackResult
    fault: Reason | None = None
    detail: str = ""
    received: bytes = b""

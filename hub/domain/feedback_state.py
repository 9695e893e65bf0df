"""What an account keeps of a message to a score source until the source has answered (domain 8)."""

from hub.domain.frozen import Frozen
from schemas.commands import FeedbackKind, Instant


class Feedback(Frozen, frozen=True):
    """A message on its way, whole, so that a retry says the same again."""

    message: str
    kind: FeedbackKind
    source: str
    authorisation: str
    score_message: str
    at: Instant
    points: int = 0
    month: int = 0
    withdraws: str = ""
    attempt: int = 1

"""What a score source answered to what the hub told it."""

from typing import Literal

from schemas.commands.parts import Instant, Struct

FeedbackKind = Literal["overdue", "overdue_withdrawn", "reward"]
"""What the score's source is told (domain 8): a withdrawal names the message it takes back."""


class RecordFeedbackResult(Struct, frozen=True, tag="record_feedback_result"):
    """What one call of the courier brought back; its id is hash(errand id, content).

    `taken`: the source has it, now or since an earlier attempt. `refused`: it never will. `unknown`: sent again later.
    `untold`: the source takes no messages; nothing was sent.
    """

    errand_id: str
    message: str
    source: str
    status: Literal["taken", "refused", "unknown", "untold"]
    sent_wall_at: Instant
    code: str = ""
    receipt: str = ""
    """The source's own id of what it took."""


FeedbackBody = RecordFeedbackResult

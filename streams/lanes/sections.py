"""Names of the lanes' critical sections: places where a fault proves something (`hub.runtime.sections`)."""

from typing import Final

BEFORE_OPEN_FENCE: Final = "lane_before_open_fence"
"""A lane was given its partition; its predecessor is not fenced yet."""
BEFORE_OPEN_RESTORE: Final = "lane_before_open_restore"
"""The predecessor is fenced; nothing is read yet."""
AFTER_BEGIN_BEFORE_SEND: Final = "lane_after_begin_before_send"
"""A transaction is open and empty."""
AFTER_SEND_BEFORE_OFFSET: Final = "lane_after_send_before_offset"
"""Every record of the transaction is written, the offset is not."""
AFTER_OFFSET_BEFORE_COMMIT: Final = "lane_after_offset_before_commit"
"""Everything is written, nothing is committed."""
AFTER_COMMIT_BEFORE_MEMORY: Final = "lane_after_commit_before_memory"
"""The transaction is committed; the lane does not know it yet."""
AFTER_MEMORY_BEFORE_REPLIES: Final = "lane_after_memory_before_replies"
"""Memory is new; callers that wait have not been told."""

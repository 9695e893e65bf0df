"""When the group's offset is told to the broker: for who watches the lag. The lane itself goes by its watermark."""

import time


class GroupOffset:
    """One partition's offset as the group knows it: told with a transaction at most so often, and once work has ended.

    Telling costs two of a transaction's five requests. Nothing depends on it: state and next offset are committed
    together in the compacted topic, and an opening lane goes by those.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._told = 0
        self._told_at = -seconds

    def is_behind(self, offset: int) -> bool:
        """Whether the group knows another offset than this."""
        return offset != self._told

    def is_due(self, offset: int) -> bool:
        """Whether the group should be told this offset now."""
        return self.is_behind(offset) and time.monotonic() - self._told_at >= self._seconds

    def told(self, offset: int) -> None:
        """Note that a transaction with this offset is committed."""
        self._told, self._told_at = offset, time.monotonic()

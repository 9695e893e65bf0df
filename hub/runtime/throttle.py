"""A source's rate: a bucket of one second's requests, refilled evenly (THROTTLED, row 62)."""

import time
from collections.abc import Callable


class Throttle:
    """Admits a source's requests at its rate; one object per process, nothing is shared."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds` is a clock that never steps back."""
        self._seconds = seconds
        self._buckets: dict[str, tuple[float, float]] = {}

    def admits(self, source: str, rate_per_second: int) -> bool:
        """Return whether one more request of the source is within its rate; rate 0 has no limit."""
        if rate_per_second <= 0:
            return True
        now = self._seconds()
        level, since = self._buckets.get(source, (float(rate_per_second), now))
        level = min(float(rate_per_second), level + (now - since) * rate_per_second)
        admitted = level >= 1
        self._buckets[source] = (level - 1 if admitted else level, now)
        return admitted

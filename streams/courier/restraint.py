"""When a gateway is not called: breaker and rate limit of one channel, in memory only (architecture 2).

Both only delay: what they hold back is answered as unknown with the same number, never as not executed.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

FAILURES_TO_OPEN: Final = 5
OPEN_SECONDS: Final = 10.0
CALLS_PER_SECOND: Final = 200.0
SLOT_WAIT_SECONDS: Final = 2.0

Seconds = Callable[[], float]


class Breaker:
    """Opens after five calls in a row without a believable answer; after 10 s lets one call try."""

    def __init__(self, seconds: Seconds = time.monotonic) -> None:
        """`seconds` is a clock that never steps back."""
        self._seconds = seconds
        self._failures = 0
        self._open_until = 0.0

    @property
    def open(self) -> bool:
        """Whether calls are held back now."""
        return self._failures >= FAILURES_TO_OPEN and self._seconds() < self._open_until

    def admits(self) -> bool:
        """Say whether a call may go now; when the time is up, the first asker tries for all."""
        if self._failures < FAILURES_TO_OPEN:
            return True
        if self._seconds() < self._open_until:
            return False
        self._open_until = self._seconds() + OPEN_SECONDS
        return True

    def record(self, *, answered: bool) -> None:
        """Note whether a call brought back an answer that can be believed, whatever it said."""
        if answered:
            self._failures = 0
            return
        self._failures += 1
        self._open_until = self._seconds() + OPEN_SECONDS


class Pace:
    """At most so many calls a second, evenly; who waits too long for a slot is turned away."""

    def __init__(self, per_second: float = CALLS_PER_SECOND, seconds: Seconds = time.monotonic) -> None:
        """`seconds` is a clock that never steps back."""
        self._gap = 1 / per_second
        self._seconds = seconds
        self._next_at = 0.0

    async def slot(self) -> bool:
        """Wait for a turn, at most 2 s; say whether there was one."""
        now = self._seconds()
        turn = max(now, self._next_at)
        if turn - now > SLOT_WAIT_SECONDS:
            return False
        self._next_at = turn + self._gap
        if turn > now:
            await asyncio.sleep(turn - now)
        return True

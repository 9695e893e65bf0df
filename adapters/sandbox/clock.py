"""The sandbox's clock: wall time plus what tests advanced it by."""

import asyncio
import contextlib
import time


class SandboxClock:
    """Wall time, movable forwards. Sleepers wake when an advance passes their instant."""

    def __init__(self) -> None:
        self._offset_ms = 0
        self._advanced = asyncio.Event()

    def now_ms(self) -> int:
        """Return the present instant of the sandbox in milliseconds."""
        return time.time_ns() // 1_000_000 + self._offset_ms

    def advance(self, seconds: float) -> None:
        """Move the clock forwards. Raises ValueError for a negative step: nothing here runs backwards."""
        if seconds < 0:
            raise ValueError("the clock only moves forwards")
        self._offset_ms += round(seconds * 1000)
        self._advanced.set()
        self._advanced = asyncio.Event()

    async def until(self, instant_ms: int) -> None:
        """Return once the clock shows the instant."""
        while (left_ms := instant_ms - self.now_ms()) > 0:
            advanced = self._advanced
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_ms / 1000):
                    await advanced.wait()

    async def sleep(self, seconds: float) -> None:
        """Return once so many seconds of this clock have passed."""
        await self.until(self.now_ms() + round(seconds * 1000))

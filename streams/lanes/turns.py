"""Whose transaction is under way: a few lanes of a process at a time, so that who waits gathers more commands.

A transaction costs as much as twenty commands, however few it holds, and each of its answers waits for the event loop.
Where every lane began one as soon as it had a command, the loop was never free and each answer came late.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Places for transactions of one process. A lane that found none for a while goes on without one."""

    def __init__(self, places: int, patience_seconds: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._patience = patience_seconds

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place, at most so long: transactions that a slow broker holds up must not stop the others."""
        placed = await self._place()
        try:
            yield
        finally:
            if placed:
                self._free.release()

    async def _place(self) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            return False
        return True

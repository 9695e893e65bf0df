"""The live stream's short memory: numbered changes that any number of readers follow at their own pace.

One writer publishes at most four changes a second. A reader holds only the number it saw last, so nothing is queued
per client: whoever falls behind gets what it missed as one message, and whoever falls out of the memory is dropped and
begins again with a snapshot. Resuming after a lost connection is the same read.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hub.web.flow import TAIL_LENGTH, TailItem

MEMORY: Final = 240
"""Changes kept: a minute at four a second."""


@dataclass(frozen=True, slots=True)
class Change:
    """What changed since the change before: ids of rows by table, and new lines of the tail, oldest first."""

    rows: dict[str, frozenset[str]] = field(default_factory=dict)
    tail: tuple[TailItem, ...] = ()

    def join(self, later: "Change") -> "Change":
        """Return this change followed by a later one."""
        rows = {
            name: self.rows.get(name, frozenset()) | later.rows.get(name, frozenset())
            for name in (*self.rows, *later.rows)
        }
        return Change(rows, (*self.tail, *later.tail)[-TAIL_LENGTH:])


class FellBehindError(Exception):
    """The change asked for has left the memory: begin again with a snapshot."""


class LiveLog:
    """The last changes, numbered from 1. `epoch` names this process's numbering."""

    def __init__(self, memory: int = MEMORY) -> None:
        self.epoch = secrets.token_hex(4)
        self.last = 0
        self._changes: deque[Change] = deque(maxlen=memory)
        self._published = asyncio.Event()

    def publish(self, change: Change) -> None:
        """Append a change and wake everyone who waits."""
        self.last += 1
        self._changes.append(change)
        published, self._published = self._published, asyncio.Event()
        published.set()

    async def wait(self, seen: int, seconds: float) -> bool:
        """Return True as soon as there is a change after number `seen`, False after `seconds` without one."""
        if self.last > seen:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._published.wait()
        except TimeoutError:
            return False
        return True

    def since(self, seen: int) -> Change:
        """Return everything after number `seen` as one change; raises FellBehindError when some of it is gone."""
        missed = self.last - seen
        if missed < 0 or missed > len(self._changes):
            raise FellBehindError
        change = Change()
        for each in list(self._changes)[len(self._changes) - missed :]:
            change = change.join(each)
        return change

    def event_id(self, number: int) -> str:
        """Return the SSE id of a change."""
        return f"{self.epoch}-{number}"

    def number_of(self, event_id: str) -> int | None:
        """Return the number an SSE id of this process names, or None for any other text."""
        epoch, _, number = event_id.partition("-")
        if epoch != self.epoch or not (number.isascii() and number.isdigit()) or len(number) > 18:
            return None
        return int(number)


def changed_rows(change: Change, views: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the changed row ids of the views a reader asked for."""
    return {name: ids for name, ids in change.rows.items() if name in views and ids}

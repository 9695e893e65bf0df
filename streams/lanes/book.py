"""What one lane has committed: states, due times, watermark. A batch reads it; only a commit changes it."""

from dataclasses import dataclass, field
from typing import Final

from hub.domain.decision import Now
from hub.runtime.record_partition import partition_of
from streams.lanes.accounts import Accounts
from streams.lanes.timers import DueTimes
from streams.lanes.watermark import Watermark

UNREADABLE_RUN_MAX: Final = 100
"""Undecodable commands in a row; one more stops the lane."""
WINDOW: Final = 10_000
UNREADABLE_WINDOW_MAX: Final = WINDOW // 10
"""Undecodable commands among the last 10,000; one more stops the lane."""


class Readability:
    """How many of the last commands could not be read."""

    def __init__(self) -> None:
        self._flags = bytearray(WINDOW)
        self._place = 0
        self._count = 0

    @property
    def exhausted(self) -> bool:
        """Whether one more unreadable command would be too many."""
        return self._count - self._flags[self._place] >= UNREADABLE_WINDOW_MAX

    def note(self, *, unreadable: bool) -> None:
        """Count one command."""
        self._count += unreadable - self._flags[self._place]
        self._flags[self._place] = unreadable
        self._place = (self._place + 1) % WINDOW


@dataclass(slots=True)
class Book:
    """The committed memory of one partition; `partitions` is how many there are.

    `caught_up` is the latest instant for which everything that was in the log then has been consumed: a timer that
    causes an outside call fires only up to it.
    """

    partition: int
    accounts: Accounts
    due: DueTimes = field(default_factory=DueTimes)
    watermark: Watermark = field(default_factory=Watermark)
    partitions: int = 1
    caught_up: Now = field(default_factory=lambda: Now(0, 0))
    readability: Readability = field(default_factory=Readability)

    def is_foreign(self, account: bytes) -> bool:
        """Return whether an account nothing was heard of lives in another partition by the rule of all who write."""
        known = self.accounts.core_bytes(account) is not None
        return not known and partition_of(account, self.partitions) != self.partition

    def consumed_until(self, instant: Now) -> None:
        """Note that the log as it ended at `instant` has been consumed; waiting timers are looked at again."""
        self.caught_up = Now(max(self.caught_up.city, instant.city), max(self.caught_up.wall, instant.wall))
        self.due.release()

"""Due times of the accounts of one lane: a heap for each clock, rebuilt from the states at every opening.

A heap only says which account to look at and when; the account's state alone says whether a timer is due. An entry may
therefore be older than the state: it is looked at, found early, and put back. An entry is never missing.
"""

import heapq
from typing import Final, NamedTuple

from hub.domain.decision import Now
from hub.domain.state import NEVER

Due = tuple[int, int]
"""When an account's next timer is due, by city and by wall time; NEVER without one."""
UNARMED: Final[Due] = (NEVER, NEVER)


class Entry(NamedTuple):
    """An account to look at when its clock shows `due_at`."""

    due_at: int
    account: bytes
    city: bool


class DueTimes:
    """Every account with a timer has an entry at or before its next due time, in a heap or among the waiting."""

    def __init__(self) -> None:
        self._heaps: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = ([], [])
        self._waiting: list[Entry] = []

    def __len__(self) -> int:
        return len(self._heaps[0]) + len(self._heaps[1]) + len(self._waiting)

    @property
    def waiting(self) -> bool:
        """Whether timers wait until the lane has consumed what was in its log when they came due."""
        return bool(self._waiting)

    def load(self, account: bytes, due: Due) -> None:
        """Add an account while restoring; `order` must follow."""
        for heap, due_at in zip(self._heaps, due, strict=True):
            if due_at < NEVER:
                heap.append((due_at, account))

    def order(self) -> None:
        """Make heaps of what `load` added."""
        for heap in self._heaps:
            heapq.heapify(heap)

    def arm(self, account: bytes, before: Due, after: Due) -> None:
        """Note that an account's due times changed; a later one needs no entry, the earlier one leads to it."""
        if after[0] < before[0]:
            heapq.heappush(self._heaps[0], (after[0], account))
        if after[1] < before[1]:
            heapq.heappush(self._heaps[1], (after[1], account))

    def take(self, now: Now) -> Entry | None:
        """Take out the entry that is due first, by (due_at, account), or return None when nothing is due."""
        city, wall = self._heaps
        city_due = bool(city) and city[0][0] <= now.city
        wall_due = bool(wall) and wall[0][0] <= now.wall
        if not city_due and not wall_due:
            return None
        is_city = city_due and (not wall_due or city[0] <= wall[0])
        heap = city if is_city else wall
        first = heapq.heappop(heap)
        while heap and heap[0] == first:  # an entry put back where another already stood
            heapq.heappop(heap)
        return Entry(*first, city=is_city)

    def put_back(self, entry: Entry, due: Due) -> None:
        """Put an entry back at its account's next due time by the entry's clock, if it has one."""
        due_at = due[0 if entry.city else 1]
        if due_at < NEVER:
            heapq.heappush(self._heaps[0 if entry.city else 1], (due_at, entry.account))

    def wait(self, entry: Entry) -> None:
        """Keep an entry aside until `release`."""
        self._waiting.append(entry)

    def release(self) -> None:
        """Put every waiting entry back: the log has been consumed further."""
        for entry in self._waiting:
            heapq.heappush(self._heaps[0 if entry.city else 1], (entry.due_at, entry.account))
        self._waiting.clear()

    def earliest(self) -> Due:
        """Return the first due time by each clock, NEVER without one."""
        city, wall = (heap[0][0] if heap else NEVER for heap in self._heaps)
        return city, wall

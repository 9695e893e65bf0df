"""The errands in hand: each account's in their order, so many of each channel at once. No waiting, no output."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiokafka import TopicPartition

from streams.courier.gateways import OutsideErrand, queue_of
from streams.courier.progress import Tenure

CALLS_AT_ONCE: Final = 32
"""For each channel, so that a slow gateway takes none of another's."""
ERRANDS_MAX: Final = 10_000
BYTES_MAX: Final = 32 * 1024 * 1024
"""What is in hand at most, of all channels, and what another courier repeats at most when this one is killed.

Errands stand in the topic in one row, whatever their channel: a gateway so slow that all these wait for it holds up
what comes after them."""


@dataclass(frozen=True, slots=True)
class Job:
    """An errand that leaves the hub, its place, and the size of its record."""

    errand: OutsideErrand
    partition: TopicPartition
    offset: int
    tenure: Tenure
    size: int


class Queues:
    """Which errand may begin: the first of its account, when its channel has a place free; accounts take turns."""

    def __init__(self) -> None:
        self._accounts: dict[str, deque[Job]] = {}
        self._waiting: dict[str, deque[str]] = {}
        """Channel → the accounts whose first errand is for it and has not begun, oldest first."""
        self._under_way: Counter[str] = Counter()
        self.room = ERRANDS_MAX
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether no more may be taken in until something ended."""
        return self.room <= 0 or self._bytes >= BYTES_MAX

    def put(self, job: Job) -> None:
        """Take in an errand behind the others of its account."""
        self.room -= 1
        self._bytes += job.size
        name = queue_of(job.errand)
        if name in self._accounts:
            self._accounts[name].append(job)
        else:
            self._accounts[name] = deque([job])
            self._wait(name)

    def begin(self) -> Iterator[Job]:
        """Yield, once, each errand that may begin now; `end` must be called for it."""
        for channel, waiting in self._waiting.items():
            while waiting and self._under_way[channel] < CALLS_AT_ONCE:
                self._under_way[channel] += 1
                yield self._accounts[waiting.popleft()][0]

    def end(self, job: Job) -> None:
        """Note that an errand that had begun is dealt with: its place is free, its account's next may begin."""
        self.room += 1
        self._bytes -= job.size
        self._under_way[job.errand.channel] -= 1
        name = queue_of(job.errand)
        self._accounts[name].popleft()
        if self._accounts[name]:
            self._wait(name)
        else:
            del self._accounts[name]

    def _wait(self, name: str) -> None:
        self._waiting.setdefault(self._accounts[name][0].errand.channel, deque()).append(name)

"""Records a lane has fetched and not yet decided, in order, and whether there are enough of them."""

from collections import deque
from typing import Any

from streams.lanes.faults import InvariantError


class Backlog:
    """A queue of one partition's records, bounded by count and by bytes: who fetches asks `full` and `low`."""

    def __init__(self, partition: int, most: int, most_bytes: int) -> None:
        self._partition = partition
        self._most, self._most_bytes = most, most_bytes
        self._records: deque[Any] = deque()
        self._bytes = 0
        self._expected = 0

    def __len__(self) -> int:
        """Return how many records wait."""
        return len(self._records)

    @property
    def head(self) -> Any | None:
        """The record that is decided next, or None."""
        return self._records[0] if self._records else None

    @property
    def full(self) -> bool:
        """Whether no more should be fetched."""
        return len(self._records) > self._most or self._bytes > self._most_bytes

    @property
    def low(self) -> bool:
        """Whether more should be fetched: less than half of what may wait does."""
        return len(self._records) < self._most // 2 and self._bytes < self._most_bytes // 2

    def start(self, offset: int) -> None:
        """Forget what waits and expect this offset next."""
        self.clear()
        self._expected = offset

    def clear(self) -> None:
        """Forget what waits."""
        self._records.clear()
        self._bytes = 0

    def push(self, records: list[Any]) -> None:
        """Take fetched records. Raises InvariantError when one is missing: `commands` has no transaction markers."""
        if records[0].offset != self._expected or records[-1].offset - records[0].offset != len(records) - 1:
            raise InvariantError(
                f"partition {self._partition}: a hole in the commands: offset {self._expected} was due, "
                f"{records[0].offset} to {records[-1].offset} came as {len(records)} records"
            )
        self._records.extend(records)
        self._bytes += sum([_size(record) for record in records])
        self._expected = records[-1].offset + 1

    def pop(self) -> None:
        """Drop the head, which is decided."""
        self._bytes -= _size(self._records.popleft())


def _size(record: Any) -> int:
    return len(record.value or b"")

"""How far the errands of a partition are done, while several are under way at once."""

import asyncio
import contextlib
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

_POSITION_SECONDS: Final = 1.0


async def positions(consumer: Any) -> dict[TopicPartition, int]:
    """Return where a consumer that was just given nothing stands: behind the markers of the last transaction.

    Committed, they make a group's lag 0 when nothing is left to do. A partition that has no leader now is left out.
    """
    found: dict[TopicPartition, int] = {}
    for each in consumer.assignment():
        with contextlib.suppress(TimeoutError, IllegalStateError):
            found[each] = await asyncio.wait_for(consumer.position(each), _POSITION_SECONDS)
    return found


class Tenure:
    """One partition for as long as the group gives it to this process; `over` once it was taken away.

    Errands begin in offset order and end in any; what may be committed is the oldest unfinished one.
    """

    def __init__(self) -> None:
        self.over = False
        self.committed: int | None = None
        """The offset committed last."""
        self._under_way: dict[int, None] = {}  # in offset order, because dictionaries keep the order of insertion
        self._seen: int | None = None

    @property
    def safe(self) -> int | None:
        """The offset up to which everything is done; None before the first errand."""
        return next(iter(self._under_way), self._seen)

    def began(self, offset: int) -> None:
        """Note an errand taken from the partition."""
        self._under_way[offset] = None
        self._seen = offset + 1

    def passed(self, offset: int) -> None:
        """Note that no errand is left below an offset that was read up to; without effect while one is under way."""
        if not self._under_way:
            self._seen = offset

    def done(self, offset: int) -> None:
        """Note an errand whose result is durable. Idempotent."""
        self._under_way.pop(offset, None)

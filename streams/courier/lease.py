"""Proof, right before a call, that the group still gives this process the errand's partition.

A process that was stopped and woken believes what it knew before: that it owns its partitions. So what counts is the
broker's word: it accepts an offset only from a living member of the present generation. Its word holds for 1 s, counted
from before it was asked; the broker waits 3 s for a silent member, so nobody else can own the partition meanwhile.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.courier.progress import Tenure

PROOF_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.2


class Lease:
    """Commits offsets, and by that proves membership; shared by every call of one consumer."""

    def __init__(self, consumer: Any, seconds: Callable[[], float] = time.monotonic) -> None:
        """`seconds` is a clock that goes on while the process is stopped."""
        self._consumer = consumer
        self._seconds = seconds
        self._proven_at = float("-inf")
        self._asking = asyncio.Lock()

    async def holds(self, partition: TopicPartition, tenure: Tenure) -> bool:
        """Return True with a fresh proof, False once the partition was taken away; waits while it is not known."""
        while not tenure.over:
            if self._seconds() - self._proven_at < PROOF_SECONDS:
                return True
            async with self._asking:
                if self._seconds() - self._proven_at >= PROOF_SECONDS and not await self.commit({partition: tenure}):
                    await asyncio.sleep(_RETRY_SECONDS)
        return False

    async def commit(self, tenures: dict[TopicPartition, Tenure]) -> bool:
        """Commit how far these partitions are done; say whether the broker accepted it within 5 s.

        It does not during a rebalance, or from one that is no member any more: then somebody else repeats the errands.
        Before the first errand there is nothing to commit: the broker, which would refuse that, is not asked.
        """
        offsets = {each: tenure.safe for each, tenure in tenures.items() if tenure.safe is not None}
        if not offsets:
            return False
        asked_at = self._seconds()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._consumer.commit(offsets)
        except (KafkaError, TimeoutError):
            return False
        for each, offset in offsets.items():
            tenures[each].committed = offset
        self._proven_at = max(self._proven_at, asked_at)
        return True

    def forget(self) -> None:
        """Drop the proof: a rebalance began."""
        self._proven_at = float("-inf")

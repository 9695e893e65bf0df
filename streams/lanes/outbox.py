"""The records of one transaction as ready-made batches: one future for each batch, not for each record."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka.errors import KafkaError

Headers = list[tuple[str, bytes]]


class Outbox:
    """Collects records for one partition number of several topics; `deliver` ends when the broker has them all."""

    def __init__(self, producer: Any, partition: int, timestamp_ms: int) -> None:
        self._producer = producer
        self._partition = partition
        self._timestamp_ms = timestamp_ms
        self._batches: list[tuple[str, Any]] = []
        self._open: dict[str, Any] = {}

    def add(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers | None = None) -> None:
        """Append a record. Raises ValueError when it alone is larger than a batch may be."""
        batch = self._open.get(topic)
        if batch is not None and self._append(batch, key, value, headers):
            return
        batch = self._open[topic] = self._producer.create_batch()
        self._batches.append((topic, batch))
        if not self._append(batch, key, value, headers):
            raise ValueError(f"a record of {len(value or b'')} bytes is larger than a batch of {topic} may be")

    def add_all(self, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Append (key, value) records."""
        batch = self._open.get(topic)
        for key, value in records:
            if batch is None or batch.append(timestamp=self._timestamp_ms, key=key, value=value, headers=[]) is None:
                self.add(topic, key, value)
                batch = self._open[topic]

    async def deliver(self) -> None:
        """Send every batch and wait for every future: a commit would not notice that one failed (kernel.md 7.2).

        Cancelled, it ends at once: what was sent may never be answered.
        """
        sent: list[asyncio.Future[Any]] = []
        try:
            for topic, batch in self._batches:
                sent.append(await self._producer.send_batch(batch, topic, partition=self._partition))
        except KafkaError:
            await _confirmed(sent)  # says why a later send was not even taken
            raise
        await _confirmed(sent)

    def _append(self, batch: Any, key: bytes | None, value: bytes | None, headers: Headers | None) -> bool:
        done = batch.append(timestamp=self._timestamp_ms, key=key, value=value, headers=headers or [])
        return done is not None


async def _confirmed(sent: Sequence["asyncio.Future[Any]"]) -> None:
    """Return when the broker has all; raise what the first of them met."""
    for outcome in await asyncio.gather(*sent, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome

"""The Faust app of the views: one table and one agent for each stream table (architecture 4, 6).

An agent reads a batch of facts, adds them up, writes each changed row once to the table's topic and waits for the
broker, then the progress, then its own memory, then acknowledges. Stopped anywhere, it reads the batch again and
recognises what is already written.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from hub.runtime.consumer import METADATA_MS
from hub.runtime.logs import get_logger
from hub.runtime.metrics import VIEW_FACTS
from hub.runtime.sections import CriticalSections
from schemas.facts import Facts
from schemas.topics import BATCH_BYTES
from schemas.views import ViewRow, progress_key
from streams.views.committed import CommittedApp, RowStore, RowTable, correct_faust
from streams.views.sections import VIEWS_AFTER_PROGRESS, VIEWS_AFTER_ROWS
from streams.views.tables import SourceRecord, StreamTable, expired, fold

_RAW = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
_BATCH = 1000
_BATCH_SECONDS = 0.05
_SWEEP_SECONDS = 5.0
_EXIT = 70
_log = get_logger("views")
_encode = msgspec.json.Encoder().encode
_decode_facts = msgspec.json.Decoder(Facts).decode


@dataclass(frozen=True, slots=True)
class ViewsPlan:
    """What a views worker needs to know; `table_topics` maps each table to its topic.

    All topics have `partitions` partitions: a row stays in the partition its facts came from.
    """

    bootstrap: str
    group: str
    facts_topic: str
    table_topics: Mapping[str, str]
    partitions: int
    folder: Path
    credentials: object | None = None
    stretch_ms: Mapping[str, int] = field(default_factory=dict)
    """Critical sections that a test holds open."""


class TableKeeper:
    """Keeps one stream table from batches of facts; its rows are the table's store."""

    def __init__(self, app: CommittedApp, table: StreamTable, plan: ViewsPlan) -> None:
        self._app = app
        self._table = table
        self._topic = plan.table_topics[table.name]
        self._sections = CriticalSections(plan.stretch_ms)
        self._next_sweep = 0.0
        changelog = app.topic(self._topic, partitions=plan.partitions, compacting=True, **_RAW)
        self._kept = app.Table(
            table.name, partitions=plan.partitions, changelog_topic=changelog, key_type=bytes, value_type=bytes
        )

    @property
    def rows(self) -> RowStore:
        """The rows of the partitions this worker has."""
        store: RowStore = self._kept.data
        return store

    async def add(self, records: Sequence[SourceRecord]) -> None:
        """Add a batch; when this returns, the broker has every changed row and then the progress."""
        changed = fold(self._table, self.rows.row, records)
        self._count(records)
        await self._write({key: row for key, row in changed.items() if row.dimensions})
        await self._sections.reach(VIEWS_AFTER_ROWS)
        await self._write({key: row for key, row in changed.items() if not row.dimensions})
        await self._sections.reach(VIEWS_AFTER_PROGRESS)
        if self._table.keep_ms and time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + _SWEEP_SECONDS
            await self._give_up_old_rows()

    def _count(self, records: Sequence[SourceRecord]) -> None:
        """Count what a batch brings; called before it is written, so that repeats are told by the progress."""
        reached = {each.partition: self.rows.row(progress_key(each.partition)) for each in records}
        new = sum(1 for each in records if (row := reached[each.partition]) is None or each.offset > row.offset)
        VIEW_FACTS.labels(view=self._table.name, outcome="added").inc(new)
        VIEW_FACTS.labels(view=self._table.name, outcome="repeated").inc(len(records) - new)

    async def _write(self, changed: Mapping[bytes, ViewRow]) -> None:
        sent = [await self._send(key, _encode(row), row.partition) for key, row in changed.items()]
        await asyncio.gather(*sent)
        for key, row in changed.items():
            self.rows.put(key, row)

    async def _give_up_old_rows(self) -> None:
        """Remove rows older than the table keeps, after the progress that makes repeats of them harmless."""
        rows = list(self.rows.data.items())
        clocks = {row.partition: row.now for _, row in rows if not row.dimensions}
        gone = expired(self._table, rows, clocks)
        await asyncio.gather(*[await self._send(key, None, row.partition) for key, row in gone])
        for key, _ in gone:
            self.rows.drop(key)

    async def _send(self, key: bytes, value: bytes | None, partition: int) -> Awaitable[object]:
        sent: Awaitable[object] = await self._app.producer.send(self._topic, key, value, partition, None, None)
        return sent


def views_app(plan: ViewsPlan, tables: Sequence[StreamTable]) -> CommittedApp:
    """Return the Faust app that keeps these tables; start it with `app.start()`.

    It creates no topic, serves no web page and writes nothing but rows. An exception in an agent ends the process
    with status 70 (architecture 4, fail): a figure that might be wrong is never written.
    """
    correct_faust()
    app = CommittedApp(plan.group, broker=f"kafka://{plan.bootstrap}", **_settings(plan))
    source = app.topic(plan.facts_topic, partitions=plan.partitions, **_RAW)
    for table in tables:
        app.agent(source, name=f"keep_{table.name}")(_agent(TableKeeper(app, table, plan)))
    return app


def _settings(plan: ViewsPlan) -> dict[str, Any]:
    return {
        "store": "memory://",
        "Table": RowTable,
        "datadir": str(plan.folder),
        "web_enabled": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "stream_buffer_maxsize": 16_384,
        "stream_wait_empty": False,
        "broker_session_timeout": 3,
        "broker_heartbeat_interval": 0.5,
        "broker_rebalance_timeout": 6,
        "broker_commit_interval": 0.5,
        "producer_linger": 0.005,
        "producer_max_batch_size": BATCH_BYTES,
        "producer_max_request_size": BATCH_BYTES,
        "consumer_auto_offset_reset": "earliest",
        "consumer_metadata_max_age_ms": METADATA_MS,
        "broker_credentials": plan.credentials,
    }


def _agent(keeper: TableKeeper) -> Callable[[Any], Awaitable[None]]:
    async def keep(stream: Any) -> None:
        async for events in stream.noack_take(_BATCH, within=_BATCH_SECONDS):
            try:
                await keeper.add([_record(event) for event in events])
            except Exception:  # noqa: BLE001 - the shell that stops the process
                _log.exception("view_failed")
                os._exit(_EXIT)
            for event in events:
                event.ack()

    return keep


def _record(event: Any) -> SourceRecord:
    message = event.message
    return SourceRecord(message.partition, message.offset, _decode_facts(message.value))

"""Everything the live stream shows, as one state: stream tables, rates, tail, and how old each is.

The follower writes it, requests read it; all in one loop, so nothing is locked.
"""

from collections import deque
from typing import Final

from hub.runtime.clock import Clock
from hub.web.answers import AsOf, Figures, ViewAnswer
from hub.web.flow import TAIL_LENGTH, FlowMeter, TailItem
from hub.web.live_log import Change, LiveLog, changed_rows
from hub.web.live_tables import LiveTable, risk_figures, total
from schemas.topics import VIEWS

REFRESH_MS: Final = 5000
"""How often a quiet stream proves that it lives; a panel is stale after three times that."""
STREAMS: Final = (*VIEWS, "flow", "tail")
"""What a reader of the live stream may ask for."""
_GRACE_MS: Final = 2000
"""A fact may be this old before its absence from a table counts as being behind."""
Payload = dict[str, object]


class LiveState:
    """Stream tables, flow and tail of this process, and the log of their changes."""

    def __init__(self, partitions: int, clock: Clock) -> None:
        self.tables = {name: LiveTable(name, partitions) for name in VIEWS}
        self.flow = FlowMeter()
        self.log = LiveLog()
        self.restoring = True
        """Until the tables' topics were read to the end they had when this process began to follow them."""
        self.confirmed_wall = clock.wall()
        """Everything written before this moment was read; until Kafka first confirms it, when this process began."""
        self.backlog: dict[str, int] = {}
        """Records waiting: `commands` for the lanes, `books` for PostgreSQL."""
        self._clock = clock
        self._partitions = partitions
        self._facts: dict[int, tuple[int, int]] = {}
        self._lanes: dict[int, tuple[int, int]] = {}
        """Per partition with waiting commands: the last command done, and since when (wall) it is that one."""
        self._changed: dict[str, set[str]] = {}
        self._tail: list[TailItem] = []
        self._shown: deque[TailItem] = deque(maxlen=TAIL_LENGTH)

    def take_row(self, view: str, key: bytes, value: bytes | None) -> None:
        """Take a record of a view's topic in."""
        changed = self.tables[view].apply(key, value)
        if changed is not None:
            self._changed.setdefault(view, set()).add(changed)

    def take_ledger(self, partition: int, offset: int, value: bytes) -> None:
        """Take a ledger record in."""
        self._tail.append(self.flow.add(partition, offset, value))

    def take_fact(self, partition: int, offset: int, wall: int) -> None:
        """Note where the newest fact of a partition stands and when (wall time) it was written."""
        self._facts[partition] = (offset, wall)

    def note_waiting(self, partition: int, end: int) -> int:
        """Note where the commands of a partition end; return how many wait for its lane.

        A lane that has commands waiting and finishes none is being restored, or gone.
        """
        done = self.flow.commands_done.get(partition)
        waiting = 0 if done is None else max(0, end - done - 1)
        if not waiting or done is None:
            self._lanes.pop(partition, None)
        elif self._lanes.get(partition, (-1, 0))[0] != done:
            self._lanes[partition] = (done, self._clock.wall())
        return waiting

    def publish(self) -> None:
        """Put what was taken in since the last call into the log; nothing new is no change."""
        if not self._changed and not self._tail:
            return
        self._tail.sort(key=lambda item: item.wall_at)  # stable: within a partition the order stays
        self._shown.extend(self._tail)
        self.log.publish(Change({name: frozenset(ids) for name, ids in self._changed.items()}, tuple(self._tail)))
        self._changed, self._tail = {}, []

    def as_of(self, view: str) -> AsOf:
        """Return how old a view is and which partitions of it are behind their facts."""
        table, wall, city = self.tables.get(view), self._clock.wall(), self._clock.city()
        since = self._behind(table, wall)
        behind = tuple(sorted(since))
        progress = table.progress if table else {}
        return AsOf(
            city=city,
            wall=min([self.confirmed_wall, *since.values()]),
            server_wall=wall,
            complete_to=min([city, *(progress[partition].now for partition in behind if partition in progress)]),
            offsets={str(partition): row.offset for partition, row in sorted(progress.items())},
            partitions=self._partitions,
            behind=behind,
            restoring=self.restoring,
        )

    def _behind(self, table: LiveTable | None, wall: int) -> dict[int, int]:
        """Return the partitions whose lane stands still or whose facts are not in the table, and since when (wall)."""
        late = {partition: since for partition, (_, since) in self._lanes.items() if since < wall - _GRACE_MS}
        if table is None:
            return late
        for partition, (offset, written) in self._facts.items():
            progress = table.progress.get(partition)
            if (progress is None or progress.offset < offset) and written < wall - _GRACE_MS:
                late[partition] = min(written, late.get(partition, written))
        return late

    def view(self, name: str) -> ViewAnswer:
        """Return a table's snapshot."""
        return ViewAnswer(name, self.as_of(name), REFRESH_MS, tuple(self.tables[name].rows()))

    def snapshot(self, streams: tuple[str, ...]) -> Payload:
        """Return the first message of a stream: everything asked for, whole."""
        payload = self._ages(streams)
        for name in streams:
            if name in self.tables:
                payload[name] = {"rows": self.tables[name].rows()}
        if "tail" in streams:
            payload["tail"] = list(self._shown)  # what the log has numbered: the next delta begins after it
        return payload

    def delta(self, streams: tuple[str, ...], change: Change) -> Payload:
        """Return a message of what changed: whole new figures of changed rows, ids of removed ones, tail lines."""
        payload = self._ages(streams)
        for name, ids in changed_rows(change, streams).items():
            figures: dict[str, Figures | None] = {each: self.tables[name].figures(each) for each in sorted(ids)}
            payload[name] = {
                "changed": [row for row in figures.values() if row is not None],
                "removed": [each for each, row in figures.items() if row is None],
            }
        if "tail" in streams and change.tail:
            payload["tail"] = list(change.tail)
        return payload

    def _ages(self, streams: tuple[str, ...]) -> Payload:
        """Return what every message carries: the age of each stream asked for, and the rates."""
        payload: Payload = {"refresh_ms": REFRESH_MS, "as_of": {name: self.as_of(name) for name in streams}}
        if "flow" in streams:
            payload["flow"] = self.flow_figures()
        return payload

    def flow_figures(self) -> Payload:
        """Return the figures of the pipeline strip: rates, backlogs, and the totals of all institutions."""
        totals = risk_figures(total(self.tables["institution_risk"].all_parts()))
        return {"rates": self.flow.rates(self._clock.wall()), "backlog": self.backlog, "totals": totals}

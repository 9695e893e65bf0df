"""The topics of the hub: the one registry (architecture 3). Topics are created from it and compared with it.

A topic's name is `<prefix>.<entity>.v1`; the prefix is `medcredit`, tests sharing a broker use others. All topics but
`replies` have one partition count, fixed for life: partition n of each belongs to lane n.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Final, Literal

DEFAULT_PREFIX: Final = "medcredit"
DEMO_PARTITIONS: Final = 12
PRODUCTION_PARTITIONS: Final = 48
REPLY_PARTITIONS: Final = 16
"""Each process that waits for replies stands on one of these; two on one partition filter by command id."""

MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024
BATCH_BYTES: Final = 2_000_000
"""What every producer and lane batch is set for, so that a batch always passes `max.message.bytes`."""

VIEWS: Final = ("institution_risk", "resource_heatmap")
"""The stream tables kept today; each has its changelog topic."""

TopicKey = Literal["account", "account or encounter", "interface", "row", "none"]

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_COMPACT = {
    "cleanup.policy": "compact",
    "segment.bytes": str(32 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": str(_HOUR_MS),
}
_LATE_WRITER_MS = 10 * 60_000
"""How long a view's newer row surely stands beside the older one that a paused worker wrote behind it: its return to
the group makes every worker restore its tables, which finds the newer row and writes it again."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it must be: `config` holds every setting that differs from the broker's default."""

    entity: str
    name: str
    key: TopicKey
    carries: str
    partitions: int
    replication: int
    config: Mapping[str, str]

    @property
    def compacted(self) -> bool:
        """Whether only the last record of each key is kept."""
        return self.config["cleanup.policy"] == "compact"


@dataclass(frozen=True, slots=True)
class Cluster:
    """What differs between one machine and a city: partition count, replicas, how many must confirm a write."""

    partitions: int = DEMO_PARTITIONS
    replication: int = 1
    min_insync: int = 1


PRODUCTION_CLUSTER: Final = Cluster(partitions=PRODUCTION_PARTITIONS, replication=3, min_insync=2)


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics under one prefix; `views` by table name."""

    prefix: str
    commands: Topic
    ledger: Topic
    accounts: Topic
    errands: Topic
    facts: Topic
    dead_letters: Topic
    replies: Topic
    views: Mapping[str, Topic] = field(default_factory=dict)

    def all(self) -> tuple[Topic, ...]:
        """Return every topic, in the order of architecture 3."""
        own = (getattr(self, each.name) for each in fields(self))
        return (*(topic for topic in own if isinstance(topic, Topic)), *self.views.values())

    def by_name(self, name: str) -> Topic | None:
        """Return the topic called `name` (full name, entity, or view's table name), or None."""
        alias = name.replace("_", "-")
        return next((t for t in self.all() if name == t.name or t.entity in (alias, f"view.{alias}")), None)


def topics(
    prefix: str = DEFAULT_PREFIX,
    cluster: Cluster | None = None,
    *,
    overrides: Mapping[str, Mapping[str, str]] | None = None,
) -> Topics:
    """Return the registry for one prefix and cluster.

    `overrides` maps an entity to settings that replace the registry's, for tests that need small segments.
    """
    build = _Builder(prefix, cluster or Cluster(), overrides or {})
    return Topics(
        prefix=prefix,
        commands=build.deleting("commands", "account", 35, "one inbound message, whole: content, sealed bytes, sender"),
        ledger=build.kept("ledger", "account", "exactly one record for each command and each timer that fired"),
        accounts=build.compacted(
            "accounts", "account or encounter", "the state after the command; a reserved key holds the watermark"
        ),
        errands=build.deleting("errands", "account", 35, "one thing to do outside or at another account"),
        facts=build.deleting(
            "facts", "none", 35, "sums of one transaction by institution, department, hour; no person"
        ),
        dead_letters=build.deleting(
            "dead-letters", "interface", 365, "sealed bytes, reason and the reply that was sent"
        ),
        replies=build.replies(),
        views=MappingProxyType({name: build.view(name) for name in VIEWS}),
    )


@dataclass(frozen=True, slots=True)
class _Builder:
    prefix: str
    cluster: Cluster
    overrides: Mapping[str, Mapping[str, str]]

    def deleting(self, entity: str, key: TopicKey, days: int, carries: str) -> Topic:
        retention = {"cleanup.policy": "delete", "retention.ms": str(days * _DAY_MS)}
        return self._topic(entity, key, carries, retention)

    def kept(self, entity: str, key: TopicKey, carries: str) -> Topic:
        return self._topic(entity, key, carries, {"cleanup.policy": "delete", "retention.ms": "-1"})

    def compacted(self, entity: str, key: TopicKey, carries: str) -> Topic:
        return self._topic(entity, key, carries, _COMPACT)

    def replies(self) -> Topic:
        short = {"cleanup.policy": "delete", "retention.ms": str(_HOUR_MS)}
        return self._topic("replies", "none", "the outcome for a caller that waits", short, REPLY_PARTITIONS)

    def view(self, name: str) -> Topic:
        # Kafka folds "." and "_" together in metric names, so a topic name holds only one of them.
        cleanup = {**_COMPACT, "min.compaction.lag.ms": str(_LATE_WRITER_MS)}
        return self._topic(f"view.{name.replace('_', '-')}", "row", f"changelog of the stream table {name}", cleanup)

    def _topic(
        self, entity: str, key: TopicKey, carries: str, cleanup: Mapping[str, str], partitions: int | None = None
    ) -> Topic:
        config = {
            **cleanup,
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
            "min.insync.replicas": str(self.cluster.min_insync),
            "unclean.leader.election.enable": "false",
            **self.overrides.get(entity, {}),
        }
        return Topic(
            entity=entity,
            name=f"{self.prefix}.{entity}.v1",
            key=key,
            carries=carries,
            partitions=partitions or self.cluster.partitions,
            replication=self.cluster.replication,
            config=MappingProxyType(config),
        )

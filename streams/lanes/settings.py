"""How the lanes run: what was measured in kernel.md 2, in one frozen place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from hub.runtime.consumer import Consumer
from hub.runtime.settings import KafkaSettings, Settings
from schemas.topics import BATCH_BYTES, MAX_MESSAGE_BYTES, Topics, topics

_RETRY_BACKOFF_MS: Final = 20
_RESTORE_FETCH_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """Cluster, topics, group, and the measured times and sizes; times in ms or seconds as named."""

    kafka: KafkaSettings
    topics: Topics = field(default_factory=topics)
    group: str = "medcredit.streams"
    session_ms: int = 3_000
    heartbeat_ms: int = 500
    rebalance_ms: int = 6_000
    """The broker waits this long for members to join again: longer than `drain_seconds`."""
    fetch_wait_ms: int = 20
    """The long poll of an idle partition delays its busy neighbours: one fetch for each node."""
    transaction_timeout_ms: int = 10_000
    """The broker aborts an abandoned transaction after this."""
    transaction_deadline_seconds: float = 30.0
    """The lane gives up its process after this."""
    drain_seconds: float = 4.0
    batch_commands: int = 2_000
    batch_cpu_seconds: float = 0.040
    """Deciding time of one transaction: bounds its length and the stalls of the others."""
    batch_bytes: int = 8_000_000
    transactions_at_once: int = 3
    """Lanes of a process that make a transaction at a time; the others gather commands meanwhile."""
    turn_patience_seconds: float = 0.100
    """A lane waits for its turn no longer than this."""
    group_offset_seconds: float = 1.0
    """The group's offset goes with a transaction this often; 0 is with every one."""
    breath_seconds: float = 0.010
    """Heartbeats and the other lanes get their turn after this."""
    backlog_high: int = 8_000
    """A partition with more records waiting is not fetched until half of them are done."""
    backlog_high_bytes: int = 32_000_000
    """The same by size: large commands must not fill the memory while a lane catches up."""
    timer_poll_seconds: float = 0.25
    """How often an idle lane looks at the clocks; the city's may run fast or be set still."""
    chaos_stretch: Mapping[str, int] = field(default_factory=dict)

    def producer(self, partition: int) -> Any:
        """Return the unstarted producer of a partition's only writer: its id is the lease (kernel.md 1)."""
        return AIOKafkaProducer(
            **self.kafka.client_arguments(),
            client_id=f"lane-{partition}",
            transactional_id=f"{self.group}-{partition}",
            acks="all",
            transaction_timeout_ms=self.transaction_timeout_ms,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=2 * MAX_MESSAGE_BYTES,
            retry_backoff_ms=_RETRY_BACKOFF_MS,
        )

    def reply_producer(self) -> Any:
        """Return the unstarted plain producer of replies; a lost reply is a 202 for its caller."""
        return AIOKafkaProducer(
            **self.kafka.client_arguments(), client_id="lane-replies", acks=1, linger_ms=0, retry_backoff_ms=100
        )

    def commands_consumer(self) -> Any:
        """Return the unstarted consumer of all the process's partitions."""
        return Consumer(
            **self.kafka.client_arguments(),
            client_id="lanes",
            group_id=self.group,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            session_timeout_ms=self.session_ms,
            heartbeat_interval_ms=self.heartbeat_ms,
            rebalance_timeout_ms=self.rebalance_ms,
            max_poll_interval_ms=300_000,
            fetch_max_wait_ms=self.fetch_wait_ms,
            max_partition_fetch_bytes=2 * MAX_MESSAGE_BYTES,
            retry_backoff_ms=_RETRY_BACKOFF_MS,
        )

    def restore_consumer(self) -> Any:
        """Return the unstarted consumer that reads a partition's states back."""
        return Consumer(
            **self.kafka.client_arguments(),
            client_id="lane-restore",
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_RESTORE_FETCH_BYTES,
            fetch_max_wait_ms=50,
            check_crcs=True,
        )


def lane_settings(settings: Settings) -> LaneSettings:
    """Return the lanes' settings of a hub."""
    return LaneSettings(
        kafka=settings.kafka,
        topics=settings.topics,
        group=settings.group("streams"),
        chaos_stretch=settings.chaos_stretch,
    )

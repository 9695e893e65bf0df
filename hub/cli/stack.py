"""Everything of one machine put together: Kafka, PostgreSQL, sandboxes, the roles (architecture 8)."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hub.runtime.bus import create_topics
from hub.runtime.migrations import migrate
from hub.runtime.score_sources import write_score_sources
from hub.runtime.settings import Settings, read_settings
from hub.runtime.supervisor import ROLE_COMMAND, ChildPlan, Supervisor
from infra.errors import PortTakenError, StartError
from infra.kafka import EmbeddedKafka
from infra.postgres import EmbeddedPostgres
from infra.processes import spawn, tail, wait_until
from schemas.errors import TransportError
from schemas.reasons import Reason

ROLE_PROCESSES = {"edge": 2, "streams": 1, "courier": 1, "projector": 1, "clerk": 1, "views": 1, "web": 1}
"""Processes a role of the demo; two edges share the ports."""
_WATCH_SECONDS = 0.25
_RETRY_SECONDS = 0.5


@dataclass
class Stores:
    """The embedded broker and database, watched: one that dies is started again on its data and port."""

    kafka: EmbeddedKafka
    postgres: EmbeddedPostgres
    report: Callable[[str], None] = lambda _text: None
    restarts: int = 0

    async def keep_running(self) -> None:
        """Restart what died until cancelled; clients find it at the same address.

        A restart that fails is reported and tried again: sessions of a killed server may hold its memory for a
        moment, and another program may have taken the port.
        """
        while True:
            for server in (self.kafka, self.postgres):
                if server.pid is None:
                    self.restarts += 1
                    await self._restart(server)
            await asyncio.sleep(_WATCH_SECONDS)

    async def _restart(self, server: EmbeddedKafka | EmbeddedPostgres) -> None:
        try:
            await asyncio.to_thread(server.restart)
        except (StartError, OSError) as error:
            self.report(f"WARN {type(server).__name__} does not come back yet: {error}")
            await asyncio.sleep(_RETRY_SECONDS)

    def stop(self) -> None:
        """Stop both; nothing of them is left running."""
        self.postgres.stop()
        self.kafka.stop()


@dataclass
class Stack:
    """One machine's hub with its counterparts. `environment` is what every role is told."""

    run_dir: Path
    ports: Mapping[str, int]
    report: Callable[[str], None] = lambda _text: None
    environment: dict[str, str] = field(default_factory=dict)
    gateways: dict[str, str] = field(default_factory=dict)
    chaos_stretch: Mapping[str, int] = field(default_factory=dict)
    ladder_scale: float = 1.0

    @property
    def keys_dir(self) -> Path:
        """Where the invented keys of the counterparts are."""
        return self.run_dir / "keys"

    @property
    def clock_file(self) -> Path:
        """The city's clock."""
        return self.run_dir / "clock.json"

    @property
    def inbox(self) -> Path:
        """Where institutions and banks leave their files for the clerk."""
        return self.run_dir / "inbox"

    @property
    def web_url(self) -> str:
        """Where the page and the read API are."""
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def environment_file(self) -> Path:
        """What a shell sources so that `medcredit` is found there and its verbs speak to this hub."""
        return self.run_dir / "medcredit.env"

    @property
    def edge_url(self) -> str:
        """Where FHIR, API and notices go."""
        return f"http://127.0.0.1:{self.ports['edge']}"

    @contextmanager
    def stores(self) -> Iterator[Stores]:
        """Start broker and database side by side; stop them when the block ends, however it ends."""
        stores = Stores(EmbeddedKafka(), EmbeddedPostgres(), self.report)
        try:
            _start_both(stores, self.run_dir, self.ports, self.report)
            yield stores
        finally:
            stores.stop()

    @contextmanager
    def sandbox(self, seed: int, *arguments: str) -> Iterator[int]:
        """Run the sandbox gateways as their own process; yield its pid. `gateways` has their addresses then."""
        command = [sys.executable, "-m", "adapters.sandbox", "--keys", str(self.keys_dir), "--hub", self.edge_url]
        if self.clock_file.exists():
            command += ["--clock", str(self.clock_file)]
        log = self.run_dir / "logs" / "sandbox.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        process = spawn([*command, "--seed", str(seed), *arguments], log_file=log, death_signal=signal.SIGTERM)
        try:
            self.gateways = _sandbox_addresses(process, log)
            yield process.pid
        finally:
            _end(process)

    def settings(self, dsn: str, bootstrap: str) -> Settings:
        """Return the settings the roles run with, and remember them as `environment`."""
        keys, gateway = self.keys_dir, "MEDCREDIT_GATEWAYS"
        write_score_sources(self.run_dir / "score_sources.toml", self.gateways["scores"])
        self.environment = {
            "MEDCREDIT_PROFILE": "demo",
            "MEDCREDIT_RUN_DIR": str(self.run_dir),
            "MEDCREDIT_CLOCK_FILE": str(self.clock_file),
            "MEDCREDIT_KAFKA__BOOTSTRAP": bootstrap,
            "MEDCREDIT_POSTGRES__DSN": dsn,
            "MEDCREDIT_EDGE__MLLP__PORT": str(self.ports["mllp"]),
            "MEDCREDIT_EDGE__HTTP__PORT": str(self.ports["edge"]),
            "MEDCREDIT_WEB__PORT": str(self.ports["web"]),
            "MEDCREDIT_SM__RING_FILE": str(keys / "hub_keyring.json"),
            "MEDCREDIT_CLERK__INBOX": str(self.inbox),
            "MEDCREDIT_SM__SCORES_FILE": str(self.run_dir / "score_sources.toml"),
            f"{gateway}__ALIPAY__ENDPOINT": self.gateways["alipay"],
            f"{gateway}__ALIPAY__NOTIFY_URL": f"{self.edge_url}/notify/alipay/main",
            f"{gateway}__ALIPAY__MERCHANT": "2021000000000001",
            f"{gateway}__ALIPAY__SELLER": "2088000000000001",
            f"{gateway}__ALIPAY__PRIVATE_KEY_FILE": str(keys / "alipay" / "merchant_private.pem"),
            f"{gateway}__ALIPAY__PUBLIC_KEY_FILE": str(keys / "alipay" / "gateway_public.pem"),
            f"{gateway}__UNIONPAY__ENDPOINT": self.gateways["unionpay"],
            f"{gateway}__UNIONPAY__NOTIFY_URL": f"{self.edge_url}/notify/unionpay/main",
            f"{gateway}__UNIONPAY__MERCHANT": "777290058146592",
            f"{gateway}__UNIONPAY__PRIVATE_KEY_FILE": str(keys / "unionpay" / "merchant_private.pem"),
            f"{gateway}__UNIONPAY__CERTIFICATE_FILE": str(keys / "unionpay" / "merchant.cer"),
            f"{gateway}__UNIONPAY__ROOT_CERTIFICATE_FILE": str(keys / "unionpay" / "root.cer"),
            f"{gateway}__UNIONPAY__MIDDLE_CERTIFICATE_FILE": str(keys / "unionpay" / "middle.cer"),
            f"{gateway}__UNIONPAY__SIGNER_NAME": "00040000:SIGN",
        }
        if self.ladder_scale < 1:
            self.environment["MEDCREDIT_LADDER_SCALE"] = str(self.ladder_scale)
        if self.chaos_stretch:
            self.environment["MEDCREDIT_CHAOS_STRETCH"] = json.dumps(dict(self.chaos_stretch))
        self.environment_file.write_text(
            "".join(f"export {name}={shlex.quote(value)}\n" for name, value in self.environment.items())
            + f'PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n'
        )
        with _environment(self.environment):
            return read_settings()

    def supervisor(
        self,
        on_end: Callable[[Any], None],
        processes: Mapping[str, int] = MappingProxyType(ROLE_PROCESSES),
        command: Sequence[str] = ROLE_COMMAND,
    ) -> Supervisor:
        """Return the supervisor of the roles with so many processes each, not started."""
        plans = [ChildPlan(role, number) for role, count in processes.items() for number in range(count)]
        return Supervisor(plans, run_dir=self.run_dir, environment=self.environment, command=command, on_end=on_end)


def new_run_dir(name: str) -> Path:
    """Return a new directory for one run; PostgreSQL, started by root under another account, can pass through it."""
    run_dir = Path(tempfile.mkdtemp(prefix=f"medcredit-{name}-"))
    run_dir.chmod(0o711)
    return run_dir


async def prepare(settings: Settings) -> None:
    """Create topics and tables where they are missing. Idempotent."""
    await asyncio.gather(
        create_topics(settings.kafka, settings.topics), migrate(settings.postgres.dsn.get_secret_value())
    )


def _start_both(stores: Stores, run_dir: Path, ports: Mapping[str, int], report: Callable[[str], None]) -> None:
    with ThreadPoolExecutor(2) as pool:
        starting = (
            pool.submit(_start_on, stores.kafka, run_dir / "kafka", ports["kafka"], report),
            pool.submit(_start_on, stores.postgres, run_dir / "postgres", ports["postgres"], report),
        )
        for each in starting:
            each.result()


def _start_on(
    server: EmbeddedKafka | EmbeddedPostgres, directory: Path, port: int, report: Callable[[str], None]
) -> None:
    """Start on the chosen port; on any free one when another program took it since it was chosen."""
    try:
        server.start(directory, port, report=report)
    except PortTakenError:
        server.start(directory, report=report)
        report(f"Port {port} was taken meanwhile; {directory.name} has another one.")


def _sandbox_addresses(process: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    def said() -> dict[str, str]:
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        ready = next((line for line in reversed(lines) if line.startswith('{"alipay"')), "{}")
        return dict(json.loads(ready))

    if not wait_until(lambda: bool(said()) or process.poll() is not None, seconds=60) or not said():
        raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": f"the sandbox gateways:\n{tail(log)}"})
    return said()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    if process.poll() is None:
        process.kill()
        process.wait()


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

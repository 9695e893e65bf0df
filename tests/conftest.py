"""What every test can ask for: real Kafka and PostgreSQL, a database and topics of its own, a clock it moves.

The services are started once per session, by the first test that needs them, also under pytest-xdist, and are gone
when the session ends. `MEDCREDIT_TEST_KAFKA` (bootstrap) and `MEDCREDIT_TEST_POSTGRES` (DSN) name external ones.
"""

import contextlib
import fcntl
import gc
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
import pytest
import structlog
from browser import find_chromium
from hypothesis import settings as hypothesis_settings

from hub.cli.output import Voice, voice
from hub.runtime.bus import create_topics, delete_topics
from hub.runtime.clock import ManualClock
from hub.runtime.settings import Settings, read_settings
from infra.kafka import EmbeddedKafka
from infra.postgres import EmbeddedPostgres
from infra.processes import tail, wait_until
from infra.store import make_store, remove_store
from schemas.topics import Topics

# Timings on a shared machine say nothing: no test may fail for being slow.
hypothesis_settings.register_profile("shared machine", deadline=None)
hypothesis_settings.load_profile("shared machine")

_SHARED = "MEDCREDIT_TEST_SHARED_DIR"
_OWNER = "MEDCREDIT_TEST_OWNER"
_KEPT_SETTINGS = ("MEDCREDIT_CACHE", "MEDCREDIT_MAVEN")
_START_SECONDS = 120
_FETCH_BROWSER_SECONDS = 900
_MARKED = (("kafka", "kafka"), ("own_kafka", "kafka"), ("postgres", "postgres"), ("chromium_path", "browser"))


def pytest_configure(config: pytest.Config) -> None:
    """The session's first process makes the directory in which its workers find the services."""
    if hasattr(config, "workerinput"):
        return
    for name in list(os.environ):
        if name.startswith("MEDCREDIT_") and not name.startswith("MEDCREDIT_TEST_") and name not in _KEPT_SETTINGS:
            del os.environ[name]  # a developer's own settings must not change a test
    shared = make_store(Path(tempfile.mkdtemp(prefix="medcredit-test-")).resolve())
    shared.chmod(0o711)  # PostgreSQL, started by root, runs under another account
    os.environ[_SHARED] = str(shared)
    os.environ[_OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    """The session's first process stops what any worker started."""
    if hasattr(config, "workerinput") or _SHARED not in os.environ:
        return
    shared = Path(os.environ.pop(_SHARED))
    for pid_file in shared.glob("*/pid"):
        with contextlib.suppress(psutil.NoSuchProcess):
            keeper = psutil.Process(int(pid_file.read_text()))
            keeper.send_signal(signal.SIGTERM)
            with contextlib.suppress(psutil.TimeoutExpired):
                keeper.wait(20)
    remove_store(shared)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses a service is marked with its name; one that may have to fetch a browser gets the time."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        for fixture, marker in _MARKED:
            if fixture in names:
                item.add_marker(marker)
        if "chromium_path" in names:
            item.add_marker(pytest.mark.timeout(_FETCH_BROWSER_SECONDS))


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What a file's tests left on a real service is collected, and told, before the next file begins.

    aiokafka gives its waiters an exception that nobody asks for. Told by a collection inside `ast.parse`, it has its
    traceback formatted, which parses too, and CPython 3.11 then fails the outer one (python/cpython#106905).
    """
    used = any(item.get_closest_marker(service) for service in ("kafka", "postgres"))
    if used and (nextitem is None or nextitem.path != item.path):
        gc.collect()


def shared_service(kind: str) -> str:
    """Return the address of the session's Kafka or PostgreSQL, starting it when this is the first to ask."""
    directory = Path(os.environ[_SHARED]) / kind
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "address").exists():
            _start_keeper(kind, directory)
    return (directory / "address").read_text()


def _start_keeper(kind: str, directory: Path) -> None:
    """Start the keeper as a process without a parent's handle: another worker's session may end before this one's."""
    log = directory / "keeper.log"
    keeper = Path(__file__).with_name("service_keeper.py")
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, str(keeper), kind, str(directory), os.environ[_OWNER]],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    (directory / "pid").write_text(str(pid))
    ready = (directory / "address").exists
    wait_until(lambda: ready() or os.waitpid(pid, os.WNOHANG)[0] == pid, seconds=_START_SECONDS)
    if not ready():
        pytest.exit(f"{kind} did not start:\n{tail(log, 40)}", returncode=1)


@pytest.fixture(autouse=True)
def _as_before_a_verb() -> Iterator[None]:
    """A test that runs a verb in this process leaves no logger of its captured stderr behind, and no `--json`."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
    vars(voice).update(vars(Voice()))


@pytest.fixture(scope="session")
def kafka() -> str:
    """The bootstrap address of a real Kafka, shared by the session: use topics of your own prefix."""
    return os.environ.get("MEDCREDIT_TEST_KAFKA") or shared_service("kafka")


@pytest.fixture(scope="session")
def postgres() -> str:
    """The DSN of a real PostgreSQL, shared by the session: use `database` for tables."""
    return os.environ.get("MEDCREDIT_TEST_POSTGRES") or shared_service("postgres")


@pytest.fixture
async def database(postgres: str) -> AsyncIterator[str]:
    """The DSN of an empty database of this test's own, dropped afterwards."""
    name = f"t_{secrets.token_hex(6)}"
    await _execute(postgres, f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def topic_prefix() -> str:
    """A topic prefix no other test uses, so that tests share a broker."""
    return f"t-{secrets.token_hex(6)}"


@pytest.fixture
def settings(kafka: str, topic_prefix: str, tmp_path: Path) -> Settings:
    """Demo settings for the session's Kafka: the test's own prefix, four partitions, a run directory of its own."""
    return read_settings(
        profile="demo",
        kafka={"bootstrap": kafka, "partitions": 4},
        topic_prefix=topic_prefix,
        run_dir=tmp_path,
    )


@pytest.fixture
async def hub_topics(settings: Settings) -> AsyncIterator[Topics]:
    """The registry's topics, made under the test's prefix and deleted afterwards."""
    await create_topics(settings.kafka, settings.topics)
    yield settings.topics
    await delete_topics(settings.kafka, settings.topics)


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that moves only when the test says so; it starts at 2026-01-01 08:00 in the city."""
    return ManualClock()


@pytest.fixture
def own_kafka() -> Iterator[EmbeddedKafka]:
    """A broker of this test's own that it may kill and restart; not yet started."""
    broker = EmbeddedKafka()
    yield broker
    broker.destroy()


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """A server of this test's own that it may kill and restart; not yet started."""
    server = EmbeddedPostgres(durable=False)
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a Chromium that starts here; without one the test is skipped by name, and fails under `CI=true`."""
    with (Path(os.environ[_SHARED]) / "browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one download, whichever worker comes first
        found = find_chromium()
    if found is not None:
        return str(found)
    text = "no Chromium on PATH, by Playwright or by apt-get: install one, or set MEDCREDIT_TEST_CHROMIUM"
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)

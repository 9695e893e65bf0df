"""The embedded Kafka and PostgreSQL: killed, restarted, orphaned."""

import asyncio
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from aiokafka import TopicPartition

from hub.cli.stack import Stack, Stores
from hub.runtime.bus import check_topics, committed_consumer, create_topics, durable_producer
from hub.runtime.settings import Settings, read_settings
from infra.errors import StartError
from infra.kafka import EmbeddedKafka
from infra.postgres import EmbeddedPostgres
from infra.postgres.binaries import account_for_server, store_for_server
from infra.processes import port_is_free
from infra.store import remove_store


def hub_on(broker: EmbeddedKafka) -> Settings:
    return read_settings(profile="demo", kafka={"bootstrap": broker.bootstrap, "partitions": 2})


async def last_value(settings: Settings) -> bytes:
    """Return the newest committed record of partition 0 of `commands`."""
    partition = TopicPartition(settings.topics.commands.name, 0)
    consumer = committed_consumer(settings.kafka, "test")
    await consumer.start()
    try:
        consumer.assign([partition])
        (end,) = (await consumer.end_offsets([partition])).values()
        consumer.seek(partition, end - 1)
        return bytes((await consumer.getone()).value)
    finally:
        await consumer.stop()


async def test_a_killed_broker_comes_back_with_topics_and_records(own_kafka: EmbeddedKafka, tmp_path: Path) -> None:
    """After SIGKILL the broker serves the same address, and what was confirmed before is there."""
    own_kafka.start(tmp_path / "kafka")
    settings = hub_on(own_kafka)
    await create_topics(settings.kafka, settings.topics)
    producer = durable_producer(settings.kafka, "test")
    await producer.start()
    await producer.send_and_wait(settings.topics.commands.name, b"confirmed", partition=0)
    await producer.stop()
    first, address = own_kafka.pid, own_kafka.bootstrap
    assert own_kafka.restart(kill=True) == address
    assert own_kafka.pid not in (None, first)
    assert await check_topics(settings.kafka, settings.topics) == ()
    assert await last_value(settings) == b"confirmed"


def test_a_broker_leaves_neither_process_nor_port(own_kafka: EmbeddedKafka, tmp_path: Path) -> None:
    """After `stop` both are gone; stopping again, or killing what is stopped, does nothing."""
    own_kafka.start(tmp_path / "kafka")
    pid, port = own_kafka.pid, int(own_kafka.bootstrap.rpartition(":")[2])
    own_kafka.stop()
    own_kafka.stop()
    own_kafka.kill()
    assert not psutil.pid_exists(pid)
    assert port_is_free(port)
    assert own_kafka.pid is None


def test_a_taken_port_is_named(own_kafka: EmbeddedKafka, postgres: str, tmp_path: Path) -> None:
    """A fixed port that another program has is refused before anything is started."""
    taken = int(postgres.rpartition(":")[2].partition("/")[0])
    with pytest.raises(StartError, match=f"port {taken} .* is taken"):
        own_kafka.start(tmp_path / "kafka", taken)
    with pytest.raises(StartError, match=f"port {taken} .* is taken"):
        EmbeddedPostgres().start(tmp_path / "postgres", taken)


def test_a_broker_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    """The error carries the end of the log, where the cause is; no process is left."""
    broker = EmbeddedKafka(settings={"num.io.threads": "none"})
    with pytest.raises(StartError, match=r"num\.io\.threads"):
        broker.start(tmp_path / "kafka")
    assert broker.pid is None


async def test_a_killed_server_comes_back_with_its_rows(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """After SIGKILL, with a session still open, the server serves the same address and committed rows are there."""
    dsn = own_postgres.start(tmp_path / "postgres")
    session = await asyncpg.connect(dsn)
    await session.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (41)")
    first = own_postgres.pid
    assert own_postgres.restart(kill=True) == dsn
    assert own_postgres.pid not in (None, first)
    session.terminate()
    again = await asyncpg.connect(dsn)
    assert await again.fetchval("SELECT n FROM kept") == 41
    await again.close()


async def test_a_server_needs_its_password(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """Another user of this machine reaches the port but not the books; the password file is the owner's alone."""
    dsn = own_postgres.start(tmp_path / "postgres")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(dsn.replace(":" + dsn.split(":")[2].split("@")[0] + "@", ":wrong@"))
    assert (tmp_path / "postgres" / "password").stat().st_mode & 0o077 == 0


async def test_a_stopped_server_is_gone_and_starts_again(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """A clean stop closes open sessions, frees the port, and the next start is on the same data."""
    dsn = own_postgres.start(tmp_path / "postgres")
    session = await asyncpg.connect(dsn)
    pid = own_postgres.pid
    own_postgres.stop()
    own_postgres.stop()
    assert not psutil.pid_exists(pid)
    session.terminate()
    assert own_postgres.restart() == dsn


@pytest.mark.parametrize("service", ["kafka.EmbeddedKafka", "postgres.EmbeddedPostgres"])
def test_a_service_ends_when_its_owner_is_killed(service: str, tmp_path: Path) -> None:
    """SIGKILL of the owning process leaves no broker and no server, even when it was started by a thread."""
    package, name = service.split(".")
    program = textwrap.dedent(
        f"""
        import threading, time
        from infra.{package} import {name}
        service = {name}()
        starter = threading.Thread(target=lambda: service.start({str(tmp_path / "store")!r}))
        starter.start()
        starter.join()
        print(service.pid, flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        started = psutil.Process(int(owner.stdout.readline()))
        assert started.is_running()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        started.wait(20)
    assert not started.is_running()
    remove_store(store_for_server(tmp_path / "store", account_for_server()))


async def test_a_killed_server_whose_port_was_taken_comes_back_when_the_port_is_free(
    own_kafka: EmbeddedKafka, own_postgres: EmbeddedPostgres, tmp_path: Path
):
    """A restart that fails is said and tried again, for as long as the demo runs; the watch does not end."""
    own_kafka.start(tmp_path / "kafka")
    dsn = own_postgres.start(tmp_path / "postgres")
    said: list[str] = []
    own_postgres.kill()
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(urlsplit(dsn).port or 0)))
        other.listen()
        watch = asyncio.ensure_future(Stores(own_kafka, own_postgres, said.append).keep_running())
        async with asyncio.timeout(60):
            while not said:  # noqa: ASYNC110 - what is waited for is in another thread
                await asyncio.sleep(0.05)
    async with asyncio.timeout(60):
        while own_postgres.pid is None:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert "is taken by another program" in said[0]


def test_stores_whose_ports_were_taken_after_they_were_chosen_come_up_elsewhere(tmp_path: Path) -> None:
    """Two demos at once choose the same ports: the second says where its stores are, and both answer there."""
    said: list[str] = []
    tmp_path.chmod(0o711)
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = {"kafka": first.getsockname()[1], "postgres": second.getsockname()[1]}
        with Stack(tmp_path, ports, said.append).stores() as stores:
            assert not port_is_free(int(stores.kafka.bootstrap.rpartition(":")[2]))
            assert not port_is_free(int(urlsplit(stores.postgres.dsn).port or 0))
            assert stores.kafka.bootstrap != f"127.0.0.1:{ports['kafka']}"
    assert {f"Port {ports[name]} was taken meanwhile; {name} has another one." for name in ports} <= set(said)

"""A city's cluster asks who we are: SASL, TLS and both, with every kind of client the hub has (architecture 8)."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from certificates import Authority
from cli_world import environment

from hub.runtime.bus import check_topics, committed_consumer, create_topics, durable_producer, round_trip_ms
from hub.runtime.settings import KafkaSettings, Settings, read_settings
from infra.kafka import EmbeddedKafka
from infra.processes import free_port
from schemas.errors import ConfigurationError

pytestmark = pytest.mark.timeout(240)
LISTENERS = ("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL")
LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_hub="of the hub";'


class Guarded:
    """A broker with a listener of each kind; SSL asks clients for a certificate of its authority."""

    def __init__(self, folder: Path) -> None:
        self.authority, self.stranger = Authority(folder), Authority(folder, "stranger")
        self.own_certificate = self.authority.issue("client")
        self.ports = {name: free_port() for name in LISTENERS}
        self.broker = EmbeddedKafka(settings=self._settings(self.authority.issue("broker")))
        self.broker.start(folder / "kafka", self.ports["PLAINTEXT"])

    def _settings(self, certificate: Path) -> dict[str, str]:
        controller = free_port()
        addresses = [f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()]
        return {
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": ",".join([*addresses, f"CONTROLLER://127.0.0.1:{controller}"]),
            "advertised.listeners": ",".join(addresses),
            "listener.security.protocol.map": ",".join(["CONTROLLER:PLAINTEXT", *(f"{n}:{n}" for n in LISTENERS)]),
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": LOGIN,
            "listener.name.sasl_ssl.plain.sasl.jaas.config": LOGIN,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(certificate),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.file),
            "listener.name.ssl.ssl.client.auth": "required",
        }

    def settings(self, listener: str, **changed: Any) -> KafkaSettings:
        """Return what the operator of a hub would set for a listener."""
        right = {
            "bootstrap": f"127.0.0.1:{self.ports[listener]}",
            "security": listener,
            "sasl_mechanism": "PLAIN",
            "username": "hub",
            "password": "of the hub",
            "ca_file": self.authority.file,
            "certificate_file": self.own_certificate,
            "partitions": 4,
        }
        return read_settings(profile="demo", kafka={**right, **changed}).kafka


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One broker for the module."""
    cluster = Guarded(tmp_path_factory.mktemp("guarded"))
    yield cluster
    cluster.broker.destroy()


@pytest.mark.parametrize("security", LISTENERS)
async def test_a_record_goes_and_comes_back_through_each_kind_of_listener(
    guarded: Guarded, topic_prefix: str, security: str
):
    """Topics are made and compared, a record is confirmed by the producer and read by a consumer."""
    hub = read_settings(profile="demo", kafka=guarded.settings(security).model_dump(), topic_prefix=topic_prefix)
    await create_topics(hub.kafka, hub.topics)
    assert await check_topics(hub.kafka, hub.topics) == ()
    async with durable_producer(hub.kafka, "test") as producer:
        await producer.send_and_wait(hub.topics.commands.name, b"value", partition=1)
    consumer = committed_consumer(hub.kafka, "test", hub.topics.commands.name)
    await consumer.start()
    try:
        assert (await consumer.getone()).value == b"value"
    finally:
        await consumer.stop()


@pytest.mark.parametrize(
    ("security", "changed", "setting"),
    [
        ("SASL_PLAINTEXT", {"password": "wrong"}, "MEDCREDIT_KAFKA__USERNAME, MEDCREDIT_KAFKA__PASSWORD"),
        ("SASL_SSL", {"username": "nobody"}, "MEDCREDIT_KAFKA__USERNAME, MEDCREDIT_KAFKA__PASSWORD"),
        ("SASL_SSL", {"sasl_mechanism": "SCRAM-SHA-512"}, "MEDCREDIT_KAFKA__SASL_MECHANISM"),
        ("SASL_SSL", {"ca_file": "stranger"}, "MEDCREDIT_KAFKA__CA_FILE"),
        ("PLAINTEXT", {"security": "SASL_PLAINTEXT"}, "MEDCREDIT_KAFKA__SECURITY"),
    ],
)
async def test_what_the_broker_refuses_is_named_with_its_setting_and_not_called_away(
    guarded: Guarded, security: str, changed: dict[str, Any], setting: str
):
    """A password, user, mechanism, authority or protocol that is wrong: SETTING_INVALID, exit 78, no secret in it."""
    if changed.get("ca_file"):
        changed = {"ca_file": guarded.stranger.file}
    with pytest.raises(ConfigurationError) as raised:
        await round_trip_ms(guarded.settings(security, **changed))
    assert (raised.value.parameters["setting"], raised.value.exit_code) == (setting, 78)
    assert str(guarded.ports[security]) in raised.value.parameters["fault"]
    assert "of the hub" not in str(raised.value)


@pytest.mark.parametrize("role", ["streams", "views", "courier"])
async def test_roles_become_ready_over_sasl_and_tls(guarded: Guarded, topic_prefix: str, tmp_path: Path, role: str):
    """The lanes' transactions, Faust's consumer and the courier's groups take the same settings as the rest."""
    hub = read_settings(
        profile="demo",
        kafka=guarded.settings("SASL_SSL").model_dump(),
        topic_prefix=topic_prefix,
        run_dir=tmp_path,
        health={"port": free_port()},
    )
    await create_topics(hub.kafka, hub.topics)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.cli", "run", role, env={**os.environ, **environment(hub)}, stdout=-3
    )
    try:
        await _ready(hub, process)
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ready(hub: Settings, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(120):
        while process.returncode is None:
            try:
                async with session.get(f"http://{hub.health}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.2)
    raise AssertionError(f"ended with {process.returncode}")

"""The role `streams` as a process of its own: ready, metrics, SIGTERM, fail-stop (architecture 2, 4)."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import msgspec
from aiokafka import TopicPartition
from domain_world import START, A, charge, line
from lanes_world import World, person, until

from infra.processes import free_port
from schemas.ids import sm3_hex


def spawn(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start the role, its output at the end of a log file."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "run", "streams"], env=environment, stdout=out, stderr=out
        )


@asynccontextmanager
async def role(world: World, **settings: str) -> AsyncIterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `medcredit run streams` on the test's topics; yield process and health port."""
    port, kafka = free_port(), world.settings.kafka
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MEDCREDIT_")},
        "MEDCREDIT_PROFILE": "demo",
        "MEDCREDIT_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "MEDCREDIT_KAFKA__PARTITIONS": str(kafka.partitions),
        "MEDCREDIT_TOPIC_PREFIX": world.settings.topic_prefix,
        "MEDCREDIT_HEALTH__PORT": str(port),
        **settings,
    }
    log = world.settings.run_dir / "streams.log"
    process = await asyncio.to_thread(spawn, environment, log)
    try:
        yield process, port
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


async def asked(port: int, path: str) -> tuple[int, Any]:
    """Ask the process about itself; 0 while it does not answer."""

    def get() -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=3) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    return await asyncio.to_thread(get)


def is_ready(port: int) -> Callable[[], Any]:
    """A condition: the process says it is ready."""

    async def ready() -> bool:
        status, _ = await asked(port, "/readyz")
        return status == 200

    return ready


def a_charge(world: World, who: int, key: str) -> Any:
    """One charge as the edge would write it."""
    body = charge(line(key, 1_000), at=START)
    made = world.command(who, interface="mllp")
    return msgspec.structs.replace(made, body=body, content_hash=sm3_hex(msgspec.json.encode(body)))


async def test_the_role_becomes_ready_decides_and_drains_on_sigterm(world: World):
    """Ready with four lanes, a charge has its ledger record, the metric counts it, SIGTERM ends with 0."""
    async with role(world) as (process, port):
        await until(is_ready(port), 80)
        await world.send(a_charge(world, 1, "F1"))

        async def booked() -> bool:
            return len(await world.ledger()) == 1

        await until(booked)
        _, metrics = await asked(port, "/metrics")
        assert 'medcredit_lane_commands_total{code="POSTED"} 1.0' in metrics
        _, text = await asked(port, "/readyz")
        assert "4 lanes accept" in json.dumps(json.loads(text))
        status, _ = await asked(port, "/livez")
        assert status == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 12) == 0
    record = (await world.ledger())[0]
    assert (record.account, record.events[0].institution) == (person(1), A)


async def test_a_tampered_offset_ends_the_process_with_78(world: World):
    """The supervisor must not restart it: status 78 and the reason in the log."""
    async with world.group_consumer() as consumer:
        place = TopicPartition(world.lanes.topics.commands.name, 2)
        consumer.assign([place])
        await consumer.commit({place: 9})
    async with role(world) as (process, _):
        assert await asyncio.to_thread(process.wait, 40) == 78
    assert "the state is lost" in (world.settings.run_dir / "streams.log").read_text()


async def test_no_broker_ends_the_process_with_69_for_the_supervisor(world: World):
    """7.12: the broker is away at the start: the role says so and ends; the supervisor tries again."""
    async with role(world, MEDCREDIT_KAFKA__BOOTSTRAP=f"127.0.0.1:{free_port()}") as (process, _):
        assert await asyncio.to_thread(process.wait, 40) == 69


async def test_stretched_sections_are_named_in_the_log(world: World):
    """What the chaos harness reads: section_entered and section_left with the section's name."""
    stretch = json.dumps({"lane_after_send_before_offset": 50})
    async with role(world, MEDCREDIT_CHAOS_STRETCH=stretch) as (process, port):
        await until(is_ready(port), 80)
        await world.send(a_charge(world, 1, "F1"))

        async def booked() -> bool:
            return len(await world.ledger()) == 1

        await until(booked)
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 12)
    log = (world.settings.run_dir / "streams.log").read_text()
    for word in ("section_entered", "section_left", "lane_after_send_before_offset"):
        assert word in log

"""The edge as processes: two share the ports, say whether they are ready, and drain on SIGTERM."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from hub.runtime.http_sources import demo_token
from hub.runtime.settings import Settings
from schemas.topics import Topics
from tests.integration.edge_client import CHARGE, records

Process = asyncio.subprocess.Process


class Pair:
    """Two edge processes on the same two ports, each with its own slot and health port."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.mllp, self.http, *self.health = _free_ports(4)
        self.processes: list[Process] = []

    async def start(self) -> None:
        """Start both and wait until they are ready."""
        for slot in range(2):
            self.processes.append(
                await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "hub.cli",
                    "run",
                    "edge",
                    env={**os.environ, **self._environment(slot)},
                    stdout=asyncio.subprocess.DEVNULL,
                )
            )
        async with asyncio.timeout(60):
            for port in self.health:
                while await _status(port, "/readyz") != 200:  # noqa: ASYNC110 - another process announces nothing
                    await asyncio.sleep(0.2)

    def _environment(self, slot: int) -> dict[str, str]:
        return {
            "MEDCREDIT_PROFILE": "demo",
            "MEDCREDIT_KAFKA__BOOTSTRAP": self.settings.kafka.bootstrap,
            "MEDCREDIT_KAFKA__PARTITIONS": str(self.settings.kafka.partitions),
            "MEDCREDIT_TOPIC_PREFIX": self.settings.topic_prefix,
            "MEDCREDIT_EDGE__MLLP__PORT": str(self.mllp),
            "MEDCREDIT_EDGE__HTTP__PORT": str(self.http),
            "MEDCREDIT_EDGE__SLOT": str(slot),
            "MEDCREDIT_EDGE__REPLY_WAIT_MS": "300",
            "MEDCREDIT_HEALTH__PORT": str(self.health[slot]),
        }


@pytest.fixture
async def pair(settings: Settings, hub_topics: Topics) -> AsyncIterator[Pair]:
    """Both processes, killed at the end if a test left them running."""
    del hub_topics
    found = Pair(settings)
    try:
        await found.start()
        yield found
    finally:
        for process in found.processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.mark.timeout(180)
async def test_two_edge_processes_share_ports_and_drain_on_sigterm(pair: Pair):
    """Every request is answered though one process ends in between; both end with status 0 by themselves."""
    statuses = [await _charge(pair.http, f"A{number}") for number in range(10)]
    pair.processes[0].send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(pair.processes[0].wait(), 40) == 0
    statuses += [await _charge(pair.http, f"B{number}") for number in range(10)]
    assert set(statuses) == {202}
    assert len(await records(pair.settings, pair.settings.topics.commands)) == 20
    assert await _status(pair.health[1], "/metrics") == 200
    pair.processes[1].send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(pair.processes[1].wait(), 40) == 0


async def _charge(port: int, key: str) -> int:
    document = {**CHARGE, "identifier": [{"system": "urn:xm:xmzsh:ft1", "value": key}]}
    headers = {"Authorization": f"Bearer {demo_token('FHIR@XMZSH')}", "Content-Type": "application/fhir+json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/fhir/R4/ChargeItem", json=document, headers=headers) as answer,
    ):
        return answer.status


async def _status(port: int, path: str) -> int:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports

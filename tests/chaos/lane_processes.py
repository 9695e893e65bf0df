"""Real lane processes without the rest of the hub, and a load of deposits with repeats and unreadable records."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deposits_oracle import Deposits
from lanes_world import World, person, until

from infra.processes import free_port
from streams.lanes.domain_rules import DomainRules
from streams.verify import verify

SECTION = "lane_after_send_before_offset"


class Process:
    """One `medcredit run streams`."""

    def __init__(self, world: World, name: str) -> None:
        self.log = Path(world.settings.run_dir) / f"{name}.log"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MEDCREDIT_")},
            "MEDCREDIT_PROFILE": "demo",
            "MEDCREDIT_KAFKA__BOOTSTRAP": world.settings.kafka.bootstrap,
            "MEDCREDIT_KAFKA__PARTITIONS": str(world.settings.kafka.partitions),
            "MEDCREDIT_TOPIC_PREFIX": world.settings.topic_prefix,
            "MEDCREDIT_HEALTH__PORT": str(free_port()),
            "MEDCREDIT_CHAOS_STRETCH": json.dumps({SECTION: 150}),
        }
        with self.log.open("ab") as out:
            command = [sys.executable, "-m", "hub.cli", "run", "streams"]
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)

    def inside(self) -> bool:
        """Whether the log says that a section was entered and not left."""
        text = self.log.read_text()
        return text.count("section_entered") > text.count("section_left")

    async def hit(self, number: signal.Signals) -> None:
        """Send a signal while a section is open."""
        for _ in range(40):
            await until(self.inside, 150)
            self.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.05)
            if self.inside():  # still open now that nothing moves
                self.process.send_signal(number)
                return
            self.process.send_signal(signal.SIGCONT)
        pytest.fail("no fault hit a section")

    def end(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Load:
    """Deposits to all partitions, with repeats and unreadable records, until told to stop."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance, self.deposits = world, random.Random(seed), Deposits()
        self.running = True

    async def run(self) -> None:
        """Send for as long as it runs."""
        recent: list[Any] = []
        while self.running:
            who = self.chance.randrange(60)
            fen = self.chance.randrange(1, 9_999)
            recent.append(self.world.command(who, fen, partition=who % 4, content_hash=f"{who}-{fen}"))
            await self._send(recent[-1])
            if self.chance.random() < 0.05:
                await self._send(self.chance.choice(recent[-50:]))
            if self.chance.random() < 0.01:
                await self.world.send_raw((person(who, who % 4).encode(), b"\xff bad"), partition=who % 4)
                self.deposits.unreadable += 1
            await asyncio.sleep(0.004)

    async def _send(self, command: Any) -> None:
        self.deposits.note(command.id, command.account, command.body.amount_fen)
        await self.world.send(command)


async def consumed(world: World) -> bool:
    """Whether every command has been decided."""
    commands = len(await world.read(world.lanes.topics.commands.name))
    done = [await world.committed(partition) or 0 for partition in range(4)]
    return sum(done) == commands


async def judged(world: World, load: Load) -> list[str]:
    """Ask the oracle, and `verify` beside it."""
    names = world.lanes.topics
    ledger = [record.value for record in await world.read(names.ledger.name)]
    letters = [record.value for record in await world.read(names.dead_letters.name)]
    document = (await verify(world.settings.kafka, names, DomainRules(_policies()), deep=True)).document()
    faults = [str(check) for check in document["checks"] if check["faulty"]]
    return load.deposits.complaints(ledger, letters) + faults


def _policies() -> Any:
    from hub.policies import load_policies

    return load_policies()


async def aborted(world: World) -> int:
    """Records that only a reader of uncommitted transactions sees."""
    ledger = world.lanes.topics.ledger.name
    return len(await world.read(ledger, committed=False)) - len(await world.read(ledger))

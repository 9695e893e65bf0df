"""How fast the account lanes are: commands per second and µs per stage, restore, memory (architecture 10).

    python tests/benchmarks/lane_speed.py [--commands N] [--accounts N] [--partitions N] [--lines N] [--profile]

It starts a broker of its own (or uses MEDCREDIT_TEST_KAFKA), fills the commands topic while no lane runs, then lets one
process drain it; the rate is that between 10 % and 90 % of the drain. Prints one JSON document.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import os
import platform
import pstats
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any

import msgspec
import psutil
import uvloop
from aiokafka import AIOKafkaProducer

from hub.domain.state import encode_core, new_state
from hub.policies import load_policies
from hub.runtime.bus import create_topics, delete_topics
from hub.runtime.clock import SystemClock
from hub.runtime.collector import COLLECT_EVERY
from hub.runtime.sections import CriticalSections
from hub.runtime.settings import Settings, read_settings
from infra.kafka import EmbeddedKafka
from schemas.commands import ChargeLine, Command, DepositPrepayment, Item, ObserveScore, PostCharge, SignAgreement
from schemas.ids import account_id, sm3_hex
from streams.lanes import batch as batches
from streams.lanes.domain_rules import DomainRules
from streams.lanes.lane import Lane
from streams.lanes.opening import Opening
from streams.lanes.processor import AccountProcessor
from streams.lanes.settings import lane_settings
from streams.lanes.watermark import KEY, Watermark
from streams.lanes.watermark import encode as encode_watermark

_KEY = b"k" * 32
_SEALED = "v1.raw-bench." + "s" * 2000
_DAY = 86_400_000
_FILL = 2000


class Stages:
    """Seconds spent in each stage of a lane."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def around(self, name: str, function: Any) -> Any:
        """Return the function with its time counted."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - started

        return timed


def timed_lane(stages: Stages) -> type[Lane]:
    """Return a lane whose batch counts its stages."""

    class TimedBatch(batches.Batch):
        read = stages.around("decode command", batches.Batch.read)
        account_records = stages.around("encode states", batches.Batch.account_records)
        facts = stages.around("sum facts", batches.Batch.facts)
        adopt = stages.around("adopt", batches.Batch.adopt)
        _enter = stages.around("chain and errands", batches.Batch._enter)
        _fitting = stages.around("encode outcome", batches.Batch._fitting)
        fire_next = stages.around("timers", batches.Batch.fire_next)

    class TimedLane(Lane):
        batch_class = TimedBatch

    return TimedLane


def timed_rules(stages: Stages) -> DomainRules:
    """Return the hub's rules with deciding counted."""

    class Timed(DomainRules):
        decide = stages.around("decide", DomainRules.decide)
        decode_core = stages.around("decode states", DomainRules.decode_core)
        decode_encounter = stages.around("decode states", DomainRules.decode_encounter)

    return Timed(load_policies())


class Source:
    """Makes commands and fills the topic."""

    def __init__(self, settings: Settings, accounts: int) -> None:
        self.settings = settings
        self.accounts = [account_id(_KEY, "person", str(number)) for number in range(accounts)]
        self.number = 0

    def command(self, account: str, body: Any) -> Command:
        """One command as the edge would write it, accepted now."""
        self.number += 1
        now = time.time_ns() // 1_000_000
        content = sm3_hex(str(self.number).encode())
        return Command(
            id=f"bench-{self.number}",
            account=account,
            accepted_at=now,
            accepted_wall_at=now,
            source="HIS@BENCH",
            interface="mllp",
            content_hash=content,
            body=body,
            profile="HIS@BENCH/1",
            sealed=_SEALED,
            receipt_key=f"HIS@BENCH|{self.number}",
        )

    def openings(self) -> list[Command]:
        """Score, agreement and prepayment of every account."""
        now, made = time.time_ns() // 1_000_000, []
        policies = load_policies()
        for account in self.accounts:
            sign = SignAgreement(
                now, "xiamen-city-2023", "icbc", "alipay", f"A{account[:8]}", ("egret",), "1", now + 365 * _DAY
            )
            score = ObserveScore(
                "egret", policies.band("egret", 700), policies.cut_points_hash("egret"), f"m{account}",
                now, now + 90 * _DAY, 1, f"a{account[:6]}", now - _DAY, now + 365 * _DAY, ("medical_credit",),
            )  # fmt: skip
            made += [self.command(account, body) for body in (sign, score, DepositPrepayment("XMZSH", now, 10_000))]
        return made

    def charges(self, count: int, lines: int) -> list[Command]:
        """Charges of visits: four to a visit, of that many lines."""
        now, first = time.time_ns() // 1_000_000, self.number
        made = []
        for number in range(first, first + count):
            account = self.accounts[number % len(self.accounts)]
            visit = f"V{number // (4 * len(self.accounts))}"
            booked = tuple(
                ChargeLine(f"L{number}-{n}", "charge", 1234 + n, Item(f"X{n:05}", "NHSA", "药品"), now)
                for n in range(lines)
            )
            made.append(self.command(account, PostCharge("XMZSH", visit, "outpatient", now, booked)))
        return made

    async def fill(self, commands: list[Command]) -> None:
        """Write commands as batches, each account always to one partition."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka.bootstrap, acks="all", max_batch_size=1_900_000, linger_ms=5
        )
        await producer.start()
        partitions, name = self.settings.kafka.partitions, self.settings.topics.commands.name
        place = {account: number % partitions for number, account in enumerate(self.accounts)}
        for start in range(0, len(commands), _FILL):
            sent = [
                await producer.send(name, msgspec.json.encode(c), key=c.account.encode(), partition=place[c.account])
                for c in commands[start : start + _FILL]
            ]
            await asyncio.gather(*sent)
        await producer.stop()


async def drain(settings: Settings, count: int, stages: Stages | None) -> dict[str, Any]:
    """Let one worker drain the topic; return its rate between 10 % and 90 %."""
    rules = timed_rules(stages) if stages else DomainRules(load_policies())
    processor = AccountProcessor(lane_settings(settings), rules, SystemClock())
    if stages:
        processor.lane_class = timed_lane(stages)
    marks: list[tuple[float, int]] = []
    cpu = time.process_time()
    await processor.start()
    while processor.commands_total < count:
        marks.append((time.perf_counter(), processor.commands_total))
        await asyncio.sleep(0.02)
    marks.append((time.perf_counter(), processor.commands_total))
    cpu = time.process_time() - cpu
    await processor.stop()
    began = next(mark for mark in marks if mark[1] >= count * 0.1)
    ended = next(mark for mark in marks if mark[1] >= count * 0.9)
    rate = (ended[1] - began[1]) / (ended[0] - began[0])
    return {
        "commands": count,
        "commands_per_second": round(rate),
        "cpu_us_per_command": round(cpu / count * 1e6, 1),
        "commands_per_transaction": round(count / processor.transactions_total),
    }


async def fill_idle(settings: Settings, accounts: int, size: int) -> None:
    """Write idle states of that size and a watermark to partition 0."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap, max_batch_size=1_900_000, linger_ms=5)
    await producer.start()
    topic = settings.topics.accounts.name
    for start in range(0, accounts, _FILL):
        sent = []
        for number in range(start, min(start + _FILL, accounts)):
            account = account_id(_KEY, "person", f"idle{number}")
            core = msgspec.structs.replace(new_state(account).core, name_masked="x" * (size - 84))
            sent.append(await producer.send(topic, encode_core(core), key=account.encode(), partition=0))
        await asyncio.gather(*sent)
    await producer.send_and_wait(topic, encode_watermark(Watermark()), key=KEY, partition=0)
    await producer.stop()


async def restore(settings: Settings) -> dict[str, Any]:
    """Open the lane on idle states: states per second, bytes of memory for each. Run in a fresh process."""
    lanes, rules = lane_settings(settings), DomainRules(load_policies())
    opening, writer, consumer = (
        Opening(0, lanes, rules, CriticalSections()),
        lanes.producer(0),
        lanes.commands_consumer(),
    )
    await consumer.start()
    before, started = psutil.Process().memory_info().rss, time.perf_counter()
    book = await opening.open(writer, consumer)
    seconds = time.perf_counter() - started
    grown = psutil.Process().memory_info().rss - before
    await writer.stop()
    await consumer.stop()
    count = len(book.accounts)
    return {
        "accounts": count,
        "accounts_per_second": round(count / seconds),
        "memory_bytes_per_account": round(grown / count),
    }


def loop_ns() -> float:
    """Nanoseconds of one step of a plain loop: about 40 on an idle machine of 2.3 GHz; more when others use it."""
    started, total = time.process_time(), 0
    for number in range(1_000_000):
        total += number
    return round((time.process_time() - started) * 1000)


async def measure(arguments: argparse.Namespace, bootstrap: str) -> dict[str, Any]:
    """Run every measurement on topics of its own."""
    kafka = {"bootstrap": bootstrap, "partitions": arguments.partitions}
    settings = read_settings(profile="demo", kafka=kafka, topic_prefix=f"bench-{secrets.token_hex(4)}")
    idle = read_settings(profile="demo", kafka=kafka, topic_prefix=f"bench-{secrets.token_hex(4)}")
    for each in (settings, idle):
        await create_topics(each.kafka, each.topics)
    source, found = Source(settings, arguments.accounts), {"loop_ns": loop_ns()}
    try:
        opened = source.openings()
        await source.fill(opened)
        found["openings"] = await drain(settings, len(opened), None)
        await source.fill(source.charges(arguments.commands, arguments.lines))
        found["charges"] = await drain(settings, arguments.commands, None)
        stages = Stages()
        await source.fill(source.charges(arguments.commands, arguments.lines))
        found["charges_with_stages"] = await drain(settings, arguments.commands, stages)
        found["stages_us"] = {
            name: round(seconds / arguments.commands * 1e6, 2) for name, seconds in stages.seconds.most_common()
        }
        await fill_idle(idle, arguments.idle, arguments.state_bytes)
        alone = [
            sys.executable,
            __file__,
            "--restore-from",
            idle.topic_prefix,
            "--partitions",
            str(arguments.partitions),
        ]
        environment = {**os.environ, "MEDCREDIT_TEST_KAFKA": bootstrap}
        done = await asyncio.to_thread(
            subprocess.run, alone, env=environment, capture_output=True, text=True, check=True
        )
        found["restore"] = json.loads(done.stdout.splitlines()[-1])
    finally:
        for each in (settings, idle):
            await delete_topics(each.kafka, each.topics)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    for name, default in (("commands", 40_000), ("accounts", 4_000), ("partitions", 4), ("lines", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--idle", type=int, default=100_000)
    parser.add_argument("--state-bytes", type=int, default=1000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--restore-from", default="", help="used by the script itself")
    arguments = parser.parse_args()
    gc.set_threshold(*COLLECT_EVERY)
    if arguments.restore_from:
        kafka = {"bootstrap": os.environ["MEDCREDIT_TEST_KAFKA"], "partitions": arguments.partitions}
        settings = read_settings(profile="demo", kafka=kafka, topic_prefix=arguments.restore_from)
        print(json.dumps(uvloop.run(restore(settings))))  # noqa: T201
        return
    with tempfile.TemporaryDirectory(prefix="lane-speed-") as folder:
        broker, bootstrap = None, os.environ.get("MEDCREDIT_TEST_KAFKA", "")
        if not bootstrap:
            broker = EmbeddedKafka()
            bootstrap = broker.start(f"{folder}/kafka")
        try:
            with cProfile.Profile() if arguments.profile else _Nothing() as profile:
                found = uvloop.run(measure(arguments, bootstrap))
        finally:
            if broker is not None:
                broker.stop()
    if arguments.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    machine = f"{os.cpu_count()} x {platform.processor() or platform.machine()}, Python {platform.python_version()}"
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(json.dumps({"machine": machine, "commit": commit.stdout.strip(), **vars(arguments), **found}, indent=1))  # noqa: T201


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


if __name__ == "__main__":
    main()

"""The courier's world: real topics, both sandbox gateways as a process, errands going in and results coming out."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from adapters.sandbox.keys import make_keys
from hub.runtime.bus import committed_consumer, durable_producer
from hub.runtime.settings import Settings
from schemas.commands import Command, RecordGatewayResult
from schemas.dead_letters import DeadLetter
from schemas.errands import DebitErrand, Errand, QueryErrand
from schemas.ids import account_id, make_id

ROOT = Path(__file__).resolve().parents[2]
COURIER = "import sys; from hub.runtime.settings import read_settings; from hub.roles import courier;"
RUN = "sys.exit(courier.main(read_settings()))"


def wall() -> int:
    """Return the present wall instant in milliseconds."""
    return time.time_ns() // 1_000_000


def person(number: int) -> str:
    """Return the account of an invented person."""
    return account_id(b"city", "person", str(number))


def debit(account: str, sequence: int, amount_fen: int, channel: str = "alipay", **changes: Any) -> DebitErrand:
    """Return a debit under an order number of its own, good for five minutes."""
    now = wall()
    errand = DebitErrand(
        f"e-{account}-{sequence}", account, make_id(account, "B", 1), channel, "AGR-1",
        make_id(account, "D", sequence), amount_fen, 1, now, now + 300_000, now + 240_000,
    )  # fmt: skip
    return msgspec.structs.replace(errand, **changes)


def query(of: DebitErrand) -> QueryErrand:
    """Return the question about a debit."""
    return QueryErrand(
        f"q-{of.id}", of.account, of.channel, of.order_no, of.amount_fen, of.txn_wall_at, of.expires_wall_at
    )


@contextmanager
def sandbox(keys: Path, *arguments: str) -> Iterator[dict[str, str]]:
    """Both gateways as a process; yields their addresses by channel."""
    make_keys(keys)
    command = ["-m", "adapters.sandbox", "--keys", str(keys), "--no-mix", "--latency-median-ms", "0"]
    process = subprocess.Popen(
        [sys.executable, *command, "--hub", "http://127.0.0.1:9", *arguments], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


def with_gateways(settings: Settings, urls: dict[str, str], keys: Path, timeout_ms: int = 2000) -> Settings:
    """Return the settings with both sandbox gateways."""
    alipay = {
        "endpoint": f"{urls['alipay']}/gateway.do",
        "merchant": "2021000000000001",
        "seller": "2088000000000001",
        "private_key_file": keys / "alipay/merchant_private.pem",
        "public_key_file": keys / "alipay/gateway_public.pem",
    }
    union = {
        "endpoint": urls["unionpay"],
        "merchant": "777290058110097",
        "private_key_file": keys / "unionpay/merchant_private.pem",
        "certificate_file": keys / "unionpay/merchant.cer",
        "root_certificate_file": keys / "unionpay/root.cer",
        "middle_certificate_file": keys / "unionpay/middle.cer",
        "signer_name": "00040000:SIGN",
    }
    common = {"notify_url": "http://127.0.0.1:9/notify", "timeout_ms": timeout_ms}
    update = type(settings.gateways)(alipay={**alipay, **common}, unionpay={**union, **common})
    return settings.model_copy(update={"gateways": update})


def environment(settings: Settings, stretch: dict[str, int] | None = None) -> dict[str, str]:
    """Return the environment that gives a process these settings."""
    found = {
        "MEDCREDIT_PROFILE": "demo",
        "MEDCREDIT_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "MEDCREDIT_KAFKA__PARTITIONS": str(settings.kafka.partitions),
        "MEDCREDIT_TOPIC_PREFIX": settings.topic_prefix,
        "MEDCREDIT_CHAOS_STRETCH": json.dumps(stretch or {}),
    }
    for channel in ("alipay", "unionpay"):
        for name, value in getattr(settings.gateways, channel).model_dump(exclude_none=True).items():
            found[f"MEDCREDIT_GATEWAYS__{channel}__{name}".upper()] = str(value)
    return {**os.environ, **found}


@contextmanager
def courier_process(
    settings: Settings, log: Path, stretch: dict[str, int] | None = None, planted: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """A courier process, killed at the end if it still runs; `planted` is Python that spoils it first."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{COURIER}\n{planted}\n{RUN}"],
            cwd=ROOT,
            env=environment(settings, stretch),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@dataclass
class CourierWorld:
    """Errands in, results out, and what the gateways know."""

    settings: Settings
    urls: dict[str, str]
    session: aiohttp.ClientSession
    producer: Any
    reader: Any
    commands: list[Command] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)

    async def send(self, *errands: Errand) -> None:
        """Put errands on the topic, as a lane does."""
        topic = self.settings.topics.errands.name
        for errand in errands:
            await self.producer.send_and_wait(topic, msgspec.json.encode(errand), key=errand.account.encode())

    async def read(self) -> None:
        """Take in what arrived on `commands` and `dead-letters`."""
        for messages in (await self.reader.getmany(timeout_ms=100)).values():
            for message in messages:
                if message.topic == self.settings.topics.commands.name:
                    self.commands.append(msgspec.json.decode(message.value, type=Command))
                else:
                    self.letters.append(msgspec.json.decode(message.value, type=DeadLetter))

    async def results(self, count: int, seconds: float = 60) -> list[RecordGatewayResult]:
        """Return all results as soon as there are so many. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.gateway_results) < count:
                await self.read()
        return self.gateway_results

    @property
    def gateway_results(self) -> list[RecordGatewayResult]:
        """The results read so far."""
        return [command.body for command in self.commands if isinstance(command.body, RecordGatewayResult)]

    async def orders(self, channel: str) -> dict[str, dict[str, Any]]:
        """Return the gateway's own orders by number."""
        async with self.session.get(f"{self.urls[channel]}/mock/ledger") as response:
            return {order["order_no"]: order for order in (await response.json())["orders"]}

    async def debit_calls(self, channel: str, order_no: str) -> int:
        """Return how often the gateway was asked to debit under this number."""
        return int((await self.orders(channel))[order_no]["calls"]["debit"])

    async def moved_fen(self, channel: str) -> Counter[str]:
        """Return what each order number moved, by the gateway's own book."""
        moved: Counter[str] = Counter()
        for number, order in (await self.orders(channel)).items():
            moved[number] += sum(move["amount_fen"] for move in order["movements"] if move["kind"] == "debit")
        return moved


@asynccontextmanager
async def world_of(settings: Settings, urls: dict[str, str]) -> AsyncIterator[CourierWorld]:
    """The world over topics that exist."""
    producer = durable_producer(settings.kafka, "errands")
    topics = settings.topics
    reader = committed_consumer(settings.kafka, "results", topics.commands.name, topics.dead_letters.name)
    await producer.start()
    await reader.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield CourierWorld(settings, urls, session, producer, reader)
    finally:
        await producer.stop()
        await reader.stop()

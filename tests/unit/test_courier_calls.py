"""The call worker between a consumer and its gateways: who waits for whom, what a rebalance without errands does."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.util import commit_structure_validate
from lanes_world import until

from hub.runtime.clock import ManualClock
from hub.runtime.guomi import KeyRing, SoftwareProvider
from hub.runtime.metrics import REGISTRY
from hub.runtime.sealing import Sealer
from hub.runtime.wire import CallOutcome
from schemas.errands import QueryErrand
from schemas.topics import topics
from streams.courier.calls import CallWorker
from streams.courier.gateways import not_executed
from streams.courier.progress import Tenure
from streams.courier.queues import CALLS_AT_ONCE, ERRANDS_MAX, Job, Queues
from streams.courier.restraint import OPEN_SECONDS
from streams.courier.results import Results

ERRANDS = topics().errands.name
PARTITION = TopicPartition(ERRANDS, 0)


def query(number: int, account: str, channel: str) -> QueryErrand:
    """An errand that asks for an order."""
    return QueryErrand(f"e{number}", account, channel, f"order-{number}", 1, 0, 0)


def record(offset: int, errand: QueryErrand) -> Any:
    """The errand's record as aiokafka gives it."""
    return SimpleNamespace(topic=ERRANDS, partition=0, offset=offset, value=msgspec.json.encode(errand))


class Log:
    """A consumer of one partition of errands, as strict as aiokafka's, and the log that takes the results."""

    def __init__(self, errands: Iterable[QueryErrand]) -> None:
        self.left = deque(record(offset, errand) for offset, errand in enumerate(errands))
        self.read = 0
        self.committed: dict[TopicPartition, int] = {}
        self.results: list[str] = []

    def subscribe(self, names: list[str], listener: ConsumerRebalanceListener) -> None:
        """Subscribe."""
        assert (names, listener) == ([ERRANDS], listener)

    async def getmany(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        """Return what comes next; wait when there is nothing."""
        await asyncio.sleep(0 if self.left else timeout_ms / 1000)
        taken = [self.left.popleft() for _ in range(min(max_records, len(self.left)))]
        self.read += len(taken)
        return {PARTITION: taken} if taken else {}

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the one partition."""
        return frozenset((PARTITION,))

    async def position(self, _partition: TopicPartition) -> int:
        """Return the offset after what was given out: no markers stand in this log."""
        return self.read

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Commit offsets, as the group would."""
        self.committed |= {place: found.offset for place, found in commit_structure_validate(offsets).items()}

    async def append(self, _topic: str, key: bytes, _value: bytes, _headers: object) -> None:
        """Keep whose result it was."""
        self.results.append(key.decode())


class Held:
    """A gateway that answers nobody before it is let go."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked: list[str] = []

    async def query(self, errand: QueryErrand) -> CallOutcome:
        """Answer, once it may."""
        self.asked.append(errand.id)
        await self.answers.wait()
        return not_executed(errand, "NO_ANSWER", 0)


@asynccontextmanager
async def at_work(log: Log, **gateways: Held) -> AsyncIterator[CallWorker]:
    """A worker with its partition, stopped at the end."""
    clock = ManualClock()
    results = Results(log, Sealer(SoftwareProvider(KeyRing([]))), clock, topics())
    worker = CallWorker(log, ERRANDS, gateways, results, clock)
    await worker.on_partitions_assigned([PARTITION])
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        for gateway in gateways.values():
            gateway.answers.set()
        worker.stop()
        await task


async def test_a_gateway_that_answers_nobody_holds_up_no_other():
    """1,999 errands wait for one gateway; the one behind them is called at the other and its result is kept."""
    log = Log(query(n, f"A{n}", "alipay" if n < 1999 else "unionpay") for n in range(2000))
    slow, quick = Held(), Held()
    quick.answers.set()
    async with at_work(log, alipay=slow, unionpay=quick):
        await until(lambda: log.results)
        assert (quick.asked, log.results) == (["e1999"], ["A1999"])
        await until(lambda: len(slow.asked) == CALLS_AT_ONCE)
        await until(lambda: log.committed)
        assert log.committed == {PARTITION: 0}


async def test_an_accounts_errands_keep_their_order_over_channels():
    """The second errand of an account waits for the first, though its own gateway is free; the third for the second."""
    log = Log([query(0, "A1", "alipay"), query(1, "A1", "unionpay"), query(2, "A1", "alipay")])
    slow, quick = Held(), Held()
    quick.answers.set()
    async with at_work(log, alipay=slow, unionpay=quick):
        await until(lambda: slow.asked)
        await until(lambda: not log.left)
        assert quick.asked == []
        slow.answers.set()
        await until(lambda: len(log.results) == 3)
        await until(lambda: log.committed == {PARTITION: 3})
    assert (slow.asked, quick.asked) == (["e0", "e2"], ["e1"])


async def test_a_rebalance_before_the_first_errand_commits_nothing_and_forgets_the_proof():
    """The client refuses to commit nothing, so it is not asked; a call of the next tenure needs a proof of its own."""
    log, gateway = Log([]), Held()
    async with at_work(log, alipay=gateway) as worker:
        await worker.on_partitions_revoked([PARTITION])
        assert log.committed == {}
        await worker.on_partitions_assigned([PARTITION])
        log.left.append(record(7, query(7, "A", "alipay")))
        await until(lambda: gateway.asked)
        assert log.committed == {PARTITION: 7}


async def test_an_open_breaker_is_shown_until_its_time_is_over_though_nobody_calls():
    """Five calls without an answer open it; ten seconds later the gauge has fallen without a sixth call."""
    log, silent = Log(query(n, f"A{n}", "alipay") for n in range(5)), Held()
    silent.answers.set()
    async with at_work(log, alipay=silent) as worker:
        await until(lambda: len(log.results) == 5)
        assert REGISTRY.get_sample_value("medcredit_courier_breaker_open", {"gateway": "alipay"}) == 1
        worker._channels["alipay"].breaker._seconds = lambda: time.monotonic() + OPEN_SECONDS
        assert REGISTRY.get_sample_value("medcredit_courier_breaker_open", {"gateway": "alipay"}) == 0
    assert len(silent.asked) == 5


def test_what_is_in_hand_is_bounded_and_takes_turns():
    """Of each channel so many begin, by account in the order they came; what ended makes room for the next."""
    queues, tenure = Queues(), Tenure()
    jobs = [Job(query(n, f"A{n % 40}", "alipay"), PARTITION, n, tenure, 10) for n in range(ERRANDS_MAX)]
    for job in jobs[:-1]:
        queues.put(job)
    assert not queues.full
    queues.put(jobs[-1])
    assert queues.full
    begun = list(queues.begin())
    assert begun == jobs[:CALLS_AT_ONCE]
    assert list(queues.begin()) == []
    queues.end(begun[0])
    assert not queues.full
    assert list(queues.begin()) == [jobs[CALLS_AT_ONCE]]
    open_jobs, done = deque([*begun[1:], jobs[CALLS_AT_ONCE]]), Counter({"A0": 1})
    while open_jobs:
        job = open_jobs.popleft()
        assert job.offset // 40 == done[job.errand.account]
        done[job.errand.account] += 1
        queues.end(job)
        open_jobs.extend(queues.begin())
    assert (done.total(), queues.room) == (ERRANDS_MAX, ERRANDS_MAX)


def test_large_errands_fill_the_hands_before_their_number_does():
    """Sixty-four records of half a megabyte are as much as may be held."""
    queues = Queues()
    for number in range(64):
        assert not queues.full
        queues.put(Job(query(number, f"A{number}", "alipay"), PARTITION, number, Tenure(), 512 * 1024))
    assert queues.full

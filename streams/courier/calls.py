"""The loop that calls gateways and score sources: one errand, one call, result durable before offset (at least once).

Errands of one account keep their order; those of different persons go at the same time. An errand delivered twice
repeats the same call with the same numbers.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from aiokafka import ConsumerRebalanceListener, TopicPartition

from hub.runtime.clock import Clock
from hub.runtime.logs import get_logger
from hub.runtime.metrics import (
    COURIER_BREAKER_OPEN,
    COURIER_CALL_SECONDS,
    COURIER_CALLS,
    COURIER_UNLISTED_CODES,
)
from hub.runtime.sections import COURIER_AFTER_CALL, COURIER_BEFORE_CALL, COURIER_BEFORE_COMMIT, CriticalSections
from hub.runtime.wire import CallOutcome
from schemas.commands import RecordFeedbackResult
from schemas.errands import Errand, FeedbackErrand, RelayErrand
from schemas.reasons import Reason
from streams.courier.faults import UnreadableErrandError
from streams.courier.gateways import (
    Gateway,
    OutsideErrand,
    ScoreDesk,
    call,
    has_expired,
    not_executed,
    operation_of,
)
from streams.courier.lease import Lease
from streams.courier.progress import Tenure, positions
from streams.courier.queues import Job, Queues
from streams.courier.restraint import Breaker, Pace
from streams.courier.results import Results

FETCH_MAX: Final = 500
POLL_MS: Final = 200
REVOKE_SECONDS: Final = 3.0
"""Less than the group's rebalance time-out: a call under way may end before its partition goes."""
DRAIN_SECONDS: Final = 8.0
_log = get_logger("courier")
_ERRANDS: Final[msgspec.json.Decoder[Errand]] = msgspec.json.Decoder(Errand)


def read_errand(message: Any) -> Errand:
    """Return the errand of a record. Raises UnreadableErrandError."""
    try:
        return _ERRANDS.decode(message.value)
    except msgspec.DecodeError as error:
        where = f"{message.topic}[{message.partition}] offset {message.offset}"
        raise UnreadableErrandError(f"{where}: {error}") from error


class _Channel:
    """What restrains the calls of one channel."""

    def __init__(self, name: str) -> None:
        self.breaker = Breaker()
        self.pace = Pace()
        # Asked for at every look: a breaker closes by the time that passes, without any call.
        COURIER_BREAKER_OPEN.labels(name).set_function(lambda: self.breaker.open)


class CallWorker(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Executes the gateway errands of the partitions its group gives it, until it is told to stop."""

    def __init__(
        self,
        consumer: Any,
        topic: str,
        gateways: Mapping[str, Gateway],
        results: Results,
        clock: Clock,
        sections: CriticalSections | None = None,
        desks: Mapping[str, ScoreDesk] = MappingProxyType({}),
    ) -> None:
        """`consumer` is started, read-committed and in a group of its own; `gateways` and `desks` are by channel."""
        self._consumer = consumer
        self._topic = topic
        self._gateways = gateways
        self._desks = desks
        self._results = results
        self._clock = clock
        self._sections = sections or CriticalSections()
        self._lease = Lease(consumer)
        self._channels = {channel: _Channel(channel) for channel in (*gateways, *desks)}
        self._tenures: dict[TopicPartition, Tenure] = {}
        self._queues = Queues()
        self._tasks: set[asyncio.Task[None]] = set()
        self._calling = 0
        self._changed = asyncio.Event()
        self._stopping = False
        self.joined = False
        """Whether the group has given this process its share."""

    def stop(self) -> None:
        """Begin no further call; `run` ends when those under way are done. Idempotent."""
        self._stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Work until `stop`. Raises `CourierError`, or whatever a defect raises; then the process must end."""
        self._consumer.subscribe([self._topic], listener=self)
        while not self._stopping:
            if self._queues.full:
                await self._change(POLL_MS / 1000)
            else:
                # Never cancelled: a cancelled getmany leaks a counter inside aiokafka (kernel 7.9).
                room = min(FETCH_MAX, self._queues.room)
                fetched = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=room)
                self._take(fetched)
                if not fetched:
                    await self._note_positions()
            self._raise_defects()
            await self._commit()
        await self._idle(DRAIN_SECONDS)
        self._raise_defects()
        await self._commit()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - aiokafka's
        """Begin no call any more; let those under way end, at most 3 s, and commit what is done."""
        tenures, self._tenures = self._tenures, {}
        for tenure in tenures.values():
            tenure.over = True
        await self._idle(REVOKE_SECONDS)
        await self._lease.commit(tenures)
        self._lease.forget()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin a new tenure of each partition; the consumer goes on at the committed offset."""
        self._tenures = {each: Tenure() for each in assigned}
        self.joined = True

    async def _note_positions(self) -> None:
        """Count the markers behind the last errands as done."""
        for each, offset in (await positions(self._consumer)).items():
            if each in self._tenures:
                self._tenures[each].passed(offset)

    def _take(self, fetched: Mapping[TopicPartition, Iterable[Any]]) -> None:
        """Put each gateway errand into its account's queue; relays are the other worker's."""
        for partition, messages in fetched.items():
            tenure = self._tenures.get(partition)
            if tenure is None:  # fetched before a rebalance
                continue
            for message in messages:
                errand = read_errand(message)
                tenure.began(message.offset)
                if isinstance(errand, RelayErrand):
                    tenure.done(message.offset)
                else:
                    self._queues.put(Job(errand, partition, message.offset, tenure, len(message.value)))
        self._begin()

    def _begin(self) -> None:
        """Begin what may begin; a defect keeps its place, so nothing of its account is done before the process ends."""
        if not self._stopping:
            for job in self._queues.begin():
                self._tasks.add(asyncio.create_task(self._serve(job), name=f"courier {job.errand.id}"))

    async def _serve(self, job: Job) -> None:
        await self._do(job)
        self._queues.end(job)
        self._begin()
        self._changed.set()

    async def _do(self, job: Job) -> None:
        """Do an errand and make its result durable; one that is not ours any more is delivered to another again."""
        if self._stopping or job.tenure.over:
            return
        self._calling += 1
        try:
            outcome = await self._outcome(job)
            if outcome is None:
                return
            await self._results.keep(job.errand, outcome)
            await self._sections.reach(COURIER_BEFORE_COMMIT)
            job.tenure.done(job.offset)
        finally:
            self._calling -= 1
            self._changed.set()

    async def _outcome(self, job: Job) -> CallOutcome | None:
        """Return what the call brought back, or why it was not made; None when the errand is not ours any more."""
        errand, wall = job.errand, self._clock.wall
        channel = self._channels.get(errand.channel)
        if channel is None:
            return not_executed(errand, "CHANNEL_NOT_CONFIGURED", wall())
        turn = await channel.pace.slot()
        await self._sections.reach(COURIER_BEFORE_CALL)
        if not await self._lease.holds(job.partition, job.tenure):
            return None
        if has_expired(errand, wall()):
            return not_executed(errand, "EXPIRED", wall())
        if not turn:
            return not_executed(errand, "THROTTLED", wall())
        if not channel.breaker.admits():
            return not_executed(errand, "BREAKER_OPEN", wall())
        return await self._call(errand, channel.breaker)

    async def _call(self, errand: OutsideErrand, breaker: Breaker) -> CallOutcome:
        gateway = errand.channel
        with COURIER_CALL_SECONDS.labels(gateway).time():
            if isinstance(errand, FeedbackErrand):
                outcome = await self._desks[gateway].tell(errand)
            else:
                outcome = await call(self._gateways[gateway], errand)
        breaker.record(answered=_is_answered(outcome))
        if outcome.fault is Reason.CODE_UNLISTED and not isinstance(errand, FeedbackErrand):
            COURIER_UNLISTED_CODES.labels(gateway).inc()
            _log.error("gateway_code_unlisted", gateway=gateway, order=errand.order_no, code=_code_of(outcome))
        COURIER_CALLS.labels(gateway, operation_of(errand), outcome.result.status).inc()
        await self._sections.reach(COURIER_AFTER_CALL)
        return outcome

    async def _commit(self) -> None:
        """Commit how far each partition is done, where that changed."""
        moved = {each: tenure for each, tenure in self._tenures.items() if tenure.safe != tenure.committed}
        if moved:
            await self._lease.commit(moved)

    async def _change(self, seconds: float) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _idle(self, seconds: float) -> None:
        """Wait until no call is under way, at most so long."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self._calling and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await self._change(left)

    def _raise_defects(self) -> None:
        """Raise what a task ended with: a defect must be seen, and its errand is not done."""
        ended = {task for task in self._tasks if task.done()}
        self._tasks -= ended
        for task in ended:
            task.result()


def _code_of(outcome: CallOutcome) -> str:
    result = outcome.result
    return result.code if isinstance(result, RecordFeedbackResult) else result.gateway_code


def _is_answered(outcome: CallOutcome) -> bool:
    """Say whether the gateway answered at all and believably; what it said is the account's business."""
    code = _code_of(outcome)
    return outcome.fault in (None, Reason.CODE_UNLISTED) and code != "NO_ANSWER" and not code.startswith("HTTP_")

"""The clerk at work: ticks, closes, announces, opens batches, compares; nothing it does can be done twice."""

import asyncio
import contextlib
from datetime import date

import msgspec

from hub.clearing.books import next_day
from hub.runtime import metrics
from hub.runtime.clock import Clock
from hub.runtime.database import UNREACHABLE
from hub.runtime.durable_log import DurableLog, HubBusyError
from hub.runtime.logs import get_logger
from schemas.city_time import day_start
from schemas.commands import Command
from streams.clerk.closing import DayCloser
from streams.clerk.comparing import Comparer
from streams.clerk.orders import Orders
from streams.clerk.store import ClearingStore

_POLL_SECONDS = 0.5
_TICK_AGAIN_SECONDS = 5.0
_encode = msgspec.json.Encoder().encode
_log = get_logger("clerk")


class Clerk:
    """One active clerk; a second one finds everything done."""

    def __init__(
        self,
        store: ClearingStore,
        log: DurableLog,
        topic: str,
        orders: Orders,
        clock: Clock,
        closer: DayCloser,
        comparer: Comparer,
        partitions: int,
    ) -> None:
        self._store = store
        self._log = log
        self._topic = topic
        self._orders = orders
        self._clock = clock
        self._closer = closer
        self._comparer = comparer
        self._partitions = partitions
        self._ticks: list[str] = []
        """Ids of the latest round of ticks, and of those sent again."""
        self._ticked: date | None = None
        self._attempt = 0
        self._tick_at = 0.0
        self._stopped = asyncio.Event()
        self.closed: date | None = None
        """The newest day that this clerk saw closed."""

    def stop(self) -> None:
        """End after the step at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Work until `stop`; what is away is waited for."""
        while not self._stopped.is_set():
            try:
                worked = await self.step()
            except HubBusyError:
                worked = False
                _log.warning("clerk_waits", dependency="kafka")
            except UNREACHABLE as error:
                worked = False
                await self._store.close()
                _log.warning("clerk_waits", dependency="postgres", fault=type(error).__name__)
            if not worked:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), _POLL_SECONDS)

    async def step(self) -> bool:
        """Do what can be done now; True when there may be more at once. Days that are over come before files."""
        closed = False
        while not self._stopped.is_set() and await self._close_next():
            closed = True
        await self._announce()
        await self._closer.open_batches()
        read = await self._comparer.look(self.send)
        return closed or read > 0

    async def send(self, command: Command) -> None:
        """Make a command durable. Raises HubBusyError."""
        await self._log.append(self._topic, command.account.encode(), _encode(command))

    async def _close_next(self) -> bool:
        day: date | None = await self._store.value("next_day")
        now = self._clock.city()
        if day is None or now < day_start(next_day(day)):
            return False
        if not await self._whole(day):
            return False
        if await self._closer.close(day, now):
            metrics.CLERK_DAYS.inc()
            _log.info("day_closed", day=day.isoformat())
        self.closed = day
        return True

    async def _whole(self, day: date) -> bool:
        """Say whether every partition's `now` is past the day in the books; tick those that are not.

        A tick that was decided after several days had ended serves them all: a clerk that was away ticks once.
        """
        end = day_start(next_day(day))
        reached = {row["partition"] for row in await self._store.rows("reached", self._ticks, end)}
        missing = set(range(self._partitions)) - reached
        metrics.CLERK_BEHIND.set(len(missing))
        late = asyncio.get_running_loop().time() >= self._tick_at + _TICK_AGAIN_SECONDS
        if missing and (self._ticked != day or late):
            await self._tick(day, missing if self._ticked == day else set(range(self._partitions)))
        return not missing

    async def _tick(self, day: date, partitions: set[int]) -> None:
        """Send each partition a tick; a later one has another id, as a lane's clock may have been behind."""
        if self._ticked != day:
            self._ticked, self._attempt, self._ticks = day, 0, []
        commands = [self._orders.tick(day, partition, self._attempt) for partition in sorted(partitions)]
        self._attempt += 1
        self._ticks += [command.id for command in commands]
        await asyncio.gather(*(self.send(command) for command in commands))
        self._tick_at = asyncio.get_running_loop().time()

    async def _announce(self) -> None:
        """Send the commands of closed days; a day is announced once all of them are durable."""
        for day, commands in await self._closer.announcements():
            await asyncio.gather(*(self.send(command) for command in commands))
            await self._store.run("announced", day)

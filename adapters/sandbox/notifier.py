"""Sends notices and sends them again by the published schedule until they are accepted."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from adapters.sandbox.book import NoticeRecord
from adapters.sandbox.clock import SandboxClock

_REPLY_SECONDS = 10.0
_REPEAT_SECONDS = 0.5
"""Pause between sends that repeat an accepted notice, before scaling."""


@dataclass
class Delivery:
    """One notice: where to, what in the n-th send (from 1), and how often although it was accepted."""

    record: NoticeRecord
    url: str
    body: Callable[[int], bytes]
    delay_s: float = 0.0
    sends_wanted: int = 1
    after: asyncio.Event | None = None
    """Held back until this happens, if given."""


class Notifier:
    """The deliveries of one channel. `accepted` says which reply (status, body) ends them; delays are scaled."""

    def __init__(
        self, clock: SandboxClock, scale: float, gaps_s: Sequence[float], accepted: Callable[[int, bytes], bool]
    ) -> None:
        self._clock, self._scale, self._gaps_s, self._accepted = clock, scale, gaps_s, accepted
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop all deliveries; what was not accepted is given up."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def start(self, delivery: Delivery) -> asyncio.Event:
        """Begin a delivery; the returned event happens after its first send was answered or failed."""
        sent = asyncio.Event()
        task = asyncio.get_running_loop().create_task(self._deliver(delivery, sent))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return sent

    async def _deliver(self, delivery: Delivery, sent: asyncio.Event) -> None:
        if delivery.after is not None:
            await delivery.after.wait()
        await self._clock.sleep(delivery.delay_s * self._scale)
        record, gaps = delivery.record, iter(self._gaps_s)
        while True:
            await self._send(delivery)
            sent.set()
            if record.answered and record.sends >= delivery.sends_wanted:
                return
            gap = _REPEAT_SECONDS if record.answered else next(gaps, None)
            if gap is None:
                return
            await self._clock.sleep(gap * self._scale)

    async def _send(self, delivery: Delivery) -> None:
        record = delivery.record
        record.sends += 1
        record.first_wall_at = record.first_wall_at or self._clock.now_ms()
        body = delivery.body(record.sends)
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        reply = "no answer"
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self._open().post(delivery.url, data=body, headers=headers) as answer:
                content = await answer.read()
                reply = str(answer.status)
                if self._accepted(answer.status, content):
                    record.answered = True
                    record.positive_answers += 1
        record.replies.append(reply)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_REPLY_SECONDS))
        return self._session

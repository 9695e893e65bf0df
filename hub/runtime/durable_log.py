"""One idempotent producer that says when a record is durable, and says HUB_BUSY instead of keeping what is not.

At most `window` records wait for the broker; the next one is refused at once. A record that was not confirmed in time
may still become durable: its sender was told so, and its repeat is recognised by the account.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka.errors import KafkaError

from hub.runtime.logs import get_logger
from schemas.errors import TransportError
from schemas.reasons import Reason

WINDOW_RECORDS: Final = 4096
WINDOW_BYTES: Final = 64 * 1024 * 1024
_RETRY_SECONDS: Final = 0.5
_STOP_SECONDS: Final = 5.0
_log = get_logger("durable_log")
Headers = Sequence[tuple[str, bytes]]


class HubBusyError(TransportError):
    """The record is not confirmed to be durable: the sender keeps its message and sends it again."""

    def __init__(self) -> None:
        super().__init__(Reason.HUB_BUSY)


class DurableLog:
    """Appends records to topics; `append` returns after every replica that must confirm has confirmed."""

    def __init__(
        self,
        make_producer: Callable[[], Any],
        *,
        wait_seconds: float = 5.0,
        window: int = WINDOW_RECORDS,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        """`make_producer` returns an unstarted aiokafka producer; `wait_seconds` bounds one append."""
        self._make_producer = make_producer
        self._wait_seconds = wait_seconds
        self._window = window
        self._window_bytes = window_bytes
        self._producer: Any = None
        self._keeper: asyncio.Task[None] | None = None
        self._replace = asyncio.Event()
        self._outstanding = 0
        self._outstanding_bytes = 0

    @property
    def connected(self) -> bool:
        """Whether a producer is there and none of its records failed."""
        return self._producer is not None

    @property
    def outstanding(self) -> int:
        """Records sent and neither confirmed nor given up."""
        return self._outstanding

    def start(self) -> None:
        """Begin to connect, and keep being connected, in the background."""
        self._keeper = asyncio.create_task(self._keep_connected())

    async def stop(self) -> None:
        """Wait for what is outstanding, at most 5 s, and end."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stopped(producer)

    async def append(self, topic: str, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Return once the record is durable. Raises HubBusyError when it is not known to be.

        Records of one key keep the order in which `append` was called.
        """
        producer = self._producer
        size = len(key) + len(value)
        full = self._outstanding >= self._window or self._outstanding_bytes + size > self._window_bytes
        if producer is None or full:
            raise HubBusyError
        try:
            async with asyncio.timeout(self._wait_seconds):
                await (await self._send(producer, size, topic, key, value, headers))
        except (KafkaError, OSError, TimeoutError):
            raise HubBusyError from None

    async def _send(
        self, producer: Any, size: int, topic: str, key: bytes, value: bytes, headers: Headers
    ) -> "asyncio.Future[Any]":
        """Return what is told the record's confirmation; the record counts until it is confirmed or given up.

        Who stops waiting does not take the record back: the producer's own future is never awaited by a sender.
        """
        self._count(1, size)
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            confirmed: asyncio.Future[Any] = await producer.send(topic, value=value, key=key, headers=list(headers))
        except BaseException:
            self._count(-1, size)
            raise
        confirmed.add_done_callback(lambda record: self._settled(producer, record, size, told))
        return told

    def _settled(self, producer: Any, record: "asyncio.Future[Any]", size: int, told: "asyncio.Future[None]") -> None:
        self._count(-1, size)
        fault = KafkaError("given up") if record.cancelled() else record.exception()
        if fault is None:
            _tell(told)
            return
        _tell(told, fault)
        if not record.cancelled():
            self._give_up(producer, fault)

    def _count(self, change: int, size: int) -> None:
        self._outstanding += change
        self._outstanding_bytes += change * size

    def _give_up(self, producer: Any, fault: BaseException | None) -> None:
        """Leave a producer after a failed record: its sequence numbers have a gap the broker would refuse for ever."""
        if self._producer is producer:
            self._producer = None
            self._replace.set()
            _log.warning("producer_replaced", fault=type(fault).__name__)

    async def _keep_connected(self) -> None:
        old: Any = None
        while True:
            if old is not None:
                await _stopped(old)
            old = await self._connected()
            self._replace.clear()
            self._producer = old
            await self._replace.wait()

    async def _connected(self) -> Any:
        """Return a started producer, trying again until the broker answers."""
        while True:
            producer = self._make_producer()
            try:
                await producer.start()
            except (KafkaError, OSError):
                await _stopped(producer)
                await asyncio.sleep(_RETRY_SECONDS)
            except asyncio.CancelledError:
                await _stopped(producer)
                raise
            else:
                return producer


def _tell(told: "asyncio.Future[None]", fault: BaseException | None = None) -> None:
    """Wake the sender, unless it has stopped waiting."""
    if told.done():
        return
    if fault is None:
        told.set_result(None)
    else:
        told.set_exception(fault)


async def _stopped(producer: Any) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await producer.stop()

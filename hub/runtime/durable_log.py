"""The log as the edge and the courier write it: a record is durable, or its sender is told HUB_BUSY.

At most `window` records wait for the broker; the next one is refused at once, and so is every one while no broker
answers. A record refused unsent is never written. One that was sent and not confirmed in time may have been: its sender
was told HUB_BUSY too, and its repeat is recognised by the account.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from aiokafka.errors import KafkaError

from hub.runtime.logs import get_logger
from hub.runtime.producer_session import HubBusyError, ProducerSession
from hub.runtime.record_partition import Headers

__all__ = ["DurableLog", "HubBusyError"]

WINDOW_RECORDS: Final = 4096
WINDOW_BYTES: Final = 64 * 1024 * 1024
_RETRY_SECONDS: Final = 0.5
_STOP_SECONDS: Final = 5.0
_log = get_logger("durable_log")


class DurableLog:
    """Appends records to topics; `append` returns after every replica that must confirm has confirmed."""

    def __init__(
        self,
        make_client: Callable[[], Any],
        *,
        wait_seconds: float = 5.0,
        window: int = WINDOW_RECORDS,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        """`make_client` returns an aiokafka client that is not started; `wait_seconds` bounds one append."""
        self._make_client = make_client
        self._wait_seconds = wait_seconds
        self._window = window
        self._window_bytes = window_bytes
        self._session: ProducerSession | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._replace = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether there is a producer whose batches are confirmed."""
        return self._session is not None

    @property
    def outstanding(self) -> int:
        """Records taken and neither confirmed nor given up."""
        return self._session.outstanding if self._session is not None else 0

    def start(self) -> None:
        """Begin to connect, and keep being connected, in the background."""
        self._keeper = asyncio.create_task(self._keep_connected())

    async def stop(self) -> None:
        """Wait for what is outstanding, at most 5 s, and end."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        session = self._session
        if session is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await session.drain()
            self._session = None
            await _closed(session)

    async def append(self, topic: str, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Return once the record is durable. Raises HubBusyError when it is not known to be.

        Records of one key keep the order in which `append` was called. Who stops waiting does not take it back.
        """
        session = self._session
        if session is None or self._full(session, len(key) + len(value)):
            raise HubBusyError
        if not session.knows(topic):
            await _learned(session, topic)
        await session.append(topic, key, value, headers)

    def _full(self, session: ProducerSession, size: int) -> bool:
        return session.outstanding >= self._window or session.outstanding_bytes + size > self._window_bytes

    async def _keep_connected(self) -> None:
        while True:
            session = await self._connected()
            self._replace.clear()
            self._session = session
            await self._replace.wait()
            await _closed(session)

    async def _connected(self) -> ProducerSession:
        """Return a started session, trying again until the broker answers."""
        while True:
            session = ProducerSession(self._make_client(), wait_seconds=self._wait_seconds, ended=self._give_up)
            try:
                await session.start()
            except (KafkaError, OSError):
                await _closed(session)
                await asyncio.sleep(_RETRY_SECONDS)
            except asyncio.CancelledError:
                await _closed(session)
                raise
            else:
                return session

    def _give_up(self, session: ProducerSession) -> None:
        """Leave a session that is over: from now on every append is refused until the next one has begun."""
        if self._session is session:
            self._session = None
            self._replace.set()
            _log.warning("producer_replaced", **session.lost)


async def _learned(session: ProducerSession, topic: str) -> None:
    try:
        await session.learn(topic)
    except (KafkaError, OSError):
        raise HubBusyError from None


async def _closed(session: ProducerSession) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await session.close()

"""The MLLP server: listens, counts connections by source, drains; knows nothing of Kafka.

What happens to a message is one injected function (`adapters.hl7.outcomes.Accept`): the edge makes a command or a dead
letter durable and says so. Nothing is ever dropped: beyond 64 unanswered messages a connection is not read.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from adapters.hl7.connection import Connection, Limits
from adapters.hl7.conversation import Conversation
from adapters.hl7.outcomes import Accept, Observe
from adapters.hl7.translation import Setting

_CLOSE_SECONDS: Final = 1.0


def _observe_nothing(event: str, source: str) -> None:
    del event, source


class MllpServer:
    """A listener; `serve` starts it, `drain` ends it. Several processes may share a port."""

    def __init__(
        self,
        setting: Setting,
        accept: Accept,
        now: Callable[[], int],
        observe: Observe = _observe_nothing,
        limits: Limits | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._observe = observe
        self._conversation = Conversation(setting, accept, now, observe)
        self._connections: set[Connection] = set()
        self._by_source: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def serve(self, host: str, port: int, *, reuse_port: bool = False) -> tuple[str, int]:
        """Listen, and return the address; port 0 takes a free one. `reuse_port` shares it between processes."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._conversation, self, self._limits), host, port, reuse_port=reuse_port or None
        )
        address = self._server.sockets[0].getsockname()
        return address[0], address[1]

    async def drain(self, seconds: float = 10.0) -> None:
        """Stop listening, answer what was received, close every connection; what takes longer is cut off."""
        if self._server is not None:
            self._server.close()
        waiting = [asyncio.create_task(connection.drain()) for connection in self._connections]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late:
                task.cancel()
        for connection in tuple(self._connections):
            connection.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._empty.wait()
        except TimeoutError:  # a sender that does not read its answers keeps nobody from stopping
            for connection in tuple(self._connections):
                connection.abort()

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._connections)

    # what connections call

    def opened(self, connection: Connection) -> None:
        """Note a connection, for draining."""
        self._connections.add(connection)
        self._empty.clear()
        self._observe("connection_opened", "")

    def closed(self, connection: Connection, source: str) -> None:
        """Forget a connection and the source it spoke for."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
        if source:
            self._by_source[source] -= 1
            if not self._by_source[source]:
                del self._by_source[source]
        self._observe("connection_closed", source)

    def claim(self, source: str) -> bool:
        """Count one more connection of a source; False beyond the limit."""
        if self._by_source[source] >= self._limits.connections_per_source:
            return False
        self._by_source[source] += 1
        return True

    def observe(self, event: str, source: str) -> None:
        """Count an event."""
        self._observe(event, source)

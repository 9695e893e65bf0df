"""A way to Kafka that a test can break: brokers' addresses in the answers are replaced by its own."""

import asyncio
import struct
from contextlib import suppress
from typing import Literal, Self

How = Literal["cut", "away"]
_LOOPBACK = b"127.0.0.1"


class KafkaFront:
    """Passes on requests and answers of clients; the n-th answer that counts never arrives, in one of two ways.

    `cut` closes its connection, `away` closes all and listens no more.
    """

    def __init__(self, bootstrap: str, lose: int = 0, how: How = "cut") -> None:
        """`lose` counts from 1; 0 loses nothing."""
        self._broker = int(bootstrap.rpartition(":")[2])
        self._lose, self._how = lose, how
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._old = self._new = b""
        self.port = 0
        self.answers = 0
        self.lost: int | None = None
        """The kind of request (its API key) whose answer was lost."""

    @property
    def bootstrap(self) -> str:
        """Where clients go."""
        return f"127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._one, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._old, self._new = (_LOOPBACK + struct.pack(">i", port) for port in (self._broker, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Close every connection and listen no more."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        asked: dict[int, int] = {}
        with suppress(OSError, EOFError):
            inner, outer = await asyncio.open_connection("127.0.0.1", self._broker)
            try:
                asking = asyncio.create_task(self._ask(reader, outer, asked))
                await self._answer(inner, writer, asked)
                asking.cancel()
            finally:
                outer.close()
        self._writers.discard(writer)
        writer.close()

    async def _ask(self, reader: asyncio.StreamReader, outer: asyncio.StreamWriter, asked: dict[int, int]) -> None:
        with suppress(OSError, EOFError):
            while True:
                frame = await _frame(reader)
                kind, _version, number = struct.unpack_from(">hhi", frame, 4)
                asked[number] = kind
                outer.write(frame)
                await outer.drain()
        outer.close()

    async def _answer(self, inner: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, int]) -> None:
        while True:
            frame = await _frame(inner)
            if self._is_lost(asked.pop(struct.unpack_from(">i", frame, 4)[0])):
                if self._how == "away":
                    self.end()
                return
            writer.write(frame.replace(self._old, self._new))
            await writer.drain()

    def _is_lost(self, kind: int) -> bool:
        if not self.counts(kind):
            return False
        self.answers += 1
        if self.answers != self._lose:
            return False
        self.lost = kind
        return True

    def counts(self, kind: int) -> bool:
        """Say whether answers of this kind count."""
        del kind
        return True


async def _frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head, "big"))

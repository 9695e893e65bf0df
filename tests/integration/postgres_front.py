"""A way to PostgreSQL that passes bytes on, for tests that change what happens on it."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Front:
    """Listens before a server and passes on what either side says; a connection is closed when one side ends it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = urlsplit(dsn)
        self.port = 0

    async def serve(self) -> asyncio.Server:
        """Listen; the port is known then."""
        server = await asyncio.start_server(self._one, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def dsn(self, **options: object) -> str:
        """Return the DSN through this front, with options of its query."""
        user = self._dsn.netloc.rpartition("@")[0]
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return urlunsplit(self._dsn._replace(netloc=f"{user}@127.0.0.1:{self.port}", query=query))

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what comes before the first byte that is passed on."""

    def said(self, data: bytes) -> bytes:
        """Return what the client hears when the server says `data`; nothing cuts the connection."""
        return data

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            await self.accept(reader, writer)
            inner, outer = await asyncio.open_connection(self._dsn.hostname, self._dsn.port)
            await asyncio.gather(self._ask(reader, outer), self._answer(inner, writer))
        writer.close()

    async def _ask(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            server.write(data)
            await server.drain()
        server.close()

    async def _answer(self, server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (data := await server.read(65_536)) and (heard := self.said(data)):
            writer.write(heard)
            await writer.drain()
        writer.close()

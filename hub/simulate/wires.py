"""How the synthetic city reaches the hub: MLLP connections, HTTP calls, score pushes; each exchange is logged.

A sender behaves as a real one: it repeats the same bytes after `HUB_BUSY` or a lost connection until it gets a word.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from hub.simulate.hl7_messages import Hospital, frame
from hub.simulate.sent_log import SentLog

_ANSWER_SECONDS = 10.0
_RESENDS_MAX = 120
_FINAL_ACKS = (b"MSA|AA", b"MSA|AE", b"MSA|AR", b"MSA|CE", b"MSA|CR")


@dataclass(frozen=True)
class Answer:
    """What came back: `verdict` as in the log, `status` the ACK code or HTTP status, `document` a JSON answer."""

    verdict: str
    status: str
    body: bytes
    document: dict[str, Any] = field(default_factory=dict)


_LOST = Answer("lost", "", b"")


async def _until_answered(
    exchange: Callable[[], Awaitable[Answer]], note: Callable[[Answer, int], int], first: int
) -> tuple[int, Answer]:
    """Repeat an exchange until it gets a word; `note` logs one, told the number of the first, and returns its own."""
    for attempt in range(_RESENDS_MAX):
        try:
            answer = await exchange()
        except asyncio.CancelledError:  # the sender is stopped: the message may have arrived
            note(_LOST, first)
            raise
        number = note(answer, first)
        first = first or number
        if answer.verdict in {"accepted", "refused"}:
            break
        await asyncio.sleep(min(1.0, 0.1 * (attempt + 1)))
    return first, answer


class MllpWire:
    """One persistent connection of one hospital; messages go one after the other."""

    def __init__(self, hospital: Hospital, address: str, log: SentLog) -> None:
        self.hospital = hospital
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._log = log
        self._lock = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, message: bytes, meaning: dict[str, Any], repeat_of: int = 0) -> tuple[int, Answer]:
        """Send until answered; return the number of the first exchange in the log and the final answer."""

        def note(answer: Answer, first: int) -> int:
            return self._log.note("mllp", self.hospital.facility, message, answer.body, answer.verdict, meaning, first)

        async with self._lock:
            return await _until_answered(lambda: self._exchange(message), note, repeat_of)

    async def close(self) -> None:
        """Close the connection."""
        if self._streams:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, message: bytes) -> Answer:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(self._host, self._port)
                reader, writer = self._streams
                writer.write(frame(message))
                await writer.drain()
                reply = b""
                while not any(code in reply for code in _FINAL_ACKS):
                    reply = await reader.readuntil(b"\x1c\r")
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            await self.close()
            return _LOST
        return Answer(_ack_verdict(reply), next(code for code in _FINAL_ACKS if code in reply)[4:].decode(), reply)


class HttpWire:
    """HTTP calls to the edge with a source's bearer token."""

    def __init__(self, base_url: str, log: SentLog) -> None:
        self._base = base_url
        self._log = log
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        path: str,
        body: str | dict[str, Any],
        meaning: dict[str, Any],
        *,
        token: str = "",
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
        repeat_of: int = 0,
    ) -> tuple[int, Answer]:
        """Post until answered with anything but 503; as `MllpWire.send`."""
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        sent = {"Content-Type": content_type, **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        logged = f"POST {path}\n{text}".encode()

        def note(answer: Answer, first: int) -> int:
            return self._log.note("http", path, logged, answer.body, answer.verdict, meaning, first)

        return await _until_answered(lambda: self._exchange(path, text.encode(), sent), note, repeat_of)

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def _exchange(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS))
        try:
            async with self._session.post(self._base + path, data=body, headers=headers) as response:
                answer = await response.read()
                return Answer(_http_verdict(response.status), str(response.status), answer, _document(answer))
        except (aiohttp.ClientError, OSError, TimeoutError):
            return _LOST


def _ack_verdict(reply: bytes) -> str:
    if b"MSA|AA" in reply:
        return "accepted"
    return "busy" if b"HUB_BUSY" in reply else "refused"


def _http_verdict(status: int) -> str:
    if status in {429, 502, 503, 504}:
        return "busy"
    return "accepted" if status < 300 else "refused"


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}

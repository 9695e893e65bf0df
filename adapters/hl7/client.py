"""An MLLP client: sends messages, pipelined if wanted, and reads their acknowledgements.

Used by the synthetic city, `medcredit hl7 send` and tests. Answers are matched by MSA-2, in order for equal control
ids. A message without an answer was not confirmed: send the same bytes again.
"""

import asyncio
from collections import deque
from typing import Final, Self

import msgspec

from adapters.hl7.charset import decode
from adapters.hl7.frames import Frame, FrameDecoder, wrap
from adapters.hl7.header import read_header
from adapters.hl7.reader import Message, lines_of, separators_of

_CLOSE_SECONDS: Final = 1.0
_ACCEPT_CODES: Final = frozenset({"CA", "CE", "CR"})


class MllpError(ConnectionError):
    """The connection ended, or no answer came in time: the message is not confirmed, send the same bytes again."""


class Acknowledgement(msgspec.Struct, frozen=True):
    """One answer as the sender reads it."""

    code: str
    """MSA-1: AA, AE, AR, CA, CE or CR."""
    control_id: str
    """MSA-2: the message it answers; `UNKNOWN` where its header could not be read."""
    reasons: tuple[str, ...]
    """ERR-5 (from 2.5) or MSA-3: our reason codes, in order."""
    locations: tuple[str, ...]
    """ERR-2 of each fault, as `FT1^2^11`."""
    raw: bytes

    @property
    def accept(self) -> bool:
        """True for an accept acknowledgement: stored safely or not, not yet judged."""
        return self.code in _ACCEPT_CODES

    @property
    def resend(self) -> bool:
        """True where the same bytes are to be sent again: HUB_BUSY is the only refusal that says so."""
        return "HUB_BUSY" in self.reasons


def read_acknowledgement(payload: bytes) -> Acknowledgement | None:
    """Return what an answer says; None where it is no acknowledgement."""
    decoded = decode(payload)
    lines = lines_of(decoded.text) if decoded else []
    separators = separators_of(lines[0]) if lines and lines[0].startswith("MSH") else None
    if separators is None:
        return None
    message = Message(lines, separators)
    msa = message.first("MSA")
    if msa is None:
        return None
    errors = message.segments("ERR")
    reasons = [error.value(5) for error in errors if error.value(5)]
    locations = [error.raw(2).replace(separators.component, "^") for error in errors]
    if not reasons and msa.value(3):
        reasons = [msa.value(3)]
    return Acknowledgement(msa.raw(1), msa.raw(2), tuple(reasons), tuple(locations), payload)


def answers_expected(payload: bytes) -> int:
    """Return how many frames a message surely gets when it is accepted: by MSH-15 and MSH-16."""
    decoded = decode(payload)
    lines = lines_of(decoded.text) if decoded else []
    header = read_header(lines[0], "utf-8") if lines and lines[0].startswith("MSH") else None
    if header is None or not header.enhanced:
        return 1
    return sum(mode in ("AL", "SU") for mode in (header.accept_mode, header.application_mode))


class _Waiting:
    """One sent message and the answers it has got."""

    __slots__ = ("answers", "control_id", "done", "expected")

    def __init__(self, control_id: str, expected: int, done: "asyncio.Future[list[Acknowledgement]]") -> None:
        self.control_id = control_id
        self.expected = expected
        self.answers: list[Acknowledgement] = []
        self.done = done

    def take(self, answer: Acknowledgement) -> None:
        self.answers.append(answer)
        final = answer.code in ("CE", "CR") or len(self.answers) >= self.expected
        if final and not self.done.done():
            self.done.set_result(self.answers)


class MllpClient(asyncio.Protocol):
    """One connection; `exchange` may be called many times at once. Close it, or use it as a context manager."""

    def __init__(self) -> None:
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[_Waiting] = deque()
        self._lost = False
        self._ended = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.unmatched: list[bytes] = []
        """Payloads that answer no message of ours: batch answers and whatever a peer invents; the last 100."""

    @classmethod
    async def connect(cls, host: str, port: int, *, timeout_seconds: float = 5.0) -> "MllpClient":
        """Return a connected client; raises MllpError when nobody listens."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_seconds):
                _, client = await loop.create_connection(cls, host, port)
        except OSError as error:
            raise MllpError(f"no MLLP listener answered at {host}:{port}: {error}; nothing was sent") from error
        return client

    async def exchange(
        self, payload: bytes, *, expected: int | None = None, timeout_seconds: float = 30.0
    ) -> list[Acknowledgement]:
        """Send one message and return its answers: accept, then application; none for a message that wants none.

        Raises MllpError when the connection ends or the time is over before all expected answers came.
        """
        count = answers_expected(payload) if expected is None else expected
        waiting = _Waiting(control_id_of(payload), count, asyncio.get_running_loop().create_future())
        if count:
            self._waiting.append(waiting)
        await self.send_bytes(wrap(payload))
        if not count:
            return []
        try:
            async with asyncio.timeout(timeout_seconds):
                return await waiting.done
        except TimeoutError as error:
            raise MllpError("no answer in time; the message is not confirmed, send the same bytes again") from error
        finally:
            self._forget(waiting)

    async def send_bytes(self, content: bytes) -> None:
        """Write raw bytes: frames, halves of frames or noise; waits while the peer does not read."""
        await self._writable.wait()
        if self._transport is None or self._lost or self._transport.is_closing():
            raise MllpError("the connection is closed; send the message again over a new one")
        self._transport.write(content)

    async def close(self) -> None:
        """Close the connection; messages still waiting are not confirmed."""
        if self._transport is None:
            return
        self._transport.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._ended.wait()
        except TimeoutError:  # what was written cannot leave: the peer does not read
            self._transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's TCP transports are
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Match each answer to the first message with its control id that still waits for one of its kind."""
        for event in self._decoder.feed(data):
            if isinstance(event, Frame):
                self._take(event.payload)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits."""
        self._lost = True
        self._ended.set()
        self._writable.set()
        for waiting in self._waiting:
            if not waiting.done.done():
                waiting.done.set_exception(MllpError(f"the connection ended ({exc}); send the same bytes again"))
        self._waiting.clear()

    def pause_writing(self) -> None:
        """Hold senders back while the peer does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let senders go on."""
        self._writable.set()

    def _take(self, payload: bytes) -> None:
        answer = read_acknowledgement(payload)
        waiting = self._awaited(answer) if answer else None
        if answer is None or waiting is None:
            self.unmatched = [*self.unmatched[-99:], payload]
            return
        waiting.take(answer)
        if waiting.done.done():
            self._forget(waiting)

    def _awaited(self, answer: Acknowledgement) -> _Waiting | None:
        """Return the message an answer belongs to; `UNKNOWN` answers the oldest one, as answers keep their order."""
        for waiting in self._waiting:
            if answer.control_id == waiting.control_id and not any(
                earlier.accept == answer.accept for earlier in waiting.answers
            ):
                return waiting
        return self._waiting[0] if self._waiting and answer.control_id == "UNKNOWN" else None

    def _forget(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)


def control_id_of(payload: bytes) -> str:
    """Return MSH-10 (for a batch BHS-11 or FHS-11) as text, for matching answers; empty where it cannot be read."""
    decoded = decode(payload)
    lines = lines_of(decoded.text) if decoded else []
    separators = separators_of(lines[0]) if lines else None
    if separators is None:
        return ""
    fields = lines[0].split(separators.field)
    index = 9 if lines[0].startswith("MSH") else 10
    return fields[index] if len(fields) > index else ""

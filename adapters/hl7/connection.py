"""One MLLP connection: frames in, answers out in request order, window, timers, back-pressure (protocols 1.1, 1.5).

A confirmed batch of the log answers many messages in one turn of the event loop: their answers leave together, in one
write at the end of that turn.
"""

import asyncio
import socket
from collections import deque
from typing import Final, Protocol, cast

import msgspec

from adapters.hl7.answers import Answer
from adapters.hl7.conversation import Conversation
from adapters.hl7.frames import FRAME_BYTES_MAX, CutOff, Frame, FrameDecoder, FrameEvent, Noise, TooLarge, wrap
from adapters.hl7.translation import Refused, refused_bytes, refused_oversized
from schemas.reasons import Reason

KEEPALIVE_SECONDS: Final = 60


class Limits(msgspec.Struct, frozen=True):
    """What one connection, and one source, may use."""

    window: int = 64
    """Unanswered messages; beyond it the connection is not read."""
    connections_per_source: int = 32
    frame_seconds: float = 30.0
    """A frame must be complete this long after its 0x0B."""
    idle_seconds: float = 300.0
    frame_bytes_max: int = FRAME_BYTES_MAX


class Registry(Protocol):
    """What a connection asks of the server it belongs to."""

    def opened(self, connection: "Connection") -> None:
        """Note a connection, for draining."""

    def closed(self, connection: "Connection", source: str) -> None:
        """Forget a connection and the source it spoke for."""

    def claim(self, source: str) -> bool:
        """Count one more connection of a source; False beyond the limit."""

    def observe(self, event: str, source: str) -> None:
        """Count an event."""


class _Late(msgspec.Struct, frozen=True):
    """A frame whose time ran out."""

    payload: bytes


class _Slot:
    """The place of one payload in the order of answers; also the caller its conversation talks to."""

    __slots__ = ("_connection", "answer", "first", "first_known")

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.first: bytes | None = None
        self.first_known = False
        self.answer: Answer | None = None

    def speaks_for(self, source: str) -> bool:
        return self._connection.speaks_for(source)

    def stored(self, answer: Answer) -> None:
        self.first, self.first_known = answer.first, True
        self._connection.flush_soon()

    def complete(self, answer: Answer) -> None:
        if not self.first_known:
            self.first, self.first_known = answer.first, True
        self.answer = answer
        self._connection.flush_soon()


class Connection(asyncio.Protocol):
    """Hands each frame to the conversation as a task, in order, and writes the answers in request order."""

    def __init__(self, conversation: Conversation, registry: Registry, limits: Limits) -> None:
        self._conversation = conversation
        self._registry = registry
        self._limits = limits
        self._decoder = FrameDecoder(limits.frame_bytes_max)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._source = ""
        self._events: deque[FrameEvent | _Late] = deque()
        self._firsts: deque[_Slot] = deque()
        self._seconds: deque[_Slot] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._frame_timer: asyncio.TimerHandle | None = None
        self._timed_frame = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._active_at = 0.0
        self._paused = False
        self._write_paused = False
        self._ending = False
        self._flushing = False
        """A flush is due in this turn of the event loop."""

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set the socket up and start the idle timer."""
        self._transport = cast("asyncio.Transport", transport)
        _set_socket(transport.get_extra_info("socket"))
        self._registry.opened(self)
        self._active_at = self._loop.time()
        self._idle_timer = self._loop.call_later(self._limits.idle_seconds, self._idle)

    def data_received(self, data: bytes) -> None:
        """Take bytes; frames beyond the window wait, unread bytes stay with the sender."""
        self._active_at = self._loop.time()
        self._events += self._decoder.feed(data)
        self._pump()
        self._time_frame()

    def eof_received(self) -> bool:
        """Keep the connection half open until everything received is answered."""
        self._events += self._decoder.eof()
        self._ending = True
        self._pump()
        self._close_when_answered()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Let running messages finish: they become durable, and the sender's repeat gets the same answer."""
        del exc
        self._transport = None
        self._ending = True
        self._events += self._decoder.eof()
        self._stop_timers()
        self._pump()
        self._registry.closed(self, self._source)

    def pause_writing(self) -> None:
        """Stop reading from a sender that does not read its answers."""
        self._write_paused = True
        self._regulate()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._write_paused = False
        self._pump()

    # what slots and the server call

    def speaks_for(self, source: str) -> bool:
        """Return whether this connection may send for a source: the first one counts against the source's limit.

        One that is gone counts no more: nobody would take its place back.
        """
        if not self._source and self._transport is not None:
            if not self._registry.claim(source):
                return False
            self._source = source
        return True

    def flush_soon(self) -> None:
        """Write what is due once everything that is ready now has had its turn."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    async def drain(self) -> None:
        """Stop reading, answer what was received, close; a frame still open is the sender's to repeat."""
        self._ending = True
        self._regulate()
        while self._tasks or self._events:
            if self._tasks:
                await asyncio.wait(self._tasks)
            self._flush()
        self._flush()

    def close(self) -> None:
        """Close after what is written has left."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once; unanswered messages are repeated by their sender."""
        if self._transport is not None:
            self._transport.abort()

    # inner workings

    @property
    def _unanswered(self) -> int:
        return len(self._firsts) + len(self._seconds)

    def _flush(self) -> None:
        """Write, at once and in order, every answer whose turn has come; begin what the window now has room for."""
        self._flushing = False
        due = self._applications_due()
        while self._firsts and self._firsts[0].first_known:
            slot = self._firsts.popleft()
            if slot.first is not None:
                due.append(wrap(slot.first))
            self._seconds.append(slot)
            due += self._applications_due()
        if due and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(due))
        self._pump()
        self._close_when_answered()

    def _applications_due(self) -> list[bytes]:
        """Take the messages that are answered in full off the queue; return their application answers."""
        due: list[bytes] = []
        while self._seconds and (answer := self._seconds[0].answer) is not None:
            self._seconds.popleft()
            if answer.application is not None:
                due.append(wrap(answer.application))
            self._ending = self._ending or answer.close
        return due

    def _pump(self) -> None:
        """Begin waiting frames while the window has room."""
        while self._events and self._unanswered < self._limits.window:
            self._begin(self._events.popleft())
        self._regulate()

    def _begin(self, event: FrameEvent | _Late) -> None:
        if isinstance(event, Noise):
            self._registry.observe(Reason.FRAME_NOISE.value, self._source)
            self._ending = True
            self._close_when_answered()
            return
        slot = _Slot(self)
        self._firsts.append(slot)
        task = self._loop.create_task(self._serve(event, slot))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def _serve(self, event: Frame | CutOff | TooLarge | _Late, slot: _Slot) -> None:
        conversation = self._conversation
        if isinstance(event, Frame):
            slot.complete(await conversation.hold(event.payload, slot))
        elif isinstance(event, CutOff):
            refused = refused_bytes(event.payload, Reason.FRAME_UNTERMINATED)
            slot.complete(await conversation.judge(refused, event.payload, slot))
        else:
            refused = self._ended_by(event)
            answer = await conversation.judge(refused, event.payload, slot)
            slot.complete(msgspec.structs.replace(answer, close=True))

    def _ended_by(self, event: TooLarge | _Late) -> Refused:
        if isinstance(event, _Late):
            return refused_bytes(event.payload, Reason.FRAME_TIMEOUT)
        return refused_oversized(event.payload, self._conversation.setting)

    def _done(self, task: "asyncio.Task[None]") -> None:
        """Forget a task; an exception in it is a defect: the loop is told and the connection ends unanswered."""
        self._tasks.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        self._loop.call_exception_handler({"message": "an MLLP message failed", "exception": task.exception()})
        self.abort()

    def _regulate(self) -> None:
        """Pause or resume reading: never more in memory than the window and one chunk."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        full = self._unanswered >= self._limits.window or bool(self._events)
        wanted = full or self._write_paused or self._ending
        if wanted and not self._paused:
            transport.pause_reading()
        elif not wanted and self._paused:
            transport.resume_reading()
        self._paused = wanted

    def _close_when_answered(self) -> None:
        if self._ending and not self._unanswered and not self._events and self._transport is not None:
            self._transport.close()

    def _time_frame(self) -> None:
        """Run the frame timer from the 0x0B of the frame that is open now."""
        if not self._decoder.inside:
            if self._frame_timer is not None:
                self._frame_timer.cancel()
                self._frame_timer = None
            return
        if self._frame_timer is None or self._timed_frame != self._decoder.started:
            if self._frame_timer is not None:
                self._frame_timer.cancel()
            self._timed_frame = self._decoder.started
            self._frame_timer = self._loop.call_later(self._limits.frame_seconds, self._frame_late)

    def _frame_late(self) -> None:
        """End a slow sender: FRAME_TIMEOUT. Time in which we did not read is ours, not the sender's."""
        self._frame_timer = None
        if self._paused and not self._ending:
            self._time_frame()
            return
        self._events.append(_Late(self._decoder.abandon()))
        self._pump()

    def _idle(self) -> None:
        """Close a connection on which nothing came and nothing is owed; traffic does not move the timer, it re-arms."""
        quiet = self._loop.time() - self._active_at
        if quiet >= self._limits.idle_seconds and not self._unanswered:
            if self._transport is not None:
                self._transport.close()
            return
        rest = max(self._limits.idle_seconds - quiet, self._limits.idle_seconds / 10)
        self._idle_timer = self._loop.call_later(rest, self._idle)

    def _stop_timers(self) -> None:
        for timer in (self._frame_timer, self._idle_timer):
            if timer is not None:
                timer.cancel()


def _set_socket(sock: socket.socket | None) -> None:
    """Answers leave at once, and a peer that vanished is noticed."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)

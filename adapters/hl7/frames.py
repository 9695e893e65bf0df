"""MLLP frames on bytes, before decoding; no input or output in here (protocols 1.1).

`frame := 0x0B payload 0x1C [0x0D]`. The bytes 0x0B, 0x1C and 0x0D are never part of a character in UTF-8, GB18030, GBK
or Big5, so a frame ends where the byte says so, whatever the charset. The decoder gives the same events for every split
of the same stream.
"""

from typing import Final

import msgspec

START: Final = 0x0B
END: Final = 0x1C
FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
"""Size cap of one frame, counted while reading."""
NOISE_BYTES_MAX: Final = 65_536
"""Bytes outside frames that one connection may send before it is closed."""

_STRAY: Final = b"\r\n\x00 "


class Frame(msgspec.Struct, frozen=True):
    """A complete frame; `payload` may be empty, which the reader refuses as FRAME_EMPTY."""

    payload: bytes


class CutOff(msgspec.Struct, frozen=True):
    """A frame that another 0x0B or the end of the connection interrupted: FRAME_UNTERMINATED, never answered."""

    payload: bytes


class TooLarge(msgspec.Struct, frozen=True):
    """A frame beyond the cap; `payload` holds its first bytes, as many as the cap. The stream ends here."""

    payload: bytes


class Noise(msgspec.Struct, frozen=True):
    """More bytes outside frames than one connection may send: FRAME_NOISE. The stream ends here."""

    skipped: int


FrameEvent = Frame | CutOff | TooLarge | Noise


def wrap(payload: bytes) -> bytes:
    """Return the payload as one MLLP frame."""
    return b"\x0b" + payload + b"\x1c\r"


class FrameDecoder:
    """Turns the bytes of one connection into frame events; never raises, holds at most one frame."""

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX, noise_bytes_max: int = NOISE_BYTES_MAX) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._noise_bytes_max = noise_bytes_max
        self._frame: bytearray | None = None
        self._after_frame = False
        self._done = False
        self.skipped = 0
        """Noise bytes seen so far."""
        self.started = 0
        """Frames begun so far; a restart of the frame timer shows in it."""

    @property
    def inside(self) -> bool:
        """True between a 0x0B and its 0x1C: the frame timer runs."""
        return self._frame is not None

    @property
    def done(self) -> bool:
        """True after TooLarge or Noise: further bytes are ignored and the connection is to be closed."""
        return self._done

    def feed(self, chunk: bytes) -> list[FrameEvent]:
        """Return the events these bytes complete, in order; linear in the length of the chunk."""
        events: list[FrameEvent] = []
        position, end, size = 0, -1, len(chunk)
        while position < size and not self._done:
            if self._frame is None:
                position = self._skip_to_start(chunk, position, events)
                continue
            if end < position:
                end = chunk.find(END, position)
                end = size if end < 0 else end
            position = self._read(chunk, position, end, events)
        return events

    def abandon(self) -> bytes:
        """Return the bytes of the open frame and end the stream: the frame timer has run out."""
        payload, self._frame, self._done = self._frame, None, True
        return bytes(payload or b"")

    def eof(self) -> list[FrameEvent]:
        """Return what the end of the connection makes of an open frame."""
        payload, self._frame = self._frame, None
        return [CutOff(bytes(payload))] if payload and not self._done else []

    def _skip_to_start(self, chunk: bytes, position: int, events: list[FrameEvent]) -> int:
        """Skip to the byte after the next 0x0B; strays directly after a frame are free, other bytes are counted."""
        start = chunk.find(START, position)
        noise = chunk[position : start if start >= 0 else len(chunk)]
        if self._after_frame:
            noise = noise.lstrip(_STRAY)
            self._after_frame = not noise
        self.skipped += len(noise)
        if self.skipped > self._noise_bytes_max:
            # As if counted byte by byte: the number does not depend on how the stream was split.
            self.skipped = self._noise_bytes_max + 1
            self._done = True
            events.append(Noise(self.skipped))
        elif start >= 0:
            self._open()
        return start + 1 if start >= 0 else len(chunk)

    def _open(self) -> None:
        self._frame = bytearray()
        self.started += 1

    def _read(self, chunk: bytes, position: int, end: int, events: list[FrameEvent]) -> int:
        """Take payload bytes up to the frame's end, a second 0x0B, the cap or the end of the chunk."""
        frame = self._frame
        assert frame is not None  # noqa: S101 - feed() calls this only inside a frame
        restart = chunk.find(START, position, end)
        stop = end if restart < 0 else restart
        room = self._frame_bytes_max - len(frame)
        if stop - position > room:
            frame += chunk[position : position + room]
            self._frame, self._done = None, True
            events.append(TooLarge(bytes(frame)))
            return len(chunk)
        frame += chunk[position:stop]
        if restart >= 0:
            if frame:
                events.append(CutOff(bytes(frame)))
                self._open()
            return restart + 1
        if end < len(chunk):
            events.append(Frame(bytes(frame)))
            self._frame, self._after_frame = None, True
        return end + 1

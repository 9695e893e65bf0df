"""The reserved record of a partition in `accounts`: how far its state has come, written in every transaction."""

from typing import Final

import msgspec

from hub.domain.decision import Now
from streams.chain import FIRST
from streams.lanes.faults import InvariantError

KEY: Final = b"\x00watermark"
"""No account id begins with a zero byte."""
_VERSION: Final = b"\x01"


class Watermark(msgspec.Struct, frozen=True, array_like=True):
    """The first command not yet contained in the state, the lane's two clocks, the head of the ledger chain.

    `unreadable_run` counts the undecodable commands in a row up to here, so that a restart does not forgive them; their
    share of the last 10,000 is counted anew.
    """

    next_offset: int = 0
    city: int = 0
    wall: int = 0
    head: str = FIRST
    unreadable_run: int = 0

    @property
    def now(self) -> Now:
        """The lane's two clocks."""
        return Now(self.city, self.wall)


_decoder = msgspec.msgpack.Decoder(Watermark)


def encode(watermark: Watermark) -> bytes:
    """Return the record's value."""
    return _VERSION + msgspec.msgpack.encode(watermark)


def decode(value: bytes) -> Watermark:
    """Return the watermark. Raises InvariantError when the bytes are none."""
    if value[:1] != _VERSION:
        raise InvariantError("the partition's watermark has an unknown version: this program is older than the state")
    try:
        return _decoder.decode(value[1:])
    except msgspec.MsgspecError as error:
        raise InvariantError(f"the partition's watermark cannot be read: {error}") from error

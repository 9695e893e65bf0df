"""The base of everything that stands in an account's state."""

import msgspec


class Frozen(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An immutable part of the state, encoded as a MessagePack array: fields are only ever appended, with a default."""

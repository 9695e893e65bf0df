"""The keys of the hub: id, purpose, kind and state, from one file that only its owner may read (protocols 9.2)."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from hub.runtime.guomi.envelope import KEY_LENGTH, is_kid
from hub.runtime.guomi.sm2 import EncodingError, N, point_from_hex


class Kind(StrEnum):
    """What a key can do."""

    SM4 = "sm4"
    HMAC = "hmac"
    SM2_PRIVATE = "sm2_private"
    SM2_PUBLIC = "sm2_public"


class State(StrEnum):
    """Where a key is in its life: pending → active → decrypt_only → destroyed."""

    PENDING = "pending"
    ACTIVE = "active"
    DECRYPT_ONLY = "decrypt_only"
    DESTROYED = "destroyed"


class KeyRingError(ValueError):
    """A key is missing, in the wrong state or malformed. Put the key into the key ring file and start again."""


@dataclass(frozen=True)
class Key:
    """One key; `material` is hex and never printed. SM4: 32 digits; SM2 public: 04 and 128 digits."""

    kid: str
    kind: Kind
    purpose: str
    state: State
    material: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key that could not be used as its kind says. Raises KeyRingError."""
        if not is_kid(self.kid):
            raise KeyRingError(f"{self.kid!r} cannot name a key: letters, digits, - and _ only")
        if self.state is not State.DESTROYED and not _usable(self.kind, self.material):
            raise KeyRingError(f"the material of key {self.kid} is not a {self.kind} key")

    @cached_property
    def secret_bytes(self) -> bytes:
        """Return the material as bytes."""
        return bytes.fromhex(self.material)


class KeyRing:
    """Keys by id, with at most one active key for each purpose and kind."""

    def __init__(self, keys: Iterable[Key]) -> None:
        """Raises KeyRingError for an id used twice or two active keys of one purpose."""
        self._keys: dict[str, Key] = {}
        self._active: dict[tuple[str, Kind], Key] = {}
        for key in keys:
            if key.kid in self._keys:
                raise KeyRingError(f"key id {key.kid} is used twice")
            self._keys[key.kid] = key
            if key.state is State.ACTIVE and self._active.setdefault((key.purpose, key.kind), key) is not key:
                raise KeyRingError(f"purpose {key.purpose} has two active {key.kind} keys")

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Return the ring in a JSON file `{"keys": [{kid, kind, purpose, state, material}, …]}`.

        Raises KeyRingError when the file is missing, malformed, or readable by others than its owner.
        """
        try:
            mode = path.stat().st_mode
            rows = json.loads(path.read_text("utf-8"))["keys"]
            keys = [_key(row) for row in rows]
        except KeyRingError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
            raise KeyRingError(f"{path} is not a key ring: {type(wrong).__name__}") from wrong
        if mode & 0o077:
            raise KeyRingError(f"{path} is readable by others; do: chmod 600 {path}")
        return cls(keys)

    def dump(self, path: Path) -> None:
        """Write the ring so that `load` reads it back, whole or not at all; only the owner may read the file."""
        rows = [
            {"kid": k.kid, "kind": k.kind, "purpose": k.purpose, "state": k.state, "material": k.material}
            for k in self._keys.values()
        ]
        # A new file under a new name is ours alone from its first byte, also where a readable one stood before.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            written.write(json.dumps({"keys": rows}, indent=1) + "\n")
        Path(name).replace(path)

    def active(self, purpose: str, kind: Kind) -> Key:
        """Return the key that new seals and signatures of a purpose use. Raises KeyRingError when there is none."""
        key = self._active.get((purpose, kind))
        if key is None:
            raise KeyRingError(f"no active {kind} key for purpose {purpose}")
        return key

    def find(self, kid: str, *kinds: Kind) -> Key | None:
        """Return the key if it is of one of the kinds and not destroyed, else None.

        A pending key is found too: two processes may see its change to active a moment apart, and no read may fail.
        """
        key = self._keys.get(kid)
        if key is None or key.kind not in kinds or key.state is State.DESTROYED:
            return None
        return key

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())


def _key(row: dict[str, str]) -> Key:
    if not isinstance(row["purpose"], str):
        raise TypeError("a purpose is a text")
    try:
        return Key(row["kid"], Kind(row["kind"]), row["purpose"], State(row["state"]), row.get("material", "").lower())
    except ValueError as wrong:
        raise KeyRingError(str(wrong)) from wrong


def _usable(kind: Kind, material: str) -> bool:
    try:
        if kind is Kind.SM2_PUBLIC:
            return point_from_hex(material) is not None
        raw = bytes.fromhex(material)
    except (EncodingError, ValueError):
        return False
    if kind is Kind.SM2_PRIVATE:
        return len(raw) == 32 and 1 <= int.from_bytes(raw, "big") < N - 1
    return len(raw) == KEY_LENGTH if kind is Kind.SM4 else len(raw) >= KEY_LENGTH

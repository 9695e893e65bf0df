"""What the oracle judges: records as they stand in Kafka, the generator's log, the gateways' books, the clock's rule.

Nothing here knows the product: records are JSON, ids are made again with the public rule and the demo's public key.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

DEMO_CITY_KEY = bytes.fromhex("6d6564637265646974206465" * 2 + "6d6f206369747920")
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Row(NamedTuple):
    """One record of a topic: where it stands, its key, its bytes and what they say."""

    partition: int
    offset: int
    key: str
    raw: bytes
    value: dict[str, Any]
    headers: Mapping[str, str] = MappingProxyType({})


def row(partition: int, offset: int, key: bytes | None, raw: bytes, headers: dict[str, str] | None = None) -> Row:
    """Return a record; a value that is no JSON object is an empty one."""
    try:
        value = json.loads(raw)
    except ValueError:
        value = {}
    return Row(
        partition, offset, (key or b"").decode(), raw, value if isinstance(value, dict) else {}, dict(headers or {})
    )


class Clock(NamedTuple):
    """City time from wall time, as the clock file says it: a run of the harness has one speed until it is frozen."""

    epoch_city: int
    epoch_wall: int
    speed: float

    def city_at(self, wall: int) -> int:
        """Return city time at a wall time, both in ms."""
        return self.epoch_city + int((wall - self.epoch_wall) * self.speed)


class Exchange(NamedTuple):
    """One message the generator sent: `copy_of` is the number of the exchange whose bytes these are again."""

    n: int
    wire: str
    to: str
    sent: bytes
    verdict: str
    meaning: dict[str, Any]
    copy_of: int


@dataclass
class Evidence:
    """All of one run. `aborted` counts ledger records that only a read-uncommitted reader sees."""

    sent: list[Exchange] = field(default_factory=list)
    gateways: dict[str, dict[str, Any]] = field(default_factory=dict)
    commands: list[Row] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    dead_letters: list[Row] = field(default_factory=list)
    clock: Clock = field(default_factory=lambda: Clock(0, 0, 1.0))
    aborted: int = 0
    projected: list[tuple[int, int, str]] | None = None
    """(partition, offset, hash) of every ledger record the books hold; None when they were not asked."""
    institution_rows: list[Row] | None = None
    """The rows of the stream table of institutions; None when they were not asked."""
    city_at_rest: int = 0
    """City time at which the city was frozen; 0 while it runs."""

    def by_place(self) -> dict[tuple[int, int], Row]:
        """Return the commands by (partition, offset)."""
        return {(each.partition, each.offset): each for each in self.commands}


def read_sent_log(path: Path) -> list[Exchange]:
    """Return what the generator logged; a last line that was cut is left out."""
    exchanges = []
    for line in path.read_text("utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        exchanges.append(
            Exchange(
                entry["n"],
                entry["wire"],
                entry["to"],
                base64.b64decode(entry["sent"]),
                entry["verdict"],
                entry["meaning"],
                entry["repeat_of"],
            )
        )
    return exchanges


def sm3(content: bytes) -> str:
    """Return the SM3 digest in hex."""
    return hashlib.new("sm3", content).hexdigest()


def account_of(kind: str, value: str) -> str:
    """Return the account id of the demo city: the first 130 bits of HMAC-SM3 over kind and value, in Crockford."""
    digest = hmac.new(DEMO_CITY_KEY, f"{kind}|{value}".encode(), "sm3").digest()
    bits = "".join(f"{byte:08b}" for byte in digest)[:130]
    return "".join(CROCKFORD[int(bits[at : at + 5], 2)] for at in range(0, 130, 5))


def owner(identifier: str) -> str:
    """Return the account an id was handed out by: its first 26 characters."""
    return identifier[:26]

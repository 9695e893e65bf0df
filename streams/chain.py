"""The evidence chain of one partition's ledger: SM3(previous hash ‖ key ‖ value without the hash) (architecture 4).

The hashes enter as their 64 hex digits, exactly as the records show them, so that anyone can check a chain with the
records alone. The first record's previous hash is empty.
"""

import re
from typing import Final, NamedTuple

from hub.runtime.guomi import sm3_hex

FIRST: Final = ""
"""The previous hash of a partition's first record."""

_HASH_LENGTH: Final = 64
_TAIL = re.compile(rb'(?:,"previous_hash":"(?P<previous>[0-9a-f]{64})")?,"hash":"(?P<hash>[0-9a-f]{64})"\}\Z')


class Link(NamedTuple):
    """What a ledger record says of its place in the chain."""

    previous: str
    hash: str


class ChainError(ValueError):
    """A record is not the successor of the record before it, or was changed after it was written."""


def chained(previous: str, key: bytes, body: bytes) -> tuple[bytes, str]:
    """Return the record's final JSON and its hash; `body` is the JSON object without `previous_hash` and `hash`."""
    before = previous.encode()
    linked = b"".join((body[:-1], b',"previous_hash":"', before, b'"')) if previous else body[:-1]
    digest = sm3_hex(b"".join((before, key, linked, b"}")))
    return b"".join((linked, b',"hash":"', digest.encode(), b'"}')), digest


def link_of(value: bytes) -> Link:
    """Return previous hash and hash of a ledger record's JSON. Raises ChainError when it does not end with them."""
    found = _TAIL.search(value, max(0, len(value) - 256))
    if found is None:
        raise ChainError("the record does not end with its hash")
    return Link((found["previous"] or b"").decode(), found["hash"].decode())


def checked(previous: str, key: bytes, value: bytes) -> str:
    """Return the hash of a ledger record after checking it; the next record must name it as its previous hash.

    Raises ChainError when the record names another previous hash or its content does not give its hash.
    """
    link = link_of(value)
    if link.previous != previous:
        raise ChainError(f"the record follows {link.previous or 'nothing'}, not {previous or 'nothing'}")
    unhashed = value[: -len(',"hash":""}') - _HASH_LENGTH] + b"}"
    if sm3_hex(previous.encode() + key + unhashed) != link.hash:
        raise ChainError("the record's content does not give its hash")
    return link.hash

"""Ids that route themselves: whatever the hub hands out begins with the account it belongs to (architecture 5)."""

import hashlib
from functools import cache, lru_cache
from typing import Any, Literal

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ACCOUNT_LENGTH = 26
"""130 bits in Crockford base32."""
_BLOCK = 64
"""Bytes of one block of SM3."""
ID_LENGTH = 32
"""An account id, one letter for the kind, five characters of a sequence: UnionPay's limit for an order number."""

Kind = Literal["A", "B", "C", "D", "E", "F", "H", "P", "Q", "R", "S", "T", "Y"]
"""A agreement, B bill, C charge (and its decision), D debit order, E encounter, F family link, H hold on a line,
P prepayment, Q proposal, R refund, S relief case, T statement, Y repayment."""


def sm3_hex(content: bytes) -> str:
    """Return the SM3 digest in lower-case hex."""
    digest = _empty().copy()
    digest.update(content)
    text: str = digest.hexdigest()
    return text


@cache
def _empty() -> Any:
    """Return a digest of nothing, to be copied: OpenSSL looks an algorithm up by name slower than it hashes a key."""
    return hashlib.new("sm3")


def account_id(city_key: bytes, kind: Literal["person", "number", "feed"], value: str) -> str:
    """Return the account id: 26 Crockford characters of HMAC-SM3 over kind and value.

    `value` is the citizen id for a person, `institution|hospital number` for a number account, the stream's name for
    a feed. The same input gives the same id for ever; the input cannot be found from the id without the city's key.
    """
    number = int.from_bytes(_hmac_sm3(city_key, f"{kind}|{value}".encode())[:17], "big") >> 6
    return _base32(number)


def _hmac_sm3(key: bytes, content: bytes) -> bytes:
    """Return HMAC-SM3 (RFC 2104): every message of the edge needs two under one key, and `hmac` takes twice as long."""
    inner, outer = _keyed(key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(content)
    outer.update(inner.digest())
    digest: bytes = outer.digest()
    return digest


@lru_cache(maxsize=16)
def _keyed(key: bytes) -> tuple[Any, Any]:
    """Return the inner and the outer digest with the key already in them, to be copied."""
    block = (hashlib.new("sm3", key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner, outer = (hashlib.new("sm3", bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))
    return inner, outer


def make_id(account: str, kind: Kind, sequence: int) -> str:
    """Return the id of the account's n-th thing of a kind, 32 characters long; `sequence` counts from 1."""
    if sequence >> 25:
        raise OverflowError("the sequence of this account is used up; no id of this kind can be made any more")
    first, second, third = _CROCKFORD[sequence >> 20], _PAIRS[sequence >> 10 & 1023], _PAIRS[sequence & 1023]
    return f"{account}{kind}{first}{second}{third}"


def account_of(identifier: str) -> str | None:
    """Return the account an id belongs to, or None when the text cannot be one of our ids."""
    account = identifier[:ACCOUNT_LENGTH]
    if len(identifier) not in (ACCOUNT_LENGTH, ID_LENGTH) or any(c not in _CROCKFORD for c in identifier):
        return None
    return account


def short(identifier: str) -> str:
    """Return the form for human eyes: eight characters, as in `C-7Q3K9F2M`; never a key."""
    if len(identifier) != ID_LENGTH:
        return f"p_{identifier[:8]}"
    return f"{identifier[ACCOUNT_LENGTH]}-{identifier[:3]}{identifier[ACCOUNT_LENGTH + 1 :]}"


def message_hash(*parts: str) -> str:
    """Return the first 32 hex digits of SM3 over the parts joined with `|`: the id of a relayed or derived message."""
    return sm3_hex("|".join(parts).encode())[:32]


_PAIRS = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
"""Two characters for each ten bits: every message of the edge makes two account ids."""


def _base32(number: int) -> str:
    """Return 130 bits as 26 characters."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])

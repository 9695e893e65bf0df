"""SM3 and HMAC-SM3 (GB/T 32905), from the interpreter's OpenSSL or else from `cryptography`'s own."""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

_IN_HASHLIB = "sm3" in hashlib.algorithms_available
_EMPTY = hashlib.new("sm3" if _IN_HASHLIB else "sha256")
"""Copied for each digest: OpenSSL looks an algorithm up by name slower than it hashes a short text."""


def sm3(content: bytes) -> bytes:
    """Return the 32-byte SM3 digest."""
    if _IN_HASHLIB:
        digest = _EMPTY.copy()
        digest.update(content)
        return digest.digest()
    return sm3_by_cryptography(content)


def sm3_hex(content: bytes) -> str:
    """Return the SM3 digest as 64 lower-case hex digits."""
    return sm3(content).hex()


def hmac_sm3(key: bytes, content: bytes) -> bytes:
    """Return the 32-byte HMAC-SM3; compare two of them with `hmac.compare_digest` only."""
    if _IN_HASHLIB:
        return hmac.new(key, content, "sm3").digest()
    return hmac_sm3_by_cryptography(key, content)


def sm3_by_cryptography(content: bytes) -> bytes:
    """Return the SM3 digest computed by `cryptography`: for an interpreter whose OpenSSL was built without SM3."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(content)
    return digest.finalize()


def hmac_sm3_by_cryptography(key: bytes, content: bytes) -> bytes:
    """Return HMAC-SM3 computed by `cryptography`, see `sm3_by_cryptography`."""
    mac = HMAC(key, hashes.SM3())
    mac.update(content)
    return mac.finalize()

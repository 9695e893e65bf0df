"""Short digests that stand for messages in the state: long enough never to meet by chance, short enough to keep.

One decision asks for the same digest several times; the few newest are remembered.
"""

import hashlib
from functools import lru_cache


@lru_cache(maxsize=64)
def id_digest(identifier: str) -> str:
    """Return the key under which an id is remembered: 96 bits in hex."""
    return hashlib.blake2b(identifier.encode(), digest_size=12).hexdigest()


@lru_cache(maxsize=64)
def content_digest(content_hash: str) -> str:
    """Return what is kept of a content hash: 64 bits in hex, enough to tell a repeat from a conflict."""
    return hashlib.blake2b(content_hash.encode(), digest_size=8).hexdigest()


def feed_digest(message_id: str, payload_sm3: str) -> bytes:
    """Return what a feed account keeps of one message: 64 bits."""
    return hashlib.blake2b(f"{message_id}|{payload_sm3}".encode(), digest_size=8).digest()

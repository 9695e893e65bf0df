"""The sealed envelope `v1.<kid>.<base64url(iv)>.<base64url(ciphertext ‖ tag)>` by SM4-GCM (protocols 9.2)."""

import base64
import binascii
import re
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

IV_LENGTH = 12
TAG_LENGTH = 16
KEY_LENGTH = 16

_KID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class SealError(ValueError):
    """The envelope cannot be opened: wrong form, key, place or content. Nothing of the plaintext is given out."""


def is_kid(text: str) -> bool:
    """Return whether the text can name a key: letters, digits, `-`, `_`, at most 64, no dot."""
    return _KID.fullmatch(text) is not None


def encrypt(key: bytes, iv: bytes, aad: bytes, plain: bytes) -> bytes:
    """Return ciphertext ‖ 16-byte tag of SM4-GCM; an iv must never be used twice with one key."""
    encryptor = Cipher(_algorithm(key), modes.GCM(iv)).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(plain) + encryptor.finalize() + encryptor.tag


@lru_cache(maxsize=64)
def _algorithm(key: bytes) -> algorithms.SM4:
    return algorithms.SM4(key)


def decrypt(key: bytes, iv: bytes, aad: bytes, sealed: bytes) -> bytes:
    """Return the plaintext of ciphertext ‖ tag. Raises SealError, without partial plaintext, when anything differs."""
    if len(iv) != IV_LENGTH or len(sealed) < TAG_LENGTH:
        raise SealError("an iv has 12 bytes and a tag 16")
    tag = sealed[-TAG_LENGTH:]
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(iv, tag, min_tag_length=TAG_LENGTH)).decryptor()
    decryptor.authenticate_additional_data(aad)
    plain = decryptor.update(sealed[:-TAG_LENGTH])
    try:
        return plain + decryptor.finalize()
    except InvalidTag:
        raise SealError("the tag does not fit: content, place or key is another") from None


def build(kid: str, key: bytes, aad: bytes, plain: bytes, *, iv: bytes | None = None) -> str:
    """Return the envelope of `plain` bound to its place; `iv` is given by known-answer tests only."""
    nonce = secrets.token_bytes(IV_LENGTH) if iv is None else iv
    sealed = encrypt(key, nonce, _bound(kid, aad), plain)
    return f"v1.{kid}.{_base64url(nonce)}.{_base64url(sealed)}"


def split(envelope: str) -> tuple[str, bytes, bytes]:
    """Return kid, iv and ciphertext ‖ tag. Raises SealError unless the text is exactly one envelope of version 1."""
    parts = envelope.split(".")
    if len(parts) != 4 or parts[0] != "v1" or not is_kid(parts[1]):
        raise SealError("not an envelope of version 1")
    iv, sealed = _from_base64url(parts[2]), _from_base64url(parts[3])
    if len(iv) != IV_LENGTH or len(sealed) < TAG_LENGTH:
        raise SealError("an iv has 12 bytes and a tag 16")
    return parts[1], iv, sealed


def open_with(key: bytes, envelope: str, aad: bytes) -> bytes:
    """Return the plaintext. Raises SealError when version, key id, place, tag or content differ."""
    kid, iv, sealed = split(envelope)
    return decrypt(key, iv, _bound(kid, aad), sealed)


def _bound(kid: str, aad: bytes) -> bytes:
    """Return the bytes authenticated beside the plaintext: version, key id and the place the value belongs to."""
    return b"v1|" + kid.encode() + b"|" + aad


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise SealError("not base64url without padding")
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise SealError("not base64url without padding") from None
    if _base64url(content) != text:  # unused low bits set: two texts for one envelope
        raise SealError("not the canonical base64url")
    return content

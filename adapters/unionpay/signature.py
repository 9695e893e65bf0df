"""Signing method 01 of 5.1.0: RSA over the hex text of SHA-256 of the base string, hashed again (protocols 6.1)."""

import base64
import binascii
import hashlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters.unionpay.text import base_string

METHOD = "01"
VERSION = "5.1.0"


def digest_text(parameters: Mapping[str, str], encoding: str = "utf-8") -> bytes:
    """Return the ASCII of the hex digest that is signed."""
    return hashlib.sha256(base_string(parameters).encode(encoding)).hexdigest().encode("ascii")


def sign(key: RSAPrivateKey, parameters: Mapping[str, str]) -> str:
    """Return the base64 signature of the parameters."""
    return base64.b64encode(key.sign(digest_text(parameters), padding.PKCS1v15(), hashes.SHA256())).decode("ascii")


def verifies(key: RSAPublicKey, parameters: Mapping[str, str], signature: bytes) -> bool:
    """Return whether the signature fits the parameters; one over the base string itself does not (row 82)."""
    try:
        key.verify(signature, digest_text(parameters), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def decode_signature(text: str) -> bytes | None:
    """Return the bytes of a base64 signature, or None."""
    try:
        return base64.b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None

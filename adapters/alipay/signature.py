"""RSA2: SHA256withRSA, PKCS#1 v1.5, and the base strings it signs (protocols 5.1, 5.2)."""

import base64
import binascii
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

SIGN_TYPE = "RSA2"


def request_base(parameters: Mapping[str, str]) -> str:
    """Return what a request signs: every non-empty parameter but `sign`, `sign_type` included, sorted by key."""
    return _joined((key, value) for key, value in parameters.items() if key != "sign" and value)


def notice_base(fields: Mapping[str, str], *, keep_sign_type: bool, keep_empty: bool) -> str:
    """Return what a notice signs: every received parameter but `sign` and (by endpoint) `sign_type`."""
    left_out = {"sign"} if keep_sign_type else {"sign", "sign_type"}
    return _joined((key, value) for key, value in fields.items() if key not in left_out and (value or keep_empty))


def sign(key: RSAPrivateKey, content: bytes) -> str:
    """Return the base64 signature."""
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode("ascii")


def decode_signature(text: str) -> bytes | None:
    """Return the bytes of a base64 signature, or None; a blank where a `+` stood is not repaired."""
    try:
        return base64.b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def verifies(key: RSAPublicKey, content: bytes, signature: bytes) -> bool:
    """Return whether the signature fits under SHA-256; a SHA-1 signature does not."""
    return _fits(key, content, signature, hashes.SHA256())


def downgraded(key: RSAPublicKey, content: bytes, signature: bytes) -> bool:
    """Return whether a refused signature would fit under SHA-1: it names the fault and is never believed (row 70)."""
    return _fits(key, content, signature, hashes.SHA1())  # noqa: S303  # to recognise it is to refuse it


def _fits(key: RSAPublicKey, content: bytes, signature: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    try:
        key.verify(signature, content, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{key}={value}" for key, value in sorted(pairs))

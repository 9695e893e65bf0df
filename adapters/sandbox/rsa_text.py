"""What both gateways sign: sorted `k=v` text, RSA PKCS#1 v1.5 with SHA-256 (protocols 5.1, 5.2, 6.1)."""

import base64
import hashlib
from collections.abc import Collection, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


def base_string(fields: Mapping[str, str], without: Collection[str], *, keep_empty: bool = False) -> str:
    """Return `k=v` joined with `&`, sorted by key, unencoded, without the named fields."""
    kept = {name: value for name, value in fields.items() if name not in without and (value or keep_empty)}
    return "&".join(f"{name}={kept[name]}" for name in sorted(kept))


def rsa2(key: RSAPrivateKey, content: bytes) -> str:
    """Return Alipay's RSA2 signature in base64."""
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode("ascii")


def rsa2_matches(key: RSAPublicKey, content: bytes, signature: str) -> bool:
    """Return whether the base64 text is an RSA2 signature of the content."""
    try:
        key.verify(base64.b64decode(signature, validate=True), content, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def hex_digest(text: str, encoding: str = "utf-8") -> bytes:
    """Return what UnionPay 5.1.0 signs: the ASCII of the lowercase hex SHA-256 of the base string."""
    return hashlib.sha256(text.encode(encoding)).hexdigest().encode("ascii")


def acp_signature(key: RSAPrivateKey, text: str) -> str:
    """Return UnionPay's method 01 signature of a base string, in base64: hashed twice."""
    return rsa2(key, hex_digest(text))


def acp_matches(key: RSAPublicKey, text: str, signature: str) -> bool:
    """Return whether the base64 text is a method 01 signature of the base string."""
    return rsa2_matches(key, hex_digest(text), signature)

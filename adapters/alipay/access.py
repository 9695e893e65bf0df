"""Who we are at Alipay and whose signature we believe: one frozen value per endpoint, keys loaded from files."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key


class AccessError(ValueError):
    """A key file of the Alipay endpoint is missing or not an RSA key. Name another file in the settings."""


@dataclass(frozen=True)
class AlipayAccess:
    """One merchant endpoint at Alipay.

    `keep_sign_type` and `keep_empty` describe what the notices of this endpoint sign; both are settings and never
    tried one after the other (protocols 5.2). `timeout_seconds` bounds one call, wall time.
    """

    app_id: str
    seller_id: str
    gateway_url: str
    notify_url: str
    private_key: RSAPrivateKey = field(repr=False)
    alipay_public_key: RSAPublicKey = field(repr=False)
    endpoint: str = "main"
    subject: str = "信用就医"
    product_code: str = "GENERAL_WITHHOLDING"
    keep_sign_type: bool = False
    keep_empty: bool = True
    app_cert_sn: str = ""
    alipay_root_cert_sn: str = ""
    alipay_cert_sn: str = ""
    timeout_seconds: float = 20.0


def private_key_from(path: Path) -> RSAPrivateKey:
    """Return the RSA private key of a PEM file. Raises AccessError."""
    key = _loaded(path, private=True)
    if not isinstance(key, RSAPrivateKey):
        raise AccessError(f"{path} holds no RSA private key")
    return key


def public_key_from(path: Path) -> RSAPublicKey:
    """Return the RSA public key of a PEM file. Raises AccessError."""
    key = _loaded(path, private=False)
    if not isinstance(key, RSAPublicKey):
        raise AccessError(f"{path} holds no RSA public key")
    return key


def _loaded(path: Path, *, private: bool) -> object:
    try:
        content = path.read_bytes()
        return load_pem_private_key(content, None) if private else load_pem_public_key(content)
    except (OSError, ValueError, TypeError) as wrong:
        raise AccessError(f"{path} cannot be read as a PEM key: {wrong}") from wrong

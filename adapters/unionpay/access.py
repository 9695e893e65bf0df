"""Who we are at UnionPay and which certificate chain we believe: one frozen value per merchant."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PRODUCTION_NAME = "中国银联股份有限公司"
TEST_NAME = "00040000:SIGN"


class AccessError(ValueError):
    """A key or certificate file of the UnionPay merchant is missing or malformed. Name another file in the settings."""


@dataclass(frozen=True)
class Trust:
    """The pinned chain and the name the leaf must bear."""

    root: x509.Certificate
    middle: x509.Certificate
    leaf_name: str = PRODUCTION_NAME


@dataclass(frozen=True)
class UnionPayAccess:
    """One merchant at UnionPay; `cert_id` is the decimal serial of the certificate of `private_key`."""

    mer_id: str
    cert_id: str
    gateway_url: str
    back_url: str
    trust: Trust
    private_key: RSAPrivateKey = field(repr=False)
    endpoint: str = "main"
    biz_type: str = "000501"
    timeout_seconds: float = 20.0

    @property
    def trade_url(self) -> str:
        """Address of debits and refunds."""
        return f"{self.gateway_url}/gateway/api/backTransReq.do"

    @property
    def query_url(self) -> str:
        """Address of queries."""
        return f"{self.gateway_url}/gateway/api/queryTrans.do"

    @property
    def file_url(self) -> str:
        """Address of settlement files."""
        return f"{self.gateway_url}/gateway/api/fileTransRequest.do"


def certificate_from(path: Path) -> x509.Certificate:
    """Return the certificate of a PEM file. Raises AccessError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as wrong:
        raise AccessError(f"{path} cannot be read as a certificate: {wrong}") from wrong


def private_key_from(path: Path) -> RSAPrivateKey:
    """Return the RSA private key of a PEM file. Raises AccessError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as wrong:
        raise AccessError(f"{path} cannot be read as a private key: {wrong}") from wrong
    if not isinstance(key, RSAPrivateKey):
        raise AccessError(f"{path} holds no RSA private key")
    return key

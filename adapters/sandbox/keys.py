"""Invented keys of all counterparts and of the hub, in files that settings can point at. Never for production.

`make_keys(DIR)` writes, once:
- `alipay/`: `merchant_private.pem`, `merchant_public.pem` (ours), `gateway_private.pem`, `gateway_public.pem`
- `unionpay/`: `merchant_private.pem`, `merchant.cer` (ours); `root.cer`, `middle.cer`, `signer.cer`,
  `signer_private.pem`, `middle_private.pem` (theirs); `foreign.cer`, `foreign_private.pem` (nobody's)
- `egret/`, `sesame/`, `bank-icbc/`, `bank-ccb/`: `sender.json`, the score source's SM2 private key and SM4 key with
  their key ids; `receiver.json`, with what it opens and believes the hub's feedback
- `hub_keyring.json`: the hub's key ring (hub.runtime.guomi): the score sources, feedback, raw, pii, card_token, audit,
  index, city
"""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509.oid import NameOID

from adapters.sandbox.sm2 import new_private_hex, public_hex

SCORE_SOURCES = ("egret", "sesame", "bank-icbc", "bank-ccb")
FEEDBACK_KID = "feedback-sandbox"
SIGNER_NAME = "041@Z12@00040000:SIGN@00000062"
"""Common name of the test signer, in the form of UnionPay's own: part 2 between the `@` is what counts."""


@dataclass(frozen=True)
class UnionPayKeys:
    """What the UnionPay gateway signs with."""

    signer: rsa.RSAPrivateKey
    signer_pem: str
    middle: x509.Certificate
    middle_key: rsa.RSAPrivateKey
    foreign: rsa.RSAPrivateKey
    foreign_pem: str
    merchant_public: rsa.RSAPublicKey
    merchant_serial: int


@dataclass(frozen=True)
class AlipayKeys:
    """What the Alipay gateway signs with and whom it believes."""

    gateway: rsa.RSAPrivateKey
    merchant_public: rsa.RSAPublicKey


def make_keys(directory: Path) -> None:
    """Write all keys under the directory; a directory that has them already is left as it is."""
    if (directory / "hub_keyring.json").exists():
        return
    for part in ("alipay", "unionpay", *SCORE_SOURCES):
        (directory / part).mkdir(parents=True, exist_ok=True)
    _make_alipay(directory / "alipay")
    _make_unionpay(directory / "unionpay")
    _make_sm(directory)


def load_alipay(directory: Path) -> AlipayKeys:
    """Return the gateway's keys of a directory that `make_keys` filled."""
    folder = directory / "alipay"
    return AlipayKeys(private_key(folder / "gateway_private.pem"), public_key(folder / "merchant_public.pem"))


def load_unionpay(directory: Path) -> UnionPayKeys:
    """Return the gateway's keys and certificates of a directory that `make_keys` filled."""
    folder = directory / "unionpay"
    merchant_certificate = certificate(folder / "merchant.cer")
    merchant = merchant_certificate.public_key()
    if not isinstance(merchant, rsa.RSAPublicKey):
        raise TypeError("merchant.cer holds no RSA key")
    return UnionPayKeys(
        private_key(folder / "signer_private.pem"),
        (folder / "signer.cer").read_text("ascii"),
        certificate(folder / "middle.cer"),
        private_key(folder / "middle_private.pem"),
        private_key(folder / "foreign_private.pem"),
        (folder / "foreign.cer").read_text("ascii"),
        merchant,
        merchant_certificate.serial_number,
    )


def private_key(path: Path) -> rsa.RSAPrivateKey:
    """Return the RSA private key of a PEM file."""
    # These keys are our own: checking their primes again costs more than the rest of a sandbox's start.
    key = load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA private key")
    return key


def public_key(path: Path) -> rsa.RSAPublicKey:
    """Return the RSA public key of a PEM file."""
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError(f"{path} holds no RSA public key")
    return key


def certificate(path: Path) -> x509.Certificate:
    """Return the certificate of a PEM file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def issue(
    name: str,
    key: rsa.RSAPrivateKey,
    issuer: tuple[x509.Name, rsa.RSAPrivateKey] | None,
    *,
    may_issue: bool,
    valid: tuple[datetime, datetime] | None = None,
) -> x509.Certificate:
    """Return a certificate signed with SHA-256; no issuer makes it a root. Valid from a year ago for eleven years."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = issuer or (subject, key)
    now = datetime.now(UTC)
    start, end = valid or (now - timedelta(days=365), now + timedelta(days=3650))
    builder = x509.CertificateBuilder(issuer_name, subject, key.public_key(), x509.random_serial_number(), start, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=may_issue, path_length=None), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def new_rsa_key() -> rsa.RSAPrivateKey:
    """Return a fresh 2048-bit key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _make_alipay(folder: Path) -> None:
    for name in ("merchant", "gateway"):
        key = new_rsa_key()
        _write_private(folder / f"{name}_private.pem", key)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (folder / f"{name}_public.pem").write_bytes(public)


def _make_unionpay(folder: Path) -> None:
    root_key, middle_key, signer_key, merchant_key, foreign_key = (new_rsa_key() for _ in range(5))
    root = issue("Sandbox Root CA", root_key, None, may_issue=True)
    middle = issue("Sandbox OCA1", middle_key, (root.subject, root_key), may_issue=True)
    under_middle = (middle.subject, middle_key)
    signer = issue(SIGNER_NAME, signer_key, under_middle, may_issue=False)
    merchant = issue("041@Z2014@777290058146592:SIGN@1", merchant_key, under_middle, may_issue=False)
    # Bears the right names, but the key of its issuer is not the pinned one.
    foreign = issue(SIGNER_NAME, foreign_key, (middle.subject, foreign_key), may_issue=False)
    for name, made in (("root", root), ("middle", middle), ("signer", signer), ("merchant", merchant)):
        _write_certificate(folder / f"{name}.cer", made)
    _write_certificate(folder / "foreign.cer", foreign)
    for name, key in (("middle", middle_key), ("signer", signer_key), ("merchant", merchant_key)):
        _write_private(folder / f"{name}_private.pem", key)
    _write_private(folder / "foreign_private.pem", foreign_key)


def _make_sm(directory: Path) -> None:
    feedback, audit = new_private_hex(), new_private_hex()
    rows = [
        *(row for name in SCORE_SOURCES for row in _make_score_source(directory / name, name, feedback)),
        _row(FEEDBACK_KID, "sm2_private", "feedback", feedback),
        *(
            _row(f"{purpose}-sandbox", "sm4", purpose, secrets.token_hex(16))
            for purpose in ("raw", "pii", "card_token")
        ),
        *(_row(f"{purpose}-sandbox", "hmac", purpose, secrets.token_hex(32)) for purpose in ("index", "city")),
        _row("audit-sandbox", "sm2_private", "audit", audit),
    ]
    # Written last: its presence says that the whole directory is complete.
    _write_secret(directory / "hub_keyring.json", json.dumps({"keys": rows}, indent=1).encode("ascii"))


def _make_score_source(folder: Path, name: str, feedback: str) -> list[dict[str, str]]:
    """Write what a score source signs and opens with; return the rows of the hub's ring."""
    private, sealing = new_private_hex(), secrets.token_hex(16)
    sign_kid, enc_kid = f"{name}-sm2-sandbox", f"{name}-sm4-sandbox"
    sender = {"sign_kid": sign_kid, "sm2_private": private, "enc_kid": enc_kid, "sm4_key": sealing}
    receiver = {
        "sign_kid": FEEDBACK_KID,
        "sm2_public": public_hex(feedback),
        "enc_kid": enc_kid,
        "sm4_key": sealing,
    }
    _write_secret(folder / "sender.json", json.dumps(sender, indent=1).encode("ascii"))
    _write_secret(folder / "receiver.json", json.dumps(receiver, indent=1).encode("ascii"))
    return [_row(enc_kid, "sm4", name, sealing), _row(sign_kid, "sm2_public", name, f"04{public_hex(private)}")]


def _row(kid: str, kind: str, purpose: str, material: str) -> dict[str, str]:
    return {"kid": kid, "kind": kind, "purpose": purpose, "state": "active", "material": material}


def _write_certificate(path: Path, made: x509.Certificate) -> None:
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _write_private(path: Path, key: rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_secret(path, pem)


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content if content.endswith(b"\n") else content + b"\n")

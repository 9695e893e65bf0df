"""Alipay and UnionPay as the tests play them: their keys, and what they sign, built from the wire formats alone."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from adapters.alipay.access import AlipayAccess
from adapters.unionpay.access import TEST_NAME, Trust, UnionPayAccess
from schemas.ids import account_id, make_id
from schemas.replies import Reply

SAMPLES = Path(__file__).resolve().parent / "samples" / "payments"
FORM = "application/x-www-form-urlencoded"
ACCOUNT = account_id(b"city", "person", "1")
ORDER, OTHER_ORDER, REFUND = make_id(ACCOUNT, "D", 1), make_id(ACCOUNT, "D", 2), make_id(ACCOUNT, "R", 1)
APP, SELLER, MERCHANT = "2021000000000001", "2088000000000001", "777290058146592"
SIGNER = "041@Z12@00040000:SIGN@00000062"
TXN_AT = datetime(2026, 7, 3, 15, 0, 5, tzinfo=UTC)


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return the key of that name, made once a session."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(name: str) -> bytes:
    """Return the public half of that key as a PEM file holds it."""
    return rsa_key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def joined(fields: Mapping[str, str], *without: str, keep_empty: bool = False) -> str:
    """Return the text that gets signed."""
    return "&".join(f"{k}={fields[k]}" for k in sorted(fields) if k not in without and (fields[k] or keep_empty))


def signature(key: rsa.RSAPrivateKey, content: bytes, algorithm: hashes.HashAlgorithm | None = None) -> str:
    """Return an RSA PKCS#1 v1.5 signature in base64, SHA-256 unless named."""
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), algorithm or hashes.SHA256())).decode()


def form(fields: Mapping[str, str], charset: str = "utf-8") -> bytes:
    """Return the fields as a form body."""
    return "&".join(f"{k}={quote_plus(v, encoding=charset)}" for k, v in fields.items()).encode("ascii")


def reply(code: str, *, refused: bool = False) -> Reply:
    """Return an outcome of the books."""
    return Reply("c", ACCOUNT, code, refused, 0)


@cache
def alipay() -> AlipayAccess:
    """Return our endpoint at Alipay, whose key is `rsa_key("alipay")`."""
    return AlipayAccess(
        APP, SELLER, "http://gateway", "http://ours", rsa_key("merchant"), rsa_key("alipay").public_key()
    )


def trade(**changes: str) -> dict[str, str]:
    """Return the fields of a paid notice, unsigned; an empty change takes a field away."""
    fields = {
        "app_id": APP,
        "charset": "utf-8",
        "notify_id": "N1",
        "notify_time": "2026-07-03 23:00:05",
        "notify_type": "trade_status_sync",
        "out_trade_no": ORDER,
        "seller_id": SELLER,
        "subject": "医疗信用付 7月3日",
        "total_amount": "8.10",
        "trade_no": "2026070322001400000000000001",
        "trade_status": "TRADE_SUCCESS",
        "version": "1.0",
        **changes,
    }
    return {name: value for name, value in fields.items() if value or name not in changes}


def signed_trade(codec: str = "utf-8", /, **changes: str) -> dict[str, str]:
    """Return a notice with Alipay's good signature."""
    fields = trade(**changes)
    text = joined(fields, "sign", "sign_type", keep_empty=True)
    return {**fields, "sign_type": "RSA2", "sign": signature(rsa_key("alipay"), text.encode(codec))}


def answer(method: str, content: Mapping[str, Any] | str, **outer: str) -> bytes:
    """Return a signed answer of Alipay's gateway; a text stands in the answer as it is."""
    raw = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    outer = {"sign": signature(rsa_key("alipay"), raw.encode()), **outer}
    rest = "".join(f',"{name}":{json.dumps(value)}' for name, value in outer.items())
    return f'{{"{method.replace(".", "_")}_response":{raw}{rest}}}'.encode()


def certificate(
    name: str, key: str, issuer: tuple[str, str], *, ca: bool | None = False, algorithm: Any = None,
    valid: tuple[datetime, datetime] = (TXN_AT - timedelta(days=365), TXN_AT + timedelta(days=365)),
) -> x509.Certificate:  # fmt: skip
    """Return a certificate for `rsa_key(key)`; the issuer is a name and a key name; `ca` None writes no constraint."""
    subject, by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer[0]))
    builder = x509.CertificateBuilder(by, subject, rsa_key(key).public_key(), x509.random_serial_number(), *valid)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.sign(rsa_key(issuer[1]), algorithm or hashes.SHA256())


def pem(made: x509.Certificate) -> str:
    """Return the certificate as PEM text."""
    return made.public_bytes(Encoding.PEM).decode("ascii")


@cache
def trust() -> Trust:
    """Return a pinned chain: root, middle, and the test signer's name."""
    root = certificate("Root", "root", ("Root", "root"), ca=True)
    middle = certificate("Middle", "middle", ("Root", "root"), ca=True)
    return Trust(root, middle, TEST_NAME)


@cache
def leaf_pem() -> str:
    """Return the certificate of UnionPay's signer, `rsa_key("signer")`."""
    return pem(certificate(SIGNER, "signer", ("Middle", "middle")))


@cache
def unionpay() -> UnionPayAccess:
    """Return our merchant at UnionPay."""
    return UnionPayAccess(MERCHANT, "1", "http://gateway", "http://ours/n?x=1", trust(), rsa_key("merchant"))


def believing(**changes: Any) -> UnionPayAccess:
    """Return our merchant with another pinned chain."""
    return replace(unionpay(), trust=replace(trust(), **changes))


def union(**changes: str) -> dict[str, str]:
    """Return the fields of a paid back notice, unsigned; an empty change takes a field away."""
    fields = {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "txnType": "11",
        "txnSubType": "00",
        "bizType": "000501",
        "accessType": "0",
        "merId": MERCHANT,
        "orderId": ORDER,
        "txnTime": "20260703230005",
        "txnAmt": "810",
        "currencyCode": "156",
        "queryId": "Q1",
        "respCode": "00",
        "respMsg": "success",
        "signPubKeyCert": leaf_pem(),
        **changes,
    }
    return {name: value for name, value in fields.items() if value or name not in changes}


def signed_union(key: str = "signer", **changes: str) -> dict[str, str]:
    """Return the fields with the signature of method 01 by `rsa_key(key)`."""
    fields = union(**changes)
    digest = hashlib.sha256(joined(fields, "signature").encode()).hexdigest()
    return {**fields, "signature": signature(rsa_key(key), digest.encode("ascii"))}


def plain(fields: Mapping[str, str]) -> bytes:
    """Return the fields as a synchronous answer is written: `k=v&…`, nothing quoted."""
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()

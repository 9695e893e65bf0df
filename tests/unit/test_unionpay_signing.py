"""UnionPay's texts, method 01, the published notification, the chain, and our requests (protocols 6.1, 6.2)."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from payments_world import (
    ACCOUNT,
    FORM,
    MERCHANT,
    ORDER,
    REFUND,
    SAMPLES,
    SIGNER,
    TXN_AT,
    certificate,
    leaf_pem,
    pem,
    rsa_key,
    signature,
    trust,
    unionpay,
)

from adapters.unionpay.access import PRODUCTION_NAME, TEST_NAME, Trust, UnionPayAccess, certificate_from
from adapters.unionpay.calls import debit_request, query_request, refund_request
from adapters.unionpay.chain import _issued, trusted_key
from adapters.unionpay.notice import read_notice
from adapters.unionpay.signature import digest_text, sign, verifies
from adapters.unionpay.text import TextError, base_string, moment_of, split_pairs, text_of
from adapters.unionpay.translation import RECEIVED, translate
from hub.runtime.wire import Refusal
from schemas.errands import DebitErrand, QueryErrand, RefundErrand

KNOWN = json.loads((SAMPLES / "unionpay/known_answers.json").read_text("utf-8"))
PUBLISHED = (SAMPLES / "unionpay/acp510_token_open_notify.txt").read_bytes()
BASE = (
    "accessType=0&bizType=000501&encoding=UTF-8&merId=777290058110097&orderId=XM2026070300000001&signMethod=11"
    "&txnAmt=810&txnSubType=00&txnTime=20260703230000&txnType=11&version=5.1.0"
)
NOW = 1_783_090_805_123  # 2026-07-03 23:00:05.123 in Beijing


def published_trust(**changes: Any) -> Trust:
    """Return the pinned chain of the public sandbox."""
    root, middle = (certificate_from(SAMPLES / f"unionpay/acp_test_{name}.cer") for name in ("root", "middle"))
    return replace(Trust(root, middle, TEST_NAME), **changes)


def published_access(**changes: Any) -> UnionPayAccess:
    """Return an access that believes the public sandbox."""
    return replace(unionpay(), trust=published_trust(**changes))


def test_the_base_string_and_its_digest_are_the_known_answer():
    """6.1: sorted, non-empty, without `signature`; the printed SHA-256 in hex is what gets signed."""
    fields = dict(part.split("=", 1) for part in reversed(BASE.split("&")))
    assert base_string({**fields, "signature": "x", "reqReserved": ""}) == BASE
    assert digest_text(fields) == b"ee1cbe03c85c60f38dac717b0185f09c5bf1e121f1ef353834c727a6f1e21144"


def test_method_01_signs_the_hex_text_of_the_digest():
    """A signature over the base string itself, or over the raw digest, does not hold (row 82)."""
    fields, key = dict(part.split("=", 1) for part in BASE.split("&")), rsa_key("signer")
    assert verifies(key.public_key(), fields, base64.b64decode(sign(key, fields)))
    for content in (BASE.encode(), hashlib.sha256(BASE.encode()).digest(), digest_text(fields).upper()):
        assert not verifies(key.public_key(), fields, base64.b64decode(signature(key, content)))


def test_the_published_notification_verifies_with_its_chain():
    """A real notice of the public sandbox of 2017: believed at its txnTime though every certificate has expired."""
    fields = read_notice(published_access(), PUBLISHED, FORM)
    assert isinstance(fields, dict)
    facts = KNOWN["notification"]
    leaf = x509.load_pem_x509_certificate(fields["signPubKeyCert"].encode())
    assert str(leaf.serial_number) == facts["signer"]["serial"]
    assert facts["check_validity_at"] == f"txnTime {fields['txnTime']}"
    assert leaf.not_valid_after_utc < datetime(2018, 1, 1, tzinfo=UTC)
    assert (fields["merId"], fields["txnType"]) == (MERCHANT, "79")
    key = leaf.public_key()
    assert not verifies(key, {**fields, "signature": ""}, b"\0" * 256)
    assert translate(published_access(), fields) == RECEIVED


@pytest.mark.parametrize("name", [name for name, _ in parse_qsl(PUBLISHED.decode()) if name != "signature"])
def test_each_field_of_the_published_notification_counts(name: str):
    """One character more in any field, and it is refused."""
    fields = dict(parse_qsl(PUBLISHED.decode(), keep_blank_values=True))
    fields[name] += "1"
    body = "&".join(f"{key}={quote_plus(value)}" for key, value in fields.items()).encode()
    found = read_notice(published_access(), body, FORM)
    assert isinstance(found, Refusal)
    first_judged = {"version": "SIGN_DOWNGRADE", "signMethod": "SIGN_DOWNGRADE", "txnTime": "CERT_CHAIN"}
    assert (found.status, found.reason) == (403, first_judged.get(name, "SIGN_INVALID"))


def test_the_published_chain_is_not_believed_for_the_production_name_or_another_root():
    """SHA-1 is for the test leaf only; with another pin the same notice is CERT_CHAIN."""
    others = (
        {"leaf_name": PRODUCTION_NAME},
        {"root": trust().root},
        {"middle": trust().middle},
        {"root": published_trust().middle},
    )
    for change in others:
        found = read_notice(published_access(**change), PUBLISHED, FORM)
        assert isinstance(found, Refusal)
        assert (found.status, found.reason) == (403, "CERT_CHAIN")


def test_sha_1_links_hold_for_the_test_name_only():
    """The very same certificates, judged as production's."""
    test, production = published_trust(), published_trust(leaf_name=PRODUCTION_NAME)
    for child, parent in ((test.middle, test.root), (test.root, test.root)):
        assert _issued(child, parent, test)
        assert not _issued(child, parent, production)


def believed(made: x509.Certificate | str, at: datetime = TXN_AT, **pins: Any) -> bool:
    """Return whether the chain gives a key for this leaf."""
    return trusted_key(replace(trust(), **pins), made if isinstance(made, str) else pem(made), at) is not None


MIDDLE = ("Middle", "middle")
YEAR, SECOND = timedelta(days=365), timedelta(seconds=1)


def test_a_good_leaf_is_believed():
    """The tests below spoil one thing each; the key is the leaf's own."""
    assert believed(leaf_pem())
    key = trusted_key(trust(), leaf_pem(), TXN_AT)
    assert key is not None
    assert key.public_numbers() == rsa_key("signer").public_key().public_numbers()


@pytest.mark.parametrize(
    "name",
    [
        "041@Z12@中国银联股份有限公司@00000062",
        "041@Z12@00040000:SIGN2@00000062",
        "041@Z12@@00040000:SIGN",
        "041@00040000:SIGN@Z12@00000062",
        "00040000:SIGN",
        "00040000:SIGN@00040000:SIGN",
        "041@Z12@00040000:sign@1",
        "041@Z12@00040000:SIGN @1",
        MERCHANT,
    ],
)
def test_row_83_a_leaf_of_another_name_is_refused(name: str):
    """Part 2 of the common name must equal the configured one; `CN in [..., CN]` would be always true."""
    assert not believed(certificate(name, "signer", MIDDLE))
    assert believed(certificate(SIGNER, "signer", MIDDLE))


def test_row_83_the_merchants_own_certificate_is_not_the_gateways():
    """Issued by the same middle, but not UnionPay's name."""
    assert not believed(certificate(f"041@Z2014@{MERCHANT}:SIGN@1", "merchant", MIDDLE))


def test_the_production_name_is_believed_where_it_is_configured():
    """With SHA-256 links; the test name is nothing there."""
    production = certificate(f"041@Z12@{PRODUCTION_NAME}@1", "signer", MIDDLE)
    assert believed(production, leaf_name=PRODUCTION_NAME)
    assert not believed(leaf_pem(), leaf_name=PRODUCTION_NAME)


@pytest.mark.parametrize(
    ("made", "pins"),
    [
        (lambda: certificate(SIGNER, "signer", ("Middle", "foreign")), {}),
        (lambda: certificate(SIGNER, "signer", ("Root", "root")), {}),
        (lambda: certificate(SIGNER, "signer", (SIGNER, "signer")), {}),
        (lambda: certificate(SIGNER, "signer", ("Another", "middle")), {}),
        (lambda: certificate(SIGNER, "signer", MIDDLE), {"middle": ("Middle", "middle", ("Root", "foreign"), True)}),
        (lambda: certificate(SIGNER, "signer", MIDDLE), {"middle": ("Middle", "middle", ("Else", "root"), True)}),
        (lambda: certificate(SIGNER, "signer", MIDDLE), {"middle": ("Middle", "middle", ("Root", "root"), False)}),
        (lambda: certificate(SIGNER, "signer", MIDDLE), {"middle": ("Middle", "middle", ("Root", "root"), None)}),
        (lambda: certificate(SIGNER, "signer", MIDDLE), {"root": ("Root", "foreign", ("Root", "foreign"), True)}),
        (lambda: certificate(SIGNER, "signer", MIDDLE), {"root": ("Root", "root", ("Root", "root"), False)}),
        (lambda: certificate(SIGNER, "signer", MIDDLE), {"root": ("Root", "root", ("Root", "foreign"), True)}),
    ],
)
def test_row_83_a_chain_with_a_foreign_or_unfit_link_is_refused(made: Any, pins: dict[str, Any]):
    """Foreign keys under the right names, right keys under foreign names, and issuers that may not issue."""
    pinned = {name: certificate(one, key, by, ca=ca) for name, (one, key, by, ca) in pins.items()}
    assert not believed(made(), **pinned)


def test_a_root_without_constraints_is_believed_because_it_is_pinned():
    """Old roots are of version 1."""
    assert believed(leaf_pem(), root=certificate("Root", "root", ("Root", "root"), ca=None))


@pytest.mark.parametrize("part", ["leaf", "middle", "root"])
def test_row_83_each_certificate_must_be_valid_at_txn_time(part: str):
    """Not at now: a second before its validity and a second after it are refused, the ends are in."""
    names: dict[str, Any] = {
        "leaf": (SIGNER, "signer", MIDDLE, False),
        "middle": ("Middle", "middle", ("Root", "root"), True),
        "root": ("Root", "root", ("Root", "root"), True),
    }
    name, key, issuer, ca = names[part]
    made = certificate(name, key, issuer, ca=ca, valid=(TXN_AT, TXN_AT + timedelta(days=1)))
    leaf = made if part == "leaf" else leaf_pem()
    pins = {} if part == "leaf" else {part: made}
    found = [believed(leaf, at, **pins) for at in (TXN_AT - SECOND, TXN_AT, TXN_AT + timedelta(days=1, seconds=1))]
    assert found == [False, True, False]


def _ec_leaf() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SIGNER)])
    by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Middle")])
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    made = x509.CertificateBuilder(by, name, public, 7, TXN_AT - YEAR, TXN_AT + YEAR)
    return pem(made.sign(rsa_key("middle"), SHA256()))


def _two_names() -> str:
    both = (x509.NameAttribute(NameOID.COMMON_NAME, each) for each in (SIGNER, "041@Z12@other@1"))
    by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Middle")])
    public = rsa_key("signer").public_key()
    made = x509.CertificateBuilder(by, x509.Name(both), public, 7, TXN_AT - YEAR, TXN_AT + YEAR)
    return pem(made.sign(rsa_key("middle"), SHA256()))


def _as_pem(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----\n"


def test_row_83_what_is_no_certificate_of_an_rsa_key_is_refused():
    """Texts, cut and altered certificates, versions there are none of, another kind of key, two names: None, always."""
    good = leaf_pem()
    body = base64.b64decode("".join(good.splitlines()[1:-1]))
    texts = ["", "x", "\u00e9", "\ud800", good[:-40], good.replace("CERTIFICATE", "PUBLIC KEY")]
    texts += [_ec_leaf(), _two_names()]
    for at in range(0, len(body), 7):
        altered = body[:at] + bytes((body[at] ^ 0xFF,)) + body[at + 1 :]
        texts.append(_as_pem(altered))
    version = body.index(b"\xa0\x03\x02\x01\x02") + 4
    texts += [_as_pem(body[:version] + bytes((number,)) + body[version + 1 :]) for number in (1, 3, 127)]
    assert [text for text in texts if believed(text)] == []


SPLITS: dict[str, dict[str, str]] = {
    "a=1&b=2": {"a": "1", "b": "2"},
    "a={x=1&y=2}&b=3": {"a": "{x=1&y=2}", "b": "3"},
    "a={x={p&q}&y=2}&b=3": {"a": "{x={p&q}&y=2}", "b": "3"},
    "a=b=c==": {"a": "b=c=="},
    "a=&b=": {"a": "", "b": ""},
    "=x": {"": "x"},
    "tokenPayData={token=6&trId=9}&signature=ab+/=": {"tokenPayData": "{token=6&trId=9}", "signature": "ab+/="},
}


@pytest.mark.parametrize("text", SPLITS)
def test_answers_are_split_outside_braces(text: str):
    """6.1: `{…&…}` belongs to a value, the first `=` ends a key."""
    assert split_pairs(text) == SPLITS[text]


@pytest.mark.parametrize("text", ["", "a", "a=1&", "&a=1", "a=1&&b=2", "a={x=1", "a=x}", "a=}{", "a=1&a=2", "a={x&b=2"])
def test_row_88_text_out_of_form_is_an_error(text: str):
    """Unbalanced braces, pairs without `=`, keys that stand twice."""
    with pytest.raises(TextError):
        split_pairs(text)


def test_times_are_beijings():
    """Text of an instant and back; anything else is None."""
    assert text_of(NOW) == "20260703230005"
    moment = moment_of("20260703230005")
    assert moment is not None
    assert moment == TXN_AT
    assert [moment_of(text) for text in ("", "2026", "20260230000000", "x" * 14, "2026070323000500")] == [None] * 5


def signed_content(request: dict[str, str]) -> dict[str, str]:
    """Return the request without what every one has, after checking its signature and the rules for its values."""
    assert verifies(rsa_key("merchant").public_key(), request, base64.b64decode(request["signature"]))
    common = {"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "certId": "1", "bizType": "000501"}
    common |= {"accessType": "0", "merId": MERCHANT}
    assert {name: request[name] for name in common} == common
    return {name: value for name, value in request.items() if name not in common and name != "signature"}


def test_a_debit_request_is_the_contracts():
    """6.2: type 11, Beijing times, fen without leading zeros, the token, an attempt without forbidden characters."""
    errand = DebitErrand(
        "e", ACCOUNT, "bill", "unionpay", "TOK1", ORDER, 810, 3, NOW, NOW + 300_000, NOW + 240_000
    )  # fmt: skip
    content = signed_content(debit_request(unionpay(), errand))
    assert content == {
        "txnType": "11",
        "txnSubType": "00",
        "channelType": "07",
        "orderId": ORDER,
        "txnTime": "20260703230005",
        "currencyCode": "156",
        "txnAmt": "810",
        "payTimeout": "20260703230505",
        "tokenPayData": f"{{token=TOK1&trId={MERCHANT}}}",
        "backUrl": "http://ours/n?x=1",
        "reqReserved": "attempt.3",
    }
    assert not set(content["reqReserved"]) & set("&={}[]")
    assert 8 <= len(content["orderId"]) <= 32
    assert content["orderId"].isalnum()


def test_queries_and_refunds_carry_the_numbers_and_times_of_what_they_are_about():
    """6.2: a query has the debit's number and time; a refund its own, the debit's queryId and its amount."""
    query = QueryErrand("q", ACCOUNT, "unionpay", ORDER, 810, NOW, NOW)
    times = {"txnTime": "20260703230005", "txnSubType": "00"}
    assert signed_content(query_request(unionpay(), query)) == {"txnType": "00", "orderId": ORDER, **times}
    refund = RefundErrand("r", ACCOUNT, "unionpay", ORDER, "Q1", REFUND, 250, NOW)
    assert signed_content(refund_request(unionpay(), refund)) == {
        "txnType": "04",
        "channelType": "07",
        "orderId": REFUND,
        "currencyCode": "156",
        "txnAmt": "250",
        "origQryId": "Q1",
        "backUrl": "http://ours/n?x=1",
        **times,
    }
    asked = msgspec.structs.replace(refund, query=True)
    assert signed_content(refund_request(unionpay(), asked)) == {"txnType": "00", "orderId": REFUND, **times}

"""The sandbox's own signatures against published and shared known answers."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.sandbox import rsa_text, score_sender, sm2
from adapters.sandbox.keys import new_rsa_key
from adapters.sandbox.score_sender import HOSTILE, Head, SenderKeys, build_message, hostile_message, score_payload

PRIVATE = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
PUBLIC = (
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
).lower()
NONCE = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
R = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
S = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
KEYS = SenderKeys("egret-sm2-2026a", "egret-sm4-2026b", PRIVATE, "0123456789abcdeffedcba9876543210")
HEAD = Head("SCORE_PUSH", "score", 18342, "2026-07-01T09:30:00+08:00", "01J1QW8Z5T6K3N9V2B4C7D8E0F")
PLAIN = (
    '{"authorization":{"auth_id":"AU20260601-0007","expires_at":"2027-06-01T00:00:00+08:00","granted_at":'
    '"2026-06-01T09:00:00+08:00","scope":["medical_credit"]},"event":"UPDATE","score":{"computed_at":'
    '"2026-07-01T02:00:00+08:00","model":"egret-2026.1","valid_until":"2026-08-01T00:00:00+08:00","value":672},'
    '"subject":{"id_no":"350299199003070025","id_type":"01","name":"林晓岚"}}'
).encode()
NOTICE = (
    "app_id=2021000000000001&charset=utf-8&notify_id=2026070300222120000000000000000001&notify_time=2026-07-03 23:00:05"
    "&notify_type=trade_status_sync&out_trade_no=XM2026070300000001&seller_id=2088000000000001"
    "&subject=医疗信用付 7月3日&total_amount=8.10&trade_no=2026070322001400000000000001"
    "&trade_status=TRADE_SUCCESS&version=1.0"
)


def test_sm2_makes_the_signature_of_the_standard():
    """The example of GM/T 0003.5: key, nonce and message give the printed public key, r and s."""
    assert sm2.public_hex(PRIVATE) == PUBLIC
    signature = sm2.sign_rs(PRIVATE, b"message digest", nonce=NONCE)
    assert signature.hex().upper() == R + S
    assert sm2.verify_rs(PUBLIC, b"message digest", signature)


def test_sm2_signs_with_fresh_nonces_and_refuses_what_it_did_not_sign():
    """Two signatures differ, both verify; another message, s + n, zeros and short ones do not."""
    first, second = (sm2.sign_rs(PRIVATE, b"m") for _ in range(2))
    assert first != second
    assert sm2.verify_rs(PUBLIC, b"m", first)
    assert sm2.verify_rs(PUBLIC, b"m", second)
    grown = (int.from_bytes(first[32:], "big") + sm2.N) % (1 << 256)
    for wrong in (bytes(64), first[:32] + bytes(32), first[:63], b"", first[:32] + grown.to_bytes(32, "big")):
        assert not sm2.verify_rs(PUBLIC, b"m", wrong)
    assert not sm2.verify_rs(PUBLIC, b"n", first)
    assert not sm2.verify_rs(PUBLIC, b"m", first, b"another user id!")


def test_the_score_message_is_the_contracts_known_answer():
    """Payload text, signed bytes and the printed signature of the contract fit the message built here."""
    message = build_message(KEYS, HEAD, PLAIN, iv=bytes(range(12)))
    digest = hashlib.new("sm3", message["payload"].encode()).hexdigest()
    assert len(PLAIN) == 377
    assert digest == "03fc5fb2da4774f411b92e315847d2710afa11ce2f4fbc00aa56d1e58297aad5"
    signed = score_sender._signed_text(KEYS, HEAD, message["iv"], message["payload"]).encode()
    assert hashlib.new("sm3", signed).hexdigest() == "53af9379ca9b99d011cdf0999d95e656095455fac5782329ef1b0a4bf006eae6"
    printed = "CMCE7jqiipLmmf60KSZ7b9ACXfOnN1h9us2+MU+R8L7lmzrrbao7HTCbvqSFq+SCH5sbe6fTNKRuC3lqtD2+4A=="
    assert sm2.verify_rs(PUBLIC, signed, base64.b64decode(printed))
    assert sm2.verify_rs(PUBLIC, signed, base64.b64decode(message["sig"]))


def test_a_score_payload_is_written_as_the_contract_prints_it():
    """The builder gives the contract's plain text byte for byte."""
    payload = score_payload(
        "350299199003070025",
        672,
        computed_ms=1_782_842_400_000,
        valid_ms=1_785_513_600_000,
        auth_id="AU20260601-0007",
        granted_ms=1_780_275_600_000,
        expires_ms=1_811_779_200_000,
        name="林晓岚",
    )
    assert score_sender._canonical(payload) == PLAIN


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_differs_from_the_honest_one_where_its_name_says(name):
    """Only `bad_sig` has a wrong signature; each other one is validly signed, so a later check must catch it."""
    messages = hostile_message(name, KEYS, HEAD, json.loads(PLAIN), 1_782_869_400_000)
    for message in messages:
        head = Head(**{field: message[field] for field in HEAD.__dataclass_fields__})
        keys = SenderKeys(message["sign_kid"], message["enc_kid"], PRIVATE, KEYS.sm4_key)
        signed = score_sender._signed_text(keys, head, message["iv"], message["payload"]).encode()
        assert sm2.verify_rs(PUBLIC, signed, base64.b64decode(message["sig"])) is (name != "bad_sig")


def test_unionpay_signs_the_hex_of_the_digest():
    """Method 01 is RSA over the hex text: over the base string itself the signature does not hold."""
    base = (
        "accessType=0&bizType=000501&encoding=UTF-8&merId=777290058110097&orderId=XM2026070300000001&signMethod=11"
        "&txnAmt=810&txnSubType=00&txnTime=20260703230000&txnType=11&version=5.1.0"
    )
    assert rsa_text.hex_digest(base) == b"ee1cbe03c85c60f38dac717b0185f09c5bf1e121f1ef353834c727a6f1e21144"
    key = new_rsa_key()
    signature = rsa_text.acp_signature(key, base)
    assert rsa_text.acp_matches(key.public_key(), base, signature)
    assert not rsa_text.rsa2_matches(key.public_key(), base.encode(), signature)
    digest = hashlib.sha256(rsa_text.hex_digest(base)).digest()
    key.public_key().verify(base64.b64decode(signature), digest, padding.PKCS1v15(), Prehashed(SHA256()))


def test_alipays_base_string_is_the_shared_example():
    """Sorted, joined, unencoded: the digest of the design's example."""
    fields = dict(part.split("=", 1) for part in reversed(NOTICE.split("&")))
    text = rsa_text.base_string({**fields, "sign": "x", "sign_type": "RSA2"}, ("sign", "sign_type"))
    assert text == NOTICE
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest == "593f7278b82662317335cf6ccd853872427c4b60009a17a18a95af3ec30e71fc"


def test_empty_fields_are_dropped_unless_kept():
    """Requests leave empty fields out, notices sign them."""
    fields = {"b": "", "a": "1", "sign": "s"}
    assert rsa_text.base_string(fields, ("sign",)) == "a=1"
    assert rsa_text.base_string(fields, ("sign",), keep_empty=True) == "a=1&b="


def test_a_rsa2_signature_that_is_no_base64_is_refused():
    """Garbage is an answer of False, not an error."""
    key = new_rsa_key().public_key()
    assert not rsa_text.rsa2_matches(key, b"x", "no base64!")

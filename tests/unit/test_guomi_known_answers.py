"""SM2, SM3, SM4 and the envelope against the published known answers (protocols 9.2, 9.4; RFC 8998; GM/T 0003.5)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from gmssl import sm3 as gmssl_sm3
from gmssl.sm4 import SM4_ENCRYPT, CryptSM4

from hub.runtime.guomi import Key, KeyRing, Kind, SealError, SoftwareProvider, State, envelope, hmac_sm3, sm3, sm3_hex
from hub.runtime.guomi.digests import hmac_sm3_by_cryptography, sm3_by_cryptography
from hub.runtime.guomi.sm2 import DEFAULT_UID, Sm2Backend, digest, point_from_hex, point_to_hex, signature_to
from hub.runtime.guomi.sm2_gmssl import GmsslSm2
from hub.runtime.guomi.sm2_tongsuo import TongsuoSm2

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "payments" / "sm"
STANDARD = json.loads((SAMPLES / "known_answers.json").read_text("utf-8"))["gmt_0003_5"]
KEY = "0123456789abcdeffedcba9876543210"
BACKENDS = pytest.mark.parametrize("backend", [TongsuoSm2(), GmsslSm2()], ids=lambda each: each.name)


def vectors(name: str) -> list[dict[str, str]]:
    """Return the vectors of a NIST-style file: `KEY = value` blocks parted by blank lines."""
    found: list[dict[str, str]] = [{}]
    for line in (SAMPLES / name).read_text("ascii").splitlines():
        label, equals, value = line.partition(" = ")
        if equals and not line.startswith("#"):
            found[-1][label] = value
        elif not line.strip() and found[-1]:
            found.append({})
    return [each for each in found if each]


def provider(backend: Sm2Backend | None = None, *keys: Key) -> SoftwareProvider:
    """Return a provider with these keys, or with the keys of the known answers."""
    held = keys or (
        Key("pii-2026a", Kind.SM4, "pii", State.ACTIVE, KEY),
        Key("audit-2026a", Kind.SM2_PRIVATE, "audit", State.ACTIVE, STANDARD["d"].lower()),
        Key("partner", Kind.SM2_PUBLIC, "egret", State.ACTIVE, STANDARD["pub"].lower()),
        Key("index", Kind.HMAC, "index", State.ACTIVE, KEY),
    )
    return SoftwareProvider(KeyRing(held), backend)


@pytest.mark.parametrize("vector", vectors("hashes_SM3_oscca.txt"), ids=lambda each: each["Len"])
def test_sm3_gives_the_published_digests_in_both_implementations(vector: dict[str, str]):
    """Hashlib, cryptography and gmssl agree with the standard's examples, the empty message included."""
    message = bytes.fromhex(vector["Msg"])[: int(vector["Len"]) // 8]
    assert sm3_hex(message) == vector["MD"]
    assert sm3_by_cryptography(message).hex() == vector["MD"]
    assert gmssl_sm3.sm3_hash(list(message)) == vector["MD"]


def test_sm3_of_abc_and_of_nothing():
    """The two answers printed in the design and the samples."""
    known = json.loads((SAMPLES / "known_answers.json").read_text("utf-8"))
    assert sm3_hex(b"abc") == known["sm3_abc"] == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"").hex() == known["sm3_empty"]
    assert provider().sm3(b"abc") == sm3(b"abc")


def test_hmac_sm3_is_the_construction_of_rfc_2104():
    """Both implementations equal HMAC written out by hand, for a short, a full and a long key."""
    for key in (b"k", b"k" * 64, b"k" * 100):
        block = (sm3(key) if len(key) > 64 else key).ljust(64, b"\0")
        inner = sm3(bytes(each ^ 0x36 for each in block) + b"message")
        expected = sm3(bytes(each ^ 0x5C for each in block) + inner)
        assert hmac_sm3(key, b"message") == hmac_sm3_by_cryptography(key, b"message") == expected
    assert provider().hmac_sm3("index", b"x") == hmac_sm3(bytes.fromhex(KEY), b"x")


@pytest.mark.parametrize("vector", vectors("ciphers_SM4_rfc8998.txt"), ids=["A.2"])
def test_sm4_gcm_is_rfc_8998(vector: dict[str, str]):
    """Ciphertext and tag of RFC 8998 A.2, and back; the plain text does not open without its AAD."""
    key, iv, aad = (bytes.fromhex(vector[name]) for name in ("KEY", "IV", "AAD"))
    plain, sealed = bytes.fromhex(vector["PLAINTEXT"]), bytes.fromhex(vector["CIPHERTEXT"] + vector["TAG"])
    assert envelope.encrypt(key, iv, aad, plain) == sealed
    assert sealed.hex().startswith("17f399f08c67d5ee")
    assert sealed.hex().endswith("83de3541e4c2b58177e065a9bf7b62ec")
    assert envelope.decrypt(key, iv, aad, sealed) == plain
    with pytest.raises(SealError):
        envelope.decrypt(key, iv, b"", sealed)


@pytest.mark.parametrize("mode", ["ecb", "cbc", "ctr"])
def test_the_block_cipher_below_is_the_draft_and_an_independent_one_agrees(mode: str):
    """SM4 of cryptography against draft-ribose-cfrg-sm4-10; gmssl encrypts the first block alike."""
    for vector in vectors(f"ciphers_SM4_draft-ribose-cfrg-sm4-10-{mode}.txt"):
        key, plain = bytes.fromhex(vector["KEY"]), bytes.fromhex(vector["PLAINTEXT"])
        iv = bytes.fromhex(vector.get("IV", ""))
        chosen: Any = {"ecb": modes.ECB, "cbc": modes.CBC, "ctr": modes.CTR}[mode](*([iv] if iv else []))
        encryptor = Cipher(algorithms.SM4(key), chosen).encryptor()
        assert (encryptor.update(plain) + encryptor.finalize()).hex() == vector["CIPHERTEXT"].lower()
        if mode == "ecb":
            oracle = CryptSM4()
            oracle.set_key(key, SM4_ENCRYPT)
            assert bytes(oracle.one_round(oracle.sk, list(plain[:16]))).hex() == vector["CIPHERTEXT"].lower()[:32]


def test_an_envelope_is_the_contracts_known_answer():
    """Protocols 9.2: key, iv, place and plain text give the printed envelope, and it opens to the same."""
    expected = "v1.pii-2026a.AAECAwQFBgcICQoL.ZhQoo4iImCZdsLOY62tWZbrMdwOLq5QqiLpdl6ebV-Ntqg"
    place, plain = b"patient|id_no|P0091827", b"350299199003070025"
    assert envelope.build("pii-2026a", bytes.fromhex(KEY), place, plain, iv=bytes(range(12))) == expected
    assert provider().open(expected, place) == plain


@BACKENDS
def test_the_signature_of_the_standard_verifies(backend: Sm2Backend):
    """GM/T 0003.5: the printed r and s hold for the printed key and message, as 64 bytes and as DER."""
    r, s = int(STANDARD["r"], 16), int(STANDARD["s"], 16)
    for fmt in ("rs", "der"):
        signature = signature_to(r, s, fmt)
        assert provider(backend).sm2_verify("partner", b"message digest", signature, fmt=fmt)
        assert provider(backend).sm2_verify(STANDARD["pub"].lower(), b"message digest", signature, fmt=fmt)
        assert not provider(backend).sm2_verify("partner", b"message digesT", signature, fmt=fmt)


@BACKENDS
def test_the_public_key_of_the_standard_follows_from_its_private_key(backend: Sm2Backend):
    """The printed key pair; e is the printed digest with Z."""
    assert point_to_hex(backend.public_point(int(STANDARD["d"], 16))).upper() == STANDARD["pub"]
    point = point_from_hex(STANDARD["pub"])
    assert digest(point, b"message digest", STANDARD["id"].encode()).hex().upper() == STANDARD["e"]
    assert STANDARD["id"].encode() == DEFAULT_UID


@BACKENDS
@pytest.mark.parametrize("fmt", ["rs", "der"])
def test_what_one_library_signs_the_other_verifies(backend: Sm2Backend, fmt: Any):
    """Two implementations of one standard; each signature is fresh, and no other message or identity fits it."""
    other: Sm2Backend = GmsslSm2() if backend.name == "tongsuopy" else TongsuoSm2()
    first, second = (provider(backend).sm2_sign("audit-2026a", b"m", fmt=fmt) for _ in range(2))
    assert first != second
    for judge in (provider(backend), provider(other)):
        assert judge.sm2_verify("audit-2026a", b"m", first, fmt=fmt)
        assert judge.sm2_verify("partner", b"m", second, fmt=fmt)
        assert not judge.sm2_verify("partner", b"n", first, fmt=fmt)
        assert not judge.sm2_verify("partner", b"m", first, fmt=fmt, uid=b"another identity")


@BACKENDS
def test_another_identity_than_the_default_one_signs_and_verifies(backend: Sm2Backend):
    """The production library knows the default identity only; the provider takes the other one for the rest."""
    made = provider(backend).sm2_sign("audit-2026a", b"m", fmt="rs", uid=b"ALICE123@YAHOO.COM")
    assert provider(backend).sm2_verify("partner", b"m", made, fmt="rs", uid=b"ALICE123@YAHOO.COM")
    assert not provider(backend).sm2_verify("partner", b"m", made, fmt="rs")


def test_the_samples_are_what_their_manifest_says():
    """SHA-256 of every sample file under the payments folder."""
    folder = SAMPLES.parent
    listed = json.loads((folder / "MANIFEST.json").read_text("utf-8"))
    found = {each["path"]: hashlib.sha256((folder / each["path"]).read_bytes()).hexdigest() for each in listed}
    assert found == {each["path"]: each["sha256"] for each in listed}
    present = {path.relative_to(folder).as_posix() for part in ("sm", "unionpay") for path in folder.glob(f"{part}/*")}
    assert present == set(found)

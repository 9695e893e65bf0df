"""What SM2, the envelope and the key ring must refuse (protocols 9.2 to 9.4, rows 105 and 106)."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from hub.runtime.guomi import Key, KeyRing, KeyRingError, Kind, SealError, SoftwareProvider, State
from hub.runtime.guomi.sm2 import EncodingError, N, P, Sm2Backend, point_from_hex, point_to_hex, signature_from
from hub.runtime.guomi.sm2_gmssl import GmsslSm2
from hub.runtime.guomi.sm2_tongsuo import TongsuoSm2

SECRET = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
MESSAGE = b"message digest"
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
SM4_KEY = "0123456789abcdeffedcba9876543210"
OTHER_KEY = "ffffffffffffffffffffffffffffffff"
BACKENDS = pytest.mark.parametrize("backend", [TongsuoSm2(), GmsslSm2()], ids=lambda each: each.name)


def key(kid: str, state: State = State.ACTIVE, material: str = SM4_KEY, purpose: str = "pii") -> Key:
    """Return an SM4 key."""
    return Key(kid, Kind.SM4, purpose, state, material)


def ring_provider(*keys: Key, backend: Sm2Backend | None = None) -> SoftwareProvider:
    """Return a provider over these keys."""
    return SoftwareProvider(KeyRing(keys), backend)


def signing(backend: Sm2Backend) -> SoftwareProvider:
    """Return a provider with the standard's key pair."""
    public = point_to_hex(backend.public_point(SECRET))
    keys = (
        Key("own", Kind.SM2_PRIVATE, "audit", State.ACTIVE, f"{SECRET:064x}"),
        Key("partner", Kind.SM2_PUBLIC, "egret", State.ACTIVE, public),
    )
    return ring_provider(*keys, backend=backend)


def raw(r: int, s: int) -> bytes:
    """Return r and s as 64 bytes, out of range or not."""
    return (r % (1 << 256)).to_bytes(32, "big") + (s % (1 << 256)).to_bytes(32, "big")


def der(r: bytes, s: bytes) -> bytes:
    """Return a DER sequence of two integers with these content bytes, minimal or not."""
    content = bytes((2, len(r))) + r + bytes((2, len(s))) + s
    return bytes((0x30, len(content))) + content


GOOD_R, GOOD_S = b"\0" + R.to_bytes(32, "big"), b"\0" + S.to_bytes(32, "big")
GOOD_DER = der(GOOD_R, GOOD_S)
REFUSED_RS = {
    "r is zero": raw(0, S),
    "s is zero": raw(R, 0),
    "r is n": raw(N, S),
    "s is n": raw(R, N),
    "both are n": raw(N, N),
    "all bits": b"\xff" * 64,
    "empty": b"",
    "one byte short": raw(R, S)[:-1],
    "one byte more": raw(R, S) + b"\0",
    "swapped": raw(S, R),
    "s negated": raw(R, N - S),
    "der given as raw": GOOD_DER,
    "r plus s is n": raw(R, N - R),
}
REFUSED_DER = {
    "raw given as der": raw(R, S),
    "empty": b"",
    "only a sequence": b"\x30\x00",
    "trailing byte": GOOD_DER + b"\0",
    "trailing byte inside": bytes((0x30, len(GOOD_DER) - 1)) + GOOD_DER[2:] + b"\0",
    "not minimal": der(b"\0" + GOOD_R, GOOD_S),
    "negative": der(GOOD_R[1:], GOOD_S[1:]),
    "zero": der(b"\0", GOOD_S),
    "no content": der(b"", GOOD_S),
    "r plus n": der((R + N).to_bytes(33, "big"), GOOD_S),
    "s plus n": der(GOOD_R, (S + N).to_bytes(33, "big")),
    "long length form": b"\x30\x81" + GOOD_DER[1:],
    "indefinite length": b"\x30\x80" + GOOD_DER[2:] + b"\0\0",
    "another tag": b"\x31" + GOOD_DER[1:],
    "length beyond the end": GOOD_DER[:-1],
    "third integer": bytes((0x30, len(GOOD_DER) + 1)) + GOOD_DER[2:] + b"\x02\x01\x01",
    "a huge integer": b"\x30\x26\x02\x22" + b"\x01" * 34 + b"\x02\x00",
}


@BACKENDS
@pytest.mark.parametrize("name", REFUSED_RS)
def test_a_raw_signature_out_of_form_or_range_is_refused(backend: Sm2Backend, name: str):
    """Row 106: False, no exception; the good signature next to it holds."""
    judge = signing(backend)
    assert judge.sm2_verify("partner", MESSAGE, raw(R, S), fmt="rs")
    assert judge.sm2_verify("partner", MESSAGE, REFUSED_RS[name], fmt="rs") is False


@BACKENDS
@pytest.mark.parametrize("name", REFUSED_DER)
def test_a_der_signature_that_is_not_the_one_encoding_is_refused(backend: Sm2Backend, name: str):
    """Row 106: garbage and second spellings of a good signature are both False, and good DER still verifies after."""
    judge = signing(backend)
    assert judge.sm2_verify("partner", MESSAGE, REFUSED_DER[name], fmt="der") is False
    assert judge.sm2_verify("partner", MESSAGE, GOOD_DER, fmt="der")


def test_the_backends_themselves_refuse_the_ranges():
    """Defect 9 of gmssl: s = n would raise inside it; the guard answers before it is asked."""
    guarded = GmsslSm2()
    point = guarded.public_point(SECRET)
    for pair in ((0, S), (R, 0), (N, S), (R, N), (R, N - R), (R, S + N)):
        assert guarded.verify(point, MESSAGE, pair, b"1234567812345678") is False
    assert guarded.verify((point[0], point[1] ^ 1), MESSAGE, (R, S), b"1234567812345678") is False


BAD_KEYS = {
    "off the curve": "04" + f"{1:064x}{1:064x}",
    "the origin": "04" + "0" * 128,
    "not reduced": "04" + f"{P:064x}{P:064x}",
    "no prefix": point_to_hex(TongsuoSm2().public_point(SECRET))[2:],
    "no prefix and begins with 04": "04" + "ab" * 63,
    "compressed": "03" + f"{TongsuoSm2().public_point(SECRET)[0]:064x}",
    "a digit more": point_to_hex(TongsuoSm2().public_point(SECRET)) + "0",
    "blanks": "04" + " " * 128,
    "not hex": "04" + "g" * 128,
    "full-width digits": "04" + "\uff11" * 128,
    "empty": "",
    "a key id nobody holds": "partner-2",
    "half a surrogate pair": "04" + "\ud800" * 128,
}


@BACKENDS
@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_public_key_out_of_form_or_off_the_curve_verifies_nothing(backend: Sm2Backend, name: str):
    """Defects 1 and 7 of gmssl, and every other spelling: refused as a key, False as a verifier."""
    with pytest.raises(EncodingError):
        point_from_hex(BAD_KEYS[name])
    assert signing(backend).sm2_verify(BAD_KEYS[name], MESSAGE, raw(R, S), fmt="rs") is False


def test_keys_whose_x_begins_with_0_or_4_digits_work_in_the_fallback():
    """Defect 1: gmssl strips leading 0 and 4 digits of a key that begins with 04; ours reaches it whole."""
    found = 0
    for secret in range(2, 400):
        x, y = TongsuoSm2().public_point(secret)
        if f"{x:064x}"[0] not in "04":
            continue
        found += 1
        signature = TongsuoSm2().sign(secret, MESSAGE, b"1234567812345678")
        assert GmsslSm2().verify((x, y), MESSAGE, signature, b"1234567812345678")
        if found == 8:
            break
    assert found == 8


@BACKENDS
def test_an_identity_that_cannot_be_encoded_is_a_no_and_signs_nothing(backend: Sm2Backend):
    """Its length in bits is written in 16 bits; longer ones are refused, not cut."""
    judge = signing(backend)
    assert judge.sm2_verify("partner", MESSAGE, raw(R, S), fmt="rs", uid=b"x" * 8192) is False
    with pytest.raises(EncodingError):
        judge.sm2_sign("own", MESSAGE, fmt="rs", uid=b"x" * 8192)


def test_signature_from_says_why():
    """The reader of signatures raises one error with a reason, for each format."""
    with pytest.raises(EncodingError, match="64 bytes"):
        signature_from(b"", "rs")
    with pytest.raises(EncodingError, match="out of range"):
        signature_from(raw(R, N), "rs")
    assert signature_from(GOOD_DER, "der") == (R, S)


PLACE = b"patient|id_no|P1"
MISPLACED: dict[str, Any] = {
    "another row": b"patient|id_no|P2",
    "another column": b"patient|name|P1",
    "another table": b"person|id_no|P1",
    "no place": b"",
}


@pytest.mark.parametrize("name", MISPLACED)
def test_an_envelope_opens_only_at_its_own_place(name: str):
    """Row 105: moving a value to another row, column or table fails."""
    held = ring_provider(key("pii-1"))
    sealed = held.seal("pii", PLACE, b"350299199003070025")
    assert held.open(sealed, PLACE) == b"350299199003070025"
    with pytest.raises(SealError):
        held.open(sealed, MISPLACED[name])


def test_an_envelope_does_not_open_under_another_key_id_even_of_the_same_key():
    """Row 105: the key id is bound too."""
    held = ring_provider(key("pii-1"), key("pii-2", State.DECRYPT_ONLY))
    sealed = held.seal("pii", PLACE, b"x")
    assert sealed.split(".")[1] == "pii-1"
    with pytest.raises(SealError):
        held.open(sealed.replace("pii-1", "pii-2"), PLACE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "v2" + text[2:],
        lambda text: "V1" + text[2:],
        lambda text: text[3:],
        lambda text: text + ".",
        lambda text: text + "=",
        lambda text: text + "A",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace(".", ":"),
        lambda text: text.replace("pii-1", ""),
        lambda text: text.replace("pii-1", "pii-9"),
        lambda text: text.replace("pii-1", "pii|1"),
        lambda text: ".".join((*text.split(".")[:2], "AAAA", text.split(".")[3])),
        lambda text: ".".join((*text.split(".")[:2], text.split(".")[2] + "AAAA", text.split(".")[3])),
        lambda text: ".".join((*text.split(".")[:3], text.split(".")[3][:20])),
        lambda text: ".".join((*text.split(".")[:3], "")),
        lambda text: text[:-1] + "\u00e9",
        lambda text: text[:-1] + "\ud800",
        lambda _text: "",
        lambda _text: "...",
    ],
)
def test_an_envelope_out_of_form_raises_seal_error_only(spoil: Any):
    """Row 105: version, key id, lengths of iv and tag, padding, second spellings."""
    held = ring_provider(key("pii-1"))
    with pytest.raises(SealError):
        held.open(spoil(held.seal("pii", PLACE, b"four")), PLACE)


def test_two_seals_of_one_value_differ():
    """The iv is fresh each time."""
    held = ring_provider(key("pii-1"))
    assert len({held.seal("pii", PLACE, b"x") for _ in range(50)}) == 50


def test_rotation_loses_no_read():
    """The old key opens as decrypt_only, the new one seals; the destroyed one opens nothing; a pending one may open."""
    old = ring_provider(key("pii-1"))
    before = old.seal("pii", PLACE, b"x")
    new = ring_provider(key("pii-1", State.DECRYPT_ONLY), key("pii-2", material=OTHER_KEY))
    assert new.open(before, PLACE) == b"x"
    after = new.seal("pii", PLACE, b"x")
    assert after.split(".")[1] == "pii-2"
    early = ring_provider(key("pii-1"), key("pii-2", State.PENDING, OTHER_KEY))
    assert early.open(after, PLACE) == b"x"
    assert early.seal("pii", PLACE, b"x").split(".")[1] == "pii-1"
    late = ring_provider(key("pii-1", State.DESTROYED, ""), key("pii-2", material=OTHER_KEY))
    with pytest.raises(SealError):
        late.open(before, PLACE)


def test_no_active_key_seals_nothing():
    """A purpose without an active key is an error to configure, for sealing and signing alike."""
    held = ring_provider(
        key("pii-1", State.DECRYPT_ONLY),
        key("raw-1", purpose="raw"),
        Key("own", Kind.SM2_PRIVATE, "audit", State.DECRYPT_ONLY, f"{SECRET:064x}"),
    )
    with pytest.raises(KeyRingError, match="no active"):
        held.seal("pii", PLACE, b"x")
    with pytest.raises(KeyRingError, match="only an active key signs"):
        held.sm2_sign("own", MESSAGE, fmt="rs")
    with pytest.raises(KeyRingError):
        held.sm2_sign("raw-1", MESSAGE, fmt="rs")
    with pytest.raises(KeyRingError):
        held.hmac_sm3("raw-1", MESSAGE)


def test_a_ring_refuses_two_active_keys_of_one_purpose_and_an_id_used_twice():
    """One active key for each purpose and kind; other purposes and kinds stand beside it."""
    with pytest.raises(KeyRingError, match="two active"):
        KeyRing([key("a"), key("b")])
    with pytest.raises(KeyRingError, match="used twice"):
        KeyRing([key("a"), key("a", State.DECRYPT_ONLY)])
    ring = KeyRing([key("a"), key("b", purpose="raw"), Key("c", Kind.HMAC, "pii", State.ACTIVE, SM4_KEY)])
    assert {each.kid for each in ring} == {"a", "b", "c"}
    assert ring.active("pii", Kind.SM4).kid == "a"
    assert ring.find("a", Kind.HMAC) is None


@pytest.mark.parametrize(
    ("kind", "material"),
    [
        (Kind.SM4, SM4_KEY[:-2]),
        (Kind.SM4, SM4_KEY + "00"),
        (Kind.SM4, "not hex"),
        (Kind.SM4, ""),
        (Kind.HMAC, "00" * 15),
        (Kind.SM2_PRIVATE, "00" * 32),
        (Kind.SM2_PRIVATE, f"{N - 1:064x}"),
        (Kind.SM2_PRIVATE, f"{N:064x}"),
        (Kind.SM2_PRIVATE, "01"),
        (Kind.SM2_PUBLIC, "04" + f"{1:064x}{1:064x}"),
        (Kind.SM2_PUBLIC, "00" * 64),
    ],
)
def test_a_key_that_its_kind_cannot_use_is_refused_at_once(kind: Kind, material: str):
    """Lengths, ranges and the curve are checked when the ring is read, not at the first use."""
    with pytest.raises(KeyRingError, match="material"):
        Key("k", kind, "pii", State.ACTIVE, material)


@pytest.mark.parametrize("kid", ["", "a.b", "a|b", "-a", "a" * 65, "a b", "\u00e9", "a\n"])
def test_a_key_id_that_would_break_an_envelope_is_refused(kid: str):
    """No dot, bar or blank: the id stands between dots in the envelope and between bars in what it authenticates."""
    with pytest.raises(KeyRingError, match="cannot name a key"):
        key(kid)


def test_a_key_never_prints_its_material():
    """Logs and errors cannot leak it."""
    assert SM4_KEY not in repr(key("a"))
    with pytest.raises(KeyRingError) as raised:
        Key("k", Kind.SM4, "pii", State.ACTIVE, SM4_KEY + "zz")
    assert SM4_KEY not in str(raised.value)


def test_the_ring_file_is_the_owners_alone(tmp_path: Path):
    """Written with 0600, also over a file that others could read; a readable one is refused on loading."""
    path = tmp_path / "ring.json"
    path.write_text("old")
    path.chmod(0o644)
    KeyRing([key("a"), key("b", State.DESTROYED, "")]).dump(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.kid for each in KeyRing.load(path)] == ["a", "b"]
    assert [each.name for each in tmp_path.iterdir()] == ["ring.json"]
    for mode in (0o640, 0o604, 0o644, 0o666):
        path.chmod(mode)
        with pytest.raises(KeyRingError, match="chmod 600"):
            KeyRing.load(path)


ROW = {"kid": "a", "kind": "sm4", "purpose": "pii", "state": "active", "material": SM4_KEY}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"keys": 5}',
        b'{"keys": [5]}',
        b"[" * 100_000,
        json.dumps({"keys": [{**ROW, "kind": "aes"}]}).encode(),
        json.dumps({"keys": [{**ROW, "state": "asleep"}]}).encode(),
        json.dumps({"keys": [{**ROW, "material": 5}]}).encode(),
        json.dumps({"keys": [{**ROW, "material": "5"}]}).encode(),
        json.dumps({"keys": [{**ROW, "purpose": ["pii"]}]}).encode(),
        json.dumps({"keys": [{**ROW, "kid": None}]}).encode(),
        json.dumps({"keys": [ROW, ROW]}).encode(),
        json.dumps({"keys": [{name: ROW[name] for name in ("kid", "kind", "state")}]}).encode(),
    ],
)
def test_a_malformed_ring_file_is_one_kind_of_error(tmp_path: Path, content: bytes):
    """KeyRingError whatever is wrong with it, and none of its content in the message."""
    path = tmp_path / "ring.json"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(KeyRingError) as raised:
        KeyRing.load(path)
    assert SM4_KEY not in str(raised.value)


def test_a_missing_ring_file_is_the_same_kind_of_error(tmp_path: Path):
    """The settings name a file that is not there."""
    with pytest.raises(KeyRingError):
        KeyRing.load(tmp_path / "none.json")

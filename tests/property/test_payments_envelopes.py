"""Any tampering of an envelope is a SealError, any signature bytes are a yes or a no: never another exception."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.runtime.guomi import Key, KeyRing, Kind, SealError, SoftwareProvider, State
from hub.runtime.guomi.sm2 import EncodingError, N, point_from_hex, point_to_hex, signature_from, signature_to
from hub.runtime.guomi.sm2_gmssl import GmsslSm2
from hub.runtime.guomi.sm2_tongsuo import TongsuoSm2

SECRET = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
PUBLIC = point_to_hex(TongsuoSm2().public_point(SECRET))
HELD = (
    Key("pii-1", Kind.SM4, "pii", State.ACTIVE, "0123456789abcdeffedcba9876543210"),
    Key("own", Kind.SM2_PRIVATE, "audit", State.ACTIVE, f"{SECRET:064x}"),
)
FAST, SLOW = SoftwareProvider(KeyRing(HELD), TongsuoSm2()), SoftwareProvider(KeyRing(HELD), GmsslSm2())
FORMATS = st.sampled_from(["rs", "der"])
PAIRS = st.tuples(st.integers(1, N - 1), st.integers(1, N - 1))


@given(plain=st.binary(max_size=200), place=st.binary(max_size=60))
def test_what_is_sealed_opens_at_its_place(plain: bytes, place: bytes):
    """Any content, empty too, at any place."""
    assert FAST.open(FAST.seal("pii", place, plain), place) == plain


@given(plain=st.binary(max_size=60), at=st.integers(0, 10_000), other=st.characters())
def test_one_altered_character_anywhere_is_a_seal_error(plain: bytes, at: int, other: str):
    """Each character of an envelope counts, those of the unused low bits of base64 too."""
    sealed = FAST.seal("pii", b"t|c|1", plain)
    where = at % len(sealed)
    altered = sealed[:where] + other + sealed[where + 1 :]
    if altered != sealed:
        with pytest.raises(SealError):
            FAST.open(altered, b"t|c|1")


@given(plain=st.binary(max_size=60), cut=st.integers(0, 200), tail=st.text(max_size=4))
def test_a_cut_or_lengthened_envelope_is_a_seal_error(plain: bytes, cut: int, tail: str):
    """No prefix of an envelope opens, nor an envelope with anything after it."""
    sealed = FAST.seal("pii", b"t|c|1", plain)
    altered = sealed[: cut % (len(sealed) + 1)] + tail
    if altered != sealed:
        with pytest.raises(SealError):
            FAST.open(altered, b"t|c|1")


@given(text=st.text(max_size=80), place=st.binary(max_size=20))
def test_any_text_is_a_seal_error_or_an_envelope(text: str, place: bytes):
    """Whatever stands in the column, opening it raises SealError and nothing else."""
    for candidate in (text, f"v1.pii-1.{text}", f"v1.{text}.AAECAwQFBgcICQoL.AAAAAAAAAAAAAAAAAAAAAA"):
        with pytest.raises(SealError):
            FAST.open(candidate, place)


@given(kid=st.text(max_size=12), iv=st.binary(max_size=20), sealed=st.binary(max_size=40), aad=st.binary(max_size=10))
def test_a_partners_bare_ciphertext_opens_or_is_a_seal_error(kid: str, iv: bytes, sealed: bytes, aad: bytes):
    """Random bytes never open, under a known key or an unknown one."""
    for name in (kid, "pii-1"):
        with pytest.raises(SealError):
            FAST.sm4_open(name, iv, aad, sealed)


@given(
    key=st.one_of(st.just(PUBLIC), st.just("own"), st.text(max_size=140)),
    message=st.binary(max_size=40),
    signature=st.one_of(st.binary(max_size=80), st.binary(min_size=64, max_size=64)),
    fmt=FORMATS,
    uid=st.one_of(st.just(b"1234567812345678"), st.binary(max_size=20)),
)
@settings(max_examples=60, deadline=None)
def test_verifying_never_raises(key: str, message: bytes, signature: bytes, fmt: Any, uid: bytes):
    """Random keys, signatures and identities are a no, in both libraries."""
    assert FAST.sm2_verify(key, message, signature, fmt=fmt, uid=uid) is False
    assert SLOW.sm2_verify(key, message, signature, fmt=fmt, uid=uid) is False


@given(pair=PAIRS, message=st.binary(max_size=40))
@settings(max_examples=25, deadline=None)
def test_both_libraries_judge_a_pair_in_range_alike(pair: tuple[int, int], message: bytes):
    """A random pair is nobody's signature; neither library raises for it."""
    for fmt in ("rs", "der"):
        signature = signature_to(*pair, fmt)
        assert FAST.sm2_verify(PUBLIC, message, signature, fmt=fmt) is False
        assert SLOW.sm2_verify(PUBLIC, message, signature, fmt=fmt) is False


@given(message=st.binary(max_size=60), at=st.integers(0, 63), flip=st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_signature_holds_for_its_message_and_no_altered_byte_of_it_does(message: bytes, at: int, flip: int):
    """Flipping any byte of r ‖ s, or adding one to the message, makes it a no."""
    made = FAST.sm2_sign("own", message, fmt="rs")
    assert FAST.sm2_verify("own", message, made, fmt="rs")
    altered = made[:at] + bytes((made[at] ^ flip,)) + made[at + 1 :]
    assert not FAST.sm2_verify("own", message, altered, fmt="rs")
    assert not FAST.sm2_verify("own", message + b"\0", made, fmt="rs")


@given(pair=PAIRS, fmt=FORMATS)
def test_each_pair_has_one_encoding_and_comes_back(pair: tuple[int, int], fmt: Any):
    """Writing and reading are inverse."""
    assert signature_from(signature_to(*pair, fmt), fmt) == pair


@given(content=st.binary(max_size=80))
def test_bytes_that_read_as_a_signature_are_its_one_encoding(content: bytes):
    """What the DER reader takes is exactly what the writer would write: no second spelling."""
    body = bytes((0x30, len(content))) + content if len(content) < 0x80 else content
    try:
        pair = signature_from(body, "der")
    except EncodingError:
        return
    assert signature_to(*pair, "der") == body


@given(text=st.text(max_size=135))
def test_any_text_is_a_point_or_an_encoding_error(text: str):
    """Keys come from settings and partners; nothing else is raised."""
    for candidate in (text, "04" + text):
        with pytest.raises(EncodingError):
            point_from_hex(candidate)

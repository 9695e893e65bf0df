"""The one interface to the SM algorithms, and its implementation with keys in software (protocols 9.1)."""

import secrets
from typing import Protocol

from hub.runtime.guomi import envelope as sealed_envelope
from hub.runtime.guomi.digests import hmac_sm3, sm3
from hub.runtime.guomi.envelope import SealError
from hub.runtime.guomi.keyring import Key, KeyRing, KeyRingError, Kind, State
from hub.runtime.guomi.sm2 import (
    DEFAULT_UID,
    EncodingError,
    Point,
    SignatureFormat,
    Sm2Backend,
    point_from_hex,
    signature_from,
    signature_to,
)
from hub.runtime.guomi.sm2_gmssl import GmsslSm2

__all__ = ["SignatureFormat", "SmProvider", "SoftwareProvider", "default_backend"]


class SmProvider(Protocol):
    """SM2, SM3 and SM4 with keys named by id, so that an HSM or a KMS can take the place of software keys."""

    def sm3(self, data: bytes) -> bytes:
        """Return the 32-byte digest."""

    def hmac_sm3(self, kid: str, data: bytes) -> bytes:
        """Return HMAC-SM3 under a key of kind `hmac`. Raises KeyRingError for an unknown key."""

    def seal(self, purpose: str, aad: bytes, plain: bytes) -> str:
        """Return an envelope under the active key of the purpose; `aad` names the place, `table|column|row id`."""

    def open(self, envelope: str, aad: bytes) -> bytes:
        """Return the plaintext of an envelope that belongs to this place. Raises SealError only."""

    def sm2_sign(self, kid: str, msg: bytes, *, fmt: SignatureFormat, uid: bytes = DEFAULT_UID) -> bytes:
        """Return the signature over SM3(Z ‖ msg). Raises KeyRingError for an unknown key."""

    def sm2_verify(self, key: str, msg: bytes, sig: bytes, *, fmt: SignatureFormat, uid: bytes = DEFAULT_UID) -> bool:
        """Return whether the signature holds; `key` is a key id or `04` + 128 hex digits. Never raises."""


def default_backend() -> Sm2Backend:
    """Return tongsuopy's SM2, or the guarded gmssl where tongsuopy has no build for this machine."""
    try:
        from hub.runtime.guomi.sm2_tongsuo import TongsuoSm2  # noqa: PLC0415  # absent on some machines
    except ImportError:
        return GmsslSm2()
    return TongsuoSm2()


class SoftwareProvider:
    """The SmProvider over a key ring in memory: hashlib for SM3, cryptography for SM4, tongsuopy for SM2."""

    def __init__(self, ring: KeyRing, backend: Sm2Backend | None = None) -> None:
        """`backend` is chosen by `default_backend` unless a test names one."""
        self.ring = ring
        self._sm2 = backend or default_backend()

    def sm3(self, data: bytes) -> bytes:
        """Return the 32-byte digest."""
        return sm3(data)

    def hmac_sm3(self, kid: str, data: bytes) -> bytes:
        """Return HMAC-SM3 under a key of kind `hmac`. Raises KeyRingError for an unknown key."""
        return hmac_sm3(self._required(kid, Kind.HMAC).secret_bytes, data)

    def seal(self, purpose: str, aad: bytes, plain: bytes) -> str:
        """Return an envelope under the active key; two seals of one value differ. Raises KeyRingError without a key."""
        key = self.ring.active(purpose, Kind.SM4)
        return sealed_envelope.build(key.kid, key.secret_bytes, aad, plain)

    def open(self, envelope: str, aad: bytes) -> bytes:
        """Return the plaintext. Raises SealError for a wrong form, an unknown or destroyed key, or a failing tag."""
        kid, _, _ = sealed_envelope.split(envelope)
        key = self.ring.find(kid, Kind.SM4)
        if key is None:
            raise SealError("the envelope names a key this ring does not hold")
        return sealed_envelope.open_with(key.secret_bytes, envelope, aad)

    def sm4_open(self, kid: str, iv: bytes, aad: bytes, sealed: bytes) -> bytes:
        """Return the plaintext of a partner's bare ciphertext ‖ tag. Raises SealError; unknown keys too."""
        key = self.ring.find(kid, Kind.SM4)
        if key is None:
            raise SealError("this ring does not hold the key")
        return sealed_envelope.decrypt(key.secret_bytes, iv, aad, sealed)

    def sm4_seal(self, kid: str, aad: bytes, plain: bytes) -> tuple[bytes, bytes]:
        """Return a fresh iv and ciphertext ‖ tag for a partner. Raises KeyRingError unless held and active."""
        key = self._required(kid, Kind.SM4)
        if key.state is not State.ACTIVE:
            raise KeyRingError(f"key {kid} is {key.state}; only an active key seals")
        iv = secrets.token_bytes(sealed_envelope.IV_LENGTH)
        return iv, sealed_envelope.encrypt(key.secret_bytes, iv, aad, plain)

    def sm2_sign(self, kid: str, msg: bytes, *, fmt: SignatureFormat, uid: bytes = DEFAULT_UID) -> bytes:
        """Return the signature with a fresh nonce. Raises KeyRingError unless the key is held and active."""
        key = self._required(kid, Kind.SM2_PRIVATE)
        if key.state is not State.ACTIVE:
            raise KeyRingError(f"key {kid} is {key.state}; only an active key signs")
        return signature_to(*self._backend_for(uid).sign(int(key.material, 16), msg, uid), fmt)

    def sm2_verify(self, key: str, msg: bytes, sig: bytes, *, fmt: SignatureFormat, uid: bytes = DEFAULT_UID) -> bool:
        """Return whether the signature holds; wrong encodings, ranges, points and unknown keys are a no."""
        try:
            point = self._public_point(key)
            pair = signature_from(sig, fmt)
            return self._backend_for(uid).verify(point, msg, pair, uid)
        except EncodingError:
            return False

    def _public_point(self, key: str) -> Point:
        held = self.ring.find(key, Kind.SM2_PUBLIC, Kind.SM2_PRIVATE)
        if held is None:
            return point_from_hex(key)
        if held.kind is Kind.SM2_PRIVATE:
            return self._sm2.public_point(int(held.material, 16))
        return point_from_hex(held.material)

    def _backend_for(self, uid: bytes) -> Sm2Backend:
        return self._sm2 if uid == DEFAULT_UID else GmsslSm2()

    def _required(self, kid: str, kind: Kind) -> Key:
        key = self.ring.find(kid, kind)
        if key is None:
            raise KeyRingError(f"no {kind} key {kid} in the key ring")
        return key

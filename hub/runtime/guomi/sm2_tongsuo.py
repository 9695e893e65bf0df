"""SM2 by tongsuopy (Tongsuo's OpenSSL): about 2,500 verifications a second, default identity only (protocols 9.1)."""

from functools import lru_cache
from typing import Any

from tongsuopy.crypto import hashes
from tongsuopy.crypto.asymciphers import ec
from tongsuopy.crypto.exceptions import InternalError, InvalidSignature

from hub.runtime.guomi.sm2 import DEFAULT_UID, Point, signature_from, signature_to

_ALGORITHM = ec.ECDSA(hashes.SM3())


class TongsuoSm2:
    """The production SM2. It knows the default identity only; the provider sends others to the fallback."""

    name = "tongsuopy"

    def sign(self, secret: int, message: bytes, uid: bytes) -> tuple[int, int]:
        """Return r and s; raises ValueError for another identity than the default one."""
        _require_default(uid)
        return signature_from(_private_key(secret).sign(message, _ALGORITHM), "der")

    def verify(self, point: Point, message: bytes, signature: tuple[int, int], uid: bytes) -> bool:
        """Return whether the signature holds; a fault inside the library counts as no."""
        _require_default(uid)
        try:
            # The DER is always our own minimal encoding: malformed DER leaves errors in the library's queue.
            _public_key(point).verify(signature_to(*signature, "der"), message, _ALGORITHM)
        except (InvalidSignature, InternalError, ValueError):
            return False
        return True

    def public_point(self, secret: int) -> Point:
        """Return the public key of a private key."""
        numbers = _private_key(secret).public_key().public_numbers()
        return numbers.x, numbers.y


def _require_default(uid: bytes) -> None:
    if uid != DEFAULT_UID:
        raise ValueError("tongsuopy signs with the default identity only")


@lru_cache(maxsize=64)
def _public_key(point: Point) -> Any:
    return ec.EllipticCurvePublicNumbers(*point, ec.SM2()).public_key()


@lru_cache(maxsize=16)
def _private_key(secret: int) -> Any:
    return ec.derive_private_key(secret, ec.SM2())

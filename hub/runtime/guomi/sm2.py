"""SM2 (GB/T 32918) signatures: curve facts, strict encodings, and the choice of the library that computes them.

A signature is the pair r, s. Partners send it as 64 raw bytes (`rs`) or as ASN.1 DER; both readers here accept exactly
one byte string for one pair, so a signature cannot be altered and stay valid (protocols 9.1).
"""

from typing import Literal, Protocol

from hub.runtime.guomi.digests import sm3

DEFAULT_UID = b"1234567812345678"
"""The signer identity of GM/T 0009 that every partner so far uses."""

UID_BYTES_MAX = 8191

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)

Point = tuple[int, int]
SignatureFormat = Literal["rs", "der"]


class Sm2Backend(Protocol):
    """One library's SM2; r and s are already in range and the point is on the curve when it is called."""

    name: str

    def sign(self, secret: int, message: bytes, uid: bytes) -> tuple[int, int]:
        """Return r and s over the message under the signer's identity."""

    def verify(self, point: Point, message: bytes, signature: tuple[int, int], uid: bytes) -> bool:
        """Return whether r and s are the signer's over this message."""

    def public_point(self, secret: int) -> Point:
        """Return the public key of a private key."""


class EncodingError(ValueError):
    """A signature or key is not in the one accepted encoding; refuse it, never repair it."""


def signature_from(signature: bytes, fmt: SignatureFormat) -> tuple[int, int]:
    """Return r and s. Raises EncodingError unless the bytes are the exact encoding of a pair in 1…n-1."""
    r, s = _from_rs(signature) if fmt == "rs" else _from_der(signature)
    if not (1 <= r < N and 1 <= s < N):
        raise EncodingError("r or s out of range")
    return r, s


def signature_to(r: int, s: int, fmt: SignatureFormat) -> bytes:
    """Return the exact encoding of r and s: 64 bytes, or minimal DER."""
    if fmt == "rs":
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    content = _der_integer(r) + _der_integer(s)
    return bytes((0x30, len(content))) + content


def point_from_hex(text: str) -> Point:
    """Return the public point of `04` + 128 hex digits. Raises EncodingError for any other form or an off-curve point.

    The bare form of 128 digits is refused: a key whose x begins with 04 could be read in two ways (protocols 9.3).
    """
    if len(text) != 130 or not text.startswith("04"):
        raise EncodingError("a public key is 04 and 128 hex digits")
    try:
        raw = bytes.fromhex(text)
    except ValueError as wrong:
        raise EncodingError("a public key is hexadecimal") from wrong
    if len(raw) != 65:
        raise EncodingError("a public key is 65 bytes")
    point = int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")
    if not on_curve(point):
        raise EncodingError("the public key is not a point of the curve")
    return point


def point_to_hex(point: Point) -> str:
    """Return the public point as `04` + 128 lower-case hex digits."""
    return f"04{point[0]:064x}{point[1]:064x}"


def on_curve(point: Point) -> bool:
    """Return whether y² = x³ + ax + b (mod p) with both coordinates reduced; the group's order is prime, so no more."""
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0


def digest(point: Point, message: bytes, uid: bytes) -> bytes:
    """Return e = SM3(Z ‖ message), Z binding the signer's identity, the curve and the public key (GM/T 0003.2).

    Raises EncodingError for an identity that Z cannot hold.
    """
    if len(uid) > UID_BYTES_MAX:
        raise EncodingError("an identity has at most 8191 bytes: its length in bits is written in 16")
    numbers = b"".join(number.to_bytes(32, "big") for number in (A, B, *G, *point))
    z = sm3((len(uid) * 8).to_bytes(2, "big") + uid + numbers)
    return sm3(z + message)


def _from_rs(signature: bytes) -> tuple[int, int]:
    if len(signature) != 64:
        raise EncodingError("r and s are 64 bytes together")
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def _from_der(signature: bytes) -> tuple[int, int]:
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2 or signature[1] > 0x7F:
        raise EncodingError("not one DER sequence of the stated length")
    r, rest = _take_integer(signature[2:])
    s, rest = _take_integer(rest)
    if rest:
        raise EncodingError("bytes after s")
    return r, s


def _take_integer(content: bytes) -> tuple[int, bytes]:
    if len(content) < 3 or content[0] != 0x02 or not 1 <= content[1] <= 33 or len(content) < 2 + content[1]:
        raise EncodingError("not a DER integer of at most 33 bytes")
    value = content[2 : 2 + content[1]]
    padded = value[0] == 0 and (len(value) == 1 or value[1] < 0x80)
    if value[0] >= 0x80 or padded:
        raise EncodingError("a DER integer here is positive and minimal")
    return int.from_bytes(value, "big"), content[2 + content[1] :]


def _der_integer(number: int) -> bytes:
    value = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes((0x02, len(value))) + value

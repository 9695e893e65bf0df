"""SM2 signatures in plain Python (GM/T 0003.2, recommended curve of GM/T 0003.5). Not constant time: sandboxes only.

Written from the standard, apart from the hub's own providers, so that a mistake on one side shows on the other.
"""

import hashlib
import secrets
from functools import cache

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
UID = b"1234567812345678"

Point = tuple[int, int]
_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


def public_hex(private_hex: str) -> str:
    """Return the public key as 128 hex digits, without the `04` prefix."""
    x, y = _affine(_times_g(int(private_hex, 16)))
    return f"{x:064x}{y:064x}"


def new_private_hex() -> str:
    """Return a fresh private key as 64 hex digits, 1 ≤ d < n − 1."""
    return f"{1 + secrets.randbelow(N - 2):064x}"


def sign_rs(private_hex: str, message: bytes, uid: bytes = UID, *, nonce: int | None = None) -> bytes:
    """Return r ‖ s, 64 bytes, over the message. `nonce` repeats a published example; never give it otherwise."""
    private = int(private_hex, 16)
    digest = _digest(public_hex(private_hex), message, uid)
    while True:
        k = nonce if nonce is not None else 1 + secrets.randbelow(N - 1)
        r = (digest + _affine(_times_g(k))[0]) % N
        s = pow(1 + private, -1, N) * (k - r * private) % N
        if r and s and r + k != N:
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if nonce is not None:
            raise ValueError("this nonce gives no signature")


def verify_rs(public: str, message: bytes, signature: bytes, uid: bytes = UID) -> bool:
    """Return whether r ‖ s is a signature of the message under the 128-digit public key."""
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % N
    if not (0 < r < N and 0 < s < N and t):
        return False
    key = (int(public[:64], 16), int(public[64:], 16))
    point = _add(_times_g(s), _times(t, key))
    return bool(point[2]) and (_digest(public, message, uid) + _affine(point)[0]) % N == r


def _digest(public: str, message: bytes, uid: bytes) -> int:
    curve = b"".join(value.to_bytes(32, "big") for value in (A, B, *G))
    z = _sm3((len(uid) * 8).to_bytes(2, "big") + uid + curve + bytes.fromhex(public))
    return int.from_bytes(_sm3(z + message), "big")


def _sm3(content: bytes) -> bytes:
    return hashlib.new("sm3", content).digest()


@cache
def _powers_of_g() -> tuple[Point, ...]:
    """Return 2^i·G: a signature then costs additions only."""
    powers, point = [], G
    for _ in range(256):
        powers.append(point)
        point = _affine(_double((*point, 1)))
    return tuple(powers)


def _times_g(k: int) -> _Jacobian:
    total = _INFINITY
    for bit, power in enumerate(_powers_of_g()):
        if k >> bit & 1:
            total = _add(total, (*power, 1))
    return total


def _times(k: int, point: Point) -> _Jacobian:
    total = _INFINITY
    for bit in range(k.bit_length() - 1, -1, -1):
        total = _double(total)
        if k >> bit & 1:
            total = _add(total, (*point, 1))
    return total


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    if not z or not y:
        return _INFINITY
    yy, zz = y * y % P, z * z % P
    s = 4 * x * yy % P
    m = 3 * (x - zz) * (x + zz) % P  # a = -3
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(left: _Jacobian, right: _Jacobian) -> _Jacobian:
    if not left[2]:
        return right
    if not right[2]:
        return left
    (x1, y1, z1), (x2, y2, z2) = left, right
    zz1, zz2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * zz2 % P, x2 * zz1 % P
    s1, s2 = y1 * zz2 * z2 % P, y2 * zz1 * z1 % P
    if u1 == u2:
        return _double(left) if s1 == s2 else _INFINITY
    h, r = u2 - u1, s2 - s1
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, h * z1 * z2 % P


def _affine(point: _Jacobian) -> Point:
    x, y, z = point
    inverse = pow(z, -1, P)
    return x * inverse * inverse % P, y * inverse * inverse * inverse % P

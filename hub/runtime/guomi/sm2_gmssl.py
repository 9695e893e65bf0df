"""SM2 by gmssl 3.2.2, with each of its known defects guarded: only where tongsuopy is missing (protocols 9.3).

Guarded here: keys are passed as exactly 128 digits behind a prefix-proof constructor (defect 1), the nonce comes from
`secrets` (2), the curve is checked (7), r and s are range-checked before (9), the identity goes into our own digest
(10), and SM3 is ours, so no argument is changed (6). Its encryption, padding and modes (3, 4, 5) are never used.
Not guarded: it is not constant time (8), and a verification takes about 12 ms.
"""

import secrets

from gmssl.sm2 import CryptSM2

from hub.runtime.guomi.sm2 import G, N, Point, digest, on_curve


class GmsslSm2:
    """The fallback SM2: slow, in pure Python, any identity."""

    name = "gmssl"

    def sign(self, secret: int, message: bytes, uid: bytes) -> tuple[int, int]:
        """Return r and s with a nonce from the operating system; retries the nonces the standard excludes."""
        e = digest(self.public_point(secret), message, uid)
        engine = _engine(G, f"{secret:064x}")
        while True:
            signature = engine.sign(e, f"{secrets.randbelow(N - 1) + 1:064x}")
            if signature is not None:
                return int(signature[:64], 16), int(signature[64:], 16)

    def verify(self, point: Point, message: bytes, signature: tuple[int, int], uid: bytes) -> bool:
        """Return whether the signature holds; a point off the curve or r + s = n is a no."""
        r, s = signature
        if not on_curve(point) or not (1 <= r < N and 1 <= s < N) or (r + s) % N == 0:
            return False
        try:
            return bool(_engine(point).verify(f"{r:064x}{s:064x}", digest(point, message, uid)))
        except (TypeError, ValueError):  # the point at infinity in the middle of its arithmetic
            return False

    def public_point(self, secret: int) -> Point:
        """Return the public key of a private key."""
        product = _engine(G)._kg(secret, f"{G[0]:064x}{G[1]:064x}")  # noqa: SLF001  # it has no public name for this
        return int(product[:64], 16), int(product[64:], 16)


def _engine(point: Point, secret_hex: str = "") -> CryptSM2:
    engine = CryptSM2(private_key=secret_hex, public_key="")
    # Its constructor strips every leading 0 and 4 of a key that begins with 04, a prefix or not.
    engine.public_key = f"{point[0]:064x}{point[1]:064x}"
    return engine

"""SM2, SM3 and SM4 behind one interface: the only place of the hub that knows which library does them (protocols 9)."""

from hub.runtime.guomi.digests import hmac_sm3, sm3, sm3_hex
from hub.runtime.guomi.envelope import SealError
from hub.runtime.guomi.keyring import Key, KeyRing, KeyRingError, Kind, State
from hub.runtime.guomi.provider import SignatureFormat, SmProvider, SoftwareProvider
from hub.runtime.guomi.sm2 import DEFAULT_UID

__all__ = [
    "DEFAULT_UID",
    "Key",
    "KeyRing",
    "KeyRingError",
    "Kind",
    "SealError",
    "SignatureFormat",
    "SmProvider",
    "SoftwareProvider",
    "State",
    "hmac_sm3",
    "sm3",
    "sm3_hex",
]

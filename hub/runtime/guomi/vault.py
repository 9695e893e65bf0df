"""Where the process finds its keys: the ring file of the settings, or the demo's own ring."""

from pathlib import Path
from typing import Final

from hub.runtime.guomi.digests import sm3_hex
from hub.runtime.guomi.keyring import Key, KeyRing, KeyRingError, Kind, State
from hub.runtime.guomi.provider import SoftwareProvider
from hub.runtime.guomi.sm2_gmssl import GmsslSm2
from hub.runtime.settings import Settings
from schemas.errors import setting_invalid

_DEMO_PURPOSES: Final = ("raw", "pii", "audit")


def open_provider(settings: Settings) -> SoftwareProvider:
    """Return the provider over the ring the settings name.

    Without a file the demo profile gets keys made from its public city key, the same in every process; production is
    refused. Raises ConfigurationError, also for a file that cannot be used.
    """
    backend = GmsslSm2() if settings.sm.provider == "gmssl" else None
    if settings.sm.ring_file is not None:
        return SoftwareProvider(_ring(settings.sm.ring_file), backend)
    if settings.profile == "production":
        remedy = "Name the file that holds the sealing keys."
        raise setting_invalid("MEDCREDIT_SM__RING_FILE", "no key ring is named", remedy)
    return SoftwareProvider(demo_ring(settings.city_key_bytes), backend)


def _ring(path: Path) -> KeyRing:
    try:
        return KeyRing.load(path)
    except KeyRingError as error:
        remedy = "Name a key ring only its owner may read."
        raise setting_invalid("MEDCREDIT_SM__RING_FILE", str(error), remedy) from error


def demo_ring(city_key: bytes) -> KeyRing:
    """Return the demo's sealing keys: as public as the demo's city key, and as constant."""
    return KeyRing(
        Key(f"{purpose}-demo", Kind.SM4, purpose, State.ACTIVE, sm3_hex(city_key + purpose.encode())[:32])
        for purpose in _DEMO_PURPOSES
    )

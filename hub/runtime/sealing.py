"""Original bytes under seal, opened only with the interface and receipt key they came by (protocols 9.2)."""

from typing import Final, NamedTuple

from hub.runtime.guomi import SmProvider, sm3_hex
from schemas.dead_letters import SEALED_BYTES_MAX

PURPOSE: Final = "raw"


class Sealed(NamedTuple):
    """What is kept of original bytes: the envelope of the first 512 KiB, their whole length and SM3."""

    envelope: str
    length: int
    sm3: str


def additional_data(interface: str, receipt_key: str) -> bytes:
    """Return what an envelope of original bytes is bound to, behind version and key id."""
    return f"{PURPOSE}|{interface}|{receipt_key}".encode()


class Sealer:
    """Seals and opens original bytes with the active key of the purpose."""

    def __init__(self, provider: SmProvider) -> None:
        """`provider` holds the keys."""
        self._provider = provider

    def seal(self, interface: str, receipt_key: str, raw: bytes) -> Sealed:
        """Return the bytes sealed to their place; what is longer than 512 KiB keeps its head, length and SM3."""
        return Sealed(self.envelope(interface, receipt_key, raw), len(raw), sm3_hex(raw))

    def envelope(self, interface: str, receipt_key: str, raw: bytes) -> str:
        """Return the envelope alone, without the digest: what a command keeps."""
        return self._provider.seal(PURPOSE, additional_data(interface, receipt_key), raw[:SEALED_BYTES_MAX])

    def open(self, interface: str, receipt_key: str, envelope: str) -> bytes:
        """Return the original bytes. Raises SealError when the envelope belongs to another place."""
        return self._provider.open(envelope, additional_data(interface, receipt_key))

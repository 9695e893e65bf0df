"""Whom the score feed believes: one sender, its keys in the ring under the purpose `egret`."""

from dataclasses import dataclass

from hub.runtime.guomi import Kind, SoftwareProvider

PURPOSE = "egret"


@dataclass(frozen=True)
class EgretAccess:
    """One score source. `window_ms` is how far a message's `ts` may be from our wall clock (protocols 8.1)."""

    provider: SoftwareProvider
    sender: str = "XM-EGRET"
    receiver: str = "XM-HUB"
    window_ms: int = 300_000

    def knows(self, kid: str, kind: Kind) -> bool:
        """Return whether the ring holds this key for the feed; a key of another purpose is unknown here."""
        key = self.provider.ring.find(kid, kind)
        return key is not None and key.purpose == PURPOSE

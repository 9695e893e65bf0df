"""Whom a score feed believes: one sender, its keys in the ring under the source's name as their purpose."""

from dataclasses import dataclass

from hub.runtime.guomi import Kind, SoftwareProvider
from hub.runtime.score_sources import ScoreSource


@dataclass(frozen=True)
class FeedAccess:
    """One score source. `window_ms` is how far a message's `ts` may be from our wall clock (protocols 8.1)."""

    provider: SoftwareProvider
    source: ScoreSource
    window_ms: int = 300_000

    def knows(self, kid: str, kind: Kind) -> bool:
        """Return whether the ring holds this key for the feed; a key of another purpose is unknown here."""
        key = self.provider.ring.find(kid, kind)
        return key is not None and key.purpose == self.source.name

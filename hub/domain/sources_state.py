"""Who repays when the person's own channel cannot, in the order of their consent (domain 7, fallback)."""

from hub.domain.frozen import Frozen
from schemas.commands import Channel, SourceKind


class RepaymentSource(Frozen, frozen=True):
    """A contract through which a bill may be debited after those before it failed for good."""

    kind: SourceKind
    channel: Channel
    channel_agreement: str
    payer: str = ""
    """The family member's account; empty for the person's own second channel."""
    ended: bool = False
    """True: the channel, the payer or a dead card ended it."""

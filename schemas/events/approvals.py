"""What two people decide together: proposals, and the white and black lists of persons (domain 8)."""

from typing import Literal

from schemas.commands import Instant, Struct

Action = Literal["list", "unlist", "undo_overdue"]
Colour = Literal["white", "black"]


class Proposed(Struct, frozen=True, tag="proposed"):
    """One person asks for something that another must confirm."""

    proposal: str
    action: Action
    subject: str
    author: str
    reason: str
    at: Instant
    expires_at: Instant
    until: Instant = 0
    needed: int = 2


class ProposalSupported(Struct, frozen=True, tag="proposal_supported"):
    """One more person confirmed it; more are needed."""

    proposal: str
    author: str


class ProposalEnded(Struct, frozen=True, tag="proposal_ended"):
    """It was confirmed and done, rejected, or nobody confirmed it in time."""

    proposal: str
    outcome: Literal["confirmed", "rejected", "expired"]
    author: str = ""


class Listed(Struct, frozen=True, tag="listed"):
    """The person stands on a list."""

    colour: Colour
    reason: str
    author: str
    confirmed_by: str
    at: Instant
    until: Instant = 0


class Unlisted(Struct, frozen=True, tag="unlisted"):
    """The person was taken off a list, or the entry ended."""

    colour: Colour
    cause: Literal["removed", "expired"]
    author: str = ""
    confirmed_by: str = ""


ApprovalEvent = Proposed | ProposalSupported | ProposalEnded | Listed | Unlisted

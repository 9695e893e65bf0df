"""What an account knows of its family: links, what it asked for, and what it holds for others (domain 9)."""

from typing import Literal

from hub.domain.frozen import Frozen
from schemas.commands import Channel, EndCause, Instant, InsuranceSplit, Relation, Role, Scene


class Link(Frozen, frozen=True):
    """One relation between two accounts, as this side sees it."""

    id: str
    relation: Relation
    role: Role
    """This side's own."""
    other: str
    state: Literal["requested", "offered", "active", "ended"]
    expires_at: Instant = 0
    """When an unanswered request is over."""
    consent: str = ""
    """Version of the text this side consented to."""
    other_consent: str = ""
    other_birth_on: str = ""
    since: Instant = 0
    ended_at: Instant = 0
    cause: EndCause | Literal[""] = ""
    ending: Literal["", "requested", "offered"] = ""
    """Whose wish to end it is open: this side's, or the other's."""
    channel: Channel | Literal[""] = ""
    """The contract of the child who pays, on the parent's side."""
    channel_agreement: str = ""

    def covers(self, at: Instant) -> bool:
        """Return True when a charge of this event time may use the link; coming of age ends it by event time."""
        return self.state == "active" or (self.cause == "came_of_age" and self.since <= at < self.ended_at)


class Ask(Frozen, frozen=True):
    """A dependent's charge that waits for the payer's answer."""

    hold: str
    link: str
    payer: str
    visit: str
    """Key of the visit within the account."""
    amount_fen: int
    charges: tuple[str, ...]
    event_at: Instant
    expires_wall_at: Instant
    settlement: InsuranceSplit | None = None


class FamilyHold(Frozen, frozen=True):
    """What is held on the payer's line until the dependent's account posts or voids it."""

    hold: str
    link: str
    institution: str
    visit: str
    scene: Scene
    agreement: str
    pack: str
    amount_fen: int
    event_at: Instant


class Family(Frozen, frozen=True):
    """Everything about an account's family."""

    links: dict[str, Link] = {}
    asks: dict[str, Ask] = {}
    holds: dict[str, FamilyHold] = {}
    died_at: Instant = 0

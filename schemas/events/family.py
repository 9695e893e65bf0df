"""What happened between the accounts of a family (domain 9)."""

from typing import Literal

from schemas.commands import Channel, EndCause, Instant, InsuranceSplit, Relation, Role, Scene, Struct


class FamilyLinkRequested(Struct, frozen=True, tag="family_link_requested"):
    """This side asked for a link and consented; the other side was told."""

    link: str
    relation: Relation
    role: Role
    other: str
    consent_version: str
    event_at: Instant
    expires_at: Instant


class FamilyLinkOffered(Struct, frozen=True, tag="family_link_offered"):
    """This side was asked for a link; `role` is its own."""

    link: str
    relation: Relation
    role: Role
    other: str
    consent_version: str
    expires_at: Instant
    birth_on: str = ""
    """The other side's birthday."""
    channel: Channel | Literal[""] = ""
    channel_agreement: str = ""


class FamilyLinked(Struct, frozen=True, tag="family_linked"):
    """Both sides consented: the link is in force here from `since`."""

    link: str
    since: Instant
    consent_version: str
    of_age_at: Instant = 0
    """When the dependent turns 18, on the dependent's side of a minor's link."""
    channel: Channel | Literal[""] = ""
    channel_agreement: str = ""
    birth_on: str = ""
    """The other side's birthday, where it came with its consent."""


class FamilyLinkEnded(Struct, frozen=True, tag="family_link_ended"):
    """The link is over, or was never made; what stands on a line stays where it is until it is taken over."""

    link: str
    cause: EndCause
    ended_at: Instant
    reason: str = ""
    """Why it was refused."""


class FamilyUnlinkAsked(Struct, frozen=True, tag="family_unlink_asked"):
    """One side asked to end the link: this one (`by_us`) or the other."""

    link: str
    by_us: bool
    consent_version: str
    expires_at: Instant


class FamilyUnlinkRefused(Struct, frozen=True, tag="family_unlink_refused"):
    """The end was refused by the other side, or nobody answered in time: the link stays."""

    link: str


class FamilyContractNoted(Struct, frozen=True, tag="family_contract_noted"):
    """The channel contract of the child who pays; empty: debits go to the person's own channel again."""

    link: str
    channel: Channel | Literal[""] = ""
    channel_agreement: str = ""


class PersonDied(Struct, frozen=True, tag="person_died"):
    """No new credit and no debit from here on."""

    died_at: Instant
    reference: str = ""


class FamilyHoldAsked(Struct, frozen=True, tag="family_hold_asked"):
    """A dependent's charge needs credit: its lines wait for the payer's answer, at most until `expires_wall_at`."""

    hold: str
    link: str
    payer: str
    visit: str
    institution: str
    amount_fen: int
    charges: tuple[str, ...]
    """The held charges that are split with the answer."""
    event_at: Instant
    expires_wall_at: Instant
    settlement: InsuranceSplit | None = None


class FamilyHoldDecided(Struct, frozen=True, tag="family_hold_decided"):
    """The dependent's side of a hold is over: `posted_fen` of it paid the charge, the rest is free."""

    hold: str
    posted_fen: int
    granted_fen: int
    reason: str = ""


class FamilyHoldPlaced(Struct, frozen=True, tag="family_hold_placed"):
    """The payer's line is held for a dependent's charge: it counts against the limit (domain 4.2 row 10)."""

    hold: str
    link: str
    institution: str
    visit: str
    scene: Scene
    agreement: str
    pack: str
    amount_fen: int
    event_at: Instant


class FamilyHoldVoided(Struct, frozen=True, tag="family_hold_voided"):
    """The dependent did not need it: the line is free again."""

    hold: str


class FamilyCreditPosted(Struct, frozen=True, tag="family_credit_posted"):
    """A hold became credit used for a dependent's charge, on a visit that mirrors the dependent's."""

    hold: str
    institution: str
    visit: str
    """The mirrored visit's number: the dependent's, a tilde and the beginning of the dependent's account."""
    scene: Scene
    agreement: str
    pack: str
    amount_fen: int
    event_at: Instant


class FamilyCreditReduced(Struct, frozen=True, tag="family_credit_reduced"):
    """Part of it was taken back, or taken over by the dependent: the bill owes less or gives money back."""

    hold: str
    institution: str
    visit: str
    amount_fen: int
    taken_over: bool = False
    waits: bool = False
    """True: it waits for the result of the live debit."""


class FamilyCreditReturned(Struct, frozen=True, tag="family_credit_returned"):
    """Part of it was taken back after its visit was archived here: the money waits in the payer's balance."""

    hold: str
    payment: str
    amount_fen: int


class FamilyBillOffered(Struct, frozen=True, tag="family_bill_offered"):
    """An unpaid bill was offered to the dependent whose link ended."""

    bill: str
    to_account: str


class FamilyBillTaken(Struct, frozen=True, tag="family_bill_taken"):
    """The former dependent took over what stood on a payer's line: own credit from here on, billed at once."""

    institution: str
    visit: str
    holds: tuple[str, ...]
    agreement: str
    amount_fen: int


FamilyEvent = (
    FamilyLinkRequested
    | FamilyLinkOffered
    | FamilyLinked
    | FamilyLinkEnded
    | FamilyUnlinkAsked
    | FamilyUnlinkRefused
    | FamilyContractNoted
    | PersonDied
    | FamilyHoldAsked
    | FamilyHoldDecided
    | FamilyHoldPlaced
    | FamilyHoldVoided
    | FamilyCreditPosted
    | FamilyCreditReduced
    | FamilyCreditReturned
    | FamilyBillOffered
    | FamilyBillTaken
)

"""Family payment (亲情付): links by two consents, a minor's use of a parent's line, a child who pays a parent's bills.

What a person or a clerk asks for comes from outside; everything else is a relay from one account of the family to the
other, recognised by its way (`via`) when it comes twice (domain 9, architecture 4).
"""

from typing import Literal

from schemas.commands.parts import Channel, Instant, ReplyTo, Scene, Struct, Subject

Relation = Literal["minor", "adult_child"]
Role = Literal["payer", "dependent"]
EndCause = Literal["unlinked", "came_of_age", "death", "expired", "refused"]


class RequestFamilyLink(Struct, frozen=True, tag="request_family_link"):
    """One side asks for a link and consents to it; `role` is the asking side's own.

    `minor`: the dependent, below 18, shares the payer's credit line. `adult_child`: the payer's channel repays the
    dependent parent's bills, whose line is used.
    """

    event_at: Instant
    relation: Relation
    role: Role
    other: str
    """The other account."""
    consent_version: str
    subject: Subject = Subject()


class AnswerFamilyLink(Struct, frozen=True, tag="answer_family_link"):
    """The other side consents to a link that it was asked for, or refuses it."""

    event_at: Instant
    link: str
    accept: bool
    consent_version: str = ""


class RequestFamilyUnlink(Struct, frozen=True, tag="request_family_unlink"):
    """One side asks to end a link."""

    event_at: Instant
    link: str
    consent_version: str


class AnswerFamilyUnlink(Struct, frozen=True, tag="answer_family_unlink"):
    """The other side consents to the end of a link, or refuses it."""

    event_at: Instant
    link: str
    accept: bool
    consent_version: str = ""


class RecordDeath(Struct, frozen=True, tag="record_death"):
    """The person died, as a HIS or a clerk reports it: no new credit, no debit, every link ends (domain 9)."""

    event_at: Instant
    reference: str = ""
    subject: Subject = Subject()


class OfferFamilyLink(Struct, frozen=True, tag="offer_family_link"):
    """Relay: the other account is asked; `role` is the asked side's, `birth_on` and the contract the asking side's."""

    link: str
    relation: Relation
    role: Role
    from_account: str
    consent_version: str
    expires_at: Instant
    event_at: Instant
    birth_on: str = ""
    channel: Channel | Literal[""] = ""
    channel_agreement: str = ""


class SettleFamilyLink(Struct, frozen=True, tag="settle_family_link"):
    """Relay: the asked side's word reaches the asking side; a contract is there when the asked side pays."""

    link: str
    accept: bool
    event_at: Instant
    reason: str = ""
    consent_version: str = ""
    birth_on: str = ""
    channel: Channel | Literal[""] = ""
    channel_agreement: str = ""


class OfferFamilyUnlink(Struct, frozen=True, tag="offer_family_unlink"):
    """Relay: the other side is asked whether the link may end."""

    link: str
    consent_version: str
    expires_at: Instant


class SettleFamilyUnlink(Struct, frozen=True, tag="settle_family_unlink"):
    """Relay: the other side refused the end of the link."""

    link: str


class EndFamilyLink(Struct, frozen=True, tag="end_family_link"):
    """Relay: the link is over since `ended_at`, whatever this side thought of it."""

    link: str
    cause: EndCause
    ended_at: Instant


class HoldFamilyLine(Struct, frozen=True, tag="hold_family_line"):
    """Relay to the payer: hold up to `amount_fen` of the line for a dependent's charge.

    `reply` and `command_id` belong to the caller that waits for the charge: the answer carries them back.
    """

    hold: str
    link: str
    institution: str
    visit: str
    scene: Scene
    event_at: Instant
    amount_fen: int
    reply: ReplyTo | None = None
    command_id: str = ""


class CheckFamilyLine(Struct, frozen=True, tag="check_family_line"):
    """Relay to the payer: a kiosk's question about a minor; the rest is what the minor's own account has."""

    link: str
    institution: str
    scene: Scene
    event_at: Instant
    prepayment_fen: int
    insurance_fen: int
    insurance_linked: bool


class AnswerFamilyHold(Struct, frozen=True, tag="answer_family_hold"):
    """Relay to the dependent: `granted_fen` is held until it is posted or voided; `reason` says why not all of it."""

    hold: str
    institution: str
    visit: str
    granted_fen: int
    reason: str = ""
    clause: str = ""
    source: str = ""
    score: str = ""
    """The version of the payer's credit score."""
    answers: str = ""
    """The id of the command whose caller waits."""


class PostFamilyHold(Struct, frozen=True, tag="post_family_hold"):
    """Relay to the payer, the one decision about a hold: `amount_fen` of it becomes credit used, the rest is free.

    0 voids it. `closed_at` is set when the visit is closed already, so that it is billed.
    """

    hold: str
    institution: str
    visit: str
    scene: Scene
    event_at: Instant
    amount_fen: int
    closed_at: Instant = 0


class ReduceFamilyCredit(Struct, frozen=True, tag="reduce_family_credit"):
    """Relay to the payer: part of the dependent's charge was taken back, this much of it stood on the line."""

    hold: str
    institution: str
    visit: str
    amount_fen: int
    event_at: Instant
    taken_over: bool = False
    """True: the dependent took it over onto an own line."""


class NoteFamilyVisit(Struct, frozen=True, tag="note_family_visit"):
    """Relay to the payer: the dependent's visit closed, which bills it, or its close was taken back."""

    patient: str
    """The account that asked for the holds."""
    institution: str
    visit: str
    event: Literal["closed", "reopened"]
    at: Instant


class OfferFamilyBill(Struct, frozen=True, tag="offer_family_bill"):
    """Relay to a dependent whose link ended: a bill that nobody paid yet; taken over if an own line bears it."""

    bill: str
    institution: str
    visit: str
    holds: tuple[str, ...]
    closed_at: Instant


class NoteFamilyContract(Struct, frozen=True, tag="note_family_contract"):
    """Relay to the dependent parent: the channel contract of the child who pays; empty when there is none any more."""

    link: str
    channel: Channel | Literal[""] = ""
    channel_agreement: str = ""


FamilyBody = (
    RequestFamilyLink
    | AnswerFamilyLink
    | RequestFamilyUnlink
    | AnswerFamilyUnlink
    | RecordDeath
    | OfferFamilyLink
    | SettleFamilyLink
    | OfferFamilyUnlink
    | SettleFamilyUnlink
    | EndFamilyLink
    | HoldFamilyLine
    | CheckFamilyLine
    | AnswerFamilyHold
    | PostFamilyHold
    | ReduceFamilyCredit
    | NoteFamilyVisit
    | OfferFamilyBill
    | NoteFamilyContract
)

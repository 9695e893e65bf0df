"""Agreements, scores, consents, and the question whether somebody may use credit."""

from typing import Literal

from schemas.commands.parts import Channel, Instant, Scene, Struct, Subject


class SignAgreement(Struct, frozen=True, tag="sign_agreement"):
    """A person signs: bank or institution funding, repayment channel, consents (domain 5)."""

    event_at: Instant
    pack: str
    bank: str
    channel: Channel
    channel_agreement: str
    """The gateway's agreement number (Alipay) or token (UnionPay): the hub stores tokens, never cards."""
    score_consents: tuple[str, ...]
    """Providers whose score may be read: egret, sesame, bank."""
    consent_version: str
    consent_until: Instant
    debit_consent: bool = True
    subject: Subject = Subject()


class WithdrawAgreement(Struct, frozen=True, tag="withdraw_agreement"):
    """The person ends the agreement: no new credit; what is owed stays owed."""

    event_at: Instant
    agreement: str


class CheckEligibility(Struct, frozen=True, tag="check_eligibility"):
    """The kiosk's question; its answer is the reply, nothing changes."""

    institution: str
    scene: Scene
    event_at: Instant
    by: Literal["person", "card"] = "person"
    """`card`: asked by an insurance card or e-health code, whose account forwards once it was linked at a counter."""


class ObserveScore(Struct, frozen=True, tag="observe_score"):
    """A score, already reduced to its band over all packs' cut points; the value itself goes nowhere (architecture 12).

    `band` is the number of cut points at or below the value; `cut_points_hash` names the list it was made with.
    """

    provider: Literal["egret", "sesame", "bank"]
    band: int
    cut_points_hash: str
    message_id: str
    computed_at: Instant
    valid_until: Instant
    sequence: int
    authorisation: str
    authorisation_from: Instant
    authorisation_until: Instant
    authorisation_scopes: tuple[str, ...] = ()
    source: str = ""
    """Which of the provider's feeds said it: the one that hears of repayments."""


class RevokeConsent(Struct, frozen=True, tag="revoke_consent"):
    """The person withdrew the authorisation to read scores: freezes the line for new use (domain 5)."""

    provider: Literal["egret", "sesame", "bank"]
    event_at: Instant
    authorisation: str


class ReceiveFeedMessage(Struct, frozen=True, tag="receive_feed_message"):
    """A verified score message at its feed's account, which judges the sequence and relays the rest (protocols 8.2).

    `payload_sm3` is SM3 of the sealed payload text; `relay_account` is the person's account.
    """

    stream: str
    sequence: int
    message_id: str
    payload_sm3: str
    relay_account: str
    message: ObserveScore | RevokeConsent | None = None


CreditBody = SignAgreement | WithdrawAgreement | CheckEligibility | ObserveScore | RevokeConsent | ReceiveFeedMessage

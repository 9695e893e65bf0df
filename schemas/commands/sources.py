"""Consent to further sources of repayment (domain 7, fallback order only by consent)."""

from typing import Literal

from schemas.commands.parts import Channel, Instant, Struct

SourceKind = Literal["second_channel", "family"]


class ConsentedSource(Struct, frozen=True):
    """One further source: the person's second channel, or a family payer's contract."""

    kind: SourceKind
    channel: Channel
    channel_agreement: str
    payer: str = ""
    """Account of the family payer."""


class SetRepaymentSources(Struct, frozen=True, tag="set_repayment_sources"):
    """The person consents to these sources in this order; an empty list takes the consent back.

    A debit that is under way keeps its source; bills already on a source that is gone begin with the first again.
    """

    agreement: str
    event_at: Instant
    sources: tuple[ConsentedSource, ...]
    consent_version: str


SourceBody = SetRepaymentSources

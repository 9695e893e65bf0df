"""What happened to agreements, scores, consents and lines."""

from schemas.commands import Channel, Instant, Struct
from schemas.events.allocation import Provider


class AgreementSigned(Struct, frozen=True, tag="agreement_signed"):
    """A person may now be treated first and pay later, under one pack."""

    agreement: str
    pack: str
    bank: str
    channel: Channel
    channel_agreement: str
    score_consents: tuple[str, ...]
    consent_version: str
    consent_until: Instant
    debit_consent: bool
    signed_at: Instant
    limit_fen: int = 0
    provider: str = ""
    band: int = -1


class AgreementEnded(Struct, frozen=True, tag="agreement_ended"):
    """Withdrawn by the person; what is owed stays owed."""

    agreement: str
    ended_at: Instant


class ChannelAgreementEnded(Struct, frozen=True, tag="channel_agreement_ended"):
    """The channel ended its own agreement: no debit through it any more."""

    agreement: str
    channel: Channel


class LineSet(Struct, frozen=True, tag="line_set"):
    """The credit line of an agreement was computed; a line below `used` never claws back (domain 5)."""

    agreement: str
    limit_fen: int
    provider: str
    band: int


class ScoreObserved(Struct, frozen=True, tag="score_observed"):
    """A newer score band of one provider; older ones are not recorded here but in the outcome."""

    provider: Provider
    band: int
    cut_points_hash: str
    message_id: str
    computed_at: Instant
    valid_until: Instant
    sequence: int
    authorisation: str
    authorisation_until: Instant
    source: str = ""


class ConsentRevoked(Struct, frozen=True, tag="consent_revoked"):
    """Scores of this provider may not be read any more; the band is forgotten and the line frozen for new use."""

    provider: Provider
    authorisation: str


AgreementEvent = AgreementSigned | AgreementEnded | ChannelAgreementEnded | LineSet | ScoreObserved | ConsentRevoked

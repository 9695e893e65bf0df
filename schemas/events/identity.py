"""What happened to the identity of accounts that were one patient all along."""

from schemas.commands import Instant, Struct


class AccountMerged(Struct, frozen=True, tag="account_merged"):
    """Everything of this account left for the survivor: from here on it only forwards."""

    survivor: str
    institution: str
    event_at: Instant
    number: bool = False
    """True: a hospital number, whose prepayment leaves by transfers and whose early lines stay."""


class MovedAgreement(Struct, frozen=True):
    """An agreement that moved with its person, for who reads this account's records and not the retired one's."""

    agreement: str
    pack: str
    bank: str
    limit_fen: int
    consent_until: Instant


class AccountAbsorbed(Struct, frozen=True, tag="account_absorbed"):
    """The survivor took in everything of the retired account: its bytes in base64, as they left."""

    from_account: str
    core: str
    encounters: tuple[str, ...] = ()
    at: Instant = 0
    ended: str = ""
    """The retired account's agreement that gives no new credit from here on, because the survivor has one."""
    agreements: tuple[MovedAgreement, ...] = ()
    payments: tuple[tuple[str, int], ...] = ()
    """Payment → what it brought."""


IdentityEvent = AccountMerged | AccountAbsorbed

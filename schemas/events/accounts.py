"""What happened to balances, identity, links and feeds of an account."""

from schemas.commands import Struct, Subject


class PrepaymentDeposited(Struct, frozen=True, tag="prepayment_deposited"):
    """Money paid in advance to one institution."""

    institution: str
    amount_fen: int
    receipt_no: str = ""
    from_account: str = ""
    """Set when it came over from a number account at its link."""
    deposit: str = ""
    """The id of the deposit."""


class PrepaymentTransferred(Struct, frozen=True, tag="prepayment_transferred"):
    """A number account gave its prepayment to the linked person."""

    institution: str
    amount_fen: int
    to_account: str


class InsuranceAccountDeposited(Struct, frozen=True, tag="insurance_account_deposited"):
    """The insurer credited the personal insurance account."""

    amount_fen: int
    reference: str = ""


class FeedAdvanced(Struct, frozen=True, tag="feed_advanced"):
    """A feed account accepted the next sequence number."""

    stream: str
    sequence: int
    message_id: str
    payload_sm3: str


class PersonIdentified(Struct, frozen=True, tag="person_identified"):
    """What a message said about the person, masked; only changed fields are set."""

    subject: Subject


class NumberLinked(Struct, frozen=True, tag="number_linked"):
    """A number account now belongs to a person: it forwards from here on."""

    person: str
    institution: str


class NumberNoted(Struct, frozen=True, tag="number_noted"):
    """A person learned of a hospital number of theirs and told its account."""

    number: str


class Forwarded(Struct, frozen=True, tag="forwarded"):
    """The command left for the linked person in this account's own order."""

    command_id: str
    to_account: str


BalanceEvent = (
    PrepaymentDeposited
    | PrepaymentTransferred
    | InsuranceAccountDeposited
    | FeedAdvanced
    | PersonIdentified
    | NumberLinked
    | NumberNoted
    | Forwarded
)

"""Money going back to people: what is left of a deposit, and what they paid too much (domain 4, 6)."""

from schemas.commands.parts import Instant, Struct, Subject


class RefundPrepayment(Struct, frozen=True, tag="refund_prepayment"):
    """Pay back what is left of money paid in advance, at the institution that took it."""

    institution: str
    event_at: Instant
    amount_fen: int
    reference: str = ""
    """The institution's own number of the refund."""
    subject: Subject = Subject()


class RefundBalance(Struct, frozen=True, tag="refund_balance"):
    """Pay back what was paid beyond every bill, each part to the payment it came from, newest first."""

    event_at: Instant
    amount_fen: int
    reference: str = ""


BalanceBody = RefundPrepayment | RefundBalance

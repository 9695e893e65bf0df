"""What happened to money that goes back to people."""

from schemas.commands import Struct


class PrepaymentRefunded(Struct, frozen=True, tag="prepayment_refunded"):
    """Money paid in advance went back at its institution; `sources` says how much of which deposit."""

    institution: str
    amount_fen: int
    refund: str
    sources: tuple[tuple[str, int], ...]
    reference: str = ""


class BalanceRefunded(Struct, frozen=True, tag="balance_refunded"):
    """Part of a payment that no bill took went back by the way it had come."""

    refund: str
    payment: str
    method: str
    amount_fen: int
    reference: str = ""


MoneyBackEvent = PrepaymentRefunded | BalanceRefunded

"""What an amount was split into, and a line as booked."""

from typing import Final, Literal

from schemas.commands import Instant, Item, LineKind, Struct

Provider = Literal["egret", "sesame", "bank"]


class Allocation(Struct, frozen=True):
    """How an amount was split; the parts always sum to the whole (domain 1, allocation)."""

    fund_fen: int = 0
    account_fen: int = 0
    other_fen: int = 0
    prepayment_fen: int = 0
    credit_fen: int = 0
    self_pay_fen: int = 0

    def total_fen(self) -> int:
        """Return the sum of all parts."""
        return (
            self.fund_fen
            + self.account_fen
            + self.other_fen
            + self.prepayment_fen
            + self.credit_fen
            + self.self_pay_fen
        )


SOURCES: Final = tuple(name.removesuffix("_fen") for name in Allocation.__struct_fields__)
"""What pays for a charge, by name, in the order of its parts."""


class PostedLine(Struct, frozen=True):
    """A line as booked."""

    line_key: str
    amount_fen: int
    item: Item
    service_at: Instant
    kind: LineKind = "charge"
    quantity: str = "1"
    unit_price: str = ""
    department: str = ""
    order_no: str = ""
    reverses: str = ""
    content: str = ""
    """The line's canonical text where its amount is not the one that was sent: of a credit entered in error."""

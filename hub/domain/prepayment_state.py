"""What an account keeps of money paid in advance, so that it goes back where it came from."""

from hub.domain.frozen import Frozen


class Deposit(Frozen, frozen=True):
    """One payment in advance to an institution; a receipt is booked once."""

    institution: str
    amount_fen: int
    receipt_no: str = ""
    seq: int = 0
    """The record that booked it."""
    returned_fen: int = 0

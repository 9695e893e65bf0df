"""The state of fees, losses, advances and closed days; an account that has none of them keeps nothing."""

from typing import Literal

from hub.domain.frozen import Frozen


class FeeBook(Frozen, frozen=True):
    """The fee of one bill. `own` and `cap` sum principal × basis points over the chargeable days, exactly."""

    days: int = 0
    own: int = 0
    cap: int = 0
    accrued_fen: int = 0
    waived_fen: int = 0
    paid_fen: int = 0
    ended: bool = False
    """True: waived; it accrues no more."""

    @property
    def charged_fen(self) -> int:
        """What the fee comes to."""
        return self.accrued_fen - self.waived_fen

    @property
    def owed_fen(self) -> int:
        """What of the fee is still to be paid."""
        return self.charged_fen - self.paid_fen


class Loss(Frozen, frozen=True):
    """A bill that was given up, whose loss it is, and what came in since."""

    funder: str
    amount_fen: int
    recovered_fen: int = 0


class Advance(Frozen, frozen=True):
    """One batch."""

    day: str
    amount_fen: int
    state: Literal["opened", "confirmed", "refused"] = "opened"


class Advances(Frozen, frozen=True):
    """The account of one institution with one bank: its batches by id, and what is left to net."""

    institution: str
    bank: str
    day: str = ""
    """The newest day that has a batch."""
    carry_fen: int = 0
    batches: dict[str, Advance] = {}


class Calendar(Frozen, frozen=True):
    """The clerk's account: the newest closed day and its root."""

    day: str
    root: str


class Clearing(Frozen, frozen=True):
    """Everything of clearing that an account may hold."""

    fees: dict[str, FeeBook] = {}
    losses: dict[str, Loss] = {}
    advances: Advances | None = None
    calendar: Calendar | None = None

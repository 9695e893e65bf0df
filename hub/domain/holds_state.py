"""What an account keeps of holds for visits."""

from hub.domain.frozen import Frozen
from schemas.commands import HoldSource, Instant


class Hold(Frozen, frozen=True):
    """A part of a line or of a prepayment that one visit may capture."""

    visit: str
    """Key of the visit: `institution|visit`."""
    source: HoldSource
    agreement: str
    amount_fen: int
    left_fen: int
    until: Instant
    closed: bool = False

    @property
    def open_fen(self) -> int:
        """Return what may still be captured."""
        return 0 if self.closed else self.left_fen

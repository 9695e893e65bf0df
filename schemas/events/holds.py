"""What happened to holds of a visit: each ends captured, released or both, never in between (domain 1, hold)."""

from typing import Literal

from schemas.commands import HoldSource, Instant, Struct


class HoldPlaced(Struct, frozen=True, tag="hold_placed"):
    """An amount of a line or a prepayment is kept for a visit; it counts against the limit."""

    hold: str
    visit: str
    institution: str
    source: HoldSource
    agreement: str
    amount_fen: int
    until: Instant


class HoldCaptured(Struct, frozen=True, tag="hold_captured"):
    """A charge of the visit took part of a hold."""

    hold: str
    charge: str
    amount_fen: int


class HoldReleased(Struct, frozen=True, tag="hold_released"):
    """What was left of a hold is free again; the hold is closed."""

    hold: str
    amount_fen: int
    cause: Literal["captured", "voided", "discharged", "cancelled", "expired", "withdrawn"]


HoldEvent = HoldPlaced | HoldCaptured | HoldReleased

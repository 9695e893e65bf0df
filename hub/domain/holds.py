"""Holds of visits as the deduction sees them: what they keep from others, what a charge captures, what is released."""

from typing import Literal

from hub.domain.draft import Draft
from hub.domain.state import Core, Parts
from schemas.commands import HoldSource
from schemas.events import HoldCaptured, HoldReleased

Release = Literal["captured", "voided", "discharged", "cancelled", "expired", "withdrawn"]


def own_credit_held(core: Core, visit: str, agreement: str) -> int:
    """Return what is held of a line for this visit: its own charges may use it."""
    return sum(
        hold.open_fen
        for hold in core.holds.values()
        if hold.visit == visit and hold.source == "credit" and hold.agreement == agreement
    )


def prepayment_held(core: Core, institution: str, but_for: str = "") -> int:
    """Return what of an institution's prepayment is held, but for one visit's own holds."""
    return sum(
        hold.open_fen
        for hold in core.holds.values()
        if hold.source == "prepayment" and hold.visit != but_for and hold.visit.partition("|")[0] == institution
    )


def capture(draft: Draft, visit: str, charge: str, parts: Parts) -> None:
    """Let a charge about to be posted take its credit and prepayment parts from the visit's own holds first."""
    if not draft.core.holds:
        return
    rest: dict[HoldSource, int] = {"credit": parts.credit, "prepayment": parts.prepayment}
    for hold_id, hold in draft.core.holds.items():
        part = min(rest[hold.source], hold.open_fen) if hold.visit == visit else 0
        if part:
            draft.emit(HoldCaptured(hold_id, charge, part))
            rest[hold.source] -= part


def release(draft: Draft, hold_id: str, cause: Release) -> None:
    """Close a hold; what is left of it is free again. A closed one stays as it is."""
    hold = draft.core.holds[hold_id]
    if not hold.closed:
        draft.emit(HoldReleased(hold_id, hold.left_fen, cause))


def release_visit(draft: Draft, visit: str, cause: Release) -> None:
    """Close the holds of a visit that ended."""
    for hold_id, hold in draft.core.holds.items():
        if hold.visit == visit:
            release(draft, hold_id, cause)


def release_agreement(draft: Draft, agreement: str) -> None:
    """Close the holds on a line whose agreement ended: nothing new may be put on it."""
    for hold_id, hold in draft.core.holds.items():
        if hold.agreement == agreement:
            release(draft, hold_id, "withdrawn")

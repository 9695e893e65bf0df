"""What happened to a visit."""

from typing import Literal

from schemas.commands import Instant, Scene, Struct


class VisitOpened(Struct, frozen=True, tag="visit_opened"):
    """The first thing heard of a visit: an ADT, an Encounter or its first charge."""

    visit: str
    institution: str
    scene: Scene
    event_at: Instant
    idle_at: Instant = 0
    """When it closes if nothing more is heard; 0 for an inpatient, who is discharged, and where the charge that opened
    it says so."""
    department: str = ""


class VisitUpdated(Struct, frozen=True, tag="visit_updated"):
    """ADT^A08 or a repeat of an Encounter; never changes amounts."""

    visit: str
    institution: str
    scene: Scene
    event_at: Instant


class VisitClosed(Struct, frozen=True, tag="visit_closed"):
    """Discharge, finished, or 12 h idle (architecture 12, closing)."""

    visit: str
    institution: str
    closed_at: Instant
    cause: Literal["discharged", "idle", "cancelled"]


class VisitReopened(Struct, frozen=True, tag="visit_reopened"):
    """ADT^A13 or a late charge before the bill is debited."""

    visit: str
    institution: str
    idle_at: Instant = 0


class VisitCancelPending(Struct, frozen=True, tag="visit_cancel_pending"):
    """ADT^A11 while charges are not reversed: it is cancelled when their net is zero (protocols 2.1)."""

    visit: str
    institution: str


class VisitSettled(Struct, frozen=True, tag="visit_settled"):
    """Closed, and nothing is owed or waits any more: its archive timer runs."""

    visit: str
    institution: str
    archive_at: Instant


class VisitArchived(Struct, frozen=True, tag="visit_archived"):
    """180 days after settlement: lines leave the state, the id stays known."""

    visit: str
    institution: str


VisitEvent = (
    VisitOpened | VisitUpdated | VisitClosed | VisitReopened | VisitCancelPending | VisitSettled | VisitArchived
)

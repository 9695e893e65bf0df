"""Whether a person may use new credit."""

from schemas.commands import Instant, Struct


class Suspended(Struct, frozen=True, tag="suspended"):
    """No new credit because of an overdue bill."""

    bill: str


class ResumePlanned(Struct, frozen=True, tag="resume_planned"):
    """The arrears are paid; credit resumes at the pack's time."""

    resume_at: Instant


class Resumed(Struct, frozen=True, tag="resumed"):
    """Credit may be used again."""


StandingEvent = Suspended | ResumePlanned | Resumed

"""Whether a person may use new credit, and what their repayments earned or cost them (domain 8)."""

from typing import Literal

from schemas.commands import FeedbackKind, Instant, Struct


class Suspended(Struct, frozen=True, tag="suspended"):
    """No new credit because of an overdue bill."""

    bill: str


class ResumePlanned(Struct, frozen=True, tag="resume_planned"):
    """The arrears are paid; credit resumes at the pack's time."""

    resume_at: Instant


class Resumed(Struct, frozen=True, tag="resumed"):
    """Credit may be used again."""


class OverdueRecorded(Struct, frozen=True, tag="overdue_recorded"):
    """An overdue bill counts against the person; `next_at` is when its days next cost something of the line."""

    bill: str
    pack: str
    since: Instant
    amount_fen: int
    month: int
    next_at: Instant = 0


class ArrearsGrew(Struct, frozen=True, tag="arrears_grew"):
    """Days and amount in arrears reached the next band of the pack."""

    bill: str
    days: int
    owed_fen: int
    cut_percent: int
    next_at: Instant = 0


class ArrearsCleared(Struct, frozen=True, tag="arrears_cleared"):
    """An overdue bill is settled; `repair_at` is when a clean record lowers the counters, 0 for never or not yet."""

    bill: str
    cleared_at: Instant
    repair_at: Instant = 0


class RepaidOnTime(Struct, frozen=True, tag="repaid_on_time"):
    """A bill was settled before its term passed; `month` is the city month of its settlement."""

    bill: str
    month: int
    amount_fen: int
    settled_at: Instant


class ReminderPlanned(Struct, frozen=True, tag="reminder_planned"):
    """When the person is next reminded of a bill, never in the pack's quiet hours."""

    bill: str
    at: Instant


class ReminderSent(Struct, frozen=True, tag="reminder_sent"):
    """The person is reminded of a bill; `days` counts from the end of its term, below 0 before it."""

    bill: str
    days: int
    owed_fen: int
    next_at: Instant = 0


class ScoreFeedback(Struct, frozen=True, tag="score_feedback"):
    """A message for the score's source; `withdraws` names the message it takes back.

    It leaves for `source` under the authorisation of the score that came from there; an empty source means that it
    stays: no source that could be told knows the person by a name the hub has.
    """

    message: str
    kind: FeedbackKind
    provider: str
    bill: str = ""
    points: int = 0
    month: int = 0
    """For a reward: the last month that it counts."""
    withdraws: str = ""
    source: str = ""
    authorisation: str = ""
    score_message: str = ""
    at: Instant = 0


class FeedbackAnswered(Struct, frozen=True, tag="feedback_answered"):
    """The source took a message, refused it, takes none, or was asked in vain too often: it is not sent again."""

    message: str
    status: Literal["taken", "refused", "untold", "abandoned"]
    code: str = ""
    receipt: str = ""


class FeedbackDelayed(Struct, frozen=True, tag="feedback_delayed"):
    """No certain answer: the same message leaves again at this wall instant."""

    message: str
    attempt: int
    next_wall_at: Instant
    code: str = ""


class Blacklisted(Struct, frozen=True, tag="blacklisted"):
    """More bills were overdue than the pack allows: no credit."""

    bill: str
    total: int
    in_row: int


class CutEnded(Struct, frozen=True, tag="cut_ended"):
    """Credit resumed under a pack that repairs nothing: what these bills cost of the line is given back with it."""

    bills: tuple[str, ...]


class BlacklistLifted(Struct, frozen=True, tag="blacklist_lifted"):
    """The counters are no longer above what the pack allows."""

    cause: Literal["undo", "repair"]


class OverdueRepaired(Struct, frozen=True, tag="overdue_repaired"):
    """A clean record lowered the counters: these bills count no more."""

    bills: tuple[str, ...]
    repaired_at: Instant
    repair_at: Instant = 0
    """When the next ones follow."""


class OverdueUndone(Struct, frozen=True, tag="overdue_undone"):
    """A bill was wrongly recorded overdue: mark, counters, cut and fee are taken back by two people."""

    bill: str
    proposal: str
    author: str
    confirmed_by: str
    reason: str
    due_at: Instant = 0
    """The bill's new term where something is still owed."""
    repair_at: Instant = 0


class RewardPlanned(Struct, frozen=True, tag="reward_planned"):
    """Enough months were on time; the reward is counted when the last of them is over."""

    reward_at: Instant


StandingEvent = (
    Suspended
    | ResumePlanned
    | Resumed
    | OverdueRecorded
    | ArrearsGrew
    | ArrearsCleared
    | CutEnded
    | RepaidOnTime
    | ReminderPlanned
    | ReminderSent
    | ScoreFeedback
    | FeedbackAnswered
    | FeedbackDelayed
    | Blacklisted
    | BlacklistLifted
    | OverdueRepaired
    | OverdueUndone
    | RewardPlanned
)

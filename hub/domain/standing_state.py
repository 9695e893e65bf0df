"""What an account keeps of its repayments: marks of overdue bills, months on time, lists, and what enrolment asks."""

from typing import Final, Literal

from hub.domain.frozen import Frozen
from schemas.commands import Instant

RELIEF_CHANNEL: Final = "relief/"
"""What the channel of a relief payment begins with; its kind follows."""
MONTHS_KEPT: Final = 25
"""Two years of months on time, and the one that runs."""


class OverdueMark(Frozen, frozen=True):
    """One bill that passed its term unpaid; it counts until it is repaired or undone (domain 8)."""

    bill: str
    pack: str
    since: Instant
    amount_fen: int
    """What was owed when the term passed."""
    month: int
    """City month of `since`, counted from the year 0."""
    cut_percent: int = 0
    """What its days and amount cost of the line so far."""
    cleared_at: Instant = 0
    """When the arrears were paid, 0 while they are owed."""
    paused_ms: int = 0
    """How long relief cases stopped the clock since the mark."""
    in_row: bool = True
    """False once another bill was repaid on time after it."""
    message: str = ""
    """The message to the score's source about it."""
    told: str = ""
    """The source it left for, empty where there was nobody to tell."""


class Month(Frozen, frozen=True):
    """What happened to bills in one city month."""

    month: int
    repayments: int = 0
    repaid_fen: int = 0
    late: int = 0
    """Bills that became overdue."""


class Standing(Frozen, frozen=True):
    """How the person repays; a function of the bills' history alone."""

    marks: tuple[OverdueMark, ...] = ()
    """Oldest first."""
    months: tuple[Month, ...] = ()
    """Ascending, only months in which something happened."""
    on_time: int = 0
    """Bills repaid on time in all."""
    rewarded_month: int = 0
    """The last month that a reward has counted."""
    repaired_at: Instant = 0
    """When a clean record last lowered the counters."""
    blacklisted: bool = False
    """True: more bills were overdue than the pack allows."""

    @property
    def in_row(self) -> int:
        """Return how many bills were overdue without one on time between them."""
        return sum(mark.in_row for mark in self.marks)

    @property
    def cut_percent(self) -> int:
        """Return what all marks together cost of the line: the dearest of them."""
        return max((mark.cut_percent for mark in self.marks), default=0)

    @property
    def clean_from(self) -> Instant:
        """Return since when the record is clean; 0 without marks or while something is in arrears."""
        if not self.marks or not all(mark.cleared_at for mark in self.marks):
            return 0
        return max(self.repaired_at, *(mark.cleared_at for mark in self.marks))

    def mark_of(self, bill: str) -> OverdueMark | None:
        """Return the mark of a bill, or None."""
        return next((mark for mark in self.marks if mark.bill == bill), None)


def joined_standing(mine: Standing | None, theirs: Standing | None) -> Standing | None:
    """Return the standing of one person who had two accounts: every mark and every month of both."""
    if mine is None or theirs is None:
        return mine or theirs
    table: dict[int, Month] = {}
    for each in (*mine.months, *theirs.months):
        old = table.get(each.month, Month(each.month))
        table[each.month] = Month(
            each.month,
            old.repayments + each.repayments,
            old.repaid_fen + each.repaid_fen,
            old.late + each.late,
        )
    return Standing(
        tuple(sorted((*mine.marks, *theirs.marks), key=lambda mark: mark.since)),
        tuple(table[month] for month in sorted(table) if month > max(table) - MONTHS_KEPT),
        mine.on_time + theirs.on_time,
        max(mine.rewarded_month, theirs.rewarded_month),
        max(mine.repaired_at, theirs.repaired_at),
        mine.blacklisted or theirs.blacklisted,
    )


class Listing(Frozen, frozen=True):
    """An entry of a person on the white or the black list, by two people."""

    colour: Literal["white", "black"]
    reason: str
    author: str
    confirmed_by: str
    at: Instant
    until: Instant
    """0: until it is taken off."""


class Proposal(Frozen, frozen=True):
    """What one person asked for and another must confirm."""

    id: str
    action: Literal["list", "unlist", "undo_overdue"]
    subject: str
    """The list's colour or the bill."""
    author: str
    reason: str
    at: Instant
    until: Instant = 0
    """When the entry ends, or the new term of the bill."""
    needed: int = 2
    """How many different people it takes, the author included."""
    by: tuple[str, ...] = ()
    """Who confirmed it so far."""


class ReliefCase(Frozen, frozen=True):
    """A third party is asked to pay a bill of a hardship patient (domain 12)."""

    id: str
    bill: str
    kind: Literal["civil_affairs", "insurance_claim", "fiscal"]
    asked_fen: int
    author: str
    reason: str
    opened_at: Instant
    pauses: bool
    needed: int = 2
    state: Literal["open", "paid", "refused", "withdrawn"] = "open"
    by: tuple[str, ...] = ()
    """Who approved it so far."""
    approved_fen: int = 0
    """What the first approval named; every further one must name the same."""
    paid_fen: int = 0


class Enrolment(Frozen, frozen=True):
    """What a pack may ask before credit: the dishonesty record, the insurance card and the insurer's credit check."""

    dishonesty: str = ""
    """Reference of the dishonesty record (失信记录) in force."""
    cards: tuple[str, ...] = ()
    """Accounts of the insurance card and e-health code linked at a counter."""
    insurance_credit: Literal["", "passed", "failed"] = ""
    insurance_checked_at: Instant = 0
    insured: bool = False
    """True: an insurer once paid something for the person, or into their account."""

"""What the API answers about a person's standing, lists, approvals, relief cases and what they were told."""

from schemas.commands import Instant, Struct


class ListingAnswer(Struct, frozen=True, omit_defaults=False):
    """An entry on the white or black list; `until` 0 means until it is taken off."""

    colour: str
    reason: str
    author: str
    confirmed_by: str
    at: Instant
    until: Instant


class StandingAnswer(Struct, frozen=True, omit_defaults=False):
    """How a person repays and what that earned or cost them, as of `at`; entitlements are codes of the pack's list.

    `clean_from` is 0 without arrears in the record, or while something is in arrears.
    """

    account: str
    at: Instant
    overdue_total: int
    overdue_in_row: int
    cut_percent: int
    clean_from: Instant
    on_time: int
    months_in_row: int
    blacklisted: bool
    lists: tuple[ListingAnswer, ...]
    entitlements: tuple[str, ...]
    deposit_waived: bool
    dishonesty: bool
    insurance_linked: bool
    insurance_credit: str


class ListedPerson(Struct, frozen=True, omit_defaults=False):
    """A person on a list, or barred by the counters."""

    account: str
    short: str
    at: Instant
    blacklisted: bool
    lists: tuple[ListingAnswer, ...]


class ApprovalAnswer(Struct, frozen=True, omit_defaults=False):
    """What one person proposed and others decide; `subject` is a list's colour or a bill."""

    proposal: str
    account: str
    action: str
    subject: str
    author: str
    reason: str
    proposed_at: Instant
    until: Instant
    needed: int
    confirmed_by: tuple[str, ...]
    state: str
    ended_by: str


class ReliefCaseAnswer(Struct, frozen=True, omit_defaults=False):
    """A relief case: who asked whom to pay which bill, and what came of it."""

    case: str
    account: str
    bill: str
    kind: str
    state: str
    asked_fen: int
    paid_fen: int
    author: str
    reason: str
    opened_at: Instant
    approved_by: tuple[str, ...]


class NoticeAnswer(Struct, frozen=True, omit_defaults=False):
    """What the person was told, or what the score's source is told of them and answered (`feedback_taken`, …)."""

    id: str
    at: Instant
    kind: str
    bill: str
    days: int
    owed_fen: int
    provider: str
    points: int
    message: str
    withdraws: str

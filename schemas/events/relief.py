"""What happened to relief cases and to the terms they stop (domain 12)."""

from typing import Literal

from schemas.commands import Instant, Struct

ReliefKind = Literal["civil_affairs", "insurance_claim", "fiscal"]


class ReliefOpened(Struct, frozen=True, tag="relief_opened"):
    """A third party is asked to pay a bill of a hardship patient."""

    case: str
    bill: str
    kind: ReliefKind
    asked_fen: int
    author: str
    reason: str
    opened_at: Instant
    pauses: bool
    needed: int = 2


class ReliefSupported(Struct, frozen=True, tag="relief_supported"):
    """One more person approved it, for this amount; more are needed."""

    case: str
    author: str
    amount_fen: int


class ReliefPaid(Struct, frozen=True, tag="relief_paid"):
    """The case was approved: the third party paid all or part of the bill."""

    case: str
    bill: str
    kind: ReliefKind
    amount_fen: int
    author: str


class ReliefClosed(Struct, frozen=True, tag="relief_closed"):
    """The case was refused, or taken back by whoever opened it."""

    case: str
    state: Literal["refused", "withdrawn"]
    author: str
    reason: str = ""


class ReliefReturned(Struct, frozen=True, tag="relief_returned"):
    """A reversal after relief: what the third party paid goes back to it."""

    bill: str
    case: str
    kind: ReliefKind
    amount_fen: int


class TermPaused(Struct, frozen=True, tag="term_paused"):
    """A bill's clock 1 stands still from this instant while a relief case is open."""

    bill: str
    paused_at: Instant


class TermResumed(Struct, frozen=True, tag="term_resumed"):
    """No relief case is open any more: clock 1 goes on where it stopped.

    `next_at` is when the days in arrears of an overdue bill next cost something of the line, `fee_at` when its next
    chargeable day is over.
    """

    bill: str
    resumed_at: Instant
    due_at: Instant
    next_at: Instant = 0
    fee_at: Instant = 0


ReliefEvent = ReliefOpened | ReliefSupported | ReliefPaid | ReliefClosed | ReliefReturned | TermPaused | TermResumed

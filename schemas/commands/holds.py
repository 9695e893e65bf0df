"""Pre-authorisation (预授权): part of a line or prepayment held for a visit, captured later (domain 1, hold)."""

from typing import Literal

from schemas.commands.parts import Instant, Scene, Struct, Subject

HoldSource = Literal["credit", "prepayment"]


class HoldCredit(Struct, frozen=True, tag="hold_credit"):
    """At admission: hold an amount for a visit until its charges capture it, it is voided, discharged or expires."""

    institution: str
    visit: str
    event_at: Instant
    amount_fen: int
    source: HoldSource = "credit"
    scene: Scene = "inpatient"
    subject: Subject = Subject()


class CaptureHold(Struct, frozen=True, tag="capture_hold"):
    """Complete a hold with one charge of at most what is left of it; what is not captured is free again.

    For institutions that send no lines. `line_key` is their number of the charge; empty: made from the hold's id.
    """

    hold: str
    event_at: Instant
    amount_fen: int
    line_key: str = ""


class VoidHold(Struct, frozen=True, tag="void_hold"):
    """Give a hold back; what was captured stays."""

    hold: str
    event_at: Instant


HoldBody = HoldCredit | CaptureHold | VoidHold

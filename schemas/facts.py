"""What `medcredit.facts.v1` carries: sums of one lane transaction, never a person (architecture 3, 6)."""

import msgspec

from schemas.commands import Instant, Struct


class Fact(msgspec.Struct, omit_defaults=True, gc=False):
    """Counts and sums of one transaction for one set of dimensions.

    The one record that is not frozen: the sums grow while a decision's events are gone through, by it alone.
    """

    institution: str
    department: str
    city_hour: Instant
    """Start of the city hour of the lane's `now`, milliseconds since the epoch."""
    scene: str
    outcome: str
    """Outcome code, or the reason code of a refusal."""
    pack: str
    channel: str = ""
    verdict: str = "allow"
    count: int = 1
    lines: int = 0
    visits: int = 0
    charged_fen: int = 0
    fund_fen: int = 0
    account_fen: int = 0
    prepayment_fen: int = 0
    credit_fen: int = 0
    self_pay_fen: int = 0
    returned_credit_fen: int = 0
    billed_fen: int = 0
    repaid_fen: int = 0
    overdue_fen: int = 0
    """Change of the overdue amount: positive when bills become overdue, negative when they are repaid."""
    limit_fen: int = 0
    """Change of the sum of credit lines."""
    debits_paid: int = 0
    debits_failed: int = 0
    debits_unknown: int = 0


class Facts(Struct, frozen=True):
    """The record: one per lane transaction that did anything, several where one would be too large."""

    partition: int
    now: Instant
    wall_now: Instant
    facts: tuple[Fact, ...]

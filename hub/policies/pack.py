"""A policy pack: dated city policy as frozen data, each clause with its source and the rule in our words (domain 3)."""

from typing import Literal, NamedTuple

from schemas.commands import Channel, Instant, Scene

Provider = Literal["egret", "sesame", "bank"]


class Citation(NamedTuple):
    """Where a clause comes from: key and paragraph of a public description, the rule in our words."""

    clause: str
    """`xiamen-city-2023 tiers[0]`."""
    source: str
    """`xiamen-city-2023 ¶3`."""
    rule: str


class Tier(NamedTuple):
    """One step of a score: values from `low` to `high`, both included, give this line."""

    provider: Provider
    low: int
    high: int
    limit_fen: int
    offer: bool
    """True: the bank's own offer applies, never below `limit_fen`."""
    citation: Citation


class Repayment(NamedTuple):
    """Clock 1, the term: `days` after closing, or a due date that leaves `days` whole days free and ends at `hour`."""

    kind: Literal["days", "due_date"]
    days: int
    hour: int
    citation: Citation


class Debit(NamedTuple):
    """Clock 2: `hours` after closing whoever the person is, or on the due date at `hour` by the person's consent."""

    on: Literal["after_close", "due_date"]
    hours: int
    hour: int
    citation: Citation


class Retry(NamedTuple):
    """After insufficient funds: at this hour of a later city day, so many attempts in all."""

    hour: int
    attempts: int
    citation: Citation


class Overdue(NamedTuple):
    """What passing the term does, and on which day after payment credit resumes."""

    suspends: bool
    resume_after_days: int
    citation: Citation


class Presets(NamedTuple):
    """Fee-control presets on the credit step; 0 means none."""

    per_visit_fen: int = 0
    per_day_fen: int = 0
    citation: Citation = Citation("", "", "")


class Pack(NamedTuple):
    """One pack; its id has one content for ever (`hash`)."""

    id: str
    title: str
    title_zh: str
    hash: str
    valid_from: Instant
    valid_to: Instant
    """First instant no longer covered."""
    funding: Literal["bank", "institution"]
    institutions: frozenset[str]
    """Empty: every institution."""
    scenes: frozenset[Scene]
    coverage: Citation
    deduction: Citation
    """The order in which a charge is paid; the same for every pack so far."""
    tiers: tuple[Tier, ...]
    providers: tuple[Provider, ...]
    """In the order in which scores are asked: the first with a tier decides."""
    offers: dict[str, int]
    repayment: Repayment
    debit: Debit | None
    retry: Retry
    overdue: Overdue
    presets: Presets
    idle_hours: int
    idle: Citation

    def covers(self, institution: str, at: Instant) -> bool:
        """Return True when the pack applies to this institution at this event time."""
        return self.valid_from <= at < self.valid_to and (not self.institutions or institution in self.institutions)

    def tier_of(self, provider: str, value: int) -> Tier | None:
        """Return the tier of a score value, or None when it gives no line."""
        return next((t for t in self.tiers if t.provider == provider and t.low <= value <= t.high), None)

    def limit_fen(self, tier: Tier, bank: str) -> int:
        """Return the line of a tier: its own, or the bank's offer where the tier leaves it to the bank."""
        return max(tier.limit_fen, self.offers.get(bank, 0)) if tier.offer else tier.limit_fen


CHANNELS_WITH_GATEWAY: frozenset[Channel] = frozenset(("alipay", "unionpay"))
"""Channels through which the hub itself debits; `bank` debits its own customer."""

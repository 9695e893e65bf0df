"""A policy pack: dated city policy as frozen data, each clause with its source and the rule in our words (domain 3)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hub.policies.clauses import (
    Bank,
    Blacklist,
    Citation,
    Debit,
    Deposit,
    Enrolment,
    Fallbacks,
    Family,
    Funding,
    Holds,
    Lists,
    Overdue,
    Presets,
    Privilege,
    Provider,
    Quiet,
    Reduction,
    Relief,
    Repair,
    Repayment,
    Retry,
    Reward,
    Settlement,
    Source,
    StepUp,
    Tier,
)
from schemas.commands import Channel, Instant, Scene

CHANNELS_WITH_GATEWAY: frozenset[Channel] = frozenset(("alipay", "unionpay"))
"""Channels through which the hub itself debits; `bank` debits its own customer."""


class Offer(NamedTuple):
    """A bank's own terms: a better line, for the tiers that leave it to the bank, and when it bills."""

    bank: str
    limit_fen: int
    statement_day: int
    """Day of the month on which this bank puts all bills on one statement; 0: each bill has its own due date."""
    citation: Citation


class Pack(NamedTuple):
    """One pack; its id has one content for ever (`hash`). Neutral defaults mean: the pack has no such rule."""

    id: str
    title: str
    title_zh: str
    hash: str
    sources: tuple[Source, ...]
    valid_from: Instant
    valid_to: Instant
    """First instant no longer covered."""
    institutions: frozenset[str]
    """Empty: every institution."""
    scenes: frozenset[Scene]
    coverage: Citation
    funding: Funding
    deduction: Citation
    """The order in which a charge is paid; the same for every pack so far."""
    tiers: tuple[Tier, ...]
    providers: tuple[Provider, ...]
    """In the order in which scores are asked: the first with a tier decides."""
    repayment: Repayment
    overdue: Overdue
    idle_hours: int
    idle: Citation
    enrolment: Enrolment = Enrolment()
    offers: tuple[Offer, ...] = ()
    deposit: Deposit = Deposit()
    presets: Presets = Presets()
    holds: Holds = Holds()
    settlement: Settlement = Settlement()
    debit: Debit | None = None
    retry: Retry = Retry()
    bank: Bank = Bank()
    quiet: Quiet = Quiet()
    fallbacks: Fallbacks = Fallbacks()
    reductions: tuple[Reduction, ...] = ()
    blacklist: Blacklist = Blacklist()
    repair: Repair = Repair()
    reward: Reward = Reward()
    step_up: StepUp = StepUp()
    privileges: tuple[Privilege, ...] = ()
    family: Family = Family()
    relief: tuple[Relief, ...] = ()
    lists: Lists = Lists()

    def __hash__(self) -> int:
        """Return the hash of the content's hash: what is asked of a pack again and again is remembered by it."""
        return hash(self.hash)

    def covers(self, institution: str, at: Instant) -> bool:
        """Return True when the pack applies to this institution at this event time."""
        return self.valid_from <= at < self.valid_to and (not self.institutions or institution in self.institutions)

    def tier_of(self, provider: str, value: int) -> Tier | None:
        """Return the tier of a score value, or None when it gives no line."""
        return next((t for t in self.tiers if t.provider == provider and t.low <= value <= t.high), None)

    @property
    def unscored(self) -> Tier | None:
        """Return the tier of a person without any score, or None where such a person has no line."""
        return self.tier_of("none", 0)

    def limit_fen(self, tier: Tier, bank: str) -> int:
        """Return the line of a tier: its own, or the bank's offer where the tier leaves it to the bank."""
        offer = self.offer_of(bank) if tier.offer else None
        return tier.limit_fen if offer is None else max(tier.limit_fen, offer.limit_fen)

    def offer_of(self, bank: str) -> Offer | None:
        """Return a bank's own terms, or None where it offers what every bank does."""
        return next((offer for offer in self.offers if offer.bank == bank), None)

    def citations(self) -> Iterator[Citation]:
        """Yield the citation of every clause that this pack has."""
        for _, clause in self.clauses():
            yield clause if isinstance(clause, Citation) else clause.citation

    def clauses(self) -> Iterator[tuple[str, Any]]:
        """Yield (field, clause) for every clause that this pack has, in the order of the fields."""
        for field in self._fields:
            value = getattr(self, field)
            for each in _each(value):
                cited = each if isinstance(each, Citation) else getattr(each, "citation", None)
                if isinstance(cited, Citation) and cited.clause:
                    yield field, each


def _each(value: Any) -> tuple[Any, ...]:
    """Return the clauses of a field: a plain tuple holds several, a named one is one."""
    return value if type(value) is tuple else (value,)

"""When and through what a failed debit is tried again: by its cause, never at once with another (domain 7)."""

import hashlib
from typing import Final

from hub.domain.clocks import HOUR_MS
from hub.domain.draft import Draft
from hub.domain.frozen import Frozen
from hub.domain.sources import contract_after
from hub.domain.state import Bill, Debit
from hub.policies.terms import last_try_at, retry_at
from schemas.commands import Cause, Instant

RISK_RETRY_AFTER_MS: Final = 6 * HOUR_MS
TECHNICAL: Final[frozenset[Cause]] = frozenset(("technical", "expired", "not_executed_same_number"))
"""Causes that are no word about the money: the number lives on."""
LIKELY_LATER: Final[frozenset[Cause]] = frozenset(("", "nsf", "period_rule"))
"""Money, or permission, is likely there at a later hour."""
SPLITS_MAX: Final = 4
PART_FEN_MIN: Final = 10_000
"""A debit of 100 yuan or less is not split any more."""
JITTER_PERMILLE: Final = 100


class Attempt(Frozen, frozen=True):
    """The next debit of a bill: by city or wall time (0: not by that clock), through which source, at most how much."""

    city_at: Instant = 0
    wall_at: Instant = 0
    source: int = 0
    part_fen: int = 0

    @property
    def planned(self) -> bool:
        """Return True when there is a next debit."""
        return bool(self.city_at or self.wall_at)


def jittered(wait_ms: int, order_no: str, step: int) -> int:
    """Return a wait up to a tenth longer, the same for the same order and step, so that orders do not come in step."""
    digest = hashlib.new("sm3", f"{order_no}|{step}".encode()).digest()
    return wait_ms + wait_ms * (int.from_bytes(digest[:4], "big") % (JITTER_PERMILLE + 1)) // 1_000


def next_attempt(draft: Draft, debit: Debit, cause: Cause) -> Attempt:
    """Return the next debit after a final failure: the same source again as its cause allows, else the next one."""
    bill = draft.bill(debit.bill)
    if bill.frozen or cause == "config":
        return Attempt(source=debit.source)
    again = _same_source(draft, bill, debit, cause)
    if again.planned:
        return again
    contract = contract_after(draft, bill, debit.source)
    if contract is None:
        return Attempt(source=debit.source)
    return Attempt(city_at=draft.now.city, source=contract.place)


def _same_source(draft: Draft, bill: Bill, debit: Debit, cause: Cause) -> Attempt:
    retry = draft.policies.packs[bill.pack].retry
    if cause in TECHNICAL:
        tries, steps = _failures(draft, debit, TECHNICAL) + 1, draft.policies.ladders.technical_retries_ms
        wait = jittered(steps[min(tries, len(steps)) - 1], debit.order_no, tries)
        wall_at = draft.now.wall + wait if tries < retry.attempts else 0
        return Attempt(wall_at=wall_at, source=debit.source, part_fen=bill.part_fen)
    if cause in LIKELY_LATER:
        tries = _failures(draft, debit, LIKELY_LATER) + 1
        return Attempt(_likely_at(draft, bill, tries), source=debit.source, part_fen=bill.part_fen)
    if cause == "risk":
        once = _failures(draft, debit, frozenset(("risk",))) == 0
        return Attempt(draft.now.city + RISK_RETRY_AFTER_MS if once else 0, source=debit.source, part_fen=bill.part_fen)
    return _split(draft, debit) if cause == "limit" else Attempt(source=debit.source)


def _failures(draft: Draft, debit: Debit, causes: frozenset[Cause]) -> int:
    """Return how often the bill's debits through this source failed before for one of these causes."""
    return sum(
        other.state == "failed" and other.cause in causes
        for other in draft.core.debits.values()
        if other.bill == debit.bill and other.source == debit.source and other.order_no != debit.order_no
    )


def _likely_at(draft: Draft, bill: Bill, tries: int) -> Instant:
    """Return the next hour at which money is likely there; the last try falls on the day that the pack's rule names."""
    pack, now = draft.policies.packs[bill.pack], draft.now.city
    if tries >= pack.retry.attempts:
        return 0
    likely, last = retry_at(pack.retry, tries, now), last_try_at(pack, bill.due_at)
    if not last:
        return likely
    if tries + 1 == pack.retry.attempts or likely > last:
        likely = last
    return likely if likely > now else 0


def _split(draft: Draft, debit: Debit) -> Attempt:
    """Debit less at once where the channel allows no more; another source comes before smaller parts."""
    bill = draft.bill(debit.bill)
    splits = _failures(draft, debit, frozenset(("limit",)))
    other = contract_after(draft, bill, debit.source)
    if other is not None or splits >= SPLITS_MAX or debit.amount_fen <= PART_FEN_MIN:
        return Attempt(source=debit.source)
    return Attempt(draft.now.city, source=debit.source, part_fen=(debit.amount_fen + 1) // 2)

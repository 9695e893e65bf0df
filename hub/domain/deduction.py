"""The deduction order: insurance, prepayment of that institution, credit line, self-pay (domain 4.1).

Each source gives the lesser of what remains and what it has; where credit gives less than was asked, it says why.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from msgspec.structs import astuple

from hub.domain.clocks import city_midnight
from hub.domain.credit_lines import is_frozen
from hub.domain.enrolment import enrolment_bar
from hub.domain.frozen import Frozen
from hub.domain.holds import own_credit_held, prepayment_held
from hub.domain.state import AccountState, Agreement, Core, Encounter, Parts
from hub.policies import Pack
from hub.policies.clauses import Citation
from hub.policies.standing import item_class
from schemas.commands import Instant, InsuranceSplit, Scene
from schemas.events import Allocation
from schemas.ledger import Step
from schemas.money import yuan_text
from schemas.reasons import Reason

NO_PARAMETERS: Final[dict[str, str]] = {}
NO_CLASSES: Final[dict[str, int]] = {}
UNLIMITED: Final = 1 << 62


class Case(Frozen, frozen=True):
    """What a split depends on besides the amount."""

    state: AccountState
    encounter: Encounter | None
    agreement: Agreement | None
    pack: Pack
    institution: str
    scene: Scene
    at: Instant
    classes: dict[str, int] = {}
    """What the charge costs by item class, where the pack has presets for classes."""


class Room(Frozen, frozen=True):
    """What the credit step may give: fen, why not more, and the clause that says so."""

    fen: int
    reason: str
    citation: Citation
    left_fen: int = 0
    """What a smaller charge might still have, where this one exceeds a preset."""


class Split(Frozen, frozen=True):
    """A split: parts that sum to the amount, a step for each source, the reason of a reduced credit step."""

    parts: Parts
    steps: tuple[Step, ...]
    reason: str = ""
    parameters: dict[str, str] = NO_PARAMETERS


def split_charge(case: Case, total_fen: int, settlement: InsuranceSplit | None) -> Split:
    """Return the split of a charge; with a settlement its parts are facts and only its cash part is split further."""
    if settlement is not None:
        fund, account, other = settlement.fund_fen, settlement.account_fen, settlement.other_fen
        rest = settlement.cash_fen
        held = insurance = fund + account + other
    else:
        fund = other = 0
        held = case.state.core.insurance_fen
        account = insurance = min(total_fen, held)
        rest = total_fen - account
    kept = _prepayment_room(case)
    prepayment = min(rest, kept)
    rest -= prepayment
    room = credit_room(case, rest)
    free, cited = room.fen, room.citation
    credit = min(rest, free)
    self_pay = rest - credit
    reason, parameters = "", NO_PARAMETERS
    if self_pay:
        reason, parameters = room.reason, {"available": yuan_text(free or room.left_fen), "rest": yuan_text(self_pay)}
    score = score_used(case.state.core, case.agreement, case.pack)
    order = case.pack.deduction
    clause, source = order.clause, order.source
    steps = (
        Step("insurance", held, insurance, "", NO_PARAMETERS, clause, source),
        Step("prepayment", kept, prepayment, "", NO_PARAMETERS, clause, source),
        Step("credit", free, credit, reason, parameters, cited.clause, cited.source, score),
        Step("self_pay", self_pay, self_pay, "", NO_PARAMETERS, clause, source),
    )
    return Split(Parts(fund, account, other, prepayment, credit, self_pay), steps, reason, parameters)


def score_used(core: Core, agreement: Agreement | None, pack: Pack) -> str:
    """Return provider and message of the score behind the agreement's line, or of the one that gave none.

    It is empty where no score was looked at: no agreement, or a pack that serves who has none.
    """
    scores = core.scores
    if agreement is None or not scores:
        return ""
    provider = agreement.provider or next((p for p in pack.providers if p in scores), "")
    score = scores.get(provider)
    return f"{provider}/{score.message_id}" if score is not None else ""


def _prepayment_room(case: Case) -> int:
    """Return what the institution keeps for the person and no other visit holds."""
    core = case.state.core
    kept = core.prepayments.get(case.institution, 0)
    if not core.holds:
        return kept
    return kept - prepayment_held(core, case.institution, but_for=case.encounter.key if case.encounter else "")


def credit_room(case: Case, asked_fen: int = 0) -> Room:
    """Return what credit may give, or 0 with the first condition that does not hold (domain 4.1).

    A preset is such a condition: what `asked_fen` would take beyond it gets nothing, not a part. Where nothing is asked
    it is what the next charge may have.
    """
    agreement, pack = case.agreement, case.pack
    if agreement is None:
        return Room(0, Reason.AGREEMENT_MISSING, pack.coverage)
    bar = _bar(case, agreement)
    if bar is not None:
        return bar
    core, presets = case.state.core, pack.presets
    free = agreement.limit_fen - agreement.used_fen - agreement.held_fen
    if core.holds and case.encounter is not None:
        free += own_credit_held(core, case.encounter.key, agreement.id)
    free = max(0, free)
    if presets.per_visit_fen or presets.per_day_fen or case.classes:
        preset = _preset_room(case)
        if preset < free:
            kept = preset if min(asked_fen, free) <= preset else 0
            return Room(kept, Reason.PRESET_EXCEEDED, presets.citation, preset)
    cited = tier_citation(pack, agreement.provider, agreement.limit_fen, agreement.bank)
    return Room(free, Reason.CREDIT_EXHAUSTED, cited)


def _bar(case: Case, agreement: Agreement) -> Room | None:
    """Return the first condition of the credit step that does not hold, or None."""
    core, pack = case.state.core, case.pack
    if core.barred or core.suspended:
        return Room(0, Reason.BARRED if core.barred else Reason.SUSPENDED, pack.overdue.citation)
    if agreement.pack != pack.id or case.scene not in pack.scenes:
        return Room(0, Reason.SCENE_NOT_COVERED, pack.coverage)
    if agreement.consent_until < case.at:
        return Room(0, Reason.CONSENT, pack.coverage)
    missing = enrolment_bar(core, pack)
    if missing is not None:
        return Room(0, missing, pack.enrolment.citation)
    return None if agreement.limit_fen else _no_line(core, pack, agreement)


def _no_line(core: Core, pack: Pack, agreement: Agreement) -> Room:
    if is_frozen(core, agreement):
        return Room(0, Reason.CONSENT, pack.tiers[0].citation)
    if core.standing is not None and core.standing.cut_percent and pack.reductions:
        return Room(0, Reason.LINE_CANCELLED, pack.reductions[-1].citation)
    return Room(0, Reason.NO_LINE, pack.tiers[0].citation)


@lru_cache(maxsize=1024)
def tier_citation(pack: Pack, provider: str, limit_fen: int, bank: str) -> Citation:
    """Return the clause that gives this line; every charge asks, and there are few lines."""
    for tier in pack.tiers:
        if tier.provider == provider and pack.limit_fen(tier, bank) == limit_fen:
            return tier.citation
    return pack.coverage


def _preset_room(case: Case) -> int:
    """Return what the pack's fee-control presets leave for this visit and city day; 0 where an item class has none."""
    presets = case.pack.presets
    if case.classes and _is_above_a_class(case):
        return 0
    room = UNLIMITED
    if presets.per_visit_fen:
        charges = case.encounter.charges.values() if case.encounter else ()
        room = presets.per_visit_fen - sum(c.parts.credit - c.returned.credit for c in charges)
    if presets.per_day_fen:
        room = min(room, presets.per_day_fen - _credit_today(case))
    return max(0, room)


def classes_of(pack: Pack, costs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return what item codes and their costs come to by the pack's item classes; what has no class is left out."""
    sums: dict[str, int] = {}
    if pack.presets.per_item_class_fen:
        for code, fen in costs:
            name = item_class(pack.presets, code)
            if name and fen:
                sums[name] = sums.get(name, 0) + fen
    return sums


def _is_above_a_class(case: Case) -> bool:
    """Return True when the charge brings an item class of the visit above its preset."""
    booked = case.encounter.lines.values() if case.encounter else ()
    waiting = {c.id for c in case.encounter.charges.values() if c.status == "held"} if case.encounter else set()
    before = classes_of(case.pack, ((line.item, line.open_fen) for line in booked if line.charge not in waiting))
    presets = dict(case.pack.presets.per_item_class_fen)
    return any(before.get(name, 0) + fen > presets[name] for name, fen in case.classes.items())


def _credit_today(case: Case) -> int:
    """Return what the pack's credit gave on the city day of the charge, over all visits of the person."""
    day = city_midnight(case.at)
    return sum(
        charge.parts.credit - charge.returned.credit
        for encounter in case.state.encounters.values()
        for charge in encounter.charges.values()
        if charge.pack == case.pack.id and charge.parts.credit and city_midnight(charge.event_at) == day
    )


def allocation_of(parts: Parts) -> Allocation:
    """Return the ledger's form of a split."""
    return Allocation(*astuple(parts))

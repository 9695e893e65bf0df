"""The insurer's settlement: facts that must add up, the split of what was held, and its contra entry (protocols 4)."""

from msgspec.structs import replace

from hub.domain.bills import bill_late_charge, settle_visit
from hub.domain.deduction import Case, allocation_of, classes_of, split_charge
from hub.domain.draft import CHARGE_QUARANTINE, Draft, Outcome, Refusal
from hub.domain.family_asks import ask_payer, needed_from_payer, settled_by_ask, waiting_charges
from hub.domain.holds import capture
from hub.domain.lines import open_amount
from hub.domain.reversals import reduce_charge
from hub.domain.state import Charge, Encounter, Parts
from schemas.commands import Instant, InsuranceSplit, ReverseSettlement, SettleInsurance
from schemas.events import ChargePosted, InsuranceSettled, SettlementBlocked, SettlementReversed
from schemas.money import AMOUNT_FEN_MAX
from schemas.reasons import Reason


def check_settlement(split: InsuranceSplit, lines_fen: int) -> Refusal | None:
    """Return which of the insurer's invariants is broken, or None (protocols 4.1: S1, S4, S5)."""
    parts = (split.fund_fen, split.account_fen, split.other_fen, split.cash_fen)
    if min(parts) < 0 or split.total_fen < 0:
        return Refusal(Reason.SPLIT_NEGATIVE, quarantine=CHARGE_QUARANTINE)
    if split.total_fen > AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    if sum(parts) != split.total_fen:
        return Refusal(Reason.SPLIT_TOTAL, quarantine=CHARGE_QUARANTINE)
    if split.total_fen != lines_fen:
        return Refusal(Reason.SPLIT_LINES, quarantine=CHARGE_QUARANTINE)
    return None


def held_charges(encounter: Encounter) -> list[Charge]:
    """Return the charges of a visit that wait for the insurer, or for a payer's answer."""
    return [charge for charge in encounter.charges.values() if charge.status == "held"]


def _splittable(draft: Draft, encounter: Encounter) -> list[Charge]:
    """Return the held charges without those that wait for a payer's answer."""
    waiting = waiting_charges(draft.core.family)
    return [charge for charge in held_charges(encounter) if charge.id not in waiting]


def settle_insurance(draft: Draft, body: SettleInsurance) -> Outcome | Refusal:
    """Split what a visit's lines hold by the insurer's figures; wrong figures block split and bill."""
    key = f"{body.institution}|{body.visit}"
    encounter = draft.state.encounters.get(key)
    if encounter is None:
        reason = Reason.VISIT_ARCHIVED if key in draft.core.archived else Reason.VISIT_UNKNOWN
        return Refusal(reason, quarantine=CHARGE_QUARANTINE)
    if encounter.settlements or settled_by_ask(draft.core.family, key):
        return Refusal(Reason.SETTLEMENT_CONTRA_REQUIRED, quarantine=CHARGE_QUARANTINE)
    held = _splittable(draft, encounter)
    refusal = check_settlement(body.split, open_amount(encounter, [charge.id for charge in held]))
    if refusal is not None:
        return _blocked(draft, body, refusal) if held else refusal
    if draft.use_pack(body.institution, body.event_at) is None:
        return Refusal(Reason.PACK_UNKNOWN, quarantine=CHARGE_QUARANTINE)
    charge = split_held(draft, key, body.event_at, body.split)
    draft.emit(InsuranceSettled(body.visit, body.institution, body.split, tuple(charge.id for charge in held)))
    if encounter.closed_at:
        bill_late_charge(draft, key)
        settle_visit(draft, key)
    return Outcome("HELD" if charge in waiting_charges(draft.core.family) else "POSTED", charge)


def _blocked(draft: Draft, body: SettleInsurance, refusal: Refusal) -> Refusal:
    """Figures that contradict the lines block the bill until a correct settlement comes."""
    if refusal.reason not in (Reason.SPLIT_TOTAL, Reason.SPLIT_LINES):
        return refusal
    draft.emit(SettlementBlocked(body.visit, body.institution, refusal.reason))
    return replace(refusal, keep_events=True)


def split_held(draft: Draft, visit: str, event_at: Instant, split: InsuranceSplit | None) -> str:
    """Split all held charges of a visit as one charge; return its id, or empty when nothing was held.

    What needs a payer's line waits for its answer: the id is then that of the first held charge.
    """
    encounter = draft.state.encounters[visit]
    held = _splittable(draft, encounter)
    pack = draft.pack or draft.use_pack(encounter.institution, event_at)
    if not held or pack is None:
        return ""
    agreement, ids = draft.agreement(), tuple([charge.id for charge in held])
    total = open_amount(encounter, ids)
    need = needed_from_payer(draft, encounter, pack, event_at, total, split)
    if need is not None:
        ask_payer(draft, encounter, ids, event_at, need, split)
        return ids[0]
    classes = classes_of(pack, ((line.item, line.open_fen) for line in encounter.lines.values() if line.charge in ids))
    case = Case(draft.state, encounter, agreement, pack, encounter.institution, encounter.scene, event_at, classes)
    result = split_charge(case, total, split)
    draft.steps = result.steps
    charge = draft.new_id("C")
    capture(draft, visit, charge, result.parts)
    draft.emit(
        ChargePosted(
            charge,
            encounter.visit,
            encounter.institution,
            encounter.scene,
            event_at,
            pack.id,
            agreement.id if agreement and result.parts.credit else "",
            total,
            allocation_of(result.parts),
            (),
            split,
            held[0].department,
            result.reason,
            result.parameters,
            absorbs=ids,
        )
    )
    return charge


def reverse_settlement(draft: Draft, body: ReverseSettlement) -> Outcome | Refusal:
    """Undo a settlement in full: every part goes back, held lines wait for the next settlement."""
    encounter = draft.encounter(body.institution, body.visit)
    settlements = encounter.settlements if encounter else ()
    settlement = next((s for s in settlements if s.id == body.settlement_id), None)
    if encounter is None or settlement is None:
        return Refusal(Reason.NOT_FOUND, quarantine=CHARGE_QUARANTINE)
    charge = encounter.charges[settlement.charge]
    left = Parts(*(a - b for a, b in zip(charge.parts, charge.returned, strict=True)))
    own_lines = [(key, line) for key, line in encounter.lines.items() if line.charge == charge.id and line.open_fen]
    reduction = reduce_charge(
        draft,
        encounter.key,
        charge,
        sum(left),
        left,
        body.event_at,
        reduced=tuple((key, line.open_fen) for key, line in own_lines),
    )
    draft.emit(SettlementReversed(body.visit, body.institution, body.settlement_id))
    return Outcome("POSTED", reduction)

"""Taking back part of a charge: backwards along its own split (architecture 12, reversal)."""

from collections.abc import Sequence

from hub.domain.bills import reduce_bill
from hub.domain.deduction import allocation_of
from hub.domain.draft import CHARGE_QUARANTINE, Draft, Refusal
from hub.domain.family_asks import settled_by_ask
from hub.domain.frozen import Frozen
from hub.domain.state import Charge, Encounter, Parts
from schemas.commands import Instant
from schemas.events import ChargeReduced, PostedLine
from schemas.money import yuan_text
from schemas.reasons import Reason


class Taking(Frozen, frozen=True):
    """What is to be taken back from one booked line."""

    visit: str
    """Key of the visit."""
    line_key: str
    amount_fen: int
    credit: PostedLine | None
    """The credit line that says so; None when a line is replaced."""


def effective_charge(encounter: Encounter, charge_id: str) -> Charge:
    """Return the charge whose split a line belongs to: the settlement's, for a held one that was settled."""
    charge = encounter.charges[charge_id]
    return encounter.charges[charge.into] if charge.into else charge


def plan_return(charge: Charge, amount_fen: int) -> Parts | None:
    """Return the parts that go back, or None when the insurer's parts would have to move: a contra entry is needed.

    Order: self-pay, credit, prepayment, then the personal account where the hub's own balance paid.
    """
    rest, back = amount_fen, [0] * 6
    left = [a - b for a, b in zip(charge.parts, charge.returned, strict=True)]
    order = (5, 4, 3) if charge.settled else (5, 4, 3, 1)
    for part in order:
        back[part] = min(rest, left[part])
        rest -= back[part]
    return None if rest else Parts(*back)


def check_takings(draft: Draft, takings: Sequence[Taking]) -> Refusal | None:
    """Return why these cannot be taken back, or None: at most what lines and charges leave open (domain 4.2, 12)."""
    by_line: dict[tuple[str, str], int] = {}
    by_charge: dict[tuple[str, str], int] = {}
    for taking in takings:
        encounter = draft.state.encounters[taking.visit]
        line = encounter.lines[taking.line_key]
        charge = effective_charge(encounter, line.charge)
        line_key, charge_key = (taking.visit, taking.line_key), (taking.visit, charge.id)
        by_line[line_key] = by_line.get(line_key, 0) + taking.amount_fen
        by_charge[charge_key] = by_charge.get(charge_key, 0) + taking.amount_fen
        if by_line[line_key] > line.open_fen:
            return exceeds(by_line[line_key], line.open_fen)
        waits_settled = charge.status == "held" and settled_by_ask(draft.core.family, taking.visit)
        if waits_settled or (charge.status == "posted" and plan_return(charge, by_charge[charge_key]) is None):
            return Refusal(Reason.SETTLEMENT_CONTRA_REQUIRED, quarantine=CHARGE_QUARANTINE)
    return None


def exceeds(asked_fen: int, left_fen: int) -> Refusal:
    """Return the refusal of a credit above what is left of its charge."""
    parameters = {"asked": yuan_text(asked_fen), "left": yuan_text(left_fen)}
    return Refusal(Reason.CREDIT_EXCEEDS, parameters, CHARGE_QUARANTINE)


def take_back(draft: Draft, takings: Sequence[Taking], event_at: Instant) -> list[str]:
    """Reduce the charges these lines belong to, one reduction for each charge; return the reductions' ids."""
    groups: dict[tuple[str, str], list[Taking]] = {}
    for taking in takings:
        encounter = draft.state.encounters[taking.visit]
        charge = effective_charge(encounter, encounter.lines[taking.line_key].charge)
        groups.setdefault((taking.visit, charge.id), []).append(taking)
    return [_reduce(draft, visit, charge, group, event_at) for (visit, charge), group in groups.items()]


def _reduce(draft: Draft, visit: str, charge_id: str, group: list[Taking], event_at: Instant) -> str:
    charge = draft.state.encounters[visit].charges[charge_id]
    amount = sum(taking.amount_fen for taking in group)
    parts = Parts() if charge.status == "held" else plan_return(charge, amount)
    if parts is None:
        raise AssertionError(f"{charge_id} cannot give back {amount}: check_takings was not asked")
    return reduce_charge(
        draft,
        visit,
        charge,
        amount,
        parts,
        event_at,
        lines=tuple(taking.credit for taking in group if taking.credit is not None),
        reduced=tuple((taking.line_key, taking.amount_fen) for taking in group),
    )


def reduce_charge(
    draft: Draft,
    visit: str,
    charge: Charge,
    amount_fen: int,
    parts: Parts,
    event_at: Instant,
    lines: tuple[PostedLine, ...] = (),
    reduced: tuple[tuple[str, int], ...] = (),
) -> str:
    """Book one reduction and what its credit part does to the bill; return its id."""
    institution, _, visit_no = visit.partition("|")
    reduction = draft.new_id("C")
    bill = draft.core.bills.get(charge.bill) if charge.bill and parts.credit else None
    draft.emit(
        ChargeReduced(
            charge.id,
            visit_no,
            institution,
            event_at,
            amount_fen,
            allocation_of(parts),
            lines,
            reduced,
            reduction,
            charge.settled,
            bill is not None and bill.debiting,
        )
    )
    if bill is not None:
        reduce_bill(draft, bill.id, parts.credit)
    return reduction

"""One charge: new lines are netted and split once, credits go back along the split of their own charge (domain 4)."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final

from msgspec.structs import replace

from hub.domain.bills import bill_late_charge, settle_visit
from hub.domain.deduction import NO_CLASSES, Case, allocation_of, classes_of, split_charge
from hub.domain.deposits import known_deposit
from hub.domain.draft import CHARGE_QUARANTINE, Draft, Outcome, Refusal
from hub.domain.family_asks import ask_payer, needed_from_payer
from hub.domain.frozen import Frozen
from hub.domain.holds import capture
from hub.domain.lines import Sorted, booked_line, canonical_line, posted_line, sort_lines
from hub.domain.matching import Hit, OpenLines, Wanted, match_credit
from hub.domain.parking import park, unpark
from hub.domain.reversals import Taking, check_takings, exceeds, take_back
from hub.domain.settlements import check_settlement
from hub.domain.state import Encounter
from hub.domain.visits import close_if_cancelled, idle_instant
from hub.policies import Pack
from schemas.commands import ChargeLine, Instant, PostCharge
from schemas.events import (
    ChargePosted,
    LinesHeld,
    PostedLine,
    PrepaymentDeposited,
    VisitOpened,
)
from schemas.money import AMOUNT_FEN_MAX, yuan_text
from schemas.reasons import Reason


class Credits(Frozen, frozen=True):
    """What the credit lines of a message do: netted in it, taken from booked lines, or parked."""

    netted: Sequence[PostedLine]
    takings: Sequence[Taking]
    unmatched: Sequence[PostedLine]


AMOUNT: Final[Callable[[PostedLine], int]] = attrgetter("amount_fen")
PARKED: Final = attrgetter("parked")
NO_CREDITS: Final = Credits((), (), ())


class Booking(Frozen, frozen=True):
    """The new lines of a message, about to be booked as one charge of a visit."""

    body: PostCharge
    pack: Pack
    encounter: Encounter
    lines: tuple[PostedLine, ...]
    net_fen: int
    idle_at: Instant


def post_charge(draft: Draft, body: PostCharge) -> Outcome | Refusal:
    """Return POSTED, HELD, DUPLICATE or why not; a refused message books nothing."""
    lines = sort_lines(draft.state, body)
    refusal = _check(draft, body, lines)
    if refusal is not None:
        return refusal
    if body.condition_key:
        known = booked_line(draft.state, body.institution, body.condition_key)
        if known is not None:
            return _repeated(draft, [known[1].charge])
    if lines.changed:
        return Refusal(Reason.LINE_CHANGED, {"line": lines.changed}, CHARGE_QUARANTINE)
    if lines.repeated and not (lines.charges or lines.credits or lines.memos):
        return _repeated(draft, lines.repeated)
    pack = draft.use_pack(body.institution, body.event_at)
    if pack is None:
        return Refusal(Reason.PACK_UNKNOWN, quarantine=CHARGE_QUARANTINE)
    return _book(draft, body, lines, pack)


def _check(draft: Draft, body: PostCharge, lines: Sorted) -> Refusal | None:
    if lines.charged_fen > AMOUNT_FEN_MAX or not (lines.plain or _within_bounds(body)):
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    key = f"{body.institution}|{body.visit}"
    if key in draft.core.archived:
        return Refusal(Reason.VISIT_ARCHIVED, quarantine=CHARGE_QUARANTINE)
    encounter = draft.state.encounters.get(key)
    if encounter is None and body.visit_required:
        return Refusal(Reason.VISIT_UNKNOWN, quarantine=CHARGE_QUARANTINE)
    if encounter is not None and encounter.cancelled == "cancelled" and _charged(body):
        return Refusal(Reason.VISIT_CLOSED, quarantine=CHARGE_QUARANTINE)
    return None


def _within_bounds(body: PostCharge) -> bool:
    return _charged(body) <= AMOUNT_FEN_MAX and all(0 <= line.amount_fen <= AMOUNT_FEN_MAX for line in body.lines)


def _charged(body: PostCharge) -> int:
    return sum(line.amount_fen for line in body.lines if line.kind == "charge")


def _repeated(draft: Draft, references: list[str]) -> Outcome:
    """Return the outcome of a message whose lines are all booked already: the stored one."""
    distinct = tuple(dict.fromkeys(reference for reference in references if reference))
    for encounter in draft.state.encounters.values():
        charge = encounter.charges.get(distinct[0]) if distinct else None
        if charge is not None:
            return Outcome("DUPLICATE", charge.id, references=distinct, duplicate_of=charge.seq)
    return Outcome("DUPLICATE", references=distinct)


def _book(draft: Draft, body: PostCharge, lines: Sorted, pack: Pack) -> Outcome | Refusal:
    credits_ = _plan_credits(draft, body, lines) if lines.credits else NO_CREDITS
    if type(credits_) is Refusal:
        return credits_
    if lines.memos and (changed := _changed_receipt(draft, body, lines)):
        return Refusal(Reason.RECEIPT_CHANGED, changed, CHARGE_QUARANTINE)
    net = lines.charged_fen - sum(map(AMOUNT, credits_.netted))
    takings = [*_replacements(lines), *credits_.takings] if lines.replaced else credits_.takings
    refusal = check_takings(draft, takings) if takings else None
    if refusal is None and body.settlement is not None:
        refusal = check_settlement(body.settlement, net)
    if refusal is not None:
        return refusal
    fresh = bool(lines.charges or lines.memos)
    key = f"{body.institution}|{body.visit}"
    if key not in draft.state.encounters:
        _open_visit(draft, body, pack, charged=fresh)
    reductions = take_back(draft, takings, body.event_at) if takings else []
    charge = _post(draft, body, pack, lines, credits_.netted, net) if fresh else ""
    if credits_.unmatched:
        park(draft, body, credits_.unmatched)
    waiting = list(filter(PARKED, draft.state.encounters.values()))
    if waiting:
        unpark(draft, body, waiting)
    encounter = draft.state.encounters[key]
    if encounter.cancelled or encounter.closed_at:
        _after_booking(draft, encounter)
    booked = encounter.charges.get(charge)
    waits = booked.status == "held" if booked else not reductions
    return Outcome("HELD" if waits else "POSTED", charge or next(iter(reductions), ""))


def _changed_receipt(draft: Draft, body: PostCharge, lines: Sorted) -> dict[str, str]:
    """Return what contradicts itself: a payment line whose receipt is booked with another amount; empty for none."""
    for line in lines.memos.values():
        known = known_deposit(draft.core, body.institution, line.line_key) if line.kind == "payment" else None
        if known is not None and known[1].amount_fen != line.amount_fen:
            return {"receipt": line.line_key, "booked": yuan_text(known[1].amount_fen)}
    return {}


def _replacements(lines: Sorted) -> list[Taking]:
    return [Taking(visit.key, key, line.open_fen, None) for visit, key, line in lines.replaced if line.open_fen]


def _plan_credits(draft: Draft, body: PostCharge, lines: Sorted) -> Credits | Refusal:
    """Match every credit line: netted in the message, taken from a booked charge, or parked."""
    netted: list[PostedLine] = []
    takings: list[Taking] = []
    unmatched: list[PostedLine] = []
    open_lines = OpenLines(draft.encounter(body.institution, body.visit), lines.charges)
    fresh_open = {key: line.amount_fen for key, line in lines.charges.items()}
    for line in lines.credits:
        wanted = Wanted(line.line_key, line.reverses, line.order_no, line.item.code, line.amount_fen)
        match = match_credit(draft.state, body.institution, wanted, lines.charges, open_lines)
        if match == "several":
            return Refusal(Reason.CREDIT_UNMATCHED, quarantine=CHARGE_QUARANTINE)
        if isinstance(match, str):
            unmatched.append(_credit_line(line, 0 if line.entered_in_error else line.amount_fen))
            continue
        amount = _credit_amount(line, match, fresh_open)
        posted = _credit_line(line, amount, match.line_key)
        if match.visit is not None:
            takings.append(Taking(match.visit.key, match.line_key, amount, posted))
            continue
        if amount > fresh_open[match.line_key]:
            return exceeds(amount, fresh_open[match.line_key])
        fresh_open[match.line_key] -= amount
        netted.append(posted)
    return Credits(netted, takings, unmatched)


def _credit_amount(line: ChargeLine, match: Hit, fresh_open: dict[str, int]) -> int:
    """Return the credit's amount; what was entered in error takes back all that its line leaves open."""
    if not line.entered_in_error:
        return line.amount_fen
    return fresh_open[match.line_key] if match.visit is None else match.visit.lines[match.line_key].open_fen


def _credit_line(line: ChargeLine, amount_fen: int, reverses: str = "") -> PostedLine:
    content = canonical_line(line) if amount_fen != line.amount_fen else ""
    return replace(posted_line(line), amount_fen=amount_fen, reverses=reverses or line.reverses, content=content)


def _open_visit(draft: Draft, body: PostCharge, pack: Pack, *, charged: bool) -> None:
    """Open a visit first heard of; where a charge follows in the same record, that says when it closes idle."""
    idle_at = 0 if charged else idle_instant(draft, body.scene, pack)
    draft.emit(VisitOpened(body.visit, body.institution, body.scene, body.event_at, idle_at))


def _post(draft: Draft, body: PostCharge, pack: Pack, lines: Sorted, netted: Sequence[PostedLine], net_fen: int) -> str:
    """Book the new lines: held for the insurer's settlement, or split at once; return the charge's id."""
    encounter = draft.state.encounters[f"{body.institution}|{body.visit}"]
    idle_at = 0 if encounter.closed_at else idle_instant(draft, encounter.scene, pack)
    posted = (*lines.charges.values(), *netted, *lines.memos.values())
    booking = Booking(body, pack, encounter, posted, net_fen, idle_at)
    if _waits_for_insurer(booking):
        charge = _hold(draft, booking)
    elif draft.core.family is not None:
        charge = _post_for_family(draft, booking)
    else:
        charge = _split(draft, booking)
    if lines.memos:
        _deposit_payments(draft, body, lines.memos.values())
    return charge


def _waits_for_insurer(booking: Booking) -> bool:
    body = booking.body
    waits = body.settlement_mode == "after" or booking.pack.settlement.all_at_visit_end
    return waits and body.settlement is None and not booking.encounter.closed_at and booking.net_fen != 0


def _post_for_family(draft: Draft, booking: Booking) -> str:
    """Hold what a payer's line is asked for; all else is split at once."""
    body, encounter = booking.body, booking.encounter
    need = needed_from_payer(draft, encounter, booking.pack, body.event_at, booking.net_fen, body.settlement)
    if need is None:
        return _split(draft, booking)
    charge = _hold(draft, booking)
    ask_payer(draft, encounter, (charge,), body.event_at, need, body.settlement)
    return charge


def _deposit_payments(draft: Draft, body: PostCharge, memos: Iterable[PostedLine]) -> None:
    """Book what payment lines brought in advance, one deposit for each receipt."""
    for line in memos:
        if line.kind != "payment" or not line.amount_fen:
            continue
        if known_deposit(draft.core, body.institution, line.line_key) is None:
            deposit = draft.new_id("P")
            draft.emit(PrepaymentDeposited(body.institution, line.amount_fen, line.line_key, deposit=deposit))


def _hold(draft: Draft, booking: Booking) -> str:
    charge, body = draft.new_id("C"), booking.body
    draft.emit(
        LinesHeld(
            charge,
            body.visit,
            body.institution,
            booking.encounter.scene,
            body.event_at,
            booking.pack.id,
            booking.net_fen,
            booking.lines,
            body.lines[0].department,
            booking.idle_at,
        )
    )
    return charge


def _split(draft: Draft, booking: Booking) -> str:
    body, pack, encounter = booking.body, booking.pack, booking.encounter
    charge, agreement, scene = draft.new_id("C"), draft.agreement(), encounter.scene
    classes = classes_of(pack, _net_costs(booking.lines)) if pack.presets.per_item_class_fen else NO_CLASSES
    case = Case(draft.state, encounter, agreement, pack, body.institution, scene, body.event_at, classes)
    split = split_charge(case, booking.net_fen, body.settlement)
    parts = split.parts
    draft.steps = split.steps
    if draft.core.holds:
        capture(draft, encounter.key, charge, parts)
    draft.emit(
        ChargePosted(
            charge,
            body.visit,
            body.institution,
            scene,
            body.event_at,
            pack.id,
            agreement.id if agreement and parts.credit else "",
            booking.net_fen,
            allocation_of(parts),
            booking.lines,
            body.settlement,
            body.lines[0].department,
            split.reason,
            split.parameters,
            booking.idle_at,
        )
    )
    return charge


def _net_costs(posted: tuple[PostedLine, ...]) -> list[tuple[str, int]]:
    """Return item code and cost of each new charge line, less what credits of the same message took off it."""
    credited: dict[str, int] = {}
    for line in posted:
        if line.kind == "credit":
            credited[line.reverses] = credited.get(line.reverses, 0) + line.amount_fen
    return [
        (line.item.code, line.amount_fen - credited.get(line.line_key, 0)) for line in posted if line.kind == "charge"
    ]


def _after_booking(draft: Draft, encounter: Encounter) -> None:
    if encounter.cancelled == "pending":
        close_if_cancelled(draft, encounter.key)
    if encounter.closed_at:
        bill_late_charge(draft, encounter.key)
        settle_visit(draft, encounter.key)

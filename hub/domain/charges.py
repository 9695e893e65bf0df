"""One charge: new lines are netted and split once, credits go back along the split of their own charge (domain 4)."""

from typing import Final

from hub.domain.bills import bill_late_charge, settle_visit
from hub.domain.clocks import DAY_MS
from hub.domain.deduction import NO_CLASSES, Case, allocation_of, classes_of, split_charge
from hub.domain.deposits import known_deposit
from hub.domain.draft import CHARGE_QUARANTINE, Draft, Outcome, Refusal
from hub.domain.family_asks import ask_payer, needed_from_payer
from hub.domain.frozen import Frozen
from hub.domain.holds import capture
from hub.domain.lines import Sorted, booked_line, posted_line, sort_lines
from hub.domain.matching import Hit, OpenLines, Wanted, match_credit
from hub.domain.reversals import Taking, check_takings, exceeds, take_back
from hub.domain.settlements import check_settlement
from hub.domain.state import Encounter, ParkedLine
from hub.domain.visits import close_if_cancelled, idle_instant
from hub.policies import Pack
from schemas.commands import ChargeLine, Item, PostCharge
from schemas.events import (
    ChargePosted,
    CreditParked,
    CreditUnparked,
    LinesHeld,
    PostedLine,
    PrepaymentDeposited,
    VisitOpened,
)
from schemas.money import AMOUNT_FEN_MAX, yuan_text
from schemas.reasons import Reason

PARKED_FOR_MS: Final = DAY_MS
"""A credit before its charge waits 24 h of city time (architecture 12)."""


class Credits(Frozen, frozen=True):
    """What the credit lines of a message do: netted in it, taken from booked lines, or parked."""

    netted: list[PostedLine]
    takings: list[Taking]
    unmatched: list[PostedLine]


def post_charge(draft: Draft, body: PostCharge) -> Outcome | Refusal:
    """Return POSTED, HELD, DUPLICATE or why not; a refused message books nothing."""
    refusal = _check(draft, body)
    if refusal is not None:
        return refusal
    if body.condition_key:
        known = booked_line(draft.state, body.institution, body.condition_key)
        if known is not None:
            return _repeated(draft, [known[1].charge])
    lines = sort_lines(draft.state, body)
    if lines.changed:
        return Refusal(Reason.LINE_CHANGED, {"line": lines.changed}, CHARGE_QUARANTINE)
    if lines.repeated and not (lines.charges or lines.credits or lines.memos):
        return _repeated(draft, lines.repeated)
    pack = draft.use_pack(body.institution, body.event_at)
    if pack is None:
        return Refusal(Reason.PACK_UNKNOWN, quarantine=CHARGE_QUARANTINE)
    return _book(draft, body, lines, pack)


def _check(draft: Draft, body: PostCharge) -> Refusal | None:
    key = f"{body.institution}|{body.visit}"
    charged = 0
    for line in body.lines:
        charged += line.amount_fen if line.kind == "charge" else 0
        if not 0 <= line.amount_fen <= AMOUNT_FEN_MAX or charged > AMOUNT_FEN_MAX:
            return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    if key in draft.core.archived:
        return Refusal(Reason.VISIT_ARCHIVED, quarantine=CHARGE_QUARANTINE)
    encounter = draft.state.encounters.get(key)
    if encounter is None and body.visit_required:
        return Refusal(Reason.VISIT_UNKNOWN, quarantine=CHARGE_QUARANTINE)
    if encounter is not None and encounter.cancelled == "cancelled" and charged:
        return Refusal(Reason.VISIT_CLOSED, quarantine=CHARGE_QUARANTINE)
    return None


def _repeated(draft: Draft, references: list[str]) -> Outcome:
    """Return the outcome of a message whose lines are all booked already: the stored one."""
    distinct = tuple(dict.fromkeys(reference for reference in references if reference))
    for encounter in draft.state.encounters.values():
        charge = encounter.charges.get(distinct[0]) if distinct else None
        if charge is not None:
            return Outcome("DUPLICATE", charge.id, references=distinct, duplicate_of=charge.seq)
    return Outcome("DUPLICATE", references=distinct)


def _book(draft: Draft, body: PostCharge, lines: Sorted, pack: Pack) -> Outcome | Refusal:
    credits_ = _plan_credits(draft, body, lines)
    if isinstance(credits_, Refusal):
        return credits_
    if lines.memos and (changed := _changed_receipt(draft, body, lines)):
        return Refusal(Reason.RECEIPT_CHANGED, changed, CHARGE_QUARANTINE)
    takings = [*_replacements(lines), *credits_.takings]
    net = 0
    for line, _ in lines.charges.values():
        net += line.amount_fen
    for credit in credits_.netted:
        net -= credit.amount_fen
    refusal = check_takings(draft, takings)
    if refusal is None and body.settlement is not None:
        refusal = check_settlement(body.settlement, net)
    if refusal is not None:
        return refusal
    _open_visit(draft, body, pack)
    reductions = take_back(draft, takings, body.event_at)
    charge = _post(draft, body, pack, lines, credits_.netted, net) if lines.charges or lines.memos else ""
    if credits_.unmatched:
        _park(draft, body, credits_.unmatched)
    _unpark(draft, body)
    _after_booking(draft, body)
    return _outcome(draft, body, charge, reductions)


def _changed_receipt(draft: Draft, body: PostCharge, lines: Sorted) -> dict[str, str]:
    """Return what contradicts itself: a payment line whose receipt is booked with another amount; empty for none."""
    for line, _ in lines.memos.values():
        known = known_deposit(draft.core, body.institution, line.line_key) if line.kind == "payment" else None
        if known is not None and known[1].amount_fen != line.amount_fen:
            return {"receipt": line.line_key, "booked": yuan_text(known[1].amount_fen)}
    return {}


def _replacements(lines: Sorted) -> list[Taking]:
    return [Taking(visit.key, key, line.open_fen, None) for visit, key, line in lines.replaced if line.open_fen]


def _outcome(draft: Draft, body: PostCharge, charge: str, reductions: list[str]) -> Outcome:
    booked = draft.state.encounters[f"{body.institution}|{body.visit}"].charges.get(charge)
    waits = booked.status == "held" if booked else not reductions
    return Outcome("HELD" if waits else "POSTED", charge or next(iter(reductions), ""))


def _plan_credits(draft: Draft, body: PostCharge, lines: Sorted) -> Credits | Refusal:
    """Match every credit line: netted in the message, taken from a booked charge, or parked."""
    credits_ = Credits([], [], [])
    if not lines.credits:
        return credits_
    open_lines = OpenLines(draft.encounter(body.institution, body.visit), lines.charges)
    fresh_open = {key: line.amount_fen for key, (line, _) in lines.charges.items()}
    for line, content in lines.credits:
        wanted = Wanted(line.line_key, line.reverses, line.order_no, line.item.code, line.amount_fen)
        match = match_credit(draft.state, body.institution, wanted, lines.charges, open_lines)
        if match == "several":
            return Refusal(Reason.CREDIT_UNMATCHED, quarantine=CHARGE_QUARANTINE)
        if isinstance(match, str):
            amount = 0 if line.entered_in_error else line.amount_fen
            credits_.unmatched.append(posted_line(line, content, amount))
            continue
        amount = _credit_amount(line, match, fresh_open)
        posted = posted_line(line, content, amount, match.line_key)
        if match.visit is not None:
            credits_.takings.append(Taking(match.visit.key, match.line_key, amount, posted))
            continue
        if amount > fresh_open[match.line_key]:
            return exceeds(amount, fresh_open[match.line_key])
        fresh_open[match.line_key] -= amount
        credits_.netted.append(posted)
    return credits_


def _credit_amount(line: ChargeLine, match: Hit, fresh_open: dict[str, int]) -> int:
    """Return the credit's amount; what was entered in error takes back all that its line leaves open."""
    if not line.entered_in_error:
        return line.amount_fen
    return fresh_open[match.line_key] if match.visit is None else match.visit.lines[match.line_key].open_fen


def _open_visit(draft: Draft, body: PostCharge, pack: Pack) -> None:
    if draft.encounter(body.institution, body.visit) is None:
        idle_at = idle_instant(draft, body.scene, pack)
        draft.emit(VisitOpened(body.visit, body.institution, body.scene, body.event_at, idle_at))


def _post(draft: Draft, body: PostCharge, pack: Pack, lines: Sorted, netted: list[PostedLine], net: int) -> str:
    """Book the new lines: held for the insurer's settlement, or split at once; return the charge's id."""
    posted = tuple(
        [posted_line(line, content, line.amount_fen) for line, content in lines.charges.values()]
        + netted
        + [posted_line(line, content, line.amount_fen) for line, content in lines.memos.values()]
    )
    encounter = draft.state.encounters[f"{body.institution}|{body.visit}"]
    idle_at = 0 if encounter.closed_at else idle_instant(draft, encounter.scene, pack)
    waits = body.settlement_mode == "after" or pack.settlement.all_at_visit_end
    if waits and body.settlement is None and not encounter.closed_at and net:
        charge = _hold(draft, body, pack, encounter, posted, net, idle_at)
    elif (need := needed_from_payer(draft, encounter, pack, body.event_at, net, body.settlement)) is not None:
        charge = _hold(draft, body, pack, encounter, posted, net, idle_at)
        ask_payer(draft, encounter, (charge,), body.event_at, need, body.settlement)
    else:
        charge = _split(draft, body, pack, encounter, posted, net, idle_at)
    for line, _ in lines.memos.values():
        if line.kind != "payment" or not line.amount_fen:
            continue
        if known_deposit(draft.core, body.institution, line.line_key) is None:
            deposit = draft.new_id("P")
            draft.emit(PrepaymentDeposited(body.institution, line.amount_fen, line.line_key, deposit=deposit))
    return charge


def _hold(
    draft: Draft,
    body: PostCharge,
    pack: Pack,
    encounter: Encounter,
    posted: tuple[PostedLine, ...],
    net: int,
    idle_at: int,
) -> str:
    charge = draft.new_id("C")
    draft.emit(
        LinesHeld(
            charge,
            body.visit,
            body.institution,
            encounter.scene,
            body.event_at,
            pack.id,
            net,
            posted,
            body.lines[0].department,
            idle_at,
        )
    )
    return charge


def _split(
    draft: Draft,
    body: PostCharge,
    pack: Pack,
    encounter: Encounter,
    posted: tuple[PostedLine, ...],
    net: int,
    idle_at: int,
) -> str:
    charge, agreement = draft.new_id("C"), draft.agreement()
    visits = draft.state.encounters.values()
    classes = classes_of(pack, _net_costs(posted)) if pack.presets.per_item_class_fen else NO_CLASSES
    case = Case(
        draft.core, encounter, visits, agreement, pack, body.institution, encounter.scene, body.event_at, classes
    )
    split = split_charge(case, net, body.settlement)
    draft.steps = split.steps
    capture(draft, encounter.key, charge, split.parts)
    draft.emit(
        ChargePosted(
            charge,
            body.visit,
            body.institution,
            encounter.scene,
            body.event_at,
            pack.id,
            agreement.id if agreement and split.parts.credit else "",
            net,
            allocation_of(split.parts),
            posted,
            body.settlement,
            body.lines[0].department,
            split.reason,
            split.parameters,
            idle_at,
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


def _park(draft: Draft, body: PostCharge, unmatched: list[PostedLine]) -> None:
    command = draft.command.id if draft.command else ""
    until = draft.now.city + PARKED_FOR_MS
    draft.emit(CreditParked(body.visit, body.institution, command, tuple(unmatched), until))


def _unpark(draft: Draft, body: PostCharge) -> None:
    """Apply parked credits of the institution whose charge came with this message."""
    waiting = [e for e in draft.state.encounters.values() if e.parked and e.institution == body.institution]
    parked = [(encounter, credit) for encounter in waiting for credit in encounter.parked.values()]
    for encounter, credit in parked:
        takings = [_parked_taking(draft, encounter, line) for line in credit.lines]
        known = [taking for taking in takings if taking is not None]
        if len(known) == len(takings) and check_takings(draft, known) is None:
            draft.emit(CreditUnparked(encounter.visit, encounter.institution, credit.command, applied=True))
            take_back(draft, known, body.event_at)


def _parked_taking(draft: Draft, encounter: Encounter, line: ParkedLine) -> Taking | None:
    wanted = Wanted(line.line_key, line.reverses, line.order_no, line.item, line.amount_fen)
    open_lines = OpenLines(draft.state.encounters[encounter.key], {})
    match = match_credit(draft.state, encounter.institution, wanted, {}, open_lines)
    if isinstance(match, str) or match.visit is None:
        return None
    amount = match.visit.lines[match.line_key].open_fen if line.in_full else line.amount_fen
    posted = PostedLine(
        line.line_key,
        "credit",
        amount,
        Item(line.item, line.item_system, line.item_name),
        line.content,
        line.service_at,
        line.quantity,
        line.unit_price,
        line.department,
        line.order_no,
        match.line_key,
    )
    return Taking(match.visit.key, match.line_key, amount, posted)


def _after_booking(draft: Draft, body: PostCharge) -> None:
    encounter = draft.state.encounters[f"{body.institution}|{body.visit}"]
    if encounter.cancelled == "pending":
        close_if_cancelled(draft, encounter.key)
    if encounter.closed_at:
        bill_late_charge(draft, encounter.key)
        settle_visit(draft, encounter.key)

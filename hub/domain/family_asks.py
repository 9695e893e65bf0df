"""A dependent's charge that needs credit: it waits for the payer's line, then is split once (domain 9).

The dependent's account alone decides what becomes of a hold: posted or voided, by the answer or by the end of the wait.
The payer's account never lets go on its own, so no hold is freed twice and none is forgotten.
"""

from typing import Final, NamedTuple

from msgspec.structs import replace

from hub.domain.bills import issue_bills, settle_visit
from hub.domain.deduction import Case, Split, allocation_of, split_charge
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.family import payer_link
from hub.domain.family_state import Ask, Family, Link
from hub.domain.holds import capture
from hub.domain.lines import open_amount
from hub.domain.relays import send
from hub.domain.state import Encounter
from hub.policies import Pack
from schemas.commands import (
    AnswerFamilyHold,
    HoldFamilyLine,
    Instant,
    InsuranceSplit,
    OfferFamilyBill,
    PostFamilyHold,
    ReduceFamilyCredit,
)
from schemas.events import ChargePosted, FamilyBillTaken, FamilyHoldAsked, FamilyHoldDecided
from schemas.ledger import Step
from schemas.money import yuan_text
from schemas.reasons import Reason

ANSWER_WITHIN_MS: Final = 5 * 60_000
"""A charge waits so long, by wall time, for the payer's account; then it is self-pay (ours)."""


class Need(NamedTuple):
    """How much of a charge only a payer's line can give, and under which link."""

    link: Link
    amount_fen: int


def needed_from_payer(
    draft: Draft, encounter: Encounter, pack: Pack, at: Instant, total_fen: int, settlement: InsuranceSplit | None
) -> Need | None:
    """Return what a linked minor's charge needs from the payer; None for everybody else and where nothing is left."""
    link = payer_link(draft.core, at)
    if link is None:
        return None
    rest = _own_split(draft, encounter, pack, at, total_fen, settlement).parts.self_pay
    return Need(link, rest) if rest else None


def _own_split(
    draft: Draft, encounter: Encounter, pack: Pack, at: Instant, total_fen: int, settlement: InsuranceSplit | None
) -> Split:
    """Return the split without any credit: insurance, prepayment, and the rest as self-pay."""
    case = Case(draft.state, encounter, None, pack, encounter.institution, encounter.scene, at)
    return split_charge(case, total_fen, settlement)


def ask_payer(
    draft: Draft,
    encounter: Encounter,
    charges: tuple[str, ...],
    at: Instant,
    need: Need,
    settlement: InsuranceSplit | None = None,
) -> None:
    """Ask the payer's account for a hold; these held charges wait for its answer."""
    hold, command = draft.new_id("H"), draft.command
    draft.emit(
        FamilyHoldAsked(
            hold,
            need.link.id,
            need.link.other,
            encounter.visit,
            encounter.institution,
            need.amount_fen,
            charges,
            at,
            draft.now.wall + ANSWER_WITHIN_MS,
            settlement,
        )
    )
    body = HoldFamilyLine(
        hold,
        need.link.id,
        encounter.institution,
        encounter.visit,
        encounter.scene,
        at,
        need.amount_fen,
        command.reply if command else None,
        command.id if command else "",
    )
    send(draft, need.link.other, body)


def waiting_charges(family: Family | None) -> frozenset[str]:
    """Return the held charges that wait for a payer's answer: nothing else may split them."""
    if family is None or not family.asks:
        return frozenset()
    return frozenset(charge for ask in family.asks.values() for charge in ask.charges)


def settled_by_ask(family: Family | None, visit: str) -> bool:
    """Return True when an insurer's settlement of this visit waits for a payer's answer."""
    return family is not None and any(ask.visit == visit and ask.settlement for ask in family.asks.values())


def answer_family_hold(draft: Draft, body: AnswerFamilyHold) -> Outcome | Refusal:
    """Split the charge with what the payer's line holds; what is not needed of it is free again."""
    ask = (draft.core.family or Family()).asks.get(body.hold)
    if ask is None or body.granted_fen < 0:
        # The wait ended before; the void that left then follows the hold to the payer.
        return Outcome("RECORDED", body.hold)
    line = Step("credit", body.granted_fen, 0, body.reason, {}, body.clause, body.source, body.score)
    return Outcome("POSTED", _split_with(draft, ask, line))


def ask_expired(draft: Draft, hold: str) -> Outcome:
    """No answer came in time: the charge is self-pay, and whatever the payer's line holds for it is void."""
    ask = (draft.core.family or Family()).asks[hold]
    _split_with(draft, ask, Step("credit", reason=Reason.FAMILY_NO_ANSWER))
    return Outcome("TIMER", hold)


def _split_with(draft: Draft, ask: Ask, line: Step) -> str:
    """Book the waiting charges as one, tell the payer what of the hold was used, and go on as after any charge.

    `line` is the credit step as the payer's line answered it: what it gave and why not more, nothing taken yet.
    """
    encounter = draft.state.encounters[ask.visit]
    pack = draft.use_pack(encounter.institution, ask.event_at) or _pack_of(draft, encounter, ask)
    total = open_amount(encounter, ask.charges)
    split = _own_split(draft, encounter, pack, ask.event_at, total, ask.settlement)
    credit = min(split.parts.self_pay, line.available_fen)
    rest = split.parts.self_pay - credit
    reason = line.reason if rest else ""
    parameters = {"available": yuan_text(line.available_fen), "rest": yuan_text(rest)} if rest else {}
    draft.steps = _steps(split, replace(line, taken_fen=credit, reason=reason, parameters=parameters), rest)
    charge = draft.new_id("C")
    capture(draft, ask.visit, charge, split.parts)
    draft.emit(
        ChargePosted(
            charge,
            encounter.visit,
            encounter.institution,
            encounter.scene,
            ask.event_at,
            pack.id,
            "",
            total,
            allocation_of(replace(split.parts, credit=credit, self_pay=rest)),
            (),
            ask.settlement,
            encounter.charges[ask.charges[0]].department,
            reason,
            parameters,
            absorbs=ask.charges,
            hold=ask.hold if credit else "",
            payer=ask.payer if credit else "",
        )
    )
    draft.emit(FamilyHoldDecided(ask.hold, credit, line.available_fen, line.reason))
    _tell_payer(draft, ask, encounter, credit)
    settle_visit(draft, ask.visit)
    return charge


def _tell_payer(draft: Draft, ask: Ask, encounter: Encounter, credit_fen: int) -> None:
    word = PostFamilyHold(
        ask.hold,
        encounter.institution,
        encounter.visit,
        encounter.scene,
        ask.event_at,
        credit_fen,
        encounter.closed_at,
    )
    send(draft, ask.payer, word)


def _pack_of(draft: Draft, encounter: Encounter, ask: Ask) -> Pack:
    """Return the pack under which the lines were held: a charge keeps its pack."""
    return draft.policies.packs[encounter.charges[ask.charges[0]].pack]


def _steps(split: Split, credit: Step, rest: int) -> tuple[Step, ...]:
    insurance, prepayment, _, self_pay = split.steps
    return insurance, prepayment, credit, replace(self_pay, available_fen=rest, taken_fen=rest)


def take_over_bill(draft: Draft, body: OfferFamilyBill) -> Outcome | Refusal:
    """Take over what stands unpaid on the former payer's line, where an own line bears all of it; else it stays."""
    encounter, agreement = draft.encounter(body.institution, body.visit), draft.agreement()
    if encounter is None or agreement is None or not encounter.closed_at:
        return Outcome("RECORDED", body.bill)
    owed = {c.bill: c.parts.credit - c.returned.credit for c in encounter.charges.values() if c.bill in body.holds}
    amount, core = sum(owed.values()), draft.core
    free = agreement.limit_fen - agreement.used_fen - agreement.held_fen
    pack = draft.policies.packs[agreement.pack]
    usable = not (core.suspended or core.barred) and agreement.consent_until >= draft.now.city
    if not 0 < amount <= free or not usable or not pack.covers(body.institution, draft.now.city):
        return Outcome("RECORDED", body.bill, Reason.CREDIT_EXHAUSTED)
    holds = tuple(hold for hold, fen in owed.items() if fen)
    payer = next(c.payer for c in encounter.charges.values() if c.bill in holds)
    draft.emit(FamilyBillTaken(body.institution, body.visit, holds, agreement.id, amount))
    issue_bills(draft, encounter.key, draft.now.city, supplementary=True)
    for hold in holds:
        gone = ReduceFamilyCredit(hold, body.institution, body.visit, owed[hold], draft.now.city, taken_over=True)
        send(draft, payer, gone)
    return Outcome("POSTED", body.bill)

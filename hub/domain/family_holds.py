"""The payer's side: the line holds for a dependent's charge, then carries what was posted (domain 9).

What was posted stands as a charge on a visit that mirrors the dependent's: closing bills it, a reversal reduces it, and
every rule of bills and debits applies to it as to the payer's own.
"""

from typing import Final

from hub.domain.ages import is_below
from hub.domain.bills import bill_late_charge, reduce_bill, settle_visit
from hub.domain.deduction import Case, Room, credit_room, score_used
from hub.domain.draft import MONEY_INCIDENT, Draft, Outcome, Refusal
from hub.domain.family import is_deceased, mirrored_visit
from hub.domain.family_state import Family, FamilyHold
from hub.domain.relays import send
from hub.domain.visits import close_visit, reopen_visit
from hub.policies.clauses import Citation
from schemas.commands import (
    AnswerFamilyHold,
    HoldFamilyLine,
    Instant,
    NoteFamilyVisit,
    PostFamilyHold,
    ReduceFamilyCredit,
    Scene,
)
from schemas.events import (
    FamilyCreditPosted,
    FamilyCreditReduced,
    FamilyCreditReturned,
    FamilyHoldPlaced,
    FamilyHoldVoided,
)
from schemas.ids import account_of
from schemas.money import AMOUNT_FEN_MAX
from schemas.reasons import Reason

_NO_CITATION: Final = Citation("", "", "")


def hold_family_line(draft: Draft, body: HoldFamilyLine) -> Outcome | Refusal:
    """Hold what the line gives, at most what is asked, and answer; every condition of credit is judged here."""
    patient, known = account_of(body.hold), (draft.core.family or Family()).holds
    if not patient or patient == draft.core.account or body.hold in known or not 0 < body.amount_fen <= AMOUNT_FEN_MAX:
        return _unknown(body.hold)
    room = _room(draft, body)
    granted = min(body.amount_fen, room.fen)
    agreement, visit = draft.agreement(), mirrored_visit(body.visit, body.hold)
    if granted and agreement is not None:
        draft.emit(
            FamilyHoldPlaced(
                body.hold,
                body.link,
                body.institution,
                visit,
                body.scene,
                agreement.id,
                agreement.pack,
                granted,
                body.event_at,
            )
        )
    answer = AnswerFamilyHold(
        body.hold,
        body.institution,
        body.visit,
        granted,
        room.reason if granted < body.amount_fen else "",
        room.citation.clause,
        room.citation.source,
        _payers_score(draft),
        body.command_id,
    )
    send(draft, patient, answer, body.reply)
    return Outcome("HELD" if granted else "RECORDED", body.hold, answer.reason)


def _payers_score(draft: Draft) -> str:
    agreement = draft.agreement()
    return score_used(draft.core, agreement, draft.policies.packs[agreement.pack]) if agreement is not None else ""


def _room(draft: Draft, body: HoldFamilyLine) -> Room:
    visit = mirrored_visit(body.visit, body.hold)
    asked = (body.institution, body.scene, body.event_at, body.amount_fen)
    return minors_room(draft, body.link, *asked, visit)


def minors_room(
    draft: Draft, link_id: str, institution: str, scene: Scene, at: Instant, asked_fen: int = 0, visit: str = ""
) -> Room:
    """Return what this payer's line may give a minor, and why not more; `visit` is the mirrored one, where known."""
    link = (draft.core.family or Family()).links.get(link_id)
    if is_deceased(draft.core):
        return Room(0, Reason.DECEASED, _NO_CITATION)
    if link is None or link.role != "payer" or link.relation != "minor" or not link.covers(at):
        return Room(0, Reason.FAMILY_LINK_UNKNOWN, _NO_CITATION)
    pack = draft.use_pack(institution, at)
    if pack is None:
        return Room(0, Reason.PACK_UNKNOWN, _NO_CITATION)
    if not is_below(link.other_birth_on, pack.family.minors_until, at):
        return Room(0, Reason.FAMILY_NOT_COVERED, pack.family.citation)
    mirror = draft.encounter(institution, visit)
    case = Case(draft.state, mirror, draft.agreement(), pack, institution, scene, at)
    return credit_room(case, asked_fen)


def post_family_hold(draft: Draft, body: PostFamilyHold) -> Outcome | Refusal:
    """Turn a hold into credit used, or void it; a closed visit is billed at once."""
    hold = (draft.core.family or Family()).holds.get(body.hold)
    if hold is None:
        return _unknown(body.hold) if body.amount_fen else Outcome("RECORDED", body.hold)
    if not 0 <= body.amount_fen <= hold.amount_fen:
        return _unknown(body.hold)
    if not body.amount_fen:
        draft.emit(FamilyHoldVoided(body.hold))
        return Outcome("RECORDED", body.hold)
    _post(draft, hold, body)
    key = f"{hold.institution}|{hold.visit}"
    if draft.state.encounters[key].closed_at:
        bill_late_charge(draft, key)
        settle_visit(draft, key)
    elif body.closed_at:
        close_visit(draft, key, body.closed_at, idle=False)
    return Outcome("POSTED", body.hold)


def _unknown(hold: str) -> Refusal:
    return Refusal(Reason.FAMILY_HOLD_UNKNOWN, {"hold": hold}, MONEY_INCIDENT)


def _post(draft: Draft, hold: FamilyHold, body: PostFamilyHold) -> None:
    draft.emit(
        FamilyCreditPosted(
            hold.hold,
            hold.institution,
            hold.visit,
            hold.scene,
            hold.agreement,
            hold.pack,
            body.amount_fen,
            body.event_at,
        )
    )


def reduce_family_credit(draft: Draft, body: ReduceFamilyCredit) -> Outcome | Refusal:
    """Take part of the credit back: off the line, or off its bill as any reversal (architecture 12)."""
    visit = mirrored_visit(body.visit, body.hold)
    mirror = draft.encounter(body.institution, visit)
    charge = mirror.charges.get(body.hold) if mirror else None
    if charge is None and body.amount_fen > 0 and f"{body.institution}|{visit}" in draft.core.archived:
        # The dependent's visit lived on after this side's was paid and archived.
        payment = draft.new_id("Y")
        draft.emit(FamilyCreditReturned(body.hold, payment, body.amount_fen))
        return Outcome("POSTED", payment)
    if charge is None or not 0 < body.amount_fen <= charge.parts.credit - charge.returned.credit:
        return _unknown(body.hold)
    bill = draft.core.bills.get(charge.bill) if charge.bill else None
    draft.emit(
        FamilyCreditReduced(
            body.hold,
            body.institution,
            visit,
            body.amount_fen,
            body.taken_over,
            bill is not None and bill.debiting,
        )
    )
    if bill is not None:
        reduce_bill(draft, bill.id, body.amount_fen)
    return Outcome("POSTED", body.hold)


def note_family_visit(draft: Draft, body: NoteFamilyVisit) -> Outcome | Refusal:
    """Follow the dependent's visit: its close bills what it used here, a close taken back cancels an untouched bill."""
    key = f"{body.institution}|{mirrored_visit(body.visit, body.patient)}"
    mirror = draft.state.encounters.get(key)
    if mirror is None:
        return Outcome("RECORDED", body.visit)
    if body.event == "closed" and not mirror.closed_at:
        close_visit(draft, key, body.at, idle=False)
    elif body.event == "reopened" and mirror.closed_at:
        reopen_visit(draft, mirror, None)
    return Outcome("RECORDED", body.visit)

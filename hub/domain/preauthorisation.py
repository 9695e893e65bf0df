"""Pre-authorisation of a stay: hold at admission, capture by charges or in one, void, expiry (domain 1, hold)."""

from msgspec.structs import replace

from hub.domain.charges import post_charge
from hub.domain.clocks import DAY_MS
from hub.domain.deduction import Case, Room, credit_room
from hub.domain.draft import CHARGE_QUARANTINE, Draft, Outcome, Refusal
from hub.domain.holds import own_credit_held, prepayment_held, release
from hub.domain.numbers import identify
from hub.domain.visits import idle_instant
from hub.policies import Pack
from schemas.commands import CaptureHold, ChargeLine, HoldCredit, Item, PostCharge, VoidHold
from schemas.events import HoldPlaced, VisitOpened
from schemas.money import AMOUNT_FEN_MAX, yuan_text
from schemas.reasons import Reason


def hold_credit(draft: Draft, body: HoldCredit) -> Outcome | Refusal:
    """Hold an amount for an open visit, within what the source has free; the visit's charges capture it."""
    pack = draft.use_pack(body.institution, body.event_at)
    if pack is None:
        return Refusal(Reason.PACK_UNKNOWN)
    refusal = _check(draft, body, pack)
    if refusal is not None:
        return refusal
    room = _room(draft, body, pack)
    if body.amount_fen > room.fen:
        if room.fen == 0 and room.reason != Reason.CREDIT_EXHAUSTED:
            return Refusal(Reason(room.reason))
        return _exceeds(body.amount_fen, room.fen)
    return _place(draft, body, pack)


def _check(draft: Draft, body: HoldCredit, pack: Pack) -> Refusal | None:
    if not 0 < body.amount_fen <= AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    if body.scene not in pack.holds.scenes:
        return Refusal(Reason.SCENE_NOT_COVERED)
    key = f"{body.institution}|{body.visit}"
    if key in draft.core.archived:
        return Refusal(Reason.VISIT_ARCHIVED)
    encounter = draft.state.encounters.get(key)
    if encounter is not None and (encounter.closed_at or encounter.cancelled):
        return Refusal(Reason.VISIT_CLOSED)
    return None


def _room(draft: Draft, body: HoldCredit, pack: Pack) -> Room:
    """Return what may still be held: what is free beside every hold, this visit's own included."""
    core, agreement = draft.core, draft.agreement()
    if body.source == "prepayment":
        kept = core.prepayments.get(body.institution, 0) - prepayment_held(core, body.institution)
        return Room(kept, Reason.CREDIT_EXHAUSTED, pack.deduction)
    visit = f"{body.institution}|{body.visit}"
    encounter = draft.state.encounters.get(visit)
    room = credit_room(Case(draft.state, encounter, agreement, pack, body.institution, body.scene, body.event_at))
    own = own_credit_held(core, visit, agreement.id) if agreement else 0
    return replace(room, fen=max(0, room.fen - own))


def _exceeds(asked_fen: int, left_fen: int) -> Refusal:
    return Refusal(Reason.HOLD_EXCEEDS, {"asked": yuan_text(asked_fen), "left": yuan_text(left_fen)})


def _place(draft: Draft, body: HoldCredit, pack: Pack) -> Outcome:
    identify(draft, body.subject)
    if draft.encounter(body.institution, body.visit) is None:
        idle_at = idle_instant(draft, body.scene, pack)
        draft.emit(VisitOpened(body.visit, body.institution, body.scene, body.event_at, idle_at))
    hold, agreement = draft.new_id("H"), draft.agreement()
    named = agreement.id if agreement and body.source == "credit" else ""
    until = draft.now.city + pack.holds.days * DAY_MS
    draft.emit(HoldPlaced(hold, body.visit, body.institution, body.source, named, body.amount_fen, until))
    return Outcome("RECORDED", hold)


def capture_hold(draft: Draft, body: CaptureHold) -> Outcome | Refusal:
    """Post one charge of at most what is left of a hold, in the order of every charge; the rest is free again."""
    hold = draft.core.holds.get(body.hold)
    if hold is None or hold.closed:
        return Refusal(Reason.HOLD_CLOSED if hold else Reason.HOLD_UNKNOWN, {"hold": body.hold})
    if body.amount_fen > hold.left_fen:
        return _exceeds(body.amount_fen, hold.left_fen)
    encounter = draft.state.encounters[hold.visit]
    key = body.line_key or f"capture-{body.hold}"
    line = ChargeLine(key, "charge", body.amount_fen, Item("CAPTURE", "medcredit", "预授权完成"), body.event_at)
    charge = PostCharge(encounter.institution, encounter.visit, encounter.scene, body.event_at, (line,))
    outcome = post_charge(draft, charge)
    if isinstance(outcome, Refusal):
        return replace(outcome, quarantine=None) if outcome.quarantine == CHARGE_QUARANTINE else outcome
    if outcome.code == "POSTED":
        release(draft, body.hold, "captured")
    return outcome


def void_hold(draft: Draft, body: VoidHold) -> Outcome | Refusal:
    """Give back what is left of a hold; a second time nothing happens."""
    if body.hold not in draft.core.holds:
        return Refusal(Reason.HOLD_UNKNOWN, {"hold": body.hold})
    release(draft, body.hold, "voided")
    return Outcome("RECORDED", body.hold)


def hold_expired(draft: Draft, hold_id: str) -> Outcome:
    """Free a hold that nobody captured in time."""
    release(draft, hold_id, "expired")
    return Outcome("TIMER", hold_id)

"""The kiosk's question, answered in one call: eligible or why not, and with how much (domain 5)."""

from hub.domain.deduction import Case, credit_room
from hub.domain.draft import Draft, Outcome, Refusal
from schemas.commands import CheckEligibility
from schemas.reasons import Reason


def check_eligibility(draft: Draft, body: CheckEligibility) -> Outcome | Refusal:
    """Return RECORDED; the answer is the reply, nothing changes."""
    if draft.use_pack(body.institution, body.event_at) is None:
        return Refusal(Reason.PACK_UNKNOWN)
    return Outcome("RECORDED")


def eligibility_answer(draft: Draft, body: CheckEligibility) -> dict[str, object]:
    """Return what the kiosk shows."""
    core, agreement, pack = draft.core, draft.agreement(), draft.pack
    if pack is None:
        return {}
    visits = draft.state.encounters.values()
    room = credit_room(Case(core, None, visits, agreement, pack, body.institution, body.scene, body.event_at))
    return {
        "eligible": room.fen > 0,
        "reason": "" if room.fen else str(room.reason),
        "available_fen": room.fen,
        "limit_fen": agreement.limit_fen if agreement else 0,
        "used_fen": agreement.used_fen if agreement else 0,
        "prepayment_fen": core.prepayments.get(body.institution, 0),
        "insurance_fen": core.insurance_fen,
        "insurance_linked": core.insurance_fen > 0,
        "pack": pack.id,
    }

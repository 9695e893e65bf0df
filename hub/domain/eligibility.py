"""The kiosk's question, answered in one call: eligible or why not, what to do next, and with how much (domain 5)."""

from hub.domain.deduction import Case, credit_room
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.enrolment import enrolment_bar, is_insured, next_step
from hub.domain.entitlements import entitled
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
    room = credit_room(Case(draft.state, None, agreement, pack, body.institution, body.scene, body.event_at))
    reason = "" if room.fen else _reason(draft, body, room.reason)
    rights = entitled(core, draft.policies, draft.now.city)
    return {
        "eligible": room.fen > 0,
        "reason": reason,
        "next_step": next_step(reason),
        "available_fen": room.fen,
        "limit_fen": agreement.limit_fen if agreement else 0,
        "used_fen": agreement.used_fen if agreement else 0,
        "prepayment_fen": core.prepayments.get(body.institution, 0),
        "insurance_fen": core.insurance_fen,
        "insurance_linked": is_insured(core),
        "deposit_waived": rights.deposit_waived,
        "deposit_waived_up_to_fen": rights.deposit_up_to_fen,
        "entitlements": list(rights.privileges),
        "pack": pack.id,
    }


def _reason(draft: Draft, body: CheckEligibility, reason: str) -> str:
    """Return why not; a card nobody linked, and what the pack asks of whoever has not signed yet, come first."""
    if reason != Reason.AGREEMENT_MISSING or draft.pack is None:
        return str(reason)
    forwarded = draft.command is not None and draft.command.via is not None
    if body.by == "card" and not forwarded:
        return str(Reason.LINK_INSURANCE_AT_COUNTER)
    return str(enrolment_bar(draft.core, draft.pack) or reason)

"""The kiosk's question, answered in one call: eligible or why not, what to do next, and with how much (domain 5).

Where a minor shares a parent's line, the question goes on to the parent's account, which answers it with its own room
and what the minor's account said of itself (domain 9).
"""

from msgspec.structs import replace

from hub.domain.deduction import Case, Room, credit_room
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.enrolment import enrolment_bar, is_insured, next_step
from hub.domain.entitlements import entitled
from hub.domain.family import payer_link
from hub.domain.family_holds import minors_room
from hub.domain.family_state import Link
from hub.domain.numbers import forward
from schemas.commands import CheckEligibility, CheckFamilyLine
from schemas.reasons import Reason


def check_eligibility(draft: Draft, body: CheckEligibility) -> Outcome | Refusal:
    """Return RECORDED; the answer is the reply, nothing changes. A linked minor's question goes on to the payer."""
    if draft.use_pack(body.institution, body.event_at) is None:
        return Refusal(Reason.PACK_UNKNOWN)
    link = payer_link(draft.core, body.event_at)
    if link is None or draft.command is None:
        return Outcome("RECORDED")
    return forward(draft, replace(draft.command, body=_asked(draft, body, link)), link.other)


def _asked(draft: Draft, body: CheckEligibility, link: Link) -> CheckFamilyLine:
    core = draft.core
    return CheckFamilyLine(
        link.id,
        body.institution,
        body.scene,
        body.event_at,
        core.prepayments.get(body.institution, 0),
        core.insurance_fen,
        is_insured(core),
    )


def check_family_line(draft: Draft, body: CheckFamilyLine) -> Outcome | Refusal:
    """Return RECORDED; the payer's account answers for the minor, nothing changes."""
    if draft.use_pack(body.institution, body.event_at) is None:
        return Refusal(Reason.PACK_UNKNOWN)
    return Outcome("RECORDED")


def eligibility_answer(draft: Draft, body: CheckEligibility) -> dict[str, object]:
    """Return what the kiosk shows."""
    core, pack = draft.core, draft.pack
    if pack is None:
        return {}
    case = Case(draft.state, None, draft.agreement(), pack, body.institution, body.scene, body.event_at)
    room = credit_room(case)
    reason = "" if room.fen else _reason(draft, body, room.reason)
    prepayment_fen = core.prepayments.get(body.institution, 0)
    return _answer(draft, room, reason, prepayment_fen, core.insurance_fen, insured=is_insured(core), line="own")


def family_line_answer(draft: Draft, body: CheckFamilyLine) -> dict[str, object]:
    """Return what the kiosk shows a minor: the payer's room, the minor's own prepayment and insurance."""
    room = minors_room(draft, body.link, body.institution, body.scene, body.event_at)
    reason = "" if room.fen else str(room.reason)
    return _answer(
        draft, room, reason, body.prepayment_fen, body.insurance_fen, insured=body.insurance_linked, line="payer"
    )


def _answer(
    draft: Draft, room: Room, reason: str, prepayment_fen: int, insurance_fen: int, *, insured: bool, line: str
) -> dict[str, object]:
    agreement, rights = draft.agreement(), entitled(draft.core, draft.policies, draft.now.city)
    return {
        "eligible": room.fen > 0,
        "reason": reason,
        "next_step": next_step(reason),
        "available_fen": room.fen,
        "line": line,
        "limit_fen": agreement.limit_fen if agreement else 0,
        "used_fen": agreement.used_fen if agreement else 0,
        "prepayment_fen": prepayment_fen,
        "insurance_fen": insurance_fen,
        "insurance_linked": insured,
        "deposit_waived": rights.deposit_waived,
        "deposit_waived_up_to_fen": rights.deposit_up_to_fen,
        "entitlements": list(rights.privileges),
        "pack": draft.pack.id if draft.pack else "",
    }


def _reason(draft: Draft, body: CheckEligibility, reason: str) -> str:
    """Return why not; a card nobody linked, and what the pack asks of whoever has not signed yet, come first."""
    if reason != Reason.AGREEMENT_MISSING or draft.pack is None:
        return str(reason)
    forwarded = draft.command is not None and draft.command.via is not None
    if body.by == "card" and not forwarded:
        return str(Reason.LINK_INSURANCE_AT_COUNTER)
    return str(enrolment_bar(draft.core, draft.pack) or reason)

"""The body of an answer, made only of what never changes in the state: a repeat's is rebuilt and equal."""

from typing import Final

from hub.domain.state import AccountState, Charge, Encounter, Parts, Reduction
from schemas.commands import (
    AnswerFamilyHold,
    AnswerFamilyLink,
    AnswerFamilyUnlink,
    ApplyRelief,
    ApproveRelief,
    Body,
    CaptureHold,
    CloseRelief,
    ConfirmProposal,
    DepositPrepayment,
    FreezeBill,
    HoldCredit,
    ObserveScore,
    PostCharge,
    ProposeListing,
    ProposeUnlisting,
    ReceiveNotice,
    ReceiveTransfer,
    RecordRepayment,
    RecordVisit,
    RefundBalance,
    RefundPrepayment,
    RejectProposal,
    RequestFamilyLink,
    RequestFamilyUnlink,
    ReverseSettlement,
    SetRepaymentSources,
    SettleInsurance,
    SignAgreement,
    UndoOverdue,
    UnfreezeBill,
    VoidHold,
    WithdrawAgreement,
)

_ABOUT_CHARGES: Final = (PostCharge, SettleInsurance, ReverseSettlement, CaptureHold, AnswerFamilyHold)


_NAMED: Final[dict[type, tuple[str, ...]]] = {
    WithdrawAgreement: ("agreement",),
    ObserveScore: ("message_id", "sequence", "provider"),
    ReceiveNotice: ("order_no",),
    RecordVisit: ("visit", "institution"),
    VoidHold: ("hold",),
    FreezeBill: ("bill",),
    UnfreezeBill: ("bill",),
    AnswerFamilyLink: ("link",),
    RequestFamilyUnlink: ("link",),
    AnswerFamilyUnlink: ("link",),
    ConfirmProposal: ("proposal",),
    RejectProposal: ("proposal",),
    ApproveRelief: ("case",),
    CloseRelief: ("case",),
    SetRepaymentSources: ("agreement",),
}
"""What the answer repeats of the command itself."""
_MADE: Final[dict[type, tuple[str, ...]]] = {
    DepositPrepayment: ("reference", "institution"),
    ReceiveTransfer: ("reference", "institution"),
    RefundPrepayment: ("reference", "institution"),
    HoldCredit: ("hold", "institution", "visit"),
    RequestFamilyLink: ("link",),
    ApplyRelief: ("case",),
    ProposeListing: ("proposal",),
    ProposeUnlisting: ("proposal",),
    UndoOverdue: ("proposal",),
}
"""The name of the id that was made, and what the answer repeats of the command."""


def result_of(state: AccountState, body: Body, references: tuple[str, ...]) -> dict[str, object]:
    """Return the answer's body for a command, from the ids its outcome made; shapes: hub.domain.reply."""
    kind = type(body)
    if isinstance(body, _ABOUT_CHARGES):
        return _charge_result(state, body, references)
    if kind in _MADE:
        made, *said = _MADE[kind]
        return {made: next(iter(references), "")} | {name: getattr(body, name) for name in said}
    if isinstance(body, SignAgreement):
        return _agreement_result(state, references)
    if isinstance(body, RecordRepayment):
        return _repayment_result(state, references)
    if isinstance(body, RefundBalance):
        return {"refunds": list(references)}
    return {name: getattr(body, name) for name in _NAMED.get(kind, ())}


def _charge_result(
    state: AccountState,
    body: PostCharge | SettleInsurance | ReverseSettlement | CaptureHold | AnswerFamilyHold,
    references: tuple[str, ...],
) -> dict[str, object]:
    result = _place_of(state, body)
    if isinstance(body, SettleInsurance):
        result["settlement"] = body.split.settlement_id
    if isinstance(body, ReverseSettlement):
        result["settlement"] = body.settlement_id
    charge, reductions = _find(state, references)
    if charge is not None:
        result.update(
            charge=charge.id,
            total_fen=charge.total_fen,
            held=charge.status != "posted" or bool(charge.into),
            pack=charge.pack,
            allocation=parts_result(charge.parts),
            reason=charge.reason,
            parameters=charge.parameters,
        )
    if reductions:
        returned = Parts(*(sum(amounts) for amounts in zip(*(r.parts for r in reductions), strict=True)))
        result.update(
            reductions=[{"reduction": r.id, "charge": r.charge, "amount_fen": r.amount_fen} for r in reductions],
            returned=parts_result(returned),
            refund_at_window_fen=returned.self_pay,
        )
    return result


def _place_of(
    state: AccountState, body: PostCharge | SettleInsurance | ReverseSettlement | CaptureHold | AnswerFamilyHold
) -> dict[str, object]:
    if not isinstance(body, CaptureHold):
        return {"institution": body.institution, "visit": body.visit}
    hold = state.core.holds.get(body.hold)
    institution, _, visit = hold.visit.partition("|") if hold else ("", "", "")
    return {"institution": institution, "visit": visit, "hold": body.hold}


def _find(state: AccountState, references: tuple[str, ...]) -> tuple[Charge | None, list[Reduction]]:
    charge: Charge | None = None
    reductions: list[Reduction] = []
    for reference in references:
        found = next((e for e in state.encounters.values() if _holds(e, reference)), None)
        if found is None:
            continue
        if reference in found.reductions:
            reductions.append(found.reductions[reference])
        elif charge is None:
            charge = found.charges[reference]
    return charge, reductions


def _holds(encounter: Encounter, reference: str) -> bool:
    return reference in encounter.charges or reference in encounter.reductions


def parts_result(parts: Parts) -> dict[str, int]:
    """Return a split as JSON shows it."""
    return {
        "fund_fen": parts.fund,
        "account_fen": parts.account,
        "other_fen": parts.other,
        "prepayment_fen": parts.prepayment,
        "credit_fen": parts.credit,
        "self_pay_fen": parts.self_pay,
    }


def _agreement_result(state: AccountState, references: tuple[str, ...]) -> dict[str, object]:
    agreement = state.core.agreements.get(references[0]) if references else None
    if agreement is None:
        return {}
    return {
        "agreement": agreement.id,
        "pack": agreement.pack,
        "bank": agreement.bank,
        "channel": agreement.channel,
        "limit_fen": agreement.granted_fen,
    }


def _repayment_result(state: AccountState, references: tuple[str, ...]) -> dict[str, object]:
    payment = state.core.payments.get(references[0]) if references else None
    if payment is None:
        return {}
    applied = [{"bill": bill, "amount_fen": amount} for bill, amount in payment.applied]
    left = payment.amount_fen - sum(amount for _, amount in payment.applied)
    return {"payment": payment.id, "amount_fen": payment.amount_fen, "applied": applied, "refundable_fen": left}

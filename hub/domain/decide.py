"""One command or one timer becomes exactly one decision: pure, deterministic, never an exception for bad input.

`decide` recognises repeats, forwards what belongs to another account, then asks the function of the command's noun.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

from hub.domain.advances import close_day, note_tick, open_advance, record_advance_word
from hub.domain.agreements import sign_agreement, withdraw_agreement
from hub.domain.approvals import (
    confirm_proposal,
    listing_due,
    proposal_due,
    propose_listing,
    propose_undo,
    propose_unlisting,
    reject_proposal,
)
from hub.domain.auto_debit import debit_due, query_due, retry_due, term_due
from hub.domain.balances import refund_balance
from hub.domain.charges import post_charge
from hub.domain.credit_lines import observe_score, revoke_consent
from hub.domain.decision import Decision, Now, Quarantine, Timer
from hub.domain.digests import content_digest, id_digest
from hub.domain.draft import CHARGE_QUARANTINE, Draft, Outcome, Refusal
from hub.domain.eligibility import check_eligibility, check_family_line, eligibility_answer, family_line_answer
from hub.domain.enrolment import link_insurance, record_dishonesty, record_insurance_credit
from hub.domain.evolve import memory_key, references_of, stamped, without_timer
from hub.domain.facts import facts
from hub.domain.family_asks import answer_family_hold, ask_expired, take_over_bill
from hub.domain.family_endings import (
    answer_family_unlink,
    came_of_age,
    end_family_link,
    offer_family_unlink,
    record_death,
    request_family_unlink,
    settle_family_unlink,
)
from hub.domain.family_holds import hold_family_line, note_family_visit, post_family_hold, reduce_family_credit
from hub.domain.family_links import (
    answer_family_link,
    note_family_contract,
    offer_family_link,
    request_expired,
    request_family_link,
    settle_family_link,
)
from hub.domain.family_words import tell_family
from hub.domain.feedback import feedback_due, record_feedback_result
from hub.domain.feeds import receive_feed_message
from hub.domain.fees import fee_due, waive_bill_fees
from hub.domain.freezing import freeze_bill, unfreeze_bill
from hub.domain.gateway import record_result
from hub.domain.losses import record_collection, record_recovery, write_off
from hub.domain.merging import absorb_account, merge_patient
from hub.domain.messages import message_due
from hub.domain.notices import note_agreement_end, receive_notice
from hub.domain.numbers import identify, identify_patient, route
from hub.domain.overdue import arrears_due, repair_due, resume_credit
from hub.domain.preauthorisation import capture_hold, hold_credit, hold_expired, void_hold
from hub.domain.prepayment import deposit_insurance, deposit_prepayment, receive_transfer, refund_prepayment
from hub.domain.refunds import refund_query_due
from hub.domain.relief import apply_relief, approve_relief, close_relief
from hub.domain.reminders import reminder_due
from hub.domain.repayments import record_repayment
from hub.domain.results import result_of
from hub.domain.rewards import reward_due
from hub.domain.settlements import reverse_settlement, settle_insurance
from hub.domain.sources import set_repayment_sources
from hub.domain.standing_views import standing_views
from hub.domain.state import AccountState, Seen
from hub.domain.statements import statement_due
from hub.domain.views import views
from hub.domain.visits import archive_visit, close_visit, record_visit
from hub.policies import Pack, Policies
from schemas import commands
from schemas.commands import Command, Interface
from schemas.dead_letters import DeadLetterInterface
from schemas.events import CreditUnparked
from schemas.ledger import CommandSource, LedgerRecord, TimerSource
from schemas.reasons import REASONS, Reason

Repeat = Literal["DUPLICATE", "RELAY_REPEATED", "RESULT_REPEATED"]

_RELAYED: Final[dict[type, Callable[[Draft, Any], Outcome | Refusal]]] = {
    commands.OfferFamilyLink: offer_family_link,
    commands.SettleFamilyLink: settle_family_link,
    commands.OfferFamilyUnlink: offer_family_unlink,
    commands.SettleFamilyUnlink: settle_family_unlink,
    commands.EndFamilyLink: end_family_link,
    commands.HoldFamilyLine: hold_family_line,
    commands.CheckFamilyLine: check_family_line,
    commands.AnswerFamilyHold: answer_family_hold,
    commands.PostFamilyHold: post_family_hold,
    commands.ReduceFamilyCredit: reduce_family_credit,
    commands.NoteFamilyVisit: note_family_visit,
    commands.OfferFamilyBill: take_over_bill,
    commands.NoteFamilyContract: note_family_contract,
    commands.AbsorbAccount: absorb_account,
}
"""Steps between accounts: recognised by their way, so their ids need not be remembered."""
_DECIDE: Final[dict[type, Callable[[Draft, Any], Outcome | Refusal]]] = {
    commands.PostCharge: post_charge,
    commands.RecordVisit: record_visit,
    commands.IdentifyPatient: identify_patient,
    commands.SettleInsurance: settle_insurance,
    commands.ReverseSettlement: reverse_settlement,
    commands.SignAgreement: sign_agreement,
    commands.WithdrawAgreement: withdraw_agreement,
    commands.DepositPrepayment: deposit_prepayment,
    commands.DepositInsuranceAccount: deposit_insurance,
    commands.RecordRepayment: record_repayment,
    commands.CheckEligibility: check_eligibility,
    commands.ObserveScore: observe_score,
    commands.RevokeConsent: revoke_consent,
    commands.ReceiveFeedMessage: receive_feed_message,
    commands.ReceiveNotice: receive_notice,
    commands.NoteAgreementEnd: note_agreement_end,
    commands.RecordGatewayResult: record_result,
    commands.ReceiveTransfer: receive_transfer,
    commands.RefundPrepayment: refund_prepayment,
    commands.RefundBalance: refund_balance,
    commands.FreezeBill: freeze_bill,
    commands.HoldCredit: hold_credit,
    commands.CaptureHold: capture_hold,
    commands.VoidHold: void_hold,
    commands.SetRepaymentSources: set_repayment_sources,
    commands.UnfreezeBill: unfreeze_bill,
    commands.RecordBankCollection: record_collection,
    commands.WaiveFees: waive_bill_fees,
    commands.WriteOffBill: write_off,
    commands.RecordRecovery: record_recovery,
    commands.OpenAdvance: open_advance,
    commands.RecordAdvanceWord: record_advance_word,
    commands.Tick: note_tick,
    commands.CloseDay: close_day,
    commands.RequestFamilyLink: request_family_link,
    commands.AnswerFamilyLink: answer_family_link,
    commands.RequestFamilyUnlink: request_family_unlink,
    commands.AnswerFamilyUnlink: answer_family_unlink,
    commands.RecordDeath: record_death,
    commands.MergePatient: merge_patient,
    **_RELAYED,
    commands.ProposeListing: propose_listing,
    commands.ProposeUnlisting: propose_unlisting,
    commands.UndoOverdue: propose_undo,
    commands.ConfirmProposal: confirm_proposal,
    commands.RejectProposal: reject_proposal,
    commands.ApplyRelief: apply_relief,
    commands.ApproveRelief: approve_relief,
    commands.CloseRelief: close_relief,
    commands.RecordDishonesty: record_dishonesty,
    commands.LinkInsurance: link_insurance,
    commands.RecordInsuranceCredit: record_insurance_credit,
    commands.RecordFeedbackResult: record_feedback_result,
}
_NOT_REMEMBERED: Final = frozenset((commands.CheckEligibility, commands.ReceiveFeedMessage, *_RELAYED))
"""A question is asked anew each time; a feed keeps its own memory."""
_OUR_OWN: Final = ("courier", "clerk")
"""Interfaces of our own roles: what they say again is no outside duplicate."""
_WITH_SUBJECT: Final = (commands.PostCharge, commands.RecordVisit, commands.SettleInsurance)
"""What also tells who the person is."""
_LETTERS: Final[dict[Interface, DeadLetterInterface]] = {
    "mllp": "hl7",
    "fhir": "fhir",
    "alipay": "pay",
    "unionpay": "pay",
    "score": "score",
    "api": "api",
    "courier": "commands",
    "clerk": "commands",
    "relay": "commands",
    "reinjection": CHARGE_QUARANTINE,
}


def decide(state: AccountState, command: Command, offset: int, policies: Policies, now: Now) -> Decision:
    """Return the outcome of a command; the same arguments give the same decision, byte for byte."""
    draft = Draft(state, policies, now, command)
    draft.institution = getattr(command.body, "institution", "")
    repeated = _recognised(draft, command)
    if repeated is not None:
        outcome, seen = repeated
        return _finish(draft, CommandSource(offset), outcome, seen)
    return _finish(draft, CommandSource(offset), _decided(draft, command))


def refuse(
    state: AccountState, command: Command, offset: int, policies: Policies, now: Now, reason: Reason
) -> Decision:
    """Return the refusal of a command for a reason found outside, as OUTCOME_TOO_LARGE; nothing changes."""
    return _finish(Draft(state, policies, now, command), CommandSource(offset), Refusal(reason))


def fire(state: AccountState, timer: Timer, policies: Policies, now: Now) -> Decision:
    """Return what a due timer does; it is taken out of the state first, so it never fires twice."""
    draft = Draft(without_timer(state, f"{timer.kind}|{timer.subject}"), policies, now)
    draft.timer = timer
    outcome = _fired(draft, timer)
    return _finish(draft, TimerSource(timer.kind, timer.due_at, timer.subject), outcome)


def _decided(draft: Draft, command: Command) -> Outcome | Refusal:
    body = command.body
    routed = route(draft, command)
    if routed is not None:
        return routed
    outcome = _DECIDE[type(body)](draft, body)
    changed = type(outcome) is Outcome and outcome.code != "DUPLICATE"
    if changed and isinstance(body, _WITH_SUBJECT):
        identify(draft, body.subject)
    return outcome


def _recognised(draft: Draft, command: Command) -> tuple[Outcome | Refusal, Seen | None] | None:
    """Return the stored outcome of a repeat, the refusal of a reused id, or None for something new."""
    known, via = draft.core.seen, command.via
    if via is None and id_digest(command.id) not in known:
        return _control_reused(draft, command)
    content = content_digest(command.content_hash)
    seen = known.get(memory_key(known, command.id, content))
    if via is not None and via.account in draft.core.relays:
        last, ids = draft.core.relays[via.account]
        if via.seq < last or (via.seq == last and command.id in ids):
            return _repeat("RELAY_REPEATED", seen), seen
    if seen is not None:
        return _repeat("RESULT_REPEATED" if command.interface in _OUR_OWN else "DUPLICATE", seen), seen
    if command.interface == "api" and id_digest(command.id) in known:
        return Refusal(Reason.IDEMPOTENCY_KEY_REUSED), None
    return _control_reused(draft, command)


def _control_reused(draft: Draft, command: Command) -> tuple[Refusal, None] | None:
    """Note the control id where the source's are strict; return the refusal of one known with other content."""
    control = getattr(command.body, "strict_control_id", "")
    if not control:
        return None
    draft.control_id = f"control|{command.source}|{control}"
    other = draft.core.seen.get(id_digest(draft.control_id))
    if other is None or other.content == content_digest(command.content_hash):
        return None
    return Refusal(Reason.CONTROL_ID_REUSED), None


def _repeat(code: Repeat, seen: Seen | None) -> Outcome:
    if seen is None:
        return Outcome(code)
    return Outcome(code, references=seen.references, duplicate_of=seen.seq)


def _fired(draft: Draft, timer: Timer) -> Outcome:
    subject = timer.subject
    if timer.kind in _FIRE_BY_ID:
        return _FIRE_BY_ID[timer.kind](draft, subject)
    if timer.kind == "idle_close":
        close_visit(draft, subject, timer.due_at, idle=True)
    elif timer.kind == "archive":
        archive_visit(draft, subject)
    elif timer.kind == "resume":
        resume_credit(draft)
    else:
        _give_up_parked(draft, subject)
    return Outcome("TIMER", subject)


_FIRE_BY_ID: Final[dict[str, Callable[[Draft, str], Outcome]]] = {
    "auto_debit": debit_due,
    "debit_retry": retry_due,
    "debit_query": query_due,
    "refund_query": refund_query_due,
    "term": term_due,
    "fee": fee_due,
    "hold_expiry": hold_expired,
    "family_request": request_expired,
    "family_hold": ask_expired,
    "of_age": came_of_age,
    "overdue": arrears_due,
    "reminder": reminder_due,
    "repair": repair_due,
    "reward": reward_due,
    "listing": listing_due,
    "proposal": proposal_due,
    "message": message_due,
    "statement": statement_due,
    "feedback_retry": feedback_due,
}


def _give_up_parked(draft: Draft, subject: str) -> None:
    """A credit whose charge never came: a person must look."""
    visit, _, place = subject.rpartition("|")
    encounter = draft.state.encounters[visit]
    command = encounter.parked[place].command
    draft.emit(CreditUnparked(encounter.visit, encounter.institution, command, applied=False))
    draft.set_aside(CHARGE_QUARANTINE, Reason.CREDIT_UNMATCHED, f"waited since command {command}", command=command)


def _finish(
    draft: Draft, source: CommandSource | TimerSource, outcome: Outcome | Refusal, seen: Seen | None = None
) -> Decision:
    if type(outcome) is Refusal:
        outcome = _refused(draft, outcome)
    if draft.core.family is not None:
        tell_family(draft)
    record = _record(draft, source, outcome)
    state = stamped(draft.state, record)
    return Decision(
        record,
        state,
        tuple(draft.errands),
        facts(draft, outcome.reason if outcome.code == "REFUSED" else outcome.code),
        tuple(draft.quarantine),
        _result(draft, state, outcome, seen),
        seen,
    )


def _refused(draft: Draft, refusal: Refusal) -> Outcome:
    if not refusal.keep_events:
        draft.forget()
    interface = refusal.quarantine or (_LETTERS[draft.command.interface] if draft.command else None)
    if interface is not None and not REASONS[refusal.reason].retriable:
        draft.quarantine.append(Quarantine(interface, refusal.reason, refusal.detail, refusal.parameters))
    return Outcome("REFUSED", reason=refusal.reason, parameters=refusal.parameters)


def _record(draft: Draft, source: CommandSource | TimerSource, outcome: Outcome) -> LedgerRecord:
    command, pack, core = draft.command, draft.pack or _pack_of_bill(draft), draft.before.core
    return LedgerRecord(
        core.account,
        core.seq + 1,
        source,
        draft.now.city,
        draft.now.wall,
        outcome.code,
        command.id if command else "",
        command.content_hash if command and type(command.body) not in _NOT_REMEMBERED else "",
        command.interface if command else "timer",
        command.source if command else "",
        outcome.reason,
        outcome.parameters,
        pack.id if pack else "",
        pack.hash if pack else "",
        outcome.reference,
        outcome.duplicate_of,
        tuple(draft.events),
        tuple(draft.journal),
        draft.steps,
        views(draft.before, draft.state, draft.events) + standing_views(draft),
        command.reinjects if command else "",
        command.via if command else None,
        draft.control_id,
        len(draft.core.absorbed),
    )


def _pack_of_bill(draft: Draft) -> Pack | None:
    """Return the pack of the bill that the first event is about: charge, bill and reversal keep it."""
    bill_id = getattr(draft.events[0], "bill", "") if draft.events else ""
    bill = draft.core.bills.get(bill_id)
    return draft.policies.packs[bill.pack] if bill else None


def _result(draft: Draft, state: AccountState, outcome: Outcome, seen: Seen | None) -> dict[str, object] | None:
    """Return the answer's body: rebuilt from the state by the ids of the outcome, or of the first one for a repeat.

    None where nobody waits for an answer.
    """
    if draft.command is None or draft.command.reply is None or outcome.code == "FORWARDED":
        return None
    body = draft.command.body
    if outcome.code == "REFUSED" or (seen is not None and seen.code == "REFUSED"):
        return {}
    if isinstance(body, commands.CheckEligibility):
        return eligibility_answer(draft, body)
    if isinstance(body, commands.CheckFamilyLine):
        return family_line_answer(draft, body)
    return result_of(state, body, outcome.references or references_of(draft.events))

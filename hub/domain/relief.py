"""Hardship relief: a third party pays a bill or part of it, by two people; the terms stand still meanwhile (domain 12).

Clock 1 of every bill of the person stops when a case opens and goes on when the last open case ends, and with it what
lateness costs, the bank's fee included. Clock 2, the debit, is another matter: it runs on.
"""

from hub.domain.bills import after_payment
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.evolve.standing import standing_of
from hub.domain.fees import fee_after_pause
from hub.domain.overdue import next_band_after_pause
from hub.domain.reminders import plan_reminder
from hub.domain.standing_state import ReliefCase
from hub.domain.state import Bill
from hub.domain.terms import relief_open
from schemas.commands import ApplyRelief, ApproveRelief, CloseRelief
from schemas.events import (
    BillClosed,
    ReliefClosed,
    ReliefOpened,
    ReliefPaid,
    ReliefSupported,
    TermPaused,
    TermResumed,
)
from schemas.money import yuan_text
from schemas.reasons import Reason

PEOPLE_MIN = 2


def apply_relief(draft: Draft, body: ApplyRelief) -> Outcome | Refusal:
    """Return HELD: the case waits for another person; nothing becomes overdue while it is open."""
    bill = draft.core.bills.get(body.bill)
    if bill is None:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.bill})
    refusal = _may_apply(draft, bill, body)
    if refusal is not None:
        return refusal
    rule = next(each for each in draft.policies.packs[bill.pack].relief if each.kind == body.kind)
    case, now = draft.new_id("S"), draft.now.city
    asked, needed = body.amount_fen or bill.owed_fen, max(PEOPLE_MIN, rule.approvals)
    draft.emit(ReliefOpened(case, bill.id, body.kind, asked, body.author, body.reason, now, rule.pauses, needed))
    if rule.pauses:
        _pause_terms(draft)
    return Outcome("HELD", case)


def _may_apply(draft: Draft, bill: Bill, body: ApplyRelief) -> Refusal | None:
    if not body.author or not body.reason:
        return Refusal(Reason.FIELD_MISSING, {"field": "author" if not body.author else "reason"})
    if all(each.kind != body.kind for each in draft.policies.packs[bill.pack].relief):
        return Refusal(Reason.RELIEF_NOT_COVERED, {"kind": body.kind})
    if bill.owed_fen <= 0 or bill.final:
        return Refusal(Reason.BILL_NOT_PAYABLE)
    if any(case.bill == bill.id and case.state == "open" for case in draft.core.relief.values()):
        return Refusal(Reason.RELIEF_CASE_EXISTS)
    if not 0 <= body.amount_fen <= bill.owed_fen:
        return _exceeds(body.amount_fen, bill.owed_fen)
    return None


def _exceeds(amount_fen: int, most_fen: int) -> Refusal:
    return Refusal(Reason.RELIEF_EXCEEDS, {"asked": yuan_text(amount_fen), "most": yuan_text(most_fen)})


def _pause_terms(draft: Draft) -> None:
    for bill in draft.core.bills.values():
        if bill.owed_fen > 0 and not bill.paused_at:
            draft.emit(TermPaused(bill.id, draft.now.city))


def approve_relief(draft: Draft, body: ApproveRelief) -> Outcome | Refusal:
    """Return POSTED when the third party pays; a bill whose debit is under way waits for its result."""
    case = draft.core.relief.get(body.case)
    refusal = _may_decide(case, body.author)
    if refusal is not None or case is None:
        return refusal or Refusal(Reason.RELIEF_CASE_UNKNOWN)
    bill, most = draft.core.bills.get(case.bill), case.approved_fen or case.asked_fen
    amount = body.amount_fen or most
    if bill is None or bill.debiting or bill.frozen:
        return Refusal(Reason.BILL_NOT_PAYABLE)
    if not 0 < amount <= min(most, bill.owed_fen):
        return _exceeds(amount, min(most, bill.owed_fen))
    if len(case.by) + PEOPLE_MIN < case.needed:
        draft.emit(ReliefSupported(case.id, body.author, amount))
        return Outcome("HELD", case.id)
    _pay(draft, case, amount, body.author)
    return Outcome("POSTED", case.id)


def _may_decide(case: ReliefCase | None, author: str) -> Refusal | None:
    if case is None:
        return Refusal(Reason.RELIEF_CASE_UNKNOWN)
    if case.state != "open":
        return Refusal(Reason.RELIEF_CASE_CLOSED, {"state": case.state})
    if not author:
        return Refusal(Reason.FIELD_MISSING, {"field": "author"})
    return Refusal(Reason.SAME_PERSON) if author in (case.author, *case.by) else None


def _pay(draft: Draft, case: ReliefCase, amount_fen: int, author: str) -> None:
    draft.emit(ReliefPaid(case.id, case.bill, case.kind, amount_fen, author))
    if draft.bill(case.bill).owed_fen <= 0:
        draft.emit(BillClosed(case.bill, "relieved"))
    after_payment(draft, case.bill)
    _resume_terms(draft)


def close_relief(draft: Draft, body: CloseRelief) -> Outcome | Refusal:
    """Refuse a case, which takes another person than its author, or withdraw it, which only the author may."""
    case = draft.core.relief.get(body.case)
    if case is not None and case.state == "open" and body.state == "withdrawn":
        refusal = None if body.author == case.author else Refusal(Reason.NOT_THE_AUTHOR)
    else:
        refusal = _may_decide(case, body.author)
    if refusal is not None or case is None:
        return refusal or Refusal(Reason.RELIEF_CASE_UNKNOWN)
    draft.emit(ReliefClosed(case.id, body.state, body.author, body.reason))
    _resume_terms(draft)
    return Outcome("RECORDED", case.id)


def _resume_terms(draft: Draft) -> None:
    """Let clock 1 go on where it stopped, once no case is open."""
    if relief_open(draft.core):
        return
    now = draft.now.city
    for bill in list(draft.core.bills.values()):
        if not bill.paused_at:
            continue
        paused, mark = now - bill.paused_at, standing_of(draft.core).mark_of(bill.id)
        if bill.overdue_since:
            next_at = next_band_after_pause(draft, mark, paused) if mark and bill.owed_fen > 0 else 0
            draft.emit(TermResumed(bill.id, now, bill.due_at, next_at, fee_after_pause(draft, bill, bill.due_at)))
        else:
            due_at = bill.due_at + paused
            draft.emit(TermResumed(bill.id, now, due_at, fee_at=fee_after_pause(draft, bill, due_at)))
        if bill.owed_fen > 0:
            plan_reminder(draft, bill.id)

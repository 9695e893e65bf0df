"""The debit of a bill: one live order number, the same for technical retries, never a new one on an unknown outcome.

Order numbers, expiry and retries follow architecture 12, new order number, to the letter.
"""

from hub.domain.balances import apply_balance
from hub.domain.bills import after_payment, mark_overdue, release_waiting
from hub.domain.draft import Draft, Outcome
from hub.domain.family import is_deceased
from hub.domain.messages import tell
from hub.domain.retries import TECHNICAL, Attempt, jittered, next_attempt
from hub.domain.sources import contract_for, end_contract
from hub.domain.state import Bill, Debit
from schemas.commands import Cause, Instant
from schemas.errands import DebitErrand, QueryErrand
from schemas.events import (
    BillTermPassed,
    DebitFailed,
    DebitQueried,
    DebitStarted,
    DebitUnknown,
)


def may_debit(draft: Draft, bill: Bill) -> bool:
    """Return True when a debit may begin: something owed, nothing live, nothing frozen, nobody died."""
    return bill.owed_fen > 0 and not (bill.debiting or bill.frozen or is_deceased(draft.core))


def debit_due(draft: Draft, bill_id: str) -> Outcome:
    """Begin a debit under a new order number; what was repaid before it came due is not debited."""
    bill = draft.bill(bill_id)
    if not may_debit(draft, bill):
        return Outcome("TIMER", bill_id)
    contract = contract_for(draft, bill)
    if contract is None:
        tell(draft, bill_id, "debit_stopped", "agreement_dead")
        return Outcome("TIMER", bill_id)
    ladders, wall = draft.policies.ladders, draft.now.wall
    expires = wall + ladders.order_expiry_ms
    draft.emit(
        DebitStarted(
            bill.id,
            draft.new_id("D"),
            contract.channel,
            min(bill.owed_fen, bill.part_fen or bill.owed_fen),
            bill.attempts + 1,
            new_number=True,
            txn_wall_at=wall,
            expires_wall_at=expires,
            errand_id=draft.errand_id("debit"),
            started_at=draft.now.city,
            guard_wall_at=expires + ladders.release_after_expiry_ms + 1,
            channel_agreement=contract.channel_agreement,
            link=contract.link,
            source=contract.place,
        )
    )
    _send(draft, draft.bill(bill_id))
    return Outcome("TIMER", bill_id)


def retry_due(draft: Draft, bill_id: str) -> Outcome:
    """Try again: the same number while it is live, a new one after its final failure; a frozen bill only asks."""
    bill = draft.bill(bill_id)
    if not bill.debiting:
        return debit_due(draft, bill_id)
    debit = draft.debit(bill.order_no)
    if bill.frozen or draft.now.wall >= debit.expires_wall_at:
        query(draft, debit)
        return Outcome("TIMER", bill_id)
    draft.emit(
        DebitStarted(
            bill_id,
            debit.order_no,
            debit.channel,
            debit.amount_fen,
            debit.attempt,
            new_number=False,
            txn_wall_at=debit.txn_wall_at,
            expires_wall_at=debit.expires_wall_at,
            errand_id=draft.errand_id("debit"),
            started_at=debit.started_at,
            guard_wall_at=guard_instant(draft, debit),
        )
    )
    _send(draft, draft.bill(bill_id))
    return Outcome("TIMER", bill_id)


def _send(draft: Draft, bill: Bill) -> None:
    debit = draft.debit(bill.order_no)
    draft.errands.append(
        DebitErrand(
            draft.errand_id("debit"),
            draft.core.account,
            bill.id,
            debit.channel,
            debit.channel_agreement,
            debit.order_no,
            debit.amount_fen,
            debit.attempt,
            debit.txn_wall_at,
            debit.expires_wall_at,
            min(debit.expires_wall_at, draft.now.wall + draft.policies.ladders.call_window_ms),
        )
    )


def query_due(draft: Draft, order_no: str) -> Outcome:
    """Ask the gateway about an order that is open or in doubt; the guard asks again if this is never answered."""
    debit = draft.debit(order_no)
    if debit.live or debit.doubt:
        query(draft, debit)
    return Outcome("TIMER", debit.bill)


def query(draft: Draft, debit: Debit) -> None:
    """Send a query for an order number."""
    errand, number = draft.errand_id("query"), max(1, debit.queries)
    draft.emit(DebitQueried(debit.bill, debit.order_no, number, errand, guard_instant(draft, debit)))
    draft.errands.append(
        QueryErrand(
            errand,
            draft.core.account,
            debit.channel,
            debit.order_no,
            debit.amount_fen,
            debit.txn_wall_at,
            debit.expires_wall_at,
        )
    )


def guard_instant(draft: Draft, debit: Debit) -> Instant:
    """Return when an order is asked about at the latest if nothing is heard."""
    ladders = draft.policies.ladders
    free_at = debit.expires_wall_at + ladders.release_after_expiry_ms + 1
    hourly = draft.now.wall + ladders.queries(debit.channel).waits_ms[-1]
    return min(free_at, hourly) if free_at > draft.now.wall else hourly


def plan_query(draft: Draft, debit: Debit, gateway_code: str) -> None:
    """Plan the next query of the ladder; soon after the number may be freed, whatever the ladder says."""
    ladders, number = draft.policies.ladders, debit.queries + 1
    next_at = draft.now.wall + ladders.queries(debit.channel).wait_ms(number)
    free_at = debit.expires_wall_at + ladders.release_after_expiry_ms + 1
    if draft.now.wall < free_at < next_at:
        next_at = free_at
    draft.emit(DebitUnknown(debit.bill, debit.order_no, number, next_at, gateway_code))


def fail_debit(draft: Draft, debit: Debit, cause: Cause, gateway_code: str, *, freed: bool) -> None:
    """Book a failure. Without `freed` a technical cause keeps the number and tries it again; else it is final."""
    if cause in TECHNICAL and not freed:
        _retry_same_number(draft, debit, cause, gateway_code)
        return
    attempt = next_attempt(draft, debit, cause)
    draft.emit(
        DebitFailed(
            debit.bill,
            debit.order_no,
            cause,
            gateway_code,
            attempt.city_at,
            attempt.wall_at,
            source=attempt.source,
            part_fen=attempt.part_fen,
        )
    )
    _tell_of_failure(draft, debit, cause, attempt)
    _after_failure(draft, debit.bill)


def _tell_of_failure(draft: Draft, debit: Debit, cause: Cause, attempt: Attempt) -> None:
    """End a contract that is dead, and tell the person what they alone can mend."""
    if cause == "agreement_dead":
        end_contract(draft, debit, cause)
    if attempt.planned and attempt.source != debit.source:
        tell(draft, debit.bill, "source_ended", cause)
    elif not attempt.planned and cause != "config":
        tell(draft, debit.bill, "debit_stopped", cause)


def _retry_same_number(draft: Draft, debit: Debit, cause: Cause, gateway_code: str) -> None:
    """Retry within the number's life by the ladder; beyond it only a query later than the expiry decides."""
    steps, wall, step = draft.policies.ladders.technical_retries_ms, draft.now.wall, debit.technical
    retry_at = wall + jittered(steps[step], debit.order_no, step) if step < len(steps) else 0
    if 0 < retry_at < debit.expires_wall_at:
        draft.emit(DebitFailed(debit.bill, debit.order_no, cause, gateway_code, 0, retry_at, same_number=True))
        return
    plan_query(draft, debit, gateway_code)


def _after_failure(draft: Draft, bill_id: str) -> None:
    """Apply what waited for the result: a payment made meanwhile, a reversal, the mark of a term that passed."""
    bill = draft.bill(bill_id)
    apply_balance(draft, bill_id, min(bill.payment_waiting_fen, bill.owed_fen))
    release_waiting(draft, bill_id)
    bill = draft.bill(bill_id)
    if bill.term_passed and bill.owed_fen > 0 and not bill.frozen:
        mark_overdue(draft, bill_id)
    after_payment(draft, bill_id)


def term_due(draft: Draft, bill_id: str) -> Outcome:
    """Mark the bill overdue; while a debit is under way or the bill is frozen, the mark waits."""
    bill = draft.bill(bill_id)
    if bill.debiting or bill.frozen:
        draft.emit(BillTermPassed(bill_id))
    elif bill.owed_fen > 0:
        mark_overdue(draft, bill_id)
    return Outcome("TIMER", bill_id)

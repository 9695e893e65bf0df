"""A gateway's own word about one of our orders: the transition table of protocols 5.2, for all channels."""

from hub.domain.auto_debit import fail_debit, plan_query, query
from hub.domain.channel_refunds import book_foreign_refund, book_refunds, freeze, settle_open_refunds, settle_refund
from hub.domain.draft import MONEY_INCIDENT, Draft, Outcome, Refusal
from hub.domain.gateway import contradict_amount, take_payment
from hub.domain.state import Debit
from schemas.commands import NoteAgreementEnd, ReceiveNotice
from schemas.events import ChannelAgreementEnded, DebitDoubted, DebitFinished, RepaymentSourceEnded
from schemas.reasons import Reason


def receive_notice(draft: Draft, body: ReceiveNotice) -> Outcome | Refusal:
    """Return POSTED when the notice moved money, RECORDED when it confirmed, LATE when it was overtaken."""
    debit = draft.core.debits.get(body.order_no)
    if debit is None and body.status == "refunded":
        return _refund_notice(draft, body)
    if debit is None:
        return Refusal(Reason.ORDER_UNKNOWN, {"order": body.order_no}, MONEY_INCIDENT)
    if body.amount_fen != debit.amount_fen:
        return contradict_amount(draft, debit, body.amount_fen)
    if (body.refunded_fen or 0) > debit.amount_fen:
        return _too_much(draft, debit)
    if debit.live:
        return _while_open(draft, debit, body)
    return _after_paid(draft, debit, body) if debit.state == "paid" else _after_failed(draft, debit, body)


def _while_open(draft: Draft, debit: Debit, body: ReceiveNotice) -> Outcome:
    if body.status == "waiting":
        plan_query(draft, debit, "")
        return Outcome("RECORDED", debit.bill)
    if body.status == "closed":
        fail_debit(draft, debit, "", "TRADE_CLOSED", freed=True)
        return Outcome("RECORDED", debit.bill)
    outcome = take_payment(draft, debit, body.trade_no)
    if body.status == "finished":
        draft.emit(DebitFinished(debit.bill, debit.order_no))
    _book_refunds(draft, draft.debit(debit.order_no), body)
    return outcome


def _after_paid(draft: Draft, debit: Debit, body: ReceiveNotice) -> Outcome:
    """Paid, partly or wholly refunded, finished: nothing is paid twice; a refund counts by what is new of it."""
    if body.status == "waiting":
        return Outcome("LATE", debit.bill, Reason.LATE)
    if body.status == "closed":
        if debit.refunded_fen >= debit.amount_fen:
            return Outcome("LATE", debit.bill, Reason.LATE)
        draft.emit(DebitDoubted(debit.bill, debit.order_no, "closed", draft.errand_id("query")))
        query(draft, draft.debit(debit.order_no))
        return Outcome("RECORDED", debit.bill)
    if body.status == "finished" and not debit.finished:
        draft.emit(DebitFinished(debit.bill, debit.order_no))
    moved = _book_refunds(draft, draft.debit(debit.order_no), body)
    return Outcome("POSTED" if moved else "RECORDED", debit.bill)


def _after_failed(draft: Draft, debit: Debit, body: ReceiveNotice) -> Outcome:
    if debit.late:
        return _after_late(draft, debit, body)
    if body.status == "waiting":
        return Outcome("LATE", debit.bill, Reason.LATE)
    if body.status == "closed":
        return Outcome("RECORDED", debit.bill)
    draft.set_aside(MONEY_INCIDENT, Reason.PAID_AFTER_CLOSE, "a query decides", order=debit.order_no)
    draft.emit(DebitDoubted(debit.bill, debit.order_no, "paid", draft.errand_id("query")))
    query(draft, draft.debit(debit.order_no))
    return Outcome("RECORDED", debit.bill, Reason.PAID_AFTER_CLOSE)


def _after_late(draft: Draft, debit: Debit, body: ReceiveNotice) -> Outcome:
    if body.status in ("waiting", "closed"):
        return Outcome("LATE", debit.bill, Reason.LATE)
    settle_open_refunds(draft, debit, body.refunded_fen or 0)
    return Outcome("RECORDED", debit.bill)


def _book_refunds(draft: Draft, debit: Debit, body: ReceiveNotice) -> bool:
    if body.refunded_fen is None and body.status != "refunded":
        return False
    return book_refunds(draft, debit, debit.amount_fen if body.refunded_fen is None else body.refunded_fen)


def _refund_notice(draft: Draft, body: ReceiveNotice) -> Outcome | Refusal:
    """A refund under a number of its own: ours, or one of a known payment that we never asked for (UnionPay)."""
    if body.order_no in draft.core.refunds:
        return settle_refund(draft, body.order_no)
    paid = (debit for debit in draft.core.debits.values() if debit.state == "paid" and body.trade_no)
    debit = next((debit for debit in paid if debit.trade_no == body.trade_no), None)
    if debit is None:
        return Refusal(Reason.ORDER_UNKNOWN, {"order": body.order_no}, MONEY_INCIDENT)
    if debit.refunded_fen + body.amount_fen > debit.amount_fen:
        return _too_much(draft, debit)
    book_foreign_refund(draft, debit, body.amount_fen)
    return Outcome("POSTED", debit.bill)


def _too_much(draft: Draft, debit: Debit) -> Refusal:
    freeze(draft, debit, Reason.REFUND_EXCEEDS)
    return Refusal(Reason.REFUND_EXCEEDS, quarantine=MONEY_INCIDENT, keep_events=True)


def note_agreement_end(draft: Draft, body: NoteAgreementEnd) -> Outcome | Refusal:
    """The channel ended its agreement: no debit through it any more; the credit line is another matter."""
    named = (body.channel, body.channel_agreement)
    agreements = draft.core.agreements.values()
    agreement = next((a for a in agreements if (a.channel, a.channel_agreement) == named), None)
    if agreement is None:
        return _note_source_end(draft, body)
    if not agreement.channel_ended:
        draft.emit(ChannelAgreementEnded(agreement.id, body.channel))
    return Outcome("RECORDED", agreement.id)


def _note_source_end(draft: Draft, body: NoteAgreementEnd) -> Outcome | Refusal:
    """The contract may be a further source of repayment."""
    named = (body.channel, body.channel_agreement)
    for agreement in draft.core.agreements.values():
        for place, source in enumerate(agreement.sources, 1):
            if (source.channel, source.channel_agreement) == named:
                if not source.ended:
                    draft.emit(RepaymentSourceEnded(agreement.id, place, "agreement_dead"))
                return Outcome("RECORDED", agreement.id)
    return Refusal(Reason.AGREEMENT_UNKNOWN)

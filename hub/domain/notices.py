"""A gateway's own word about one of our orders: the transition table of protocols 5.2, for all channels."""

from hub.domain.auto_debit import fail_debit, plan_query, query
from hub.domain.bills import after_payment
from hub.domain.draft import MONEY_INCIDENT, Draft, Outcome, Refusal
from hub.domain.gateway import contradict_amount, freeze, take_payment
from hub.domain.state import Debit
from schemas.commands import NoteAgreementEnd, ReceiveNotice
from schemas.events import ChannelAgreementEnded, ChannelRefunded, DebitDoubted, DebitFinished, RefundSettled
from schemas.reasons import Reason


def receive_notice(draft: Draft, body: ReceiveNotice) -> Outcome | Refusal:
    """Return POSTED when the notice moved money, RECORDED when it confirmed, LATE when it was overtaken."""
    refund = draft.core.refunds.get(body.order_no)
    if body.status == "refunded" and refund is not None:
        return _own_refund(draft, refund.refund_no)
    debit = draft.core.debits.get(body.order_no)
    if debit is None:
        return Refusal(Reason.ORDER_UNKNOWN, {"order": body.order_no}, MONEY_INCIDENT)
    if body.amount_fen != debit.amount_fen:
        return contradict_amount(draft, debit, body.amount_fen)
    if (body.refunded_fen or 0) > debit.amount_fen:
        freeze(draft, debit, Reason.REFUND_EXCEEDS)
        return Refusal(Reason.REFUND_EXCEEDS, quarantine=MONEY_INCIDENT, keep_events=True)
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
    _settle_open_refunds(draft, debit, body.refunded_fen or 0)
    return Outcome("RECORDED", debit.bill)


def _book_refunds(draft: Draft, debit: Debit, body: ReceiveNotice) -> bool:
    """Book what a cumulative refund says beyond what we know; return True when money moved by it."""
    if body.refunded_fen is None and body.status != "refunded":
        return False
    said = debit.amount_fen if body.refunded_fen is None else body.refunded_fen
    settled = _settle_open_refunds(draft, debit, said)
    unknown = said - debit.refunded_fen
    if unknown <= 0:
        return settled
    draft.emit(ChannelRefunded(debit.bill, debit.order_no, debit.payment, unknown))
    freeze(draft, debit, Reason.REFUND_FOREIGN)
    draft.set_aside(MONEY_INCIDENT, Reason.REFUND_FOREIGN, "not asked for by us", order=debit.order_no)
    return True


def _settle_open_refunds(draft: Draft, debit: Debit, said_fen: int) -> bool:
    """Settle our own refunds of an order that a cumulative sum proves, oldest first."""
    own = [refund for refund in draft.core.refunds.values() if refund.order_no == debit.order_no]
    known = sum(refund.amount_fen for refund in own if refund.state == "settled")
    moved = False
    for refund in own:
        if refund.state in ("sent", "unknown") and known + refund.amount_fen <= said_fen:
            known += refund.amount_fen
            _own_refund(draft, refund.refund_no)
            moved = True
    return moved


def _own_refund(draft: Draft, refund_no: str) -> Outcome:
    refund = draft.core.refunds[refund_no]
    if refund.state in ("settled", "failed"):
        return Outcome("RECORDED", refund.bill)
    draft.emit(RefundSettled(refund.bill, refund.payment, refund_no, refund.amount_fen))
    after_payment(draft, refund.bill)
    return Outcome("POSTED", refund.bill)


def note_agreement_end(draft: Draft, body: NoteAgreementEnd) -> Outcome | Refusal:
    """The channel ended its agreement: no debit through it any more; the credit line is another matter."""
    named = (body.channel, body.channel_agreement)
    agreements = draft.core.agreements.values()
    agreement = next((a for a in agreements if (a.channel, a.channel_agreement) == named), None)
    if agreement is None:
        return Refusal(Reason.AGREEMENT_UNKNOWN)
    if not agreement.channel_ended:
        draft.emit(ChannelAgreementEnded(agreement.id, body.channel))
    return Outcome("RECORDED", agreement.id)

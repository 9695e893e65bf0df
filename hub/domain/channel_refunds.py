"""Refunds that a channel reports: our own are proven by them, others are owed again and a person must look."""

from hub.domain.bills import after_payment
from hub.domain.draft import MONEY_INCIDENT, Draft, Outcome
from hub.domain.state import Debit
from schemas.events import BillFrozen, ChannelRefunded, RefundSettled
from schemas.reasons import Reason


def freeze(draft: Draft, debit: Debit, reason: Reason) -> None:
    """Freeze a bill once: no debit until a person decides."""
    if not draft.bill(debit.bill).frozen:
        draft.emit(BillFrozen(debit.bill, reason))


def book_refunds(draft: Draft, debit: Debit, said_fen: int) -> bool:
    """Book what a cumulative refund says beyond what we know; return True when money moved by it."""
    settled = settle_open_refunds(draft, debit, said_fen)
    unknown = said_fen - debit.refunded_fen
    if unknown <= 0:
        return settled
    book_foreign_refund(draft, debit, unknown)
    return True


def book_foreign_refund(draft: Draft, debit: Debit, amount_fen: int) -> None:
    """Book money that the channel paid back unasked: it is owed again, the bill is frozen."""
    draft.emit(ChannelRefunded(debit.bill, debit.order_no, debit.payment, amount_fen))
    freeze(draft, debit, Reason.REFUND_FOREIGN)
    draft.set_aside(MONEY_INCIDENT, Reason.REFUND_FOREIGN, "not asked for by us", order=debit.order_no)


def settle_open_refunds(draft: Draft, debit: Debit, said_fen: int) -> bool:
    """Settle our own refunds of an order that a cumulative sum proves, oldest first."""
    own = [refund for refund in draft.core.refunds.values() if refund.order_no == debit.order_no]
    known = sum(refund.amount_fen for refund in own if refund.state == "settled")
    moved = False
    for refund in own:
        if refund.going and known + refund.amount_fen <= said_fen:
            known += refund.amount_fen
            settle_refund(draft, refund.refund_no)
            moved = True
    return moved


def settle_refund(draft: Draft, refund_no: str) -> Outcome:
    """Book that a refund of ours reached its source; heard again it moves nothing."""
    refund = draft.core.refunds[refund_no]
    if not refund.going:
        return Outcome("RECORDED", refund.bill)
    draft.emit(RefundSettled(refund.bill, refund.payment, refund_no, refund.amount_fen))
    after_payment(draft, refund.bill)
    return Outcome("POSTED", refund.bill)

"""The person's refundable balance: what payments brought beyond every bill, and its way back (domain 6)."""

from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.refunds import gateway_channel, start_refund
from hub.domain.state import Core, Payment
from hub.policies.pack import CHANNELS_WITH_GATEWAY
from schemas.commands import RefundBalance
from schemas.events import BalanceRefunded, RepaymentApplied
from schemas.money import yuan_text
from schemas.reasons import Reason


def apply_balance(draft: Draft, bill_id: str, amount_fen: int) -> None:
    """Pay a bill from the balance as far as it goes, the oldest payment first."""
    rest = amount_fen
    for payment in list(draft.core.payments.values()):
        part = min(rest, payment.free_fen)
        if part > 0:
            draft.emit(RepaymentApplied(bill_id, payment.id, part, from_balance=True))
            rest -= part


def free_balance(core: Core) -> int:
    """Return what of the balance is not kept for a bill whose debit is under way."""
    return core.refundable_fen - sum(bill.payment_waiting_fen for bill in core.bills.values() if bill.debiting)


def refund_balance(draft: Draft, body: RefundBalance) -> Outcome | Refusal:
    """Pay back part of the balance, each part to the payment it came from, the newest first."""
    if body.amount_fen <= 0:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    free = free_balance(draft.core)
    if body.amount_fen > free:
        return Refusal(Reason.BALANCE_EXCEEDS, {"asked": yuan_text(body.amount_fen), "left": yuan_text(free)})
    rest, refunds = body.amount_fen, []
    for payment in reversed(list(draft.core.payments.values())):
        part = min(rest, payment.free_fen)
        if part > 0:
            refunds.append(_to_source(draft, payment, part, body.reference))
            rest -= part
    return Outcome("POSTED", refunds[0], references=tuple(refunds))


def _to_source(draft: Draft, payment: Payment, amount_fen: int, reference: str) -> str:
    """Send money back by its gateway where its order can still be refunded, else by its method; return the refund."""
    refund = draft.new_id("R")
    order = next((debit for debit in draft.core.debits.values() if debit.payment == payment.id), None)
    if order is None or order.finished or payment.method not in CHANNELS_WITH_GATEWAY:
        draft.emit(BalanceRefunded(refund, payment.id, payment.method, amount_fen, reference))
        return refund
    start_refund(
        draft,
        order.bill,
        payment.id,
        gateway_channel(order.channel),
        order.order_no,
        order.trade_no,
        amount_fen,
        from_balance=True,
    )
    return refund

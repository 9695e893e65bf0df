"""Money going back to the payment it came from, newest first, never more than came (architecture 12, domain 15.6)."""

from typing import get_args

from hub.domain.draft import Draft, Outcome
from hub.domain.standing_state import RELIEF_CHANNEL
from hub.domain.state import Bill, BillPayment
from hub.policies.pack import CHANNELS_WITH_GATEWAY
from schemas.commands import Channel
from schemas.errands import RefundErrand
from schemas.events import RefundQueried, RefundStarted, ReliefReturned
from schemas.events.relief import ReliefKind


def refund_payments(draft: Draft, bill_id: str, amount_fen: int) -> None:
    """Give back part of what a bill was paid: gateway money through its gateway, other money to the balance."""
    rest = amount_fen
    for payment in reversed(draft.bill(bill_id).payments):
        give = min(rest, payment.amount_fen - payment.returned_fen)
        if give:
            _refund(draft, draft.bill(bill_id), payment, give)
            rest -= give
    if rest:
        raise AssertionError(f"bill {bill_id} was not paid the {amount_fen} fen that go back")


def _refund(draft: Draft, bill: Bill, payment: BillPayment, amount_fen: int) -> None:
    if payment.channel.startswith(RELIEF_CHANNEL):
        draft.emit(ReliefReturned(bill.id, payment.payment, _relief_kind(payment.channel), amount_fen))
        return
    order = draft.core.debits.get(payment.order_no)
    if order is not None and not order.finished and payment.channel in CHANNELS_WITH_GATEWAY:
        start_refund(
            draft,
            bill.id,
            payment.payment,
            gateway_channel(payment.channel),
            payment.order_no,
            payment.trade_no,
            amount_fen,
            from_balance=False,
        )
        return
    draft.emit(
        RefundStarted(bill.id, payment.payment, draft.new_id("R"), "balance", amount_fen, order_no=payment.order_no)
    )


def _relief_kind(channel: str) -> ReliefKind:
    kinds: tuple[ReliefKind, ...] = get_args(ReliefKind)
    return next(kind for kind in kinds if channel == f"{RELIEF_CHANNEL}{kind}")


def gateway_channel(channel: str) -> Channel:
    """Return the channel of a gateway by its name."""
    return "unionpay" if channel == "unionpay" else "alipay"


def start_refund(
    draft: Draft,
    bill: str,
    payment: str,
    channel: Channel,
    order_no: str,
    trade_no: str,
    amount_fen: int,
    *,
    from_balance: bool,
) -> None:
    """Send a refund through the gateway that took the money, under a number that never changes."""
    refund_no, errand, wall = draft.new_id("R"), draft.errand_id("refund"), draft.now.wall
    guard = wall + draft.policies.ladders.order_expiry_ms
    draft.emit(
        RefundStarted(
            bill,
            payment,
            refund_no,
            channel,
            amount_fen,
            errand,
            order_no,
            trade_no,
            from_balance,
            wall,
            guard,
        )
    )
    draft.errands.append(
        RefundErrand(errand, draft.core.account, channel, order_no, trade_no, refund_no, amount_fen, wall)
    )


def refund_query_due(draft: Draft, refund_no: str) -> Outcome:
    """Ask what became of a refund, or send it again where it never came to exist; the guard asks again."""
    refund = draft.core.refunds[refund_no]
    errand = draft.errand_id("refund")
    guard = draft.now.wall + draft.policies.ladders.refund_queries.waits_ms[-1]
    draft.emit(RefundQueried(refund.bill, refund_no, max(1, refund.queries), errand, guard))
    draft.errands.append(
        RefundErrand(
            errand,
            draft.core.account,
            gateway_channel(refund.channel),
            refund.order_no,
            refund.trade_no,
            refund_no,
            refund.amount_fen,
            refund.started_wall_at,
            query=refund.state != "resend",
        )
    )
    return Outcome("TIMER", refund.bill)

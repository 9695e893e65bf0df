"""The balanced postings of every event that moves money: debits equal credits by construction (domain 11).

Balances follow from the postings alone: `agreement/<id>/receivable` equals the line used, `person/<account>/…` what the
hub owes the person. A posting whose amount is 0 is left out.
"""

from collections.abc import Callable
from typing import Any, Final

from hub.domain import clearing_journal
from hub.domain.state import AccountState
from schemas import events
from schemas.events import Allocation
from schemas.ledger import Posting

Postings = tuple[Posting, ...]


def postings(state: AccountState, event: events.Event) -> Postings:
    """Return the postings of an event, judged by the state before it."""
    post = _POST.get(type(event))
    return post(state, event) if post else ()


def _sources(account: str, institution: str, agreement: str, allocation: Allocation, *, settled: bool) -> list[Posting]:
    """Return each part as a posting from its source to the institution's charges."""
    charges = f"institution/{institution}/charges"
    pairs = []
    if allocation.fund_fen:
        pairs.append(Posting("insurer/fund", charges, allocation.fund_fen))
    if allocation.other_fen:
        pairs.append(Posting("insurer/other", charges, allocation.other_fen))
    if allocation.account_fen:
        source = "insurer/account" if settled else f"person/{account}/insurance"
        pairs.append(Posting(source, charges, allocation.account_fen))
    if allocation.prepayment_fen:
        pairs.append(Posting(f"person/{account}/prepayment/{institution}", charges, allocation.prepayment_fen))
    if allocation.credit_fen:
        pairs.append(Posting(f"agreement/{agreement}/receivable", charges, allocation.credit_fen))
    if allocation.self_pay_fen:
        pairs.append(Posting(f"institution/{institution}/window", charges, allocation.self_pay_fen))
    return pairs


def _charge(state: AccountState, event: events.ChargePosted) -> Postings:
    settled = event.settlement is not None
    return tuple(_sources(state.core.account, event.institution, event.agreement, event.allocation, settled=settled))


def _reduction(state: AccountState, event: events.ChargeReduced) -> Postings:
    """The same postings backwards; a credit part that waits for a debit's result stands on an account of its own."""
    charge = state.encounters[f"{event.institution}|{event.visit}"].charges[event.charge]
    forward = _sources(state.core.account, event.institution, charge.agreement, event.returned, settled=event.settled)
    receivable = f"agreement/{charge.agreement}/receivable"
    waiting = f"agreement/{charge.agreement}/reductions"
    return tuple(
        Posting(p.credit, waiting if event.waits and p.debit == receivable else p.debit, p.amount_fen) for p in forward
    )


def _reduction_due(state: AccountState, event: events.BillReductionDue) -> Postings:
    agreement = state.core.bills[event.bill].agreement
    return (Posting(f"agreement/{agreement}/reductions", f"agreement/{agreement}/receivable", event.amount_fen),)


def _prepayment(state: AccountState, event: events.PrepaymentDeposited) -> Postings:
    source = "transit/prepayment" if event.from_account else f"institution/{event.institution}/window"
    return (Posting(source, f"person/{state.core.account}/prepayment/{event.institution}", event.amount_fen),)


def _transfer(state: AccountState, event: events.PrepaymentTransferred) -> Postings:
    source = f"person/{state.core.account}/prepayment/{event.institution}"
    return (Posting(source, "transit/prepayment", event.amount_fen),)


def _prepayment_refund(state: AccountState, event: events.PrepaymentRefunded) -> Postings:
    source = f"person/{state.core.account}/prepayment/{event.institution}"
    return (Posting(source, f"institution/{event.institution}/window", event.amount_fen),)


def _balance_refund(state: AccountState, event: events.BalanceRefunded) -> Postings:
    return (Posting(_refundable(state), f"clearing/{event.method}", event.amount_fen),)


def _insurance(state: AccountState, event: events.InsuranceAccountDeposited) -> Postings:
    return (Posting("insurer/account", f"person/{state.core.account}/insurance", event.amount_fen),)


def _received(state: AccountState, event: events.RepaymentReceived) -> Postings:
    return (Posting(f"clearing/{event.method}", _refundable(state), event.amount_fen),)


def _applied(state: AccountState, event: events.RepaymentApplied) -> Postings:
    return (Posting(_refundable(state), _receivable(state, event.bill), event.amount_fen),)


def _paid(state: AccountState, event: events.DebitPaid) -> Postings:
    return (Posting(f"clearing/{event.channel}", _receivable(state, event.bill), event.amount_fen),)


def _late(state: AccountState, event: events.LatePaymentReceived) -> Postings:
    return (Posting(f"clearing/{event.channel}", _refundable(state), event.amount_fen),)


def _channel_refunded(state: AccountState, event: events.ChannelRefunded) -> Postings:
    channel = state.core.debits[event.order_no].channel
    return (Posting(_receivable(state, event.bill), f"clearing/{channel}", event.amount_fen),)


def _refund_started(state: AccountState, event: events.RefundStarted) -> Postings:
    source = _refundable(state) if event.from_balance else _receivable(state, event.bill)
    if event.channel in ("balance", "counter"):
        return (Posting(source, _refundable(state), event.amount_fen),)
    return (Posting(source, f"clearing/{event.channel}/refunds", event.amount_fen),)


def _refund_settled(state: AccountState, event: events.RefundSettled) -> Postings:
    channel = state.core.refunds[event.refund_no].channel
    return (Posting(f"clearing/{channel}/refunds", f"clearing/{channel}", event.amount_fen),)


def _refund_failed(state: AccountState, event: events.RefundFailed) -> Postings:
    channel = state.core.refunds[event.refund_no].channel
    return (Posting(f"clearing/{channel}/refunds", _refundable(state), event.amount_fen),)


def _refundable(state: AccountState) -> str:
    return f"person/{state.core.account}/refundable"


def _receivable(state: AccountState, bill: str) -> str:
    return f"agreement/{state.core.bills[bill].agreement}/receivable"


_POST: Final[dict[type, Callable[[AccountState, Any], Postings]]] = {
    events.ChargePosted: _charge,
    events.ChargeReduced: _reduction,
    events.BillReductionDue: _reduction_due,
    events.PrepaymentDeposited: _prepayment,
    events.PrepaymentTransferred: _transfer,
    events.PrepaymentRefunded: _prepayment_refund,
    events.BalanceRefunded: _balance_refund,
    events.InsuranceAccountDeposited: _insurance,
    events.RepaymentReceived: _received,
    events.RepaymentApplied: _applied,
    events.DebitPaid: _paid,
    events.LatePaymentReceived: _late,
    events.ChannelRefunded: _channel_refunded,
    events.RefundStarted: _refund_started,
    events.RefundSettled: _refund_settled,
    events.RefundFailed: _refund_failed,
    **clearing_journal.POST,
}

"""The balanced postings of every event that moves money: debits equal credits by construction (domain 11).

Balances follow from the postings alone: `agreement/<id>/receivable` equals the line used, `person/<account>/…` what the
hub owes the person. A posting whose amount is 0 is left out.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from hub.domain import clearing_journal
from hub.domain.contents import unpacked
from hub.domain.state import AccountState, Core
from schemas import events
from schemas.events import Allocation
from schemas.ledger import Posting

Postings = Sequence[Posting]


FAMILY: Final = "transit/family"
"""Credit used by one account on another's line: what left the one has not reached the other yet."""
MERGE: Final = "transit/merge"
"""What a retired account gave and the survivor has not taken in yet."""


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
        line = f"agreement/{agreement}/receivable" if agreement else FAMILY
        pairs.append(Posting(line, charges, allocation.credit_fen))
    if allocation.self_pay_fen:
        pairs.append(Posting(f"institution/{institution}/window", charges, allocation.self_pay_fen))
    return pairs


def _charge(state: AccountState, event: events.ChargePosted) -> Postings:
    settled = event.settlement is not None
    return _sources(state.core.account, event.institution, event.agreement, event.allocation, settled=settled)


def _reduction(state: AccountState, event: events.ChargeReduced) -> Postings:
    """The same postings backwards; a credit part that waits for a debit's result stands on an account of its own."""
    charge = state.encounters[f"{event.institution}|{event.visit}"].charges[event.charge]
    forward = _sources(state.core.account, event.institution, charge.agreement, event.returned, settled=event.settled)
    receivable = f"agreement/{charge.agreement}/receivable"
    waiting = f"agreement/{charge.agreement}/reductions"
    return tuple(
        Posting(p.credit, waiting if event.waits and p.debit == receivable else p.debit, p.amount_fen) for p in forward
    )


def _family_posted(_state: AccountState, event: events.FamilyCreditPosted) -> Postings:
    return (Posting(f"agreement/{event.agreement}/receivable", FAMILY, event.amount_fen),)


def _family_reduced(state: AccountState, event: events.FamilyCreditReduced) -> Postings:
    agreement = state.encounters[f"{event.institution}|{event.visit}"].charges[event.hold].agreement
    line = f"agreement/{agreement}/{'reductions' if event.waits else 'receivable'}"
    return (Posting(FAMILY, line, event.amount_fen),)


def _family_returned(state: AccountState, event: events.FamilyCreditReturned) -> Postings:
    return (Posting(FAMILY, _refundable(state), event.amount_fen),)


def _family_taken(_state: AccountState, event: events.FamilyBillTaken) -> Postings:
    return (Posting(f"agreement/{event.agreement}/receivable", FAMILY, event.amount_fen),)


def _merged(state: AccountState, event: events.AccountMerged) -> Postings:
    """Everything leaves; a number's prepayment has postings of its own."""
    return () if event.number else _holdings(state.core, state.core.account, gives=True)


def _absorbed(state: AccountState, event: events.AccountAbsorbed) -> Postings:
    contents = unpacked(event.core, event.encounters)
    return _holdings(contents.core, state.core.account, gives=False) if contents else ()


def _holdings(core: Core, account: str, *, gives: bool) -> Postings:
    """Return what a core holds as postings to (`gives`) or from the transit of a merge; bills follow their lines."""
    owed = {f"person/{account}/prepayment/{name}": fen for name, fen in core.prepayments.items()}
    owed |= {f"person/{account}/insurance": core.insurance_fen, f"person/{account}/refundable": core.refundable_fen}
    for bill in core.bills.values():
        place = f"agreement/{bill.agreement}/reductions"
        owed[place] = owed.get(place, 0) + bill.reduction_waiting_fen
    pairs = [(name, MERGE, fen) for name, fen in owed.items()]
    pairs += [(MERGE, f"agreement/{a.id}/receivable", a.used_fen) for a in core.agreements.values()]
    return tuple(Posting(*((d, c) if gives else (c, d)), fen) for d, c, fen in pairs if fen)


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


def _relief_paid(state: AccountState, event: events.ReliefPaid) -> Postings:
    return (Posting(f"relief/{event.kind}", _receivable(state, event.bill), event.amount_fen),)


def _relief_returned(state: AccountState, event: events.ReliefReturned) -> Postings:
    return (Posting(_receivable(state, event.bill), f"relief/{event.kind}", event.amount_fen),)


def _refundable(state: AccountState) -> str:
    return f"person/{state.core.account}/refundable"


def _receivable(state: AccountState, bill: str) -> str:
    return f"agreement/{state.core.bills[bill].agreement}/receivable"


POST: Final[dict[type, Callable[[AccountState, Any], Postings]]] = {
    events.ChargePosted: _charge,
    events.ChargeReduced: _reduction,
    events.BillReductionDue: _reduction_due,
    events.FamilyCreditPosted: _family_posted,
    events.FamilyCreditReduced: _family_reduced,
    events.FamilyCreditReturned: _family_returned,
    events.FamilyBillTaken: _family_taken,
    events.AccountMerged: _merged,
    events.AccountAbsorbed: _absorbed,
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
    events.ReliefPaid: _relief_paid,
    events.ReliefReturned: _relief_returned,
}
"""Every event that moves money, and its postings, judged by the state before it."""

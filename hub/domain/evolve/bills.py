"""What bill and repayment events change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import Applications, armed, counted, disarmed, put, with_bill, with_core, with_used
from hub.domain.state import AccountState, Alarm, Bill, BillPayment, Charge, Core, Payment
from schemas import events
from schemas.city_time import DAY_MS


def _issued(state: AccountState, event: events.BillIssued) -> AccountState:
    key = f"{event.institution}|{event.visit}"
    bill = Bill(
        event.bill,
        key,
        event.institution,
        event.agreement,
        event.pack,
        event.amount_fen,
        event.closed_at,
        event.debit_at,
        event.due_at,
        event.supplementary,
        statement_on=event.statement_on,
    )
    core = state.core
    timers = armed(core.timers, "auto_debit", bill.id, event.debit_at, city=True, outside=True)
    timers = armed(timers, "term", bill.id, event.due_at, city=True, outside=True)
    timers = armed(timers, "fee", bill.id, event.fee_at, city=True, outside=True)
    if event.statement_on and f"statement|{event.agreement}" not in timers:
        due_at = event.statement_on + DAY_MS
        timers = armed(timers, "statement", event.agreement, due_at, city=True, outside=False)
    core = replace(core, bills=put(core.bills, bill.id, bill), counters=counted(core, "B"), timers=timers)
    return _claimed(AccountState(core, state.encounters), bill)


def _claimed(state: AccountState, bill: Bill) -> AccountState:
    """Mark the agreement's charges of the visit that no bill holds yet."""
    encounter = state.encounters[bill.visit]
    charges = {id_: _claim(charge, bill) for id_, charge in encounter.charges.items()}
    return AccountState(state.core, put(state.encounters, bill.visit, replace(encounter, charges=charges)))


def _claim(charge: Charge, bill: Bill) -> Charge:
    mine = charge.agreement == bill.agreement and not charge.bill and charge.parts.credit > charge.returned.credit
    return replace(charge, bill=bill.id) if mine else charge


def _revised(state: AccountState, event: events.BillRevised) -> AccountState:
    core = state.core
    bill = core.bills[event.bill]
    grown = event.amount_fen > bill.amount_fen
    bill = replace(bill, revision=event.revision, amount_fen=event.amount_fen)
    agreements = with_used(core, bill.agreement, -event.released_fen)
    core = replace(core, bills=with_bill(core, bill), agreements=agreements, timers=quiet(core.timers, bill))
    state = AccountState(core, state.encounters)
    return _claimed(state, bill) if grown else state


def quiet(timers: dict[str, Alarm], bill: Bill) -> dict[str, Alarm]:
    """Return the timers without those of a bill on which nothing is owed any more."""
    if not bill.settled:
        return timers
    return disarmed(timers, bill.id, "auto_debit", "debit_retry", "term", "fee", "overdue", "reminder")


def _reduction_held(state: AccountState, event: events.BillReductionHeld) -> AccountState:
    bill = state.core.bills[event.bill]
    held = bill.reduction_waiting_fen + event.amount_fen
    return with_core(state, bills=with_bill(state.core, replace(bill, reduction_waiting_fen=held)))


def _reduction_due(state: AccountState, event: events.BillReductionDue) -> AccountState:
    bill = state.core.bills[event.bill]
    held = bill.reduction_waiting_fen - event.amount_fen
    return with_core(state, bills=with_bill(state.core, replace(bill, reduction_waiting_fen=held)))


def _term_passed(state: AccountState, event: events.BillTermPassed) -> AccountState:
    bill = replace(state.core.bills[event.bill], term_passed=True)
    timers = disarmed(state.core.timers, bill.id, "term")
    return with_core(state, bills=with_bill(state.core, bill), timers=timers)


def _overdue(state: AccountState, event: events.BillOverdue) -> AccountState:
    bill = replace(state.core.bills[event.bill], overdue_since=event.since, term_passed=False)
    timers = disarmed(state.core.timers, bill.id, "term")
    return with_core(state, bills=with_bill(state.core, bill), timers=timers)


def _frozen(state: AccountState, event: events.BillFrozen) -> AccountState:
    bill = replace(state.core.bills[event.bill], frozen=event.reason, unfreezing_by="")
    timers = disarmed(state.core.timers, bill.id, "auto_debit")
    return with_core(state, bills=with_bill(state.core, bill), timers=timers)


def _unfreeze_proposed(state: AccountState, event: events.BillUnfreezeProposed) -> AccountState:
    bill = replace(state.core.bills[event.bill], unfreezing_by=event.author)
    return with_core(state, bills=with_bill(state.core, bill))


def _unfrozen(state: AccountState, event: events.BillUnfrozen) -> AccountState:
    bill = replace(state.core.bills[event.bill], frozen="", unfreezing_by="")
    timers = armed(state.core.timers, "auto_debit", bill.id, event.debit_at, city=True, outside=True)
    return with_core(state, bills=with_bill(state.core, bill), timers=timers)


def _closed(state: AccountState, event: events.BillClosed) -> AccountState:
    """A cancelled bill lets go of its charges, so that a reopened visit can bill them again."""
    core = state.core
    bill = replace(core.bills[event.bill], final=event.state)
    core = replace(core, bills=with_bill(core, bill), timers=quiet(core.timers, bill))
    encounter = state.encounters.get(bill.visit)
    if encounter is None or event.state != "cancelled":
        return AccountState(core, state.encounters)
    charges = {
        id_: replace(charge, bill="") if charge.bill == bill.id else charge for id_, charge in encounter.charges.items()
    }
    return AccountState(core, put(state.encounters, bill.visit, replace(encounter, charges=charges)))


def _received(state: AccountState, event: events.RepaymentReceived) -> AccountState:
    core = state.core
    payment = Payment(event.payment, event.method, event.amount_fen, free_fen=event.amount_fen)
    bills = core.bills
    if event.waiting_fen:
        bill = bills[event.waits_for]
        bills = with_bill(core, replace(bill, payment_waiting_fen=bill.payment_waiting_fen + event.waiting_fen))
    return with_core(
        state,
        payments=put(core.payments, payment.id, payment),
        refundable_fen=core.refundable_fen + event.amount_fen,
        bills=bills,
        counters=counted(core, "Y"),
    )


def _applied(state: AccountState, event: events.RepaymentApplied) -> AccountState:
    core, paid = state.core, event.amount_fen
    payment = core.payments[event.payment]
    applied = payment.applied if event.from_balance else (*payment.applied, (event.bill, paid))
    payment = replace(payment, applied=applied, free_fen=payment.free_fen - paid)
    bill = with_payment(core.bills[event.bill], BillPayment(payment.id, payment.method, "", "", paid))
    bill = replace(bill, payment_waiting_fen=max(0, bill.payment_waiting_fen - paid))
    core = replace(
        core,
        payments=put(core.payments, payment.id, payment),
        refundable_fen=core.refundable_fen - paid,
        bills=with_bill(core, bill),
        agreements=with_used(core, bill.agreement, -paid),
        timers=quiet(core.timers, bill),
    )
    return AccountState(core, state.encounters)


def with_payment(bill: Bill, payment: BillPayment) -> Bill:
    """Return the bill with one more payment on it."""
    return replace(bill, paid_fen=bill.paid_fen + payment.amount_fen, payments=(*bill.payments, payment))


def with_paid_back(core: Core, bill_id: str, payment_id: str, amount_fen: int) -> Bill:
    """Return a bill of which part of a payment went back."""
    bill = core.bills[bill_id]
    payments = tuple(
        replace(p, returned_fen=p.returned_fen + amount_fen) if p.payment == payment_id else p for p in bill.payments
    )
    return replace(bill, paid_fen=bill.paid_fen - amount_fen, payments=payments)


APPLY: Final[Applications] = {
    events.BillIssued: _issued,
    events.BillRevised: _revised,
    events.BillReductionHeld: _reduction_held,
    events.BillReductionDue: _reduction_due,
    events.BillTermPassed: _term_passed,
    events.BillOverdue: _overdue,
    events.BillFrozen: _frozen,
    events.BillUnfreezeProposed: _unfreeze_proposed,
    events.BillUnfrozen: _unfrozen,
    events.BillClosed: _closed,
    events.RepaymentReceived: _received,
    events.RepaymentApplied: _applied,
}

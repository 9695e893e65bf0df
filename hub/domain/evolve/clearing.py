"""What fee, loss, advance and day-close events change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.clearing_state import Advance, Advances, Calendar, Clearing, FeeBook, Loss
from hub.domain.evolve.bills import quiet, with_payment
from hub.domain.evolve.changes import Applications, armed, counted, disarmed, put, with_bill, with_core, with_used
from hub.domain.state import AccountState, Bill, BillPayment, Core, Payment
from schemas import events


def _clearing(core: Core) -> Clearing:
    return core.clearing or Clearing()


def _with_fee(state: AccountState, bill: str, book: FeeBook, **changes: object) -> AccountState:
    """Return the state with the fee of a bill changed; the bill is another object, because its view shows the fee."""
    core, clearing = state.core, _clearing(state.core)
    fees = put(clearing.fees, bill, book)
    shown = with_bill(core, replace(core.bills[bill]))
    return with_core(state, clearing=replace(clearing, fees=fees), bills=shown, **changes)


def _fee_of(core: Core, bill: str) -> FeeBook:
    return _clearing(core).fees.get(bill) or FeeBook()


def _accrued(state: AccountState, event: events.FeeAccrued) -> AccountState:
    core = state.core
    old = _fee_of(core, event.bill)
    book = replace(
        old,
        days=event.days,
        own=old.own + event.own,
        cap=old.cap + event.cap,
        accrued_fen=old.accrued_fen + event.fee_fen,
    )
    timers = armed(core.timers, "fee", event.bill, event.next_at, city=True, outside=True)
    return _with_fee(state, event.bill, book, timers=timers)


def _waived(state: AccountState, event: events.FeesWaived) -> AccountState:
    core = state.core
    old = _fee_of(core, event.bill)
    book = replace(old, waived_fen=old.waived_fen + event.amount_fen, ended=True)
    return _with_fee(state, event.bill, book, timers=disarmed(core.timers, event.bill, "fee"))


def _fees_returned(state: AccountState, event: events.FeesReturned) -> AccountState:
    core, amount = state.core, event.amount_fen
    old = _fee_of(core, event.bill)
    book = replace(old, paid_fen=old.paid_fen - amount, waived_fen=old.waived_fen + amount)
    payment = Payment(event.payment, "bank", amount, free_fen=amount)
    return _with_fee(
        state,
        event.bill,
        book,
        payments=put(core.payments, payment.id, payment),
        refundable_fen=core.refundable_fen + amount,
        counters=counted(core, "Y"),
    )


def _fee_paid(state: AccountState, event: events.FeePaid) -> AccountState:
    old = _fee_of(state.core, event.bill)
    book = replace(old, paid_fen=old.paid_fen + event.amount_fen)
    return _with_fee(state, event.bill, book)


def _collected(state: AccountState, event: events.BankCollected) -> AccountState:
    core, paid = state.core, event.amount_fen
    bill = with_payment(core.bills[event.bill], BillPayment(event.payment, "bank", "", event.serial, paid))
    payment = Payment(event.payment, "bank", paid, ((bill.id, paid),))
    return with_core(
        state,
        bills=with_bill(core, bill),
        payments=put(core.payments, payment.id, payment),
        agreements=with_used(core, bill.agreement, -paid),
        counters=counted(core, "Y"),
        timers=quiet(core.timers, bill),
    )


def _written_off(state: AccountState, event: events.BillWrittenOff) -> AccountState:
    core = state.core
    bill = replace(core.bills[event.bill], final="written_off")
    clearing = _clearing(core)
    losses = put(clearing.losses, event.bill, Loss(event.funder, event.amount_fen))
    return with_core(
        state,
        bills=with_bill(core, bill),
        agreements=with_used(core, bill.agreement, -event.amount_fen),
        clearing=replace(clearing, losses=losses),
        timers=quiet(core.timers, bill),
    )


def _recovered(state: AccountState, event: events.LossRecovered) -> AccountState:
    core = state.core
    clearing = _clearing(core)
    old = clearing.losses[event.bill]
    loss = replace(old, recovered_fen=old.recovered_fen + event.amount_fen)
    payment = Payment(event.payment, event.method, event.amount_fen, ((event.bill, event.amount_fen),))
    return with_core(
        state,
        bills=_with_recovery(core, event),
        clearing=replace(clearing, losses=put(clearing.losses, event.bill, loss)),
        payments=put(core.payments, payment.id, payment),
        counters=counted(core, "Y"),
    )


def _with_recovery(core: Core, event: events.LossRecovered) -> dict[str, Bill]:
    """What came in is a payment of the bill, should its charge be taken back; an archived bill is known no more."""
    bill = core.bills.get(event.bill)
    if bill is None:
        return core.bills
    paid = BillPayment(event.payment, event.method, "", event.receipt_no, event.amount_fen)
    return with_bill(core, with_payment(bill, paid))


def _loss_reversed(state: AccountState, event: events.LossReversed) -> AccountState:
    clearing = _clearing(state.core)
    old = clearing.losses[event.bill]
    loss = replace(old, amount_fen=old.amount_fen - event.amount_fen)
    return with_core(state, clearing=replace(clearing, losses=put(clearing.losses, event.bill, loss)))


def _advance_opened(state: AccountState, event: events.AdvanceOpened) -> AccountState:
    clearing = _clearing(state.core)
    old = clearing.advances or Advances(event.institution, event.bank)
    batches = put(old.batches, event.batch, Advance(event.day, event.amount_fen))
    advances = replace(old, day=event.day, carry_fen=event.carry_fen, batches=batches)
    return with_core(state, kind="feed", clearing=replace(clearing, advances=advances))


def _advance_in_state(state: AccountState, batch: str, word: str) -> AccountState:
    clearing = _clearing(state.core)
    advances = clearing.advances
    if advances is None:
        return state
    batches = put(advances.batches, batch, replace(advances.batches[batch], state=word))
    return with_core(state, clearing=replace(clearing, advances=replace(advances, batches=batches)))


def _advance_confirmed(state: AccountState, event: events.AdvanceConfirmed) -> AccountState:
    return _advance_in_state(state, event.batch, "confirmed")


def _advance_refused(state: AccountState, event: events.AdvanceRefused) -> AccountState:
    return _advance_in_state(state, event.batch, "refused")


def _day_closed(state: AccountState, event: events.DayClosed) -> AccountState:
    clearing = replace(_clearing(state.core), calendar=Calendar(event.day, event.root))
    return with_core(state, kind="feed", clearing=clearing)


APPLY: Final[Applications] = {
    events.FeeAccrued: _accrued,
    events.FeesWaived: _waived,
    events.FeesReturned: _fees_returned,
    events.FeePaid: _fee_paid,
    events.BankCollected: _collected,
    events.BillWrittenOff: _written_off,
    events.LossRecovered: _recovered,
    events.LossReversed: _loss_reversed,
    events.AdvanceOpened: _advance_opened,
    events.AdvanceConfirmed: _advance_confirmed,
    events.AdvanceRefused: _advance_refused,
    events.DayClosed: _day_closed,
}

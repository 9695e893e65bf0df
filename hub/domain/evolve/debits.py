"""What debit events change: one live order number for a bill, one movement of money for a number."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.bills import quiet, with_paid_back, with_payment
from hub.domain.evolve.changes import (
    Applications,
    armed,
    counted,
    disarmed,
    put,
    with_bill,
    with_core,
    with_debit,
    with_used,
)
from hub.domain.state import AccountState, BillPayment, Debit, Payment
from schemas import events


def _started(state: AccountState, event: events.DebitStarted) -> AccountState:
    core = state.core
    old = core.debits.get(event.order_no)
    debit = _new_debit(event) if old is None else replace(old, state="sent", technical=old.technical + 1)
    bill = replace(core.bills[event.bill], order_no=event.order_no, debiting=True, attempts=event.attempt)
    timers = disarmed(core.timers, bill.id, "auto_debit", "debit_retry")
    timers = armed(timers, "debit_query", event.order_no, event.guard_wall_at, city=False, outside=True)
    return with_core(
        state,
        debits=with_debit(core, debit),
        bills=with_bill(core, bill),
        counters=counted(core, "D") if event.new_number else core.counters,
        timers=timers,
    )


def _new_debit(event: events.DebitStarted) -> Debit:
    return Debit(
        event.order_no,
        event.bill,
        event.channel,
        event.amount_fen,
        event.attempt,
        event.started_at,
        event.txn_wall_at,
        event.expires_wall_at,
        channel_agreement=event.channel_agreement,
        link=event.link,
        source=event.source,
    )


def _unknown(state: AccountState, event: events.DebitUnknown) -> AccountState:
    core = state.core
    debit = replace(
        core.debits[event.order_no], state="unknown", queries=event.query_no, gateway_code=event.gateway_code
    )
    timers = disarmed(core.timers, event.bill, "debit_retry")
    timers = armed(timers, "debit_query", event.order_no, event.next_query_wall_at, city=False, outside=True)
    return with_core(state, debits=with_debit(core, debit), timers=timers)


def _queried(state: AccountState, event: events.DebitQueried) -> AccountState:
    core = state.core
    debit = replace(core.debits[event.order_no], queries=event.query_no)
    timers = disarmed(core.timers, event.order_no, "debit_query")
    timers = armed(timers, "debit_query", event.order_no, event.guard_wall_at, city=False, outside=True)
    return with_core(state, debits=with_debit(core, debit), timers=timers)


def _failed(state: AccountState, event: events.DebitFailed) -> AccountState:
    core = state.core
    debit, bill = core.debits[event.order_no], core.bills[event.bill]
    debit = replace(debit, cause=event.cause, gateway_code=event.gateway_code, next_at=event.retry_at, doubt="")
    timers = core.timers
    if not event.same_number:
        debit = replace(debit, state="failed")
        bill = replace(bill, debiting=False, source=event.source, part_fen=event.part_fen)
        timers = disarmed(timers, event.order_no, "debit_query")
    timers = disarmed(timers, bill.id, "debit_retry")
    timers = armed(timers, "debit_retry", bill.id, event.retry_at, city=True, outside=True)
    timers = armed(timers, "debit_retry", bill.id, event.retry_wall_at, city=False, outside=True)
    return with_core(state, debits=with_debit(core, debit), bills=with_bill(core, bill), timers=timers)


def _paid(state: AccountState, event: events.DebitPaid) -> AccountState:
    core = state.core
    debit = replace(
        core.debits[event.order_no],
        state="paid",
        trade_no=event.trade_no,
        payment=event.payment,
        next_at=0,
        doubt="",
        cause="",
    )
    paid = BillPayment(event.payment, event.channel, event.order_no, event.trade_no, event.amount_fen)
    bill = replace(with_payment(core.bills[event.bill], paid), debiting=False, term_passed=False)
    payment = Payment(event.payment, event.channel, event.amount_fen, ((bill.id, event.amount_fen),))
    timers = disarmed(core.timers, event.order_no, "debit_query")
    timers = disarmed(timers, bill.id, "debit_retry")
    timers = armed(timers, "debit_retry", bill.id, event.rest_at, city=True, outside=True)
    return with_core(
        state,
        debits=with_debit(core, debit),
        bills=with_bill(core, bill),
        payments=put(core.payments, payment.id, payment),
        agreements=with_used(core, bill.agreement, -event.amount_fen),
        counters=counted(core, "Y"),
        timers=quiet(timers, bill),
    )


def _finished(state: AccountState, event: events.DebitFinished) -> AccountState:
    debit = replace(state.core.debits[event.order_no], finished=True)
    return with_core(state, debits=with_debit(state.core, debit))


def _doubted(state: AccountState, event: events.DebitDoubted) -> AccountState:
    debit = replace(state.core.debits[event.order_no], doubt=event.word)
    settled = not event.word and not debit.live
    timers = disarmed(state.core.timers, event.order_no, "debit_query") if settled else state.core.timers
    timers = armed(timers, "debit_query", event.order_no, event.guard_wall_at, city=False, outside=True)
    return with_core(state, debits=with_debit(state.core, debit), timers=timers)


def _late_payment(state: AccountState, event: events.LatePaymentReceived) -> AccountState:
    core = state.core
    debit = replace(
        core.debits[event.order_no],
        late=True,
        trade_no=event.trade_no,
        payment=event.payment,
        doubt="",
        refunded_fen=event.amount_fen,
    )
    payment = Payment(event.payment, event.channel, event.amount_fen, free_fen=event.amount_fen)
    return with_core(
        state,
        debits=with_debit(core, debit),
        payments=put(core.payments, payment.id, payment),
        refundable_fen=core.refundable_fen + event.amount_fen,
        counters=counted(core, "Y"),
        timers=disarmed(core.timers, event.order_no, "debit_query"),
    )


def _channel_refunded(state: AccountState, event: events.ChannelRefunded) -> AccountState:
    core = state.core
    bill = with_paid_back(core, event.bill, event.payment, event.amount_fen)
    debit = core.debits[event.order_no]
    debit = replace(debit, refunded_fen=debit.refunded_fen + event.amount_fen)
    return with_core(
        state,
        bills=with_bill(core, bill),
        debits=with_debit(core, debit),
        agreements=with_used(core, bill.agreement, event.amount_fen),
    )


APPLY: Final[Applications] = {
    events.DebitStarted: _started,
    events.DebitUnknown: _unknown,
    events.DebitQueried: _queried,
    events.DebitFailed: _failed,
    events.DebitPaid: _paid,
    events.DebitFinished: _finished,
    events.DebitDoubted: _doubted,
    events.LatePaymentReceived: _late_payment,
    events.ChannelRefunded: _channel_refunded,
}

"""What refund events change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.bills import with_paid_back
from hub.domain.evolve.changes import (
    Applications,
    armed,
    counted,
    disarmed,
    with_bill,
    with_core,
    with_debit,
    with_free,
    with_refund,
)
from hub.domain.state import AccountState, Refund
from schemas import events


def _started(state: AccountState, event: events.RefundStarted) -> AccountState:
    """Take the money off its bill (or the balance) at once; a gateway refund is then on its way."""
    core = state.core
    changes: dict[str, object] = {"counters": counted(core, "R")}
    to_balance = event.channel in ("balance", "counter")
    back = event.amount_fen if to_balance else 0
    if event.from_balance:
        back -= event.amount_fen
    else:
        changes["bills"] = with_bill(core, with_paid_back(core, event.bill, event.payment, event.amount_fen))
        if event.order_no:
            debit = core.debits[event.order_no]
            refunded = debit.refunded_fen + event.amount_fen
            changes["debits"] = with_debit(core, replace(debit, refunded_fen=refunded))
    changes["refundable_fen"] = core.refundable_fen + back
    if back:
        changes["payments"] = with_free(core, event.payment, back)
    if not to_balance:
        changes["refunds"] = with_refund(core, _new_refund(event))
        changes["timers"] = armed(
            core.timers, "refund_query", event.refund_no, event.guard_wall_at, city=False, outside=True
        )
    return with_core(state, **changes)


def _new_refund(event: events.RefundStarted) -> Refund:
    return Refund(
        event.refund_no,
        event.bill,
        event.payment,
        event.channel,
        event.order_no,
        event.trade_no,
        event.amount_fen,
        event.started_wall_at,
        from_balance=event.from_balance,
    )


def _unknown(state: AccountState, event: events.RefundUnknown) -> AccountState:
    core = state.core
    refund = replace(
        core.refunds[event.refund_no], state="resend" if event.send_again else "unknown", queries=event.query_no
    )
    timers = armed(core.timers, "refund_query", event.refund_no, event.next_query_wall_at, city=False, outside=True)
    return with_core(state, refunds=with_refund(core, refund), timers=timers)


def _queried(state: AccountState, event: events.RefundQueried) -> AccountState:
    core = state.core
    old = core.refunds[event.refund_no]
    state_after = "sent" if old.state == "resend" else old.state
    refund = replace(old, state=state_after, queries=event.query_no)
    timers = disarmed(core.timers, event.refund_no, "refund_query")
    timers = armed(timers, "refund_query", event.refund_no, event.guard_wall_at, city=False, outside=True)
    return with_core(state, refunds=with_refund(core, refund), timers=timers)


def _settled(state: AccountState, event: events.RefundSettled) -> AccountState:
    core = state.core
    refund = replace(core.refunds[event.refund_no], state="settled")
    timers = disarmed(core.timers, event.refund_no, "refund_query")
    return with_core(state, refunds=with_refund(core, refund), timers=timers)


def _failed(state: AccountState, event: events.RefundFailed) -> AccountState:
    core = state.core
    refund = replace(core.refunds[event.refund_no], state="failed")
    timers = disarmed(core.timers, event.refund_no, "refund_query")
    return with_core(
        state,
        refunds=with_refund(core, refund),
        refundable_fen=core.refundable_fen + event.amount_fen,
        payments=with_free(core, event.payment, event.amount_fen),
        timers=timers,
    )


APPLY: Final[Applications] = {
    events.RefundStarted: _started,
    events.RefundUnknown: _unknown,
    events.RefundQueried: _queried,
    events.RefundSettled: _settled,
    events.RefundFailed: _failed,
}

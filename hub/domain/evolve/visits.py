"""What visit events change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import Applications, armed, disarmed, with_core, with_encounter, without
from hub.domain.state import AccountState, Bill, Encounter, Payment, Refund
from schemas import events


def visit_key(institution: str, visit: str) -> str:
    """Return the key of a visit within its account."""
    return f"{institution}|{visit}"


def _opened(state: AccountState, event: events.VisitOpened) -> AccountState:
    key = visit_key(event.institution, event.visit)
    encounter = Encounter(event.institution, event.visit, event.scene, event.event_at)
    state = AccountState(state.core, {**state.encounters, key: encounter})
    if not event.idle_at:
        return state
    return with_core(state, timers=armed(state.core.timers, "idle_close", key, event.idle_at, city=True, outside=False))


def _updated(state: AccountState, event: events.VisitUpdated) -> AccountState:
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    state = with_encounter(state, replace(encounter, scene=event.scene))
    if event.scene != "inpatient":
        return state
    return with_core(state, timers=disarmed(state.core.timers, encounter.key, "idle_close"))


def _closed(state: AccountState, event: events.VisitClosed) -> AccountState:
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    cancelled = "cancelled" if event.cause == "cancelled" else encounter.cancelled
    state = with_encounter(state, replace(encounter, closed_at=event.closed_at, cancelled=cancelled))
    return with_core(state, timers=disarmed(state.core.timers, encounter.key, "idle_close"))


def _reopened(state: AccountState, event: events.VisitReopened) -> AccountState:
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    state = with_encounter(state, replace(encounter, closed_at=0, cancelled=""))
    timers = disarmed(state.core.timers, encounter.key, "archive")
    return with_core(state, timers=armed(timers, "idle_close", encounter.key, event.idle_at, city=True, outside=False))


def _cancel_pending(state: AccountState, event: events.VisitCancelPending) -> AccountState:
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    return with_encounter(state, replace(encounter, cancelled="pending"))


def _settled(state: AccountState, event: events.VisitSettled) -> AccountState:
    key = visit_key(event.institution, event.visit)
    return with_core(state, timers=armed(state.core.timers, "archive", key, event.archive_at, city=True, outside=False))


def _archived(state: AccountState, event: events.VisitArchived) -> AccountState:
    """The visit's lines, bills, debits and refunds leave the state; its id stays known."""
    key = visit_key(event.institution, event.visit)
    core = state.core
    gone = {bill.id for bill in core.bills.values() if bill.visit == key}
    bills = without(core.bills, *gone)
    gone |= {debit.order_no for debit in core.debits.values() if debit.bill in gone}
    gone |= {refund.refund_no for refund in core.refunds.values() if refund.bill in gone}
    refunds = {no: refund for no, refund in core.refunds.items() if refund.bill in bills}
    core = replace(
        core,
        archived=(*core.archived, key),
        holds={id_: hold for id_, hold in core.holds.items() if hold.visit != key} if core.holds else core.holds,
        bills=bills,
        debits={no: debit for no, debit in core.debits.items() if debit.bill in bills},
        refunds=refunds,
        payments=_needed_payments(core.payments, bills, refunds),
        relief={id_: case for id_, case in core.relief.items() if case.bill in bills},
        timers={name: alarm for name, alarm in core.timers.items() if name.partition("|")[2] not in gone | {key}},
    )
    return AccountState(core, without(state.encounters, key))


def _needed_payments(
    payments: dict[str, Payment], bills: dict[str, Bill], refunds: dict[str, Refund]
) -> dict[str, Payment]:
    """Return the payments that a bill or refund still names, or of which something is free."""
    named = {paid.payment for bill in bills.values() for paid in bill.payments}
    named |= {refund.payment for refund in refunds.values()}
    return {id_: payment for id_, payment in payments.items() if payment.free_fen or id_ in named}


APPLY: Final[Applications] = {
    events.VisitOpened: _opened,
    events.VisitUpdated: _updated,
    events.VisitClosed: _closed,
    events.VisitReopened: _reopened,
    events.VisitCancelPending: _cancel_pending,
    events.VisitSettled: _settled,
    events.VisitArchived: _archived,
}

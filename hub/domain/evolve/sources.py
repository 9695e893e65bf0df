"""What events of repayment sources, messages and statements change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import Applications, armed, counted, with_agreement, with_core
from hub.domain.sources_state import RepaymentSource
from hub.domain.state import AccountState
from schemas import events
from schemas.city_time import DAY_MS


def _set(state: AccountState, event: events.RepaymentSourcesSet) -> AccountState:
    """A bill that waits for a source which is gone begins with the first again."""
    core = state.core
    sources = tuple(
        RepaymentSource(each.kind, each.channel, each.channel_agreement, each.payer) for each in event.sources
    )
    bills = {
        id_: replace(bill, source=0) if bill.agreement == event.agreement and bill.source else bill
        for id_, bill in core.bills.items()
    }
    changed = replace(core.agreements[event.agreement], sources=sources)
    return with_core(state, agreements=with_agreement(core, changed), bills=bills)


def _ended(state: AccountState, event: events.RepaymentSourceEnded) -> AccountState:
    agreement = state.core.agreements[event.agreement]
    sources = tuple(
        replace(source, ended=True) if place == event.place else source
        for place, source in enumerate(agreement.sources, 1)
    )
    return with_core(state, agreements=with_agreement(state.core, replace(agreement, sources=sources)))


def _message_planned(state: AccountState, event: events.MessagePlanned) -> AccountState:
    subject = f"{event.bill}/{event.kind}"
    return with_core(state, timers=armed(state.core.timers, "message", subject, event.at, city=True, outside=False))


def _message_sent(state: AccountState, _event: events.MessageSent) -> AccountState:
    return state


def _statement(state: AccountState, event: events.StatementIssued) -> AccountState:
    core = state.core
    bills = {
        id_: replace(bill, statement=event.statement) if id_ in event.bills else bill
        for id_, bill in core.bills.items()
    }
    due_at = event.next_on and event.next_on + DAY_MS
    timers = armed(core.timers, "statement", event.agreement, due_at, city=True, outside=False)
    return with_core(state, bills=bills, counters=counted(core, "T"), timers=timers)


APPLY: Final[Applications] = {
    events.RepaymentSourcesSet: _set,
    events.RepaymentSourceEnded: _ended,
    events.MessagePlanned: _message_planned,
    events.MessageSent: _message_sent,
    events.StatementIssued: _statement,
}

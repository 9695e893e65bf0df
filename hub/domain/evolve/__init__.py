"""The only code that changes an account: events applied to the state (architecture 4).

`fold(evolve, ledger)` equals the account's state byte for byte after encoding, so nothing here reads a clock, a pack or
anything but the state and the record.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec.structs import replace

from hub.domain.digests import content_digest, id_digest
from hub.domain.evolve import (
    accounts,
    agreements,
    approvals,
    bills,
    charges,
    clearing,
    debits,
    family,
    feedback,
    holds,
    identity,
    refunds,
    relief,
    sources,
    standing,
    visits,
)
from hub.domain.evolve.changes import timer_key, without
from hub.domain.state import AccountState, Core, Seen
from schemas import events
from schemas.events import Event
from schemas.ledger import CommandSource, LedgerRecord, TimerSource
from schemas.reasons import REASONS, Reason

ID_KEPT_MS: Final = 35 * 24 * 3_600_000
"""Message ids live 35 days by later events' time: city time, whatever the age of the record in the commands topic."""
SEEN_MAX: Final = 8_000
"""Message ids that one account remembers, so that nobody who writes to it all day fills its record.

With more in 35 days the oldest are forgotten. A charge is still told by its line keys, a deposit by its receipt, a
notice or a result by its order number; a visit, a score or a feed's message by its time or number. Only the id tells a
repayment, a credit of the insurer, a refund, a collection, a recovery and a hold: so what posted or made something is
forgotten last, and such a repeat is booked again only if thousands of other postings came in between."""
SEEN_KEPT: Final = 7_000
"""How many are left then: a thousand go at once, because choosing them takes a look at each."""
REMEMBERED: Final = frozenset(("POSTED", "RECORDED", "LATE", "HELD", "REFUSED", "PARKED"))
"""Final outcomes, whose repeat gets the same answer; a transient refusal is judged anew.

What a person parked is final too: its repeat must not stop the lane again."""

APPLY: Final[dict[type, Callable[[AccountState, Any], AccountState]]] = {
    **accounts.APPLY,
    **agreements.APPLY,
    **approvals.APPLY,
    **bills.APPLY,
    **charges.APPLY,
    **clearing.APPLY,
    **debits.APPLY,
    **holds.APPLY,
    **family.APPLY,
    **feedback.APPLY,
    **identity.APPLY,
    **refunds.APPLY,
    **relief.APPLY,
    **standing.APPLY,
    **sources.APPLY,
    **visits.APPLY,
}
"""Every event, and the one way it changes the state."""

_REFERENCE: Final[dict[type, str]] = {
    events.ChargePosted: "charge",
    events.LinesHeld: "charge",
    events.ChargeReduced: "reduction",
    events.AgreementSigned: "agreement",
    events.PrepaymentDeposited: "deposit",
    events.RepaymentReceived: "payment",
    events.HoldPlaced: "hold",
    events.PrepaymentRefunded: "refund",
    events.BalanceRefunded: "refund",
    events.BankCollected: "payment",
    events.LossRecovered: "payment",
    events.RefundStarted: "refund_no",
    events.FamilyLinkRequested: "link",
    events.Proposed: "proposal",
    events.ReliefOpened: "case",
}


def apply(state: AccountState, event: Event) -> AccountState:
    """Return the state after one event."""
    return APPLY[type(event)](state, event)


def evolve(state: AccountState, record: LedgerRecord) -> AccountState:
    """Return the account after one ledger record."""
    if isinstance(record.source, TimerSource):
        state = without_timer(state, timer_key(record.source.kind, record.source.subject))
    for event in record.events:
        state = apply(state, event)
    return stamped(state, record)


def without_timer(state: AccountState, key: str) -> AccountState:
    """Return the state with a timer that fired taken out; what the firing decides may arm it again."""
    return AccountState(replace(state.core, timers=without(state.core.timers, key)), state.encounters)


def stamped(state: AccountState, record: LedgerRecord) -> AccountState:
    """Return the state with the record's number, and its message remembered so that a repeat is recognised."""
    core = state.core
    seen = _remembered(core, record) if record.command_id else core.seen
    relays = _relayed(core, record) if record.via is not None else core.relays
    return AccountState(replace(core, seq=record.seq, seen=seen, relays=relays), state.encounters)


def _relayed(core: Core, record: LedgerRecord) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return the relays seen: the sender's last seq, and the ids of the commands it sent with that seq."""
    via = record.via
    if via is None:
        return core.relays
    last, ids = core.relays.get(via.account, (0, ()))
    if via.seq > last:
        return {**core.relays, via.account: (via.seq, (record.command_id,))}
    if via.seq == last and record.command_id not in ids:
        return {**core.relays, via.account: (last, (*ids, record.command_id))}
    return core.relays


def _remembered(core: Core, record: LedgerRecord) -> dict[str, Seen]:
    if record.outcome not in REMEMBERED or not record.content_hash:
        return core.seen
    if record.reason and record.outcome == "REFUSED" and _judged_anew(Reason(record.reason)):
        return core.seen
    seen = _pruned(core.seen, record.now - ID_KEPT_MS)
    entry = Seen(
        content_digest(record.content_hash),
        record.source.offset if isinstance(record.source, CommandSource) else 0,
        record.now,
        record.seq,
        record.outcome,
        record.reason,
        record.parameters,
        references_of(record.events),
    )
    seen[memory_key(seen, record.command_id, entry.content)] = entry
    if record.control_id:
        seen[id_digest(record.control_id)] = entry
    return _newest(seen) if len(seen) > SEEN_MAX else seen


def _judged_anew(reason: Reason) -> bool:
    """Say whether a repeat of the refused message is judged anew; what found no room must not take any."""
    return reason is Reason.OUTCOME_TOO_LARGE or REASONS[reason].retriable


def _newest(seen: dict[str, Seen]) -> dict[str, Seen]:
    """Return as many as are kept; left out are the oldest, those that made nothing before those that did."""
    by_worth = sorted(seen, key=lambda key: seen[key].code == "POSTED" or bool(seen[key].references))
    kept = set(by_worth[-SEEN_KEPT:])
    return {key: entry for key, entry in seen.items() if key in kept}


def references_of(happened: Iterable[Event]) -> tuple[str, ...]:
    """Return the ids that events made, from which an answer is built and, for a repeat, rebuilt."""
    references: list[str] = []
    for event in happened:
        field = _REFERENCE.get(type(event))
        if field is not None:
            references.append(getattr(event, field))
    return tuple(references)


def memory_key(seen: dict[str, Seen], command_id: str, content: str) -> str:
    """Return where a message is remembered: by its id, and apart from the first where the same id had other content."""
    key = id_digest(command_id)
    first = seen.get(key)
    return key if first is None or first.content == content else id_digest(f"{command_id}|{content}")


def _pruned(seen: dict[str, Seen], until: int) -> dict[str, Seen]:
    """Return a copy without ids older than this; entries stand in the order of their time."""
    for entry in seen.values():
        if entry.at >= until:
            return dict(seen)
        break
    return {key: entry for key, entry in seen.items() if entry.at >= until}

"""Small pure changes shared by every event: timers, counters, one encounter, one bill."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from hub.domain.standing_state import Enrolment
from hub.domain.state import AccountState, Agreement, Alarm, Bill, Core, Debit, Encounter, Payment, Refund
from schemas.commands import Instant
from schemas.ids import Kind
from schemas.ledger import TimerKind

V = TypeVar("V")

Applications = dict[type, Callable[[AccountState, Any], AccountState]]
"""Event type → how it changes the state."""


def put(table: Mapping[str, V], key: str, value: V) -> dict[str, V]:
    """Return a copy of the table with one entry set."""
    return {**table, key: value}


def without(table: Mapping[str, V], *keys: str) -> dict[str, V]:
    """Return a copy of the table without these keys; absent ones do not matter."""
    return {key: value for key, value in table.items() if key not in keys}


def with_encounter(state: AccountState, encounter: Encounter) -> AccountState:
    """Return the state with this encounter changed."""
    return AccountState(state.core, put(state.encounters, encounter.key, encounter))


def with_core(state: AccountState, **changes: object) -> AccountState:
    """Return the state with these fields of the core changed."""
    return AccountState(replace(state.core, **changes), state.encounters)


def with_agreement(core: Core, agreement: Agreement) -> dict[str, Agreement]:
    """Return the core's agreements with this one changed."""
    return put(core.agreements, agreement.id, agreement)


def with_used(core: Core, agreement: str, change_fen: int) -> dict[str, Agreement]:
    """Return the core's agreements with one line used more or less."""
    if not change_fen:
        return core.agreements
    old = core.agreements[agreement]
    return {**core.agreements, agreement: replace(old, used_fen=old.used_fen + change_fen)}


def with_bill(core: Core, bill: Bill) -> dict[str, Bill]:
    """Return the core's bills with this one changed."""
    return put(core.bills, bill.id, bill)


def with_debit(core: Core, debit: Debit) -> dict[str, Debit]:
    """Return the core's debits with this one changed."""
    return put(core.debits, debit.order_no, debit)


def with_refund(core: Core, refund: Refund) -> dict[str, Refund]:
    """Return the core's refunds with this one changed."""
    return put(core.refunds, refund.refund_no, refund)


def with_free(core: Core, payment: str, change_fen: int) -> dict[str, Payment]:
    """Return the core's payments with more or less of one free for other bills or for its return."""
    old = core.payments[payment]
    return put(core.payments, payment, replace(old, free_fen=old.free_fen + change_fen))


def with_insured(core: Core) -> Enrolment:
    """Return what enrolment asks, with an insurer having been seen."""
    known = core.enrolment or Enrolment()
    return known if known.insured else replace(known, insured=True)


def counted(core: Core, kind: Kind) -> dict[str, int]:
    """Return the core's counters with one more of a kind."""
    counters = core.counters
    return {**counters, kind: counters.get(kind, 0) + 1}


def timer_key(kind: TimerKind, subject: str) -> str:
    """Return the key of a timer: one of a kind for a subject."""
    return f"{kind}|{subject}"


def armed(
    timers: dict[str, Alarm], kind: TimerKind, subject: str, due_at: Instant, *, city: bool, outside: bool
) -> dict[str, Alarm]:
    """Return the timers with one set anew; due_at 0 leaves them as they are."""
    return put(timers, timer_key(kind, subject), Alarm(due_at, city, outside)) if due_at else timers


def disarmed(timers: dict[str, Alarm], subject: str, *kinds: TimerKind) -> dict[str, Alarm]:
    """Return the timers without these of a subject."""
    keys = [key for kind in kinds if (key := timer_key(kind, subject)) in timers]
    return without(timers, *keys) if keys else timers

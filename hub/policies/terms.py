"""The instants that a pack's clocks give: end of the term, debit, retries, quiet hours (domain 6 and 7)."""

from datetime import date
from typing import assert_never

from hub.policies.clauses import Quiet, Retry
from hub.policies.pack import Pack
from schemas.city_time import DAY_MS, HOUR_MS, at_hour, city_date, city_midnight, day_start
from schemas.commands import Instant


def due_at(pack: Pack, closed_at: Instant, bank: str = "") -> Instant:
    """Return the first instant at which a bill closed then is overdue.

    A due date leaves its free days whole, counted from the statement where the bank bills by the month.
    """
    term = pack.repayment
    if term.kind == "days":
        return closed_at + term.days * DAY_MS
    if term.kind == "day_hour":
        return at_hour(closed_at, term.days, term.hour)
    if term.kind == "visit_end":
        return at_hour(closed_at, term.days + 1, 0)
    if term.kind == "due_date":
        return at_hour(statement_at(pack, closed_at, bank), term.days + 1, term.hour)
    assert_never(term.kind)


def statement_at(pack: Pack, closed_at: Instant, bank: str) -> Instant:
    """Return when a bill stands on a statement: on the bank's next statement day, at once where it has none."""
    offer = pack.offer_of(bank)
    day = offer.statement_day if offer else 0
    if not day:
        return closed_at
    closed = city_date(closed_at)
    if closed.day <= day:
        return day_start(closed.replace(day=day))
    later = date(closed.year + closed.month // 12, closed.month % 12 + 1, day)
    return day_start(later)


def debit_at(pack: Pack, closed_at: Instant, ends_at: Instant) -> Instant:
    """Return when a bill whose term ends then is debited; 0 where the pack has no debit of ours."""
    if pack.debit is None:
        return 0
    if pack.debit.on == "after_close":
        return closed_at + pack.debit.hours * HOUR_MS
    return city_midnight(ends_at) + pack.debit.hour * HOUR_MS


def retry_at(retry: Retry, attempt: int, failed_at: Instant) -> Instant:
    """Return when money is likely there after the n-th attempt failed: the next city day, at the n-th of its hours."""
    return at_hour(failed_at, 1, retry.hours[(attempt - 1) % len(retry.hours)])


def last_try_at(pack: Pack, ends_at: Instant) -> Instant:
    """Return when a bill is tried at the latest before its term ends; 0 without such a rule."""
    days = pack.retry.last_days_before_term
    return at_hour(ends_at - 1, -days, pack.retry.hours[0]) if days else 0


def told_at(quiet: Quiet, at: Instant) -> Instant:
    """Return when a person may be told what happens now: at once, or when the quiet hours end."""
    if quiet.from_hour == quiet.to_hour:
        return at
    hour = (at - city_midnight(at)) // HOUR_MS
    over_midnight = quiet.from_hour > quiet.to_hour
    if over_midnight and hour >= quiet.from_hour:
        return at_hour(at, 1, quiet.to_hour)
    begins = 0 if over_midnight else quiet.from_hour
    return at_hour(at, 0, quiet.to_hour) if begins <= hour < quiet.to_hour else at

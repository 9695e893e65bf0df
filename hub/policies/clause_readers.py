"""Each clause read from its table; a clause that is left out is its neutral default."""

from collections.abc import Callable, Sequence
from typing import Final, get_args

from hub.policies.clauses import (
    Bank,
    Blacklist,
    Debit,
    Deposit,
    Enrolment,
    Fallback,
    Fallbacks,
    Family,
    Funding,
    Holds,
    Lists,
    Overdue,
    PointsBand,
    Presets,
    Privilege,
    Provider,
    Quiet,
    Reduction,
    Relief,
    ReliefKind,
    Repair,
    Repayment,
    Retry,
    Reward,
    Settlement,
    StepUp,
    Tier,
    Waiver,
)
from hub.policies.tables import NUMBER_MAX, Table
from schemas.commands import Scene

HOUR_MAX: Final = 23
PERCENT_MAX: Final = 100
SCORE_MAX: Final = 1_000_000
MONTH_DAY_MAX: Final = 28
"""A statement day that every month has."""
RATE_MAX_BP: Final = 10_000

Sources = Sequence[str]


def read_tier(table: Table, sources: Sources) -> Tier:
    """Return one step of a score."""
    provider: Provider = table.choice("provider", get_args(Provider))
    low = table.number("min", high=SCORE_MAX, default=0)
    high = table.number("max", high=SCORE_MAX, default=SCORE_MAX)
    return Tier(provider, low, high, table.number("limit_fen"), table.flag("offer"), table.cited(sources))


def read_funding(table: Table, sources: Sources) -> Funding:
    """Return who lends."""
    return Funding(table.choice("by", ("bank", "institution")), table.cited(sources))


def read_enrolment(table: Table, sources: Sources) -> Enrolment:
    """Return who may sign."""
    return Enrolment(
        table.choice("who", ("consenting", "everyone"), "consenting"),
        table.flag("dishonesty_check"),
        table.flag("insured_only"),
        table.flag("insurance_link"),
        table.flag("insurance_credit_check"),
        table.cited(sources),
    )


def read_deposit(table: Table, sources: Sources) -> Deposit:
    """Return for whom a deposit is waived."""
    score = table.number("min_score", high=SCORE_MAX, default=0)
    return Deposit(table.flag("waived"), score, table.number("up_to_fen", default=0), table.cited(sources))


def read_presets(table: Table, sources: Sources) -> Presets:
    """Return the fee-control presets."""
    visit, day = table.number("per_visit_fen", default=0), table.number("per_day_fen", default=0)
    classes = table.amounts("per_item_class_fen")
    return Presets(visit, day, table.cited(sources), classes)


def read_holds(table: Table, sources: Sources) -> Holds:
    """Return where a stay's credit is held first."""
    scenes: tuple[Scene, ...] = table.words("scenes", get_args(Scene))  # type: ignore[assignment]
    return Holds(frozenset(scenes), table.number("days", low=1), table.cited(sources))


def read_settlement(table: Table, sources: Sources) -> Settlement:
    """Return whether everything is settled at once."""
    return Settlement(table.flag("all_at_visit_end"), table.cited(sources))


def read_repayment(table: Table, sources: Sources) -> Repayment:
    """Return the repayment term."""
    kind = table.choice("kind", ("days", "day_hour", "due_date", "visit_end"))
    days = table.number("free_days" if kind == "due_date" else "days", low=0 if kind == "visit_end" else 1)
    hour = table.number("hour", high=HOUR_MAX, default=0 if kind in ("days", "visit_end") else None)
    return Repayment(kind, days, hour, table.cited(sources))


def read_debit(table: Table, sources: Sources) -> Debit:
    """Return the auto-debit's instant."""
    on = table.choice("on", ("after_close", "due_date"))
    hours = table.number("hours", default=0 if on == "due_date" else None)
    return Debit(on, hours, table.number("hour", high=HOUR_MAX, default=0), table.cited(sources))


def read_retry(table: Table, sources: Sources) -> Retry:
    """Return how a debit is tried again."""
    hours = table.numbers("hours", low=0, high=HOUR_MAX)
    if not hours:
        raise table.fault("hours", "at least one hour is needed")
    last = table.number("last_days_before_term", default=0)
    return Retry(hours, table.number("attempts", low=1), last, table.cited(sources))


def read_quiet(table: Table, sources: Sources) -> Quiet:
    """Return the quiet hours of messages."""
    begin, end = (table.number(key, high=HOUR_MAX) for key in ("from_hour", "to_hour"))
    return Quiet(begin, end, table.cited(sources))


def read_fallbacks(table: Table, sources: Sources) -> Fallbacks:
    """Return who is asked next."""
    order: tuple[Fallback, ...] = table.words("order", get_args(Fallback))  # type: ignore[assignment]
    return Fallbacks(order, table.cited(sources))


def read_overdue(table: Table, sources: Sources) -> Overdue:
    """Return what passing the term does."""
    suspends, resume = table.flag("suspends"), table.number("resume_after_days", low=0)
    reminders = table.numbers("reminder_days", low=-365, high=3650)
    reports = table.flag("report_to_score")
    return Overdue(suspends, resume, table.cited(sources), reminders, reports)


def read_reduction(table: Table, sources: Sources) -> Reduction:
    """Return one band of a line's reduction."""
    days = table.number("days_from", low=1), table.number("days_to", default=NUMBER_MAX)
    fen = table.number("fen_from", default=1), table.number("fen_to", default=NUMBER_MAX)
    cut = table.number("cut_percent", low=1, high=PERCENT_MAX)
    return Reduction(*days, *fen, cut, table.cited(sources))


def read_blacklist(table: Table, sources: Sources) -> Blacklist:
    """Return how many overdue bills bar a person."""
    total, in_row = (table.number(key, default=0) for key in ("after_total", "after_in_row"))
    return Blacklist(total, in_row, table.cited(sources))


def read_repair(table: Table, sources: Sources) -> Repair:
    """Return what a clean record repairs."""
    months = table.number("clean_months", low=1)
    return Repair(months, table.number("lowers", low=1), table.cited(sources))


def read_reward(table: Table, sources: Sources) -> Reward:
    """Return the score points of months on time."""
    months = table.number("months_on_time", low=1)
    bands = tuple(_points_band(each) for each in table.sections("points"))
    return Reward(months, bands, table.cited(sources))


def _points_band(table: Table) -> PointsBand:
    amount, times = table.number("repaid_from_fen"), table.number("repayments_from")
    band = PointsBand(amount, times, table.number("points", low=1))
    table.close()
    return band


def read_step_up(table: Table, sources: Sources) -> StepUp:
    """Return how repayments on time raise the line."""
    step = table.number("per_repayment_fen", low=1)
    return StepUp(step, table.number("maximum_fen", low=1), table.cited(sources))


def read_privilege(table: Table, sources: Sources) -> Privilege:
    """Return one entitlement."""
    code, title, title_zh = (table.text(key) for key in ("code", "title", "title_zh"))
    for key, value in (("code", code), ("title", title), ("title_zh", title_zh)):
        if not value:
            raise table.fault(key, "a text is needed")
    score = table.number("min_score", high=SCORE_MAX, default=0)
    return Privilege(code, title, title_zh, score, table.number("months_on_time", default=0), table.cited(sources))


def read_family(table: Table, sources: Sources) -> Family:
    """Return what a family shares."""
    until = table.number("minors_until", high=PERCENT_MAX, default=0)
    adults = table.flag("adult_children_pay")
    return Family(until, adults, table.cited(sources))


def read_bank(table: Table, sources: Sources) -> Bank:
    """Return what a funding bank must keep to."""
    return Bank(
        table.number("free_days"),
        table.number("advance_days"),
        table.flag("bears_default"),
        table.number("penalty_bp", high=RATE_MAX_BP, default=0),
        table.number("interest_bp", high=RATE_MAX_BP, default=0),
        table.number("cap_numerator", low=1, default=3),
        table.number("cap_denominator", low=1, default=2),
        table.cited(sources),
    )


def read_relief(table: Table, sources: Sources) -> Relief:
    """Return one kind of relief."""
    kind: ReliefKind = table.choice("kind", get_args(ReliefKind))
    return Relief(kind, table.flag("pauses"), table.number("approvals", low=2), table.cited(sources))


def read_lists(table: Table, sources: Sources) -> Lists:
    """Return which lists of persons are kept."""
    white, black = table.flag("white"), table.flag("black")
    approvals, days = table.number("approvals", low=2), table.number("max_days", default=0)
    named = table.words("waives", get_args(Waiver)) if table.has("waives") else ()
    waives: tuple[Waiver, ...] = tuple(each for each in get_args(Waiver) if each in named)
    return Lists(white, black, approvals, days, table.cited(sources), waives)


ONE: Final[dict[str, Callable[[Table, Sources], object]]] = {
    "enrolment": read_enrolment,
    "deposit": read_deposit,
    "presets": read_presets,
    "holds": read_holds,
    "settlement": read_settlement,
    "debit": read_debit,
    "retry": read_retry,
    "bank": read_bank,
    "quiet": read_quiet,
    "fallbacks": read_fallbacks,
    "blacklist": read_blacklist,
    "repair": read_repair,
    "reward": read_reward,
    "step_up": read_step_up,
    "family": read_family,
    "lists": read_lists,
}
"""Clauses that a pack may have once: section and field have the same name."""
MANY: Final[dict[str, Callable[[Table, Sources], object]]] = {
    "reductions": read_reduction,
    "privileges": read_privilege,
    "relief": read_relief,
}
"""Clauses that a pack may have several times."""

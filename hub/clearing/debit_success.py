"""How well debits succeed and failures are recovered: by cause, attempt and channel, by value, with intervals.

Pure: from the rows of the debits table, or from the debits of the ledger's views, to rates (domain 7, reported).
"""

from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from typing import Final, Literal, NamedTuple

Z_95: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


class DebitRow(NamedTuple):
    """One order number as it ended; orders without an outcome are left out by `debit_success`."""

    bill: str
    attempt: int
    channel: str
    amount_fen: int
    state: Literal["sent", "unknown", "failed", "paid"]
    cause: str = ""


class Interval(NamedTuple):
    """A share with its 95 % Wilson interval, all from 0 to 1; of nothing it is 0 within 0 to 1."""

    rate: float
    low: float
    high: float


class Success(NamedTuple):
    """How often one group succeeded, by number and by value."""

    group: str
    tried: int
    succeeded: int
    tried_fen: int
    succeeded_fen: int
    by_number: Interval
    by_value: Interval


class DebitReport(NamedTuple):
    """`orders`: each order by channel and attempt. `recovered`: bills whose first failure had a cause, paid later."""

    by_channel: tuple[Success, ...]
    by_attempt: tuple[Success, ...]
    recovered_by_cause: tuple[Success, ...]
    recovered: Success


def wilson(successes: float, trials: float) -> Interval:
    """Return the share of successes with its Wilson interval; both bounds stay within 0 and 1."""
    if trials <= 0:
        return Interval(0.0, 0.0, 1.0)
    rate, square = successes / trials, Z_95 * Z_95
    centre = (rate + square / (2 * trials)) / (1 + square / trials)
    half = Z_95 / (1 + square / trials) * sqrt(rate * (1 - rate) / trials + square / (4 * trials * trials))
    return Interval(rate, max(0.0, centre - half), min(1.0, centre + half))


def weighted(rows: Sequence[tuple[int, bool]]) -> Interval:
    """Return the share of value that succeeded; its interval counts as many rows as equal amounts would be worth."""
    total = sum(fen for fen, _ in rows)
    if not total:
        return wilson(0, 0)
    effective = total * total / sum(fen * fen for fen, _ in rows)
    return wilson(sum(fen for fen, succeeded in rows if succeeded) / total * effective, effective)


def debit_success(rows: Iterable[DebitRow]) -> DebitReport:
    """Return the report over orders with a final outcome; the same rows in any order give the same report."""
    ended = [row for row in rows if row.state in ("paid", "failed")]
    outcomes = [(row, row.state == "paid") for row in ended]
    first = _recoveries(ended)
    return DebitReport(
        _grouped(outcomes, lambda row: row.channel),
        _grouped(outcomes, lambda row: str(row.attempt)),
        _grouped(first, lambda row: row.cause or "other"),
        _success("all", first),
    )


def _recoveries(rows: Sequence[DebitRow]) -> list[tuple[DebitRow, bool]]:
    """Return the first failure of each bill that had one, and whether a later debit was paid."""
    bills: dict[str, list[DebitRow]] = {}
    for row in sorted(rows, key=lambda row: row.attempt):
        bills.setdefault(row.bill, []).append(row)
    found = []
    for debits in bills.values():
        place = next((place for place, row in enumerate(debits) if row.state == "failed"), None)
        if place is not None:
            found.append((debits[place], any(row.state == "paid" for row in debits[place + 1 :])))
    return found


def _grouped(outcomes: Sequence[tuple[DebitRow, bool]], key: Callable[[DebitRow], str]) -> tuple[Success, ...]:
    groups: dict[str, list[tuple[DebitRow, bool]]] = {}
    for row, succeeded in outcomes:
        groups.setdefault(key(row), []).append((row, succeeded))
    return tuple(_success(name, groups[name]) for name in sorted(groups))


def _success(group: str, outcomes: Sequence[tuple[DebitRow, bool]]) -> Success:
    amounts = [(row.amount_fen, succeeded) for row, succeeded in outcomes]
    succeeded = sum(won for _, won in amounts)
    return Success(
        group,
        len(amounts),
        succeeded,
        sum(fen for fen, _ in amounts),
        sum(fen for fen, won in amounts if won),
        wilson(succeeded, len(amounts)),
        weighted(amounts),
    )

"""What each stream table adds up, as pure functions: from facts to rows, repeats recognised, old rows given up.

A row contains every fact of its partition up to its offset and nothing else, so the same records may be read again
after any interruption: those at or below a row's offset are already in it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from schemas.commands import Instant
from schemas.facts import Fact, Facts
from schemas.ledger import OutcomeCode
from schemas.views import ViewRow, progress_key, row_key

Sums = dict[str, int]
Dimensions = tuple[str, ...]
Lookup = Callable[[bytes], ViewRow | None]

_DAY_MS = 86_400_000
_OUTCOMES: Final = frozenset(get_args(OutcomeCode))
_RISK_SUMS: Final = (
    "count",
    "charged_fen",
    "credit_fen",
    "returned_credit_fen",
    "self_pay_fen",
    "billed_fen",
    "repaid_fen",
    "overdue_fen",
    "limit_fen",
    "debits_paid",
    "debits_failed",
    "debits_unknown",
)


@dataclass(frozen=True, slots=True)
class StreamTable:
    """One table: `add` says which row a fact belongs to and what it adds, or None when it adds nothing.

    With `keep_ms` a row is given up once its last dimension, a city hour, is that much older than its partition's
    clock; 0 keeps rows for ever.
    """

    name: str
    add: Callable[[Fact], tuple[Dimensions, Sums] | None]
    keep_ms: int = 0


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of `facts` and where it stood."""

    partition: int
    offset: int
    facts: Facts


def risk_of(fact: Fact) -> tuple[Dimensions, Sums]:
    """Return what a fact adds to its institution: money on credit, debits, refusals and verdicts."""
    sums = {name: amount for name in _RISK_SUMS if (amount := getattr(fact, name))}
    if fact.outcome not in _OUTCOMES:
        sums["refused"] = fact.count
    sums[f"verdict_{fact.verdict}"] = fact.count
    return (fact.institution,), sums


def load_of(fact: Fact) -> tuple[Dimensions, Sums] | None:
    """Return the visits and lines a fact adds to its department in its city hour, if it has any."""
    sums = {name: amount for name in ("visits", "lines") if (amount := getattr(fact, name))}
    if not sums:
        return None
    return (fact.institution, fact.department, str(fact.city_hour)), sums


def stream_tables(heatmap_days: int = 14) -> tuple[StreamTable, ...]:
    """Return the tables this build keeps; the heatmap gives up hours older than `heatmap_days` of city time."""
    return (
        StreamTable("institution_risk", risk_of),
        StreamTable("resource_heatmap", load_of, keep_ms=heatmap_days * _DAY_MS),
    )


def fold(table: StreamTable, stored: Lookup, records: Iterable[SourceRecord]) -> dict[bytes, ViewRow]:
    """Return the rows these records change, progress rows included; records of a partition come in offset order.

    A record at or below its partition's progress is in the table already; one at or below a row's own offset is in
    that row already (the rows of a batch are written before its progress). Both add nothing.
    """
    changed: dict[bytes, ViewRow] = {}
    for record in records:
        progress = progress_key(record.partition)
        reached = changed.get(progress) or stored(progress)
        if reached is not None and record.offset <= reached.offset:
            continue
        for dimensions, sums in _summed(table, record.facts).items():
            key = row_key(record.partition, dimensions)
            row = changed.get(key) or stored(key)
            if row is None or record.offset > row.offset:
                changed[key] = _advanced(row, record, dimensions, sums)
        changed[progress] = _advanced(reached, record, (), {})
    return changed


def expired(
    table: StreamTable, rows: Iterable[tuple[bytes, ViewRow]], clocks: Mapping[int, Instant]
) -> list[tuple[bytes, ViewRow]]:
    """Return the rows older than the table keeps, judged by the clock of their own partition.

    A lane's clock never steps back, so no later record can add to such a row, and a repeated one stands below the
    partition's progress: giving the row up loses nothing and cannot be undone by a repeat.
    """
    if not table.keep_ms:
        return []
    return [
        (key, row)
        for key, row in rows
        if row.dimensions and int(row.dimensions[-1]) < clocks.get(row.partition, 0) - table.keep_ms
    ]


def _summed(table: StreamTable, facts: Facts) -> dict[Dimensions, Sums]:
    """Add up one record per row, so that each row is written once with the record's offset."""
    rows: dict[Dimensions, Sums] = {}
    for fact in facts.facts:
        addition = table.add(fact)
        if addition is not None:
            dimensions, sums = addition
            rows[dimensions] = _plus(rows.get(dimensions, {}), sums)
    return rows


def _advanced(row: ViewRow | None, record: SourceRecord, dimensions: Dimensions, sums: Sums) -> ViewRow:
    return ViewRow(
        partition=record.partition,
        offset=record.offset,
        now=max(record.facts.now, row.now if row else 0),
        wall_now=max(record.facts.wall_now, row.wall_now if row else 0),
        dimensions=dimensions,
        sums=_plus(row.sums if row else {}, sums),
    )


def _plus(left: Sums, right: Sums) -> Sums:
    total = dict(left)
    for name, amount in right.items():
        total[name] = total.get(name, 0) + amount
    return total

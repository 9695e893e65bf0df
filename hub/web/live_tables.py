"""Live copies of the stream tables: rows by partition in, public figures over all partitions out (architecture 6).

Pure: what follows Kafka hands records in, whoever asks gets sums. Every figure the page shows is computed here or in
the books, never in the page.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from hub.web.answers import Figures
from schemas.views import DIMENSIONS, ViewRow

_decode = msgspec.json.Decoder(ViewRow).decode
_VERDICTS: Final = ("allow", "review", "block")


class LiveTable:
    """The rows of one stream table as they stand in its topic; a record older than the held row changes nothing."""

    def __init__(self, name: str, partitions: int) -> None:
        self.name = name
        self.partitions = partitions
        self.progress: dict[int, ViewRow] = {}
        self._rows: dict[tuple[str, ...], dict[int, ViewRow]] = {}

    def apply(self, key: bytes, value: bytes | None) -> str | None:
        """Take one record of the topic in; return the id of the row whose figures changed, or None."""
        if value is None:
            partition, *dimensions = msgspec.json.decode(key)
            return self._remove(int(partition), tuple(dimensions))
        row = _decode(value)
        held = self.progress if not row.dimensions else self._rows.setdefault(row.dimensions, {})
        before = held.get(row.partition)
        if before is not None and before.offset > row.offset:
            return None
        held[row.partition] = row
        return row_id(row.dimensions) if row.dimensions else None

    def figures(self, identifier: str) -> Figures | None:
        """Return the public figures of a row over all partitions, or None when there is no such row (any more)."""
        dimensions = tuple(msgspec.json.decode(identifier))
        parts = self._rows.get(dimensions)
        return None if not parts else _figures(self.name, dimensions, total(parts.values()))

    def rows(self) -> list[Figures]:
        """Return the figures of every row, in the order of their dimensions."""
        return [
            _figures(self.name, dimensions, total(parts.values()))
            for dimensions, parts in sorted(self._rows.items())
            if parts
        ]

    def all_parts(self) -> Iterator[ViewRow]:
        """Yield every row of every partition."""
        return (row for parts in self._rows.values() for row in parts.values())

    def _remove(self, partition: int, dimensions: tuple[str, ...]) -> str | None:
        parts = self._rows.get(dimensions, {})
        if parts.pop(partition, None) is None:
            return None
        if not parts:
            del self._rows[dimensions]
        return row_id(dimensions)


def row_id(dimensions: Iterable[str]) -> str:
    """Return the id under which the page knows a row: its dimensions as JSON."""
    return msgspec.json.encode(list(dimensions)).decode()


def total(rows: Iterable[ViewRow]) -> dict[str, int]:
    """Return the sums over the rows of several partitions."""
    sums: dict[str, int] = {}
    for row in rows:
        for name, amount in row.sums.items():
            sums[name] = sums.get(name, 0) + amount
    return sums


def _figures(name: str, dimensions: tuple[str, ...], sums: Mapping[str, int]) -> Figures:
    named = dict(zip(DIMENSIONS[name], dimensions, strict=True))
    if name == "institution_risk":
        return {"id": row_id(dimensions), **named, **risk_figures(sums)}
    hour = int(named.pop("city_hour"))
    return {
        "id": row_id(dimensions),
        **named,
        "city_hour": hour,
        "visits": sums.get("visits", 0),
        "lines": sums.get("lines", 0),
    }


def risk_figures(sums: Mapping[str, int]) -> Figures:
    """Return an institution's figures: used = put on credit, not returned and not repaid; exposure = billed, unpaid.

    Shares are in hundredths of a percent, None where there is nothing to divide by.
    """

    def of(name: str) -> int:
        return sums.get(name, 0)

    used = of("credit_fen") - of("returned_credit_fen") - of("repaid_fen")
    exposure = of("billed_fen") - of("repaid_fen")
    judged = of("debits_paid") + of("debits_failed")
    return {
        "decisions": of("count"),
        "charged_fen": of("charged_fen"),
        "credit_fen": of("credit_fen") - of("returned_credit_fen"),
        "limit_fen": of("limit_fen"),
        "used_fen": used,
        "used_share": share(used, of("limit_fen")),
        "exposure_fen": exposure,
        "billed_fen": of("billed_fen"),
        "repaid_fen": of("repaid_fen"),
        "overdue_fen": of("overdue_fen"),
        "overdue_share": share(of("overdue_fen"), exposure),
        "debits_paid": of("debits_paid"),
        "debits_failed": of("debits_failed"),
        "debits_unknown": of("debits_unknown"),
        "debits_share": share(of("debits_paid"), judged),
        "refused": of("refused"),
        **{f"verdict_{verdict}": of(f"verdict_{verdict}") for verdict in _VERDICTS},
    }


def share(part: int, whole: int) -> int | None:
    """Return part of whole in hundredths of a percent, rounded down; None when whole is not positive."""
    return part * 10_000 // whole if whole > 0 else None

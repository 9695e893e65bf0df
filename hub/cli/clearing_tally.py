"""What the clerk of a run found: days closed, files read, books compared, differences and their explanations."""

import json
from collections import Counter
from typing import TypedDict

from hub.runtime.database import connect
from hub.runtime.settings import Settings

_COUNTS = """SELECT (SELECT count(*) FROM clearing.day_closes) AS days_closed,
    (SELECT count(*) FROM clearing.files WHERE state = 'read') AS files_read,
    (SELECT count(*) FROM clearing.files WHERE state = 'refused') AS files_refused,
    (SELECT count(*) FROM clearing.batches) AS advances,
    (SELECT count(*) FROM clearing.batches WHERE state = 'confirmed') AS advances_confirmed"""


class ClearingDocument(TypedDict):
    """Counts of the clerk's work; differing books with a smallest explanation are `explained`.

    `differences` counts the entries of the first smallest set of each comparison by cause; `proven` are explanations
    that no smaller one can replace.
    """

    days_closed: int
    advances: int
    advances_confirmed: int
    files_read: int
    files_refused: int
    compared: int
    equal: int
    explained: int
    proven: int
    unexplained: int
    books: dict[str, int]
    differences: dict[str, int]


async def clearing_document(settings: Settings) -> ClearingDocument:
    """Return the counts as the clerk's tables hold them now."""
    connection = await connect(settings.postgres.dsn.get_secret_value(), "reader")
    try:
        (counts,) = await connection.fetch(_COUNTS)
        rows = await connection.fetch("SELECT theirs, differences, proven FROM clearing.reconciliations")
    finally:
        await connection.close()
    sets = [json.loads(row["differences"]) for row in rows]
    differing = [(found, row["proven"]) for row, found in zip(rows, sets, strict=True) if found != [[]]]
    causes = Counter(each["cause"] for found, _ in differing for each in (found or [[]])[0])
    return {
        "days_closed": counts["days_closed"],
        "advances": counts["advances"],
        "advances_confirmed": counts["advances_confirmed"],
        "files_read": counts["files_read"],
        "files_refused": counts["files_refused"],
        "compared": len(rows),
        "equal": len(rows) - len(differing),
        "explained": sum(bool(found) for found, _ in differing),
        "proven": sum(bool(found) and proven for found, proven in differing),
        "unexplained": sum(not found for found, _ in differing),
        "books": dict(sorted(Counter(row["theirs"] for row in rows).items())),
        "differences": dict(sorted(causes.items())),
    }

"""`find KEY`: whatever carries a key, looked up by exact value on indexed columns, never inside messages."""

import re
from typing import Any, Final

from hub.web.answers import Found
from hub.web.problems import RefusedError
from schemas.ids import account_of
from schemas.reasons import Reason

KEY_MAX: Final = 200
_FOUND_MAX: Final = 20
_CITIZEN_ID = re.compile(r"\d{17}[\dXx]", re.ASCII)
_HREF: Final = {
    "person": "/people/",
    "charge": "/charges/",
    "bill": "/bills/",
    "debit": "/bills/",
    "line": "/charges/",
    "visit": "/charges/",
    "message": "/charges/",
    "dead_letter": "/dead-letters/",
}
_ANYTHING = """
SELECT 'line' AS kind, charge AS id, max(service_at) AS at FROM charge_lines WHERE line_key = $1 GROUP BY charge
UNION ALL SELECT 'visit', charge, event_at FROM charges WHERE visit = $1
UNION ALL SELECT 'bill', bill, closed_at FROM bills WHERE visit = $1
UNION ALL SELECT 'message', charge, l.at FROM ledger l JOIN charges ON charge = l.reference WHERE l.command_id = $1
UNION ALL SELECT 'dead_letter', id, at FROM dead_letters WHERE id = $1 OR receipt_key = $1 OR command_id = $1
"""
_OUR_IDS = """
SELECT 'person' AS kind, account AS id, at FROM persons WHERE account = $1
UNION ALL SELECT 'charge', charge, event_at FROM charges WHERE charge = $1
UNION ALL SELECT 'bill', bill, closed_at FROM bills WHERE bill = $1
UNION ALL SELECT 'debit', bill, started_at FROM debits WHERE order_no = $1
"""


async def find(connection: Any, key: str) -> tuple[Found, ...]:
    """Return at most 20 things that carry the key, newest first; none is an empty tuple.

    Raises RefusedError PARAM_INVALID for an empty or overlong key, and for a citizen id, which must stand in no URL.
    """
    if not key or len(key) > KEY_MAX or "\x00" in key or _CITIZEN_ID.fullmatch(key):
        raise RefusedError(Reason.PARAM_INVALID, {"parameter": "key", "expected": "an id or message key"})
    query = _OUR_IDS if account_of(key) is not None else _ANYTHING
    rows = await connection.fetch(
        f"SELECT DISTINCT ON (kind, id) * FROM ({query}) f ORDER BY kind, id, at DESC",  # noqa: S608 - of two constants
        key,
    )
    newest = sorted(rows, key=lambda row: -row["at"])[:_FOUND_MAX]
    return tuple(Found(row["kind"], row["id"], _HREF[row["kind"]] + row["id"], row["at"]) for row in newest)

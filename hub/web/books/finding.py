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
_SHORT_ID = re.compile(r"[BCD]-[0-9A-Z]{8}|p_[0-9A-Z]{8}", re.ASCII)
_SHORT_LETTER = re.compile(r"DL-([0-9A-Fa-f]{4,32})", re.ASCII)
HREF: Final = {
    "person": "/people/",
    "charge": "/charges/",
    "bill": "/bills/",
    "debit": "/bills/",
    "line": "/charges/",
    "visit": "/charges/",
    "message": "/charges/",
    "dead_letter": "/dead-letters/",
}
"""The page of a thing, by its kind: the id follows."""
_ANYTHING = """
SELECT 'line' AS kind, charge AS id, max(service_at) AS at FROM charge_lines WHERE line_key = $1 GROUP BY charge
UNION ALL SELECT 'visit', charge, event_at FROM charges WHERE visit = $1
UNION ALL SELECT 'bill', bill, closed_at FROM bills WHERE visit = $1
UNION ALL SELECT 'message', charge, l.at FROM ledger l JOIN charges ON charge = l.reference WHERE l.command_id = $1
UNION ALL SELECT 'dead_letter', id, at FROM dead_letters
    WHERE id = $1 OR receipt_key = $1 OR command_id = $1 OR split_part(receipt_key, '|', 3) = $1
"""
_OUR_IDS = """
SELECT 'person' AS kind, account AS id, at FROM persons WHERE account = $1
UNION ALL SELECT 'charge', charge, event_at FROM charges WHERE charge = $1
UNION ALL SELECT 'bill', bill, closed_at FROM bills WHERE bill = $1
UNION ALL SELECT 'debit', bill, started_at FROM debits WHERE order_no = $1
"""
_BY_SHORT_ID = """
SELECT 'person' AS kind, account AS id, at FROM persons WHERE 'p_' || left(account, 8) = $1
UNION ALL SELECT 'charge', charge, event_at FROM charges
    WHERE substr(charge, 27, 1) || '-' || left(charge, 3) || right(charge, 5) = $1
UNION ALL SELECT 'bill', bill, closed_at FROM bills
    WHERE substr(bill, 27, 1) || '-' || left(bill, 3) || right(bill, 5) = $1
UNION ALL SELECT 'debit', bill, started_at FROM debits
    WHERE substr(order_no, 27, 1) || '-' || left(order_no, 3) || right(order_no, 5) = $1
"""
"""The forms of schemas.ids.short; several things may share one."""
_BY_SHORT_LETTER = "SELECT 'dead_letter' AS kind, id, at FROM dead_letters WHERE id LIKE $1 || '%'"


async def find(connection: Any, key: str) -> tuple[Found, ...]:
    """Return at most 20 things that carry the key, newest first; none is an empty tuple.

    Raises RefusedError PARAM_INVALID for an empty or overlong key, and for a citizen id, which must stand in no URL.
    """
    if not key or len(key) > KEY_MAX or "\x00" in key or _CITIZEN_ID.fullmatch(key):
        raise RefusedError(Reason.PARAM_INVALID, {"parameter": "key", "expected": "an id or message key"})
    query = _ANYTHING
    if letter := _SHORT_LETTER.fullmatch(key):
        query, key = _BY_SHORT_LETTER, letter[1].lower()
    elif _SHORT_ID.fullmatch(key):
        query = _BY_SHORT_ID
    elif account_of(key) is not None:
        query = _OUR_IDS
    rows = await connection.fetch(
        f"SELECT DISTINCT ON (kind, id) * FROM ({query}) f ORDER BY kind, id, at DESC",  # noqa: S608 - of constants
        key,
    )
    newest = sorted(rows, key=lambda row: -row["at"])[:_FOUND_MAX]
    return tuple(Found(row["kind"], row["id"], HREF[row["kind"]] + row["id"], row["at"]) for row in newest)

"""What became of a command that was accepted before its outcome was known: where the link of a 202 leads."""

import json
from typing import Any, Final

from hub.web.answers import OutcomeAnswer
from hub.web.books.finding import HREF
from hub.web.books.reading import Row, text_of
from schemas.ids import ACCOUNT_LENGTH

PENDING: Final = "PENDING"
_FIRST: Final = """
WITH RECURSIVE way AS (
    SELECT l.*, 1 AS step FROM ledger l WHERE l.command_id = $2 AND l.account = $1 AND l.outcome <> 'DUPLICATE'
    UNION ALL
    SELECT l.*, way.step + 1 FROM ledger l JOIN way ON l.account = way.reference
    WHERE way.outcome = 'FORWARDED' AND l.command_id = $2 AND l.outcome <> 'DUPLICATE' AND way.step < 10
)
SELECT outcome, reason, account, at, wall_at, reference, record, step FROM way ORDER BY step DESC, seq LIMIT 1
"""
_KINDS: Final = {"C": "charge", "B": "bill"}


async def outcome(connection: Any, key: str) -> OutcomeAnswer:
    """Return the outcome of `<account>-<command id>`; PENDING while the books do not show it.

    A command that a number account passed on has the outcome of the account it came to.
    """
    account, command = key[:ACCOUNT_LENGTH], key[ACCOUNT_LENGTH + 1 :]
    row = await connection.fetchrow(_FIRST, account, command)
    if row is None or row["outcome"] == "FORWARDED":
        return OutcomeAnswer(key, account if row is None else row["reference"], PENDING)
    reason = text_of(row["reason"], json.loads(row["record"])["parameters"]) if row["reason"] else None
    said = row["outcome"], reason, row["reference"], _href(row), row["at"], row["wall_at"]
    return OutcomeAnswer(key, row["account"], *said)


def _href(row: Row) -> str:
    """Return the page of what the command made, empty for what has none."""
    kind = _KINDS.get(row["reference"][ACCOUNT_LENGTH : ACCOUNT_LENGTH + 1], "")
    return HREF[kind] + row["reference"] if kind else ""

"""A person's account as it stands, masked, and an institution's bills by state."""

from typing import Any

import msgspec

from hub.web.answers import BillTotals, Figures, InstitutionAnswer, PersonAnswer
from hub.web.books import bills, charges
from hub.web.books.reading import Slice, not_found
from schemas.ids import short
from schemas.ledger import FamilyView

_FIRST = Slice(limit=10)


async def person(connection: Any, account: str) -> PersonAnswer:
    """Return an account with its newest charges and bills; raises RefusedError NOT_FOUND."""
    row = await connection.fetchrow("SELECT * FROM persons WHERE account = $1", account)
    if row is None:
        raise not_found()
    fields = {name: row[name] for name in PersonAnswer.__struct_fields__ if name in row}
    fields["prepayments"] = msgspec.json.decode(row["prepayments"])
    fields["family"] = msgspec.json.decode(row["family"], type=FamilyView) if row["family"] else None
    return PersonAnswer(
        **fields,
        short=short(account),
        available_fen=max(0, row["limit_fen"] - row["used_fen"] - row["held_fen"]),
        charges=(await charges.summaries(connection, "account", account, _FIRST)).items,
        bills=(await bills.summaries(connection, account, _FIRST)).items,
    )


async def institutions(connection: Any) -> list[str]:
    """Return the codes of all institutions that have a charge, in order; walks the index, not the table."""
    rows = await connection.fetch(
        "WITH RECURSIVE codes AS ("
        " (SELECT institution FROM charges ORDER BY institution LIMIT 1)"
        " UNION ALL SELECT (SELECT institution FROM charges c WHERE c.institution > codes.institution"
        " ORDER BY institution LIMIT 1) FROM codes WHERE codes.institution IS NOT NULL)"
        " SELECT institution FROM codes WHERE institution IS NOT NULL"
    )
    return [row["institution"] for row in rows]


async def institution(connection: Any, code: str, risk: Figures | None) -> InstitutionAnswer:
    """Return an institution; raises RefusedError NOT_FOUND when neither books nor tables know it."""
    rows = await connection.fetch(
        "SELECT state, count(*) AS bills, sum(amount_fen)::bigint AS amount_fen, sum(paid_fen)::bigint AS paid_fen"
        " FROM bills WHERE institution = $1 GROUP BY state ORDER BY state",
        code,
    )
    newest = await charges.summaries(connection, "institution", code, _FIRST)
    if not rows and not newest.items and risk is None:
        raise not_found()
    return InstitutionAnswer(code, risk, tuple(BillTotals(**row) for row in rows), newest.items)

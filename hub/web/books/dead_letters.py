"""Dead letters as the workbench lists them; the bytes stay sealed here."""

from typing import Any

import msgspec

from hub.web.answers import Arrival, DeadLetterAnswer, DeadLetterCount, DeadLetterSummary, Page
from hub.web.books.reading import Row, Slice, not_found, page_of, text_of

_FIELDS = """
SELECT d.*,
       (SELECT count(*) FROM dead_letter_arrivals a WHERE a.id = d.id) AS arrivals,
       CASE WHEN EXISTS (SELECT FROM desk.dead_letter_drops x WHERE x.id = d.id) THEN 'dropped'
            WHEN EXISTS (SELECT FROM desk.dead_letter_replays x WHERE x.id = d.id) THEN 'replayed'
            ELSE 'open' END AS status
FROM dead_letters d
"""


_COUNTS = f"""
SELECT interface, reason, source, count(*) AS letters, count(*) FILTER (WHERE status = 'open') AS open,
       sum(arrivals)::bigint AS arrivals, min(wall_at) FILTER (WHERE status = 'open') AS oldest_open_wall_at,
       max(wall_at) AS newest_wall_at
FROM ({_FIELDS}) f GROUP BY interface, reason, source ORDER BY open DESC, letters DESC, interface, reason, source
"""  # noqa: S608 - of constants


async def counts(connection: Any) -> Page[DeadLetterCount]:
    """Return the number of dead letters by interface, reason and source, those with the most open ones first."""
    rows = await connection.fetch(_COUNTS)
    return Page(tuple(DeadLetterCount(**{**row, "reason": text_of(row["reason"])}) for row in rows))


async def summaries(connection: Any, asked: Slice, interface: str = "", reason: str = "") -> Page[DeadLetterSummary]:
    """Return dead letters, newest first; filters left empty do not filter."""
    arguments: list[Any] = [interface, reason]
    sql = f"{_FIELDS} WHERE ($1 = '' OR interface = $1) AND ($2 = '' OR reason = $2)"
    if asked.after is not None:
        sql += " AND (wall_at, id) < ($3, $4)"
        arguments += asked.after
    sql += f" ORDER BY wall_at DESC, id DESC LIMIT ${len(arguments) + 1}"
    rows = await connection.fetch(sql, *arguments, asked.limit + 1)
    return page_of(rows, [_summary(row) for row in rows], asked, "wall_at", "id")


async def dead_letter(connection: Any, identifier: str) -> DeadLetterAnswer:
    """Return one dead letter with every time its bytes came; raises RefusedError NOT_FOUND."""
    row = await connection.fetchrow(f"{_FIELDS} WHERE d.id = $1", identifier)
    if row is None:
        raise not_found()
    arrivals = await connection.fetch(
        "SELECT at, wall_at, reply_sent FROM dead_letter_arrivals WHERE id = $1 ORDER BY wall_at, partition, position",
        identifier,
    )
    parameters = _parameters(row)
    fields = {name: row[name] for name in DeadLetterAnswer.__struct_fields__}
    fields |= {
        "reason": text_of(row["reason"], parameters),
        "parameters": parameters,
        "arrivals": tuple(Arrival(**each) for each in arrivals),
    }
    return DeadLetterAnswer(**fields)


def _summary(row: Row) -> DeadLetterSummary:
    fields = {name: row[name] for name in DeadLetterSummary.__struct_fields__}
    return DeadLetterSummary(**{**fields, "reason": text_of(row["reason"], _parameters(row))})


def _parameters(row: Row) -> dict[str, str]:
    parameters: dict[str, str] = msgspec.json.decode(row["parameters"])
    return parameters

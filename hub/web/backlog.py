"""How far the books are behind the ledger, asked every two seconds."""

import asyncio
from typing import Final

import asyncpg

from hub.runtime.database import UNREACHABLE
from hub.web.live import LiveState

_EVERY_SECONDS: Final = 2.0


async def watch_books(pool: asyncpg.Pool, live: LiveState, ledger_topic: str) -> None:
    """Keep `backlog["books"]` of the live state: ledger records seen but not in PostgreSQL; absent while it is away."""
    while True:
        try:
            rows = await pool.fetch("SELECT partition, next FROM offsets WHERE topic = $1", ledger_topic)
        except (*UNREACHABLE, asyncpg.UndefinedTableError, asyncpg.InvalidParameterValueError):
            live.backlog.pop("books", None)
        else:
            written = {row["partition"]: row["next"] for row in rows}
            seen = live.flow.positions.items()
            live.backlog["books"] = sum(max(0, last + 1 - written.get(partition, 0)) for partition, last in seen)
        await asyncio.sleep(_EVERY_SECONDS)

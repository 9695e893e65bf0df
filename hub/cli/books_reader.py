"""What the verbs that run beside the database read from the books themselves."""

import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg

from hub.runtime.database import connect, transaction
from hub.runtime.settings import Settings
from schemas.events import SOURCES
from schemas.ids import short

_FIRST_CHARGE = """SELECT charge, fund_fen, account_fen, other_fen, prepayment_fen, credit_fen, self_pay_fen
    FROM charges WHERE total_fen > 0 ORDER BY at LIMIT 1"""
_FIRST_DEBIT = "SELECT order_no, amount_fen, channel FROM debits WHERE state = 'paid' ORDER BY at LIMIT 1"
_PENDING = """SELECT (SELECT count(*) FROM debits WHERE state IN ('sent', 'unknown')) AS debits,
    (SELECT count(*) FROM ledger WHERE source = 'command') AS commands,
    (SELECT count(*) FROM dead_letters WHERE interface = 'commands') AS poison"""


class ChargeRow(NamedTuple):
    """A charge by its short number, and what each source paid."""

    number: str
    parts_fen: dict[str, int]


class DebitRow(NamedTuple):
    """A debit by its short order number."""

    number: str
    amount_fen: int
    channel: str


async def _books(settings: Settings) -> asyncpg.Connection:
    return await connect(settings.postgres.dsn.get_secret_value(), "reader")


async def ledger_records(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """Yield every ledger record of the books, partition by partition in the lane's order."""
    connection = await _books(settings)
    try:
        async with transaction(connection):
            async for row in connection.cursor("SELECT record FROM ledger ORDER BY partition, position"):
                yield json.loads(row["record"])
    finally:
        await connection.close()


async def first_charge(settings: Settings) -> ChargeRow | None:
    """Return the first posted charge, None while there is none; one that is only held has no split."""
    row = await _row(settings, _FIRST_CHARGE)
    return ChargeRow(short(row["charge"]), {name: row[f"{name}_fen"] for name in SOURCES}) if row else None


async def first_debit(settings: Settings) -> DebitRow | None:
    """Return the first paid debit, None while there is none."""
    row = await _row(settings, _FIRST_DEBIT)
    return DebitRow(short(row["order_no"]), row["amount_fen"], row["channel"]) if row else None


async def pending(settings: Settings) -> tuple[int, int]:
    """Return (debits without a final word, commands that have their record or dead letter in the books)."""
    row = await _row(settings, _PENDING)
    return (row["debits"], row["commands"] + row["poison"]) if row else (0, 0)


async def charges_count(settings: Settings) -> int:
    """Return how many charges the books hold."""
    row = await _row(settings, "SELECT count(*) AS charges FROM charges")
    return int(row["charges"]) if row else 0


async def _row(settings: Settings, query: str) -> asyncpg.Record | None:
    connection = await _books(settings)
    try:
        return await connection.fetchrow(query)
    finally:
        await connection.close()

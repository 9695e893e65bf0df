"""Closed days, advance batches and comparisons, as the clerk keeps them (domain 10, 11)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from hub.clearing.books import next_day
from hub.clearing.causes import WORDS
from hub.clearing.causes import Cause as CauseCode
from hub.clearing.merkle import leaf_hash, proof_of
from hub.web.answers import Page
from hub.web.books.reading import Slice, not_found, page_of
from hub.web.clearing_answers import (
    BatchAnswer,
    BatchSummary,
    Cause,
    ComparisonAnswer,
    DayCloseAnswer,
    DifferenceAnswer,
    FileAnswer,
    ProofStep,
    ReconciliationAnswer,
    RecordProofAnswer,
)
from schemas.city_time import day_start

Row = Mapping[str, Any]
_CLOSE: Final = (
    "SELECT day::text AS day, root, records, credit_fen, returned_fen, repaid_fen, key_id, signature, closed_at,"
    " announced FROM clearing.day_closes"
)
_BATCH: Final = (
    "SELECT batch, day::text AS day, institution, bank, state, items, credit_fen, returned_fen, carried_fen,"
    " amount_fen, carry_fen, items_sm3, serial, file, (EXTRACT(epoch FROM day) * 1000)::bigint AS day_at"
    " FROM clearing.batches"
)


async def day_closes(connection: Any, asked: Slice) -> Page[DayCloseAnswer]:
    """Return closed days, newest first."""
    after = asked.after[0] if asked.after is not None else None
    where = "" if after is None else " WHERE closed_at < $2"
    arguments = [asked.limit + 1] if after is None else [asked.limit + 1, after]
    rows = await connection.fetch(f"{_CLOSE}{where} ORDER BY day DESC LIMIT $1", *arguments)
    return page_of(rows, [DayCloseAnswer(**row) for row in rows], asked, "closed_at", "day")


async def day_close(connection: Any, day: date) -> DayCloseAnswer:
    """Return one closed day; raises RefusedError NOT_FOUND while it is open."""
    row = await connection.fetchrow(f"{_CLOSE} WHERE day = $1", day)
    if row is None:
        raise not_found()
    return DayCloseAnswer(**row)


async def proof(connection: Any, day: date, record_hash: str) -> RecordProofAnswer:
    """Return the proof of a record of a closed day; raises RefusedError NOT_FOUND for a hash that is not in it."""
    close = await day_close(connection, day)
    bounds = day_start(day), day_start(next_day(day))
    partition = await connection.fetchval(
        "SELECT partition FROM ledger WHERE hash = $1 AND at >= $2 AND at < $3", record_hash, *bounds
    )
    if partition is None:
        raise not_found()
    rows = await connection.fetch(
        "SELECT hash FROM ledger WHERE partition = $1 AND at >= $2 AND at < $3 ORDER BY position", partition, *bounds
    )
    hashes = [row["hash"] for row in rows]
    parts = await connection.fetch(
        "SELECT partition, content FROM clearing.day_partitions WHERE day = $1 ORDER BY partition", day
    )
    leaves = [leaf_hash(row["content"].encode()) for row in parts]
    numbers = [row["partition"] for row in parts]
    inner = proof_of([leaf_hash(each.encode()) for each in hashes], hashes.index(record_hash))
    outer = proof_of(leaves, numbers.index(partition))
    return RecordProofAnswer(
        day.isoformat(),
        close.root,
        partition,
        record_hash,
        tuple(ProofStep(*step) for step in inner),
        parts[numbers.index(partition)]["content"],
        tuple(ProofStep(*step) for step in outer),
    )


async def batches(connection: Any, asked: Slice, day: date | None) -> Page[BatchSummary]:
    """Return batches, newest day first; those of one day when it is given."""
    arguments: list[Any] = [asked.limit + 1]
    terms = []
    if day is not None:
        arguments.append(day)
        terms.append(f"day = ${len(arguments)}")
    if asked.after is not None:
        arguments += asked.after
        place = f"(EXTRACT(epoch FROM day) * 1000)::bigint, batch) < (${len(arguments) - 1}, ${len(arguments)}"
        terms.append(f"({place})")
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    rows = await connection.fetch(f"{_BATCH}{where} ORDER BY day DESC, batch DESC LIMIT $1", *arguments)
    items = [BatchSummary(**{name: row[name] for name in BatchSummary.__struct_fields__}) for row in rows]
    return page_of(rows, items, asked, "day_at", "batch")


async def batch(connection: Any, identifier: str) -> BatchAnswer:
    """Return a batch with its file; raises RefusedError NOT_FOUND."""
    row = await connection.fetchrow(f"{_BATCH} WHERE batch = $1", identifier)
    if row is None:
        raise not_found()
    return BatchAnswer(**{name: row[name] for name in BatchAnswer.__struct_fields__})


async def reconciliation(connection: Any, day: date, institution: str = "", bank: str = "") -> ReconciliationAnswer:
    """Return what was compared for a day, all of it or for one institution or bank."""
    closed = bool(await connection.fetchval("SELECT 1 FROM clearing.day_closes WHERE day = $1", day))
    rows = await connection.fetch(
        "SELECT * FROM clearing.reconciliations WHERE day = $1 AND ($2 = '' OR institution = $2)"
        " AND ($3 = '' OR bank = $3) ORDER BY theirs",
        *(day, institution, bank),
    )
    files = await connection.fetch(
        "SELECT book, state, fault, rows, total_fen, sm3 FROM clearing.files WHERE day = $1 ORDER BY book", day
    )
    compared = tuple(_comparison(row) for row in rows)
    refused = any(file["state"] == "refused" for file in files)
    equal = not refused and all(each.sets == ((),) for each in compared)
    return ReconciliationAnswer(day.isoformat(), closed, equal, compared, tuple(FileAnswer(**row) for row in files))


def _comparison(row: Row) -> ComparisonAnswer:
    sets = tuple(tuple(_difference(each) for each in one) for one in msgspec.json.decode(row["differences"]))
    return ComparisonAnswer(
        row["theirs"],
        row["institution"],
        row["bank"],
        row["ours_fen"],
        row["theirs_fen"],
        row["ours_fen"] - row["theirs_fen"],
        row["matched"],
        row["proven"],
        row["complete"] and len(sets) == 1,
        row["final"],
        sets,
    )


def _difference(kept: Mapping[str, Any]) -> DifferenceAnswer:
    words = WORDS[CauseCode(kept["cause"])]
    return DifferenceAnswer(**{**kept, "cause": Cause(kept["cause"], *words)})


__all__: Sequence[str] = ("batch", "batches", "day_close", "day_closes", "proof", "reconciliation")

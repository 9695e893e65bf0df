"""Stream tables as pure functions: what a fact adds, and that reading it again adds nothing."""

import random

from schemas.facts import Fact, Facts
from schemas.views import ViewRow, progress_key, row_key
from streams.views.tables import SourceRecord, StreamTable, expired, fold, load_of, risk_of, stream_tables

HOUR_MS = 3_600_000
RISK, HEAT = stream_tables(heatmap_days=14)


def fact(institution: str = "XMZSH", *, hour: int = 0, **changes: object) -> Fact:
    """Return a posted charge of one line."""
    base: dict[str, object] = {"lines": 1, "visits": 1, "credit_fen": 100}
    return Fact(institution, "内科", hour * HOUR_MS, "outpatient", "POSTED", "p", **{**base, **changes})  # type: ignore[arg-type]


def record(offset: int, *facts: Fact, partition: int = 0, now: int = 0) -> SourceRecord:
    """Return a record of the facts topic."""
    return SourceRecord(partition, offset, Facts(partition, now, now, facts))


def kept(table: StreamTable, records: list[SourceRecord], batch: int = 3) -> dict[bytes, ViewRow]:
    """Return the table after reading the records in batches."""
    rows: dict[bytes, ViewRow] = {}
    for begin in range(0, len(records), batch):
        rows.update(fold(table, rows.get, records[begin : begin + batch]))
    return rows


def test_facts_of_one_record_and_row_are_added_up_before_the_row_is_written():
    """Two facts of one transaction change the row once, by their sum, and leave the record's offset in it."""
    rows = fold(RISK, {}.get, [record(7, fact(), fact(credit_fen=25))])
    assert rows[row_key(0, ("XMZSH",))].sums["credit_fen"] == 125
    assert rows[row_key(0, ("XMZSH",))].offset == 7


def test_a_record_read_again_adds_nothing():
    """After a restart the last records come again: no sum changes."""
    records = [record(offset, fact(), fact("XMDYY")) for offset in (1, 3, 4)]
    rows = kept(RISK, records)
    assert fold(RISK, rows.get, records) == {}


def test_a_batch_of_which_half_was_written_is_completed():
    """A crash after some rows of a batch and before its progress: the written rows stay, the others are added."""
    records = [record(1, fact(), fact("XMDYY")), record(2, fact(), fact("XMDYY"))]
    whole = kept(RISK, records)
    half = {row_key(0, ("XMZSH",)): whole[row_key(0, ("XMZSH",))]}
    again = {**half, **fold(RISK, half.get, records)}
    assert again == whole


def test_any_interruption_gives_the_same_table():
    """Random batches, cuts and repeats end in the table of one straight read."""
    chance = random.Random(5)
    names = ("XMZSH", "XMDYY", "XMFYB")
    records = [
        record(offset, *(fact(chance.choice(names), credit_fen=chance.randrange(1, 900)) for _ in range(3)), now=offset)
        for offset in range(1, 200, 2)
    ]
    straight = kept(RISK, records, batch=len(records))
    rows: dict[bytes, ViewRow] = {}
    committed = reached = 0
    while reached < len(records):
        end = min(len(records), committed + chance.randrange(1, 9))
        changed = list(fold(RISK, rows.get, records[committed:end]).items())
        plain = [each for each in changed if each[1].dimensions]
        written = plain[: chance.randrange(len(plain) + 1)] if chance.random() < 0.5 else changed
        rows.update(written)
        if len(written) == len(changed):
            reached = end
            committed = max(committed, end - chance.randrange(3))
            if end == len(records):
                break
    assert rows == straight


def test_a_refusal_counts_as_refused_and_a_verdict_under_its_name():
    """A reason code is no outcome code: it counts as refused; verdicts are counted each."""
    _, sums = risk_of(fact(verdict="review"))
    assert sums["verdict_review"] == 1
    assert "refused" not in sums
    refused = Fact("XMZSH", "", 0, "outpatient", "LINE_CHANGED", "p", count=3)
    assert risk_of(refused)[1]["refused"] == 3


def test_facts_without_visits_or_lines_leave_the_heatmap_alone():
    """A debit has no place in the resource heatmap, but it moves the partition's progress."""
    paid = Fact("XMZSH", "", 0, "outpatient", "POSTED", "p", debits_paid=1)
    assert load_of(paid) is None
    assert set(fold(HEAT, {}.get, [record(1, paid)])) == {progress_key(0)}


def test_old_hours_are_given_up_and_do_not_come_back():
    """Rows older than the table keeps leave it, by their own partition's clock; a repeat finds them done."""
    old, new = record(1, fact(hour=0), now=0), record(2, fact(hour=400), now=400 * HOUR_MS)
    other = record(1, fact(hour=0), partition=1, now=0)
    rows = kept(HEAT, [old, new]) | kept(HEAT, [other])
    clocks = {row.partition: row.now for row in rows.values() if not row.dimensions}
    gone = expired(HEAT, rows.items(), clocks)
    assert [key for key, _ in gone] == [row_key(0, ("XMZSH", "内科", "0"))]
    for key, _ in gone:
        del rows[key]
    assert fold(HEAT, rows.get, [old, new]) == {}
    assert expired(RISK, rows.items(), clocks) == []

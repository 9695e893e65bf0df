"""What a person and the score's source were told, as rows of the books (domain 7 and 8)."""

from collections import defaultdict
from typing import Any

from domain_world import PERSON
from msgspec.structs import replace
from standing_world import heard, overdue, person, told

from schemas.events import MessageSent
from schemas.ledger import LedgerRecord
from streams.projection.standing_rows import COLUMNS, add_notices


def notices(records: list[LedgerRecord]) -> list[dict[str, Any]]:
    """Return the rows of the notices of these records by column."""
    rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for record in records:
        add_notices(rows, record)
    return [dict(zip(COLUMNS["notices"], row, strict=True)) for row in rows["notices"]]


def test_a_message_to_the_score_source_and_its_answer_can_be_read_back():
    """The reader sees what left, that it was late, and that it was taken."""
    world = person()
    overdue(world)
    [errand] = told(world)
    heard(world, errand, "unknown", "NO_ANSWER")
    heard(world, errand)
    rows = [row for row in notices(world.ledger) if row["message"]]
    assert [row["kind"] for row in rows] == ["overdue", "feedback_delayed", "feedback_taken"]
    assert {row["message"] for row in rows} == {errand.message}
    assert {row["account"] for row in rows} == {PERSON}


def test_a_message_about_a_debit_is_a_notice_with_what_is_owed():
    """Whoever sends messages to people reads it from here."""
    world = person()
    overdue(world)
    record = replace(world.ledger[-1], events=(MessageSent("B-1", "debit_stopped", "nsf", 500),))
    [row] = notices([record])
    assert (row["kind"], row["bill"], row["owed_fen"]) == ("debit_stopped", "B-1", 500)

"""Live copies of stream tables, the tail, and the short memory that readers resume from."""

import asyncio

import msgspec
import pytest

from hub.runtime.clock import ManualClock
from hub.web.flow import TailItem
from hub.web.live import LiveState
from hub.web.live_log import Change, FellBehindError, LiveLog
from hub.web.live_tables import LiveTable, risk_figures, row_id, share
from schemas.views import ViewRow, progress_key, row_key

XMZSH = row_id(["XMZSH"])


def row(partition: int, offset: int, **sums: int) -> tuple[bytes, bytes]:
    """Return a record of the risk table's topic."""
    value = ViewRow(partition, offset, now=offset, wall_now=offset, dimensions=("XMZSH",), sums=sums)
    return row_key(partition, ("XMZSH",)), msgspec.json.encode(value)


def item(number: int) -> TailItem:
    """Return a line of the tail."""
    return TailItem(f"0-{number}", 0, 0, "mllp", "POSTED", "", "p_1", "XMZSH", "charge_posted", "", "", "", 0, {})


def test_figures_are_added_over_partitions():
    """An institution's figures are the sums of its rows of all partitions."""
    table = LiveTable("institution_risk", 2)
    for each in (row(0, 1, credit_fen=100), row(1, 9, credit_fen=50, returned_credit_fen=20)):
        assert table.apply(*each) == XMZSH
    figures = table.figures(XMZSH)
    assert figures is not None
    assert figures["credit_fen"] == figures["used_fen"] == 130


def test_an_older_row_of_a_late_writer_changes_nothing():
    """A worker that was paused writes an old row after a new one: the newer stays."""
    table = LiveTable("institution_risk", 1)
    table.apply(*row(0, 5, credit_fen=500))
    assert table.apply(*row(0, 4, credit_fen=400)) is None
    assert table.rows()[0]["credit_fen"] == 500


def test_a_row_given_up_leaves_the_table():
    """A record without value takes the partition's row out; the row is gone with its last partition."""
    table = LiveTable("institution_risk", 2)
    table.apply(*row(0, 1, credit_fen=1))
    table.apply(*row(1, 1, credit_fen=1))
    assert table.apply(row_key(0, ("XMZSH",)), None) == XMZSH
    assert table.figures(XMZSH) is not None
    table.apply(row_key(1, ("XMZSH",)), None)
    assert table.figures(XMZSH) is None
    assert table.apply(row_key(1, ("XMZSH",)), None) is None


def test_progress_rows_are_no_rows():
    """How far a partition has come is known, and shown nowhere as a row."""
    table = LiveTable("institution_risk", 1)
    assert table.apply(progress_key(0), msgspec.json.encode(ViewRow(0, 8, now=3, wall_now=3))) is None
    assert table.rows() == []
    assert table.progress[0].offset == 8


def test_shares_have_no_value_without_a_whole():
    """Nothing divided by nothing is absent, not zero; shares are hundredths of a percent."""
    assert share(1, 0) is None
    assert share(25, 100) == 2500
    assert risk_figures({})["debits_share"] is None


def test_a_reader_gets_every_change_once_however_slow_it_is():
    """Whatever the pace, the tail lines a reader is given are those published, each once and in order."""
    log, got, seen = LiveLog(memory=50), [], 0
    for number in range(30):
        log.publish(Change(tail=(item(number),)))
        if number % 7 == 0:
            got += log.since(seen).tail
            seen = log.last
    got += log.since(seen).tail
    assert [each.id for each in got] == [f"0-{number}" for number in range(30)]


def test_a_reader_that_fell_out_of_the_memory_begins_again():
    """More was published than is kept: the reader is told, never given a gap."""
    log = LiveLog(memory=5)
    for number in range(6):
        log.publish(Change(tail=(item(number),)))
    with pytest.raises(FellBehindError):
        log.since(0)
    with pytest.raises(FellBehindError):
        log.since(99)
    assert len(log.since(1).tail) == 5


@pytest.mark.parametrize(
    "text", ["", "x", "abc-1", "-1", "--", "{epoch}-", "{epoch}--1", "{epoch}-१", "{epoch}-" + "9" * 30]
)
def test_an_id_of_another_process_or_none_at_all_means_a_snapshot(text: str):
    """Only an id this process gave out is a place to resume from."""
    log = LiveLog()
    assert log.number_of(text.format(epoch=log.epoch)) is None
    assert log.number_of(log.event_id(17)) == 17


async def test_a_waiting_reader_wakes_at_once():
    """A change wakes whoever waits; without one the wait ends by itself."""
    log = LiveLog()
    waiting = asyncio.create_task(log.wait(0, 5))
    await asyncio.sleep(0)
    log.publish(Change())
    assert await waiting is True
    assert await log.wait(log.last, 0.01) is False


def test_a_table_behind_its_facts_says_which_partition():
    """A fact older than two seconds that is not in the table makes its partition behind, and the age its own."""
    clock = ManualClock(wall=100_000)
    state = LiveState(2, clock)
    state.restoring, state.confirmed_wall = False, 100_000
    state.take_row("institution_risk", progress_key(0), msgspec.json.encode(ViewRow(0, 5, now=50, wall_now=90_000)))
    state.take_fact(0, 7, 91_000)
    assert state.as_of("institution_risk").behind == (0,)
    assert state.as_of("institution_risk").wall == 91_000
    state.take_row("institution_risk", progress_key(0), msgspec.json.encode(ViewRow(0, 7, now=60, wall_now=91_000)))
    assert state.as_of("institution_risk").behind == ()
    assert state.as_of("institution_risk").wall == 100_000


def test_a_lane_that_finishes_no_waiting_command_makes_its_sums_incomplete():
    """Commands wait and the lane's last finished one stays the same for two seconds: partial, until it moves again."""
    clock = ManualClock(wall=100_000)
    state = LiveState(2, clock)
    state.flow.commands_done[1] = 40
    assert state.note_waiting(1, 41) == 0
    assert state.note_waiting(1, 45) == 4
    clock.advance(1_000)
    state.note_waiting(1, 46)
    assert state.as_of("flow").behind == ()
    clock.advance(1_500)
    state.note_waiting(1, 47)
    assert state.as_of("flow").behind == state.as_of("institution_risk").behind == (1,)
    assert state.as_of("flow").wall == 100_000
    state.flow.commands_done[1] = 41
    state.note_waiting(1, 47)
    assert state.as_of("flow").behind == ()
    assert state.note_waiting(0, 9) == 0  # nothing is known of this lane yet


def test_a_fact_just_written_is_not_yet_missing():
    """What was written within two seconds may still be on its way."""
    state = LiveState(1, ManualClock(wall=100_000))
    state.take_fact(0, 7, 99_000)
    assert state.as_of("institution_risk").behind == ()


def test_nothing_new_is_no_change():
    """Without news nothing is numbered: a quiet stream sends heartbeats only."""
    state = LiveState(1, ManualClock())
    state.publish()
    assert state.log.last == 0
    state.take_row("institution_risk", *row(0, 1, credit_fen=1))
    state.publish()
    assert state.log.since(0).rows == {"institution_risk": frozenset({XMZSH})}

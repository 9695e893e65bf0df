"""What a lane has fetched and not decided is bounded by count and by size, and never has a hole."""

from types import SimpleNamespace

import pytest

from streams.lanes.backlog import Backlog
from streams.lanes.faults import InvariantError


def records(first, count, size=10):
    """Return consumer records of one partition."""
    return [SimpleNamespace(offset=first + n, value=b"x" * size) for n in range(count)]


def test_many_small_records_fill_it_until_half_are_decided():
    """Full above the count, low below half of it."""
    backlog = Backlog(0, most=100, most_bytes=1_000_000)
    backlog.push(records(0, 100))
    assert not backlog.full
    backlog.push(records(100, 1))
    assert (backlog.full, backlog.low) == (True, False)
    while not backlog.low:
        assert backlog.head is not None
        backlog.pop()
    assert len(backlog) == 49


def test_few_large_records_fill_it_too():
    """While a lane catches up, commands of 256 KiB must not fill the memory of the process."""
    backlog = Backlog(0, most=8_000, most_bytes=32_000_000)
    offset = 0
    while not backlog.full:
        backlog.push(records(offset, 16, 262_144))
        offset += 16
    assert len(backlog) * 262_144 < 32_000_000 + 16 * 262_144
    while not backlog.low:
        backlog.pop()
    assert 0 < len(backlog) * 262_144 < 16_000_000


def test_a_record_without_a_value_counts_as_nothing():
    """A tombstone in the log of commands is a record to be buried, not a fault."""
    backlog = Backlog(0, most=10, most_bytes=10)
    backlog.push([SimpleNamespace(offset=0, value=None)])
    backlog.pop()
    assert (len(backlog), backlog.head, backlog.full) == (0, None, False)


def test_a_hole_is_a_lost_command():
    """Nothing may be missing between what was taken and what comes, nor inside it."""
    backlog = Backlog(3, most=10, most_bytes=100)
    backlog.start(5)
    with pytest.raises(InvariantError, match="partition 3: a hole in the commands: offset 5 was due"):
        backlog.push(records(6, 1))
    with pytest.raises(InvariantError, match="as 2 records"):
        backlog.push([*records(5, 1), *records(7, 1)])


def test_starting_again_forgets_what_waited():
    """After a rebalance the log is read from the state's own offset."""
    backlog = Backlog(0, most=1, most_bytes=100)
    backlog.push(records(0, 3))
    backlog.start(1)
    assert (len(backlog), backlog.full) == (0, False)
    backlog.push(records(1, 1))
    assert backlog.head.offset == 1

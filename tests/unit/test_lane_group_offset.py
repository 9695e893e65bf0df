"""How often the group's offset is told."""

from streams.lanes.group_offset import GroupOffset


def test_a_partition_that_never_worked_tells_nothing():
    """Offset 0 without a state would look like a state that was lost."""
    assert not GroupOffset(1.0).is_due(0)


def test_the_first_transaction_tells_it_and_the_next_waits():
    """Due at once after the opening, then not before the time."""
    offset = GroupOffset(3600)
    assert offset.is_due(5)
    offset.told(5)
    assert (offset.is_due(9), offset.is_behind(9)) == (False, True)
    assert not offset.is_behind(5)


def test_without_a_pause_every_transaction_tells_it():
    """Zero seconds: whoever looks after a commit sees its offset."""
    offset = GroupOffset(0)
    for number in range(1, 4):
        assert offset.is_due(number)
        offset.told(number)

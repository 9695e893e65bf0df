"""Which account a lane looks at next, by either clock, shown by hand (architecture 5, timers)."""

from hub.domain.decision import Now
from hub.domain.state import NEVER
from streams.lanes.timers import UNARMED, DueTimes, Entry

A, B, C = b"a", b"b", b"c"
LATER = Now(1_000, 1_000)


def taken(due: DueTimes, now: Now = LATER) -> list[Entry]:
    """Take out everything that is due."""
    found = []
    while (entry := due.take(now)) is not None:
        found.append(entry)
    return found


def test_restored_accounts_come_in_the_order_of_their_due_times():
    """Loaded in any order; by time, then by account; a clock without a timer has no entry."""
    due = DueTimes()
    for account, city, wall in ((A, 30, NEVER), (B, 10, 20), (C, 20, NEVER)):
        due.load(account, (city, wall))
    due.order()
    assert (len(due), due.earliest()) == (4, (10, 20))
    assert taken(due) == [
        Entry(10, B, city=True),
        Entry(20, B, city=False),
        Entry(20, C, city=True),
        Entry(30, A, city=True),
    ]
    assert (len(due), due.earliest()) == (0, UNARMED)


def test_an_account_is_due_exactly_at_its_instant_by_its_own_clock():
    """A millisecond earlier it is not, and the other clock does not count."""
    due = DueTimes()
    due.arm(A, UNARMED, (100, NEVER))
    due.arm(B, UNARMED, (NEVER, 100))
    assert taken(due, Now(99, 99)) == []
    assert taken(due, Now(99, 100)) == [Entry(100, B, city=False)]
    assert taken(due, Now(100, 0)) == [Entry(100, A, city=True)]


def test_only_an_earlier_due_time_makes_an_entry():
    """A later one is found through the entry that stands; an equal one needs no second."""
    due = DueTimes()
    due.arm(A, UNARMED, (100, 200))
    assert len(due) == 2
    due.arm(A, (100, 200), (150, 250))
    due.arm(A, (100, 200), (100, 200))
    assert len(due) == 2
    due.arm(A, (100, 200), (90, 190))
    assert (len(due), due.earliest()) == (4, (90, 190))


def test_an_entry_that_was_early_is_put_back_and_taken_once():
    """Beside another entry of the same account and instant it is one look; without a due time it is gone."""
    due = DueTimes()
    due.arm(A, UNARMED, (100, NEVER))
    entry = due.take(LATER)
    assert entry is not None
    due.put_back(entry, (150, NEVER))
    due.put_back(entry, (150, NEVER))
    assert taken(due) == [Entry(150, A, city=True)]
    due.put_back(entry, UNARMED)
    assert len(due) == 0


def test_an_entry_that_waits_for_the_log_is_kept_apart_and_released_once():
    """It counts as waiting, is not taken, and stands once when the log has been consumed."""
    due = DueTimes()
    due.arm(A, UNARMED, (NEVER, 100))
    entry = due.take(LATER)
    assert entry is not None
    due.wait(entry)
    assert (due.waiting, len(due), due.take(LATER)) == (True, 1, None)
    due.release()
    assert (due.waiting, len(due)) == (False, 1)
    due.release()
    assert taken(due) == [Entry(100, A, city=False)]

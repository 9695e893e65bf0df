"""The lanes' heap of due times against a plain model: nothing fires early, late, twice or out of order."""

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.decision import Now
from streams.lanes.timers import NEVER, UNARMED, DueTimes

accounts = st.sampled_from([b"a", b"b", b"c", b"d"])
instants = st.one_of(st.just(NEVER), st.integers(1, 50))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), accounts, st.tuples(instants, instants)),
        st.tuples(st.just("advance"), st.integers(0, 15), st.integers(0, 15)),
    ),
    max_size=40,
)


class Model:
    """The due times of each account, as its state would hold them."""

    def __init__(self) -> None:
        self.due: dict[bytes, list[int]] = {}

    def first(self, now: Now) -> tuple[int, bytes] | None:
        """Return the (due_at, account) that must fire first."""
        found = [(at, who) for who, times in self.due.items() for at, by in zip(times, now, strict=True) if at <= by]
        return min(found, default=None)


def fire_all(heap: DueTimes, model: Model, now: Now) -> None:
    """Fire as a lane does; every step must be the model's."""
    while (entry := heap.take(now)) is not None:
        times = model.due[entry.account]
        due = min([at for at, by in zip(times, now, strict=True) if at <= by], default=None)
        if due is None or due > entry.due_at:
            heap.put_back(entry, (times[0], times[1]))
            continue
        assert model.first(now) == (due, entry.account)
        before = (times[0], times[1])
        times[times.index(due)] = NEVER
        heap.arm(entry.account, before, (times[0], times[1]))
        heap.put_back(entry, (times[0], times[1]))
    assert model.first(now) is None


@given(steps)
def test_the_heap_fires_what_the_model_fires_in_its_order(plan):
    """Any mix of arming, disarming, moving earlier and later, and time passing on two clocks."""
    heap, model, now = DueTimes(), Model(), Now(0, 0)
    for kind, *values in plan:
        if kind == "set":
            account, due = values
            before = model.due.get(account, list(UNARMED))
            heap.arm(account, (before[0], before[1]), due)
            model.due[account] = list(due)
        else:
            now = Now(now.city + values[0], now.wall + values[1])
        fire_all(heap, model, now)


@given(st.dictionaries(accounts, st.tuples(instants, instants)), st.integers(0, 60), st.integers(0, 60))
def test_a_restored_heap_fires_what_the_states_say(states, city, wall):
    """Loaded from states in any order, then one jump of both clocks."""
    heap, model = DueTimes(), Model()
    for account, due in states.items():
        heap.load(account, due)
        model.due[account] = list(due)
    heap.order()
    fire_all(heap, model, Now(city, wall))


def test_entries_put_back_on_each_other_do_not_grow_the_heap():
    """A timer moved earlier and later a thousand times leaves one entry for each instant, not a thousand."""
    heap = DueTimes()
    for _ in range(1000):
        heap.arm(b"a", (100, NEVER), (50, NEVER))
        entry = heap.take(Now(60, 0))
        assert entry is not None
        heap.put_back(entry, (100, NEVER))
    assert len(heap) <= 1000
    entry = heap.take(Now(100, 0))
    assert entry is not None
    assert len(heap) == 0

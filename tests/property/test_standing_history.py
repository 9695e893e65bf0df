"""The standing is a function of the bills' history: an independent second reading of it agrees (domain 8)."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain_world import HOUR, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standing_world import CITED, owe, pay, person

from hub.policies.clauses import Blacklist, Repair
from schemas.commands import ConfirmProposal, UndoOverdue

CITY = ZoneInfo("Asia/Shanghai")
LAST_ALLOWED = 2


class Bill(NamedTuple):
    """What happened to one bill, as whoever keeps a list by hand would write it down."""

    id: str
    fen: int
    due_at: int
    paid_at: int
    undone: bool


def month(at: int) -> int:
    """Return the city's month by the calendar of the standard library."""
    local = datetime.fromtimestamp(at / 1000, CITY)
    return local.year * 12 + local.month - 1


def reading(history: list[Bill], now: int) -> dict:
    """Return what a person's standing is, from the list alone."""
    late = [b for b in history if not b.undone and b.due_at <= now and not (b.paid_at and b.paid_at < b.due_at)]
    on_time = [b for b in history if b not in late and b.paid_at]
    after = [b for b in late if not any(b.due_at <= o.paid_at for o in on_time)]
    months: dict[int, list[int]] = {}
    for bill in on_time:
        entry = months.setdefault(month(bill.paid_at), [0, 0, 0])
        entry[0] += 1
        entry[1] += bill.fen
    for bill in late:
        months.setdefault(month(bill.due_at), [0, 0, 0])[2] += 1
    newest = max(months, default=0)
    return {
        "late": sorted(b.id for b in late),
        "in_row": len(after),
        "on_time": len(on_time),
        "months": {key: tuple(entry) for key, entry in months.items() if key > newest - 25},
        "blacklisted": len(late) > LAST_ALLOWED,
        "suspended": any(not b.paid_at for b in late),
    }


def kept(world: World) -> dict:
    """Return the same of the account."""
    core = world.state.core
    standing = core.standing
    return {
        "late": sorted(mark.bill for mark in standing.marks) if standing else [],
        "in_row": standing.in_row if standing else 0,
        "on_time": standing.on_time if standing else 0,
        "months": {m.month: (m.repayments, m.repaid_fen, m.late) for m in standing.months} if standing else {},
        "blacklisted": bool(standing and standing.blacklisted),
        "suspended": core.suspended and not core.resume_at,
    }


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["owe", "pay", "pay", "undo", "wait"]),
        st.integers(0, 5),
        st.integers(1, 30 * 24),
        st.integers(1, 6_000),
    ),
    max_size=30,
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_the_standing_is_a_function_of_the_bills_history(steps):
    """Whatever order bills come, are paid, pass their terms and are undone in, the list read by hand agrees.

    A wrong mark is undone once it is paid, so that what would have been is what was.
    """
    rule = Blacklist(after_total=LAST_ALLOWED, citation=CITED)
    world = person(200_000, repair=Repair(), reductions=(), blacklist=rule)
    history: list[Bill] = []
    for what, which, hours, fen in steps:
        act(world, history, what, which, fen)
        assert kept(world) == reading(history, world.city)
        world.move(city=hours * HOUR)
        assert kept(world) == reading(history, world.city)


def act(world: World, history: list[Bill], what: str, which: int, fen: int) -> None:
    """Do one step and write it down."""
    if what == "owe" and not (world.state.core.suspended or world.state.core.barred):
        bill = owe(world, fen)
        history.append(Bill(bill, fen, world.bill.due_at, 0, undone=False))
        return
    open_ = [n for n, bill in enumerate(history) if not bill.paid_at]
    paid_late = [n for n, b in enumerate(history) if b.paid_at >= b.due_at and b.paid_at and not b.undone]
    if what == "pay" and open_:
        place = open_[which % len(open_)]
        pay(world, history[place].id)
        history[place] = history[place]._replace(paid_at=world.city)
    elif what == "undo" and paid_late:
        place = paid_late[which % len(paid_late)]
        world.send(UndoOverdue(history[place].id, "a", "wrong", world.city), interface="api")
        world.send(ConfirmProposal(world.reply.result["proposal"], "b", world.city), interface="api")
        history[place] = history[place]._replace(undone=True)

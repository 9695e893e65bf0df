"""A city whose pack has every rule of overdue, repair, reward, lists and relief, and the steps its tests share."""

from domain_world import DAY, EXAMPLE, EXAMPLES, HOUR, START, World, charge, line, score, signing
from msgspec.structs import replace

from hub.domain.rewards import city_month, month_start
from hub.policies import Policies
from hub.policies.clauses import (
    Blacklist,
    Citation,
    Deposit,
    Lists,
    Overdue,
    PointsBand,
    Privilege,
    Quiet,
    Reduction,
    Relief,
    Repair,
    Reward,
    StepUp,
)
from schemas.commands import ConfirmProposal, RecordFeedbackResult, RecordRepayment, UndoOverdue
from schemas.errands import FeedbackErrand

CITED = Citation("example clause", "invented ¶9", "A rule made up for the tests.")
ANY = 10**12
FIVE_YEARS = 5 * 365 * DAY
RULES = {
    "overdue": Overdue(
        suspends=True, resume_after_days=1, citation=CITED, reminder_days=(-1, 0, 1, 3), report_to_score=True
    ),
    "quiet": Quiet(22, 8, CITED),
    "reductions": (
        Reduction(1, 3, 1, 9_999, 10, CITED),
        Reduction(1, 3, 10_000, ANY, 20, CITED),
        Reduction(4, 9, 1, ANY, 50, CITED),
        Reduction(10, 10**6, 1, ANY, 100, CITED),
    ),
    "blacklist": Blacklist(after_total=3, citation=CITED),
    "repair": Repair(clean_months=6, lowers=1, citation=CITED),
    "reward": Reward(12, (PointsBand(0, 1, 50), PointsBand(50_000, 12, 70), PointsBand(200_000, 24, 100)), CITED),
    "privileges": (
        Privilege("priority_bed", "Priority bed", "优先床位", 300, 0, CITED),
        Privilege("dedicated_booking", "Dedicated booking", "专属预约", 0, 3, CITED),
    ),
    "deposit": Deposit(waived=True, min_score=200, up_to_fen=300_000, citation=CITED),
    "lists": Lists(white=True, black=True, approvals=2, max_days=365, citation=CITED),
    "relief": (
        Relief("civil_affairs", pauses=True, approvals=2, citation=CITED),
        Relief("insurance_claim", pauses=True, approvals=2, citation=CITED),
        Relief("fiscal", pauses=True, approvals=3, citation=CITED),
    ),
}


def city(**changed: object) -> Policies:
    """Return the example city with every rule, some of them changed."""
    return Policies([EXAMPLES.packs[EXAMPLE]._replace(**(RULES | changed))])


STEPPING = StepUp(10_000, 80_000, CITED)


def person(limit_fen: int = 100_000, **changed: object) -> World:
    """Return a person enrolled for five years whose bank debits itself, so that no order of ours comes between."""
    world, at = World(city(**changed)), START
    value = {50_000: 150, 100_000: 250, 200_000: 350}[limit_fen]
    known = replace(score(world.policies, value, at=at), valid_until=at + FIVE_YEARS)
    world.send(known, interface="score")
    world.send(replace(signing(EXAMPLE, "bank"), consent_until=at + FIVE_YEARS), interface="api")
    return world


def owe(world: World, fen: int = 20_000, visit: str = "") -> str:
    """Let a visit be treated on credit and close; return its bill."""
    name = visit or f"V{len(world.ledger)}"
    world.send(charge(line(f"F-{name}", fen), visit=name, at=world.city))
    world.close(name)
    return world.bill.id


def pay(world: World, bill: str, fen: int = 0) -> None:
    """Pay a bill at the counter, wholly by default."""
    amount = fen or world.state.core.bills[bill].owed_fen
    world.send(RecordRepayment(world.city, amount, bill), interface="api")


def overdue(world: World, fen: int = 20_000) -> str:
    """Let a bill pass its term unpaid; return it."""
    bill = owe(world, fen)
    world.move(city=7 * DAY)
    return bill


def overdue_and_paid(world: World, fen: int = 20_000) -> str:
    """Let a bill be paid a few hours after its term passed, and credit be resumed."""
    bill = overdue(world, fen)
    world.move(city=HOUR)
    pay(world, bill)
    world.move(city=2 * DAY)
    return bill


def repaid_each_month(world: World, months: int, fen: int = 5_000) -> None:
    """Treat and repay once in each of so many months, beginning with this one."""
    for _ in range(months):
        pay(world, owe(world, fen))
        next_month(world)


def next_month(world: World) -> None:
    """Go to the third day of the next city month."""
    world.move(city=month_start(city_month(world.city) + 1) + 2 * DAY - world.city)


def kinds(world: World, last: int = 1) -> list[str]:
    """Return the names of the events of the last records."""
    return [type(event).__name__ for record in world.ledger[-last:] for event in record.events]


def happened(world: World, kind: type) -> list:
    """Return every event of a kind so far."""
    return [event for record in world.ledger for event in record.events if isinstance(event, kind)]


def told(world: World) -> list[FeedbackErrand]:
    """Return every message that left for a score source."""
    return world.errands_of(FeedbackErrand)


def heard(world: World, errand: FeedbackErrand, status: str = "taken", code: str = "", receipt: str = "") -> object:
    """Book what the courier brings back from the source."""
    body = RecordFeedbackResult(errand.id, errand.message, errand.source, status, world.wall, code, receipt)
    return world.send(body, interface="courier")


def undo(world: World, bill: str, due_at: int = 0, author: str = "clerk-1", confirmed_by: str = "clerk-2"):
    """Propose and confirm the undoing of a mark; return the decision of the confirmation."""
    world.send(UndoOverdue(bill, author, "the counter booked it late", world.city, due_at), interface="api")
    proposal = world.reply.result["proposal"]
    return world.send(ConfirmProposal(proposal, confirmed_by, world.city), interface="api")

"""What staff and banks do, mostly two of them: lists, freezing, relief, wrong overdue, fees, losses, collections."""

from typing import Final

from hub.domain.state import Bill, Core
from hub.simulate.seeded.citizens import Citizen
from hub.simulate.seeded.deeds.town import Deciding, To, Town
from schemas.city_time import DAY_MS
from schemas.commands import (
    ApplyRelief,
    ApproveRelief,
    Body,
    CloseRelief,
    ConfirmProposal,
    FreezeBill,
    Instant,
    ProposeListing,
    ProposeUnlisting,
    RecordBankCollection,
    RecordDishonesty,
    RecordRecovery,
    RejectProposal,
    UndoOverdue,
    UnfreezeBill,
    WaiveFees,
    WriteOffBill,
)


def _bill(town: Town, citizen: Citizen) -> Bill | None:
    return town.one_of(town.core(citizen).bills)


def _overdue(town: Town, citizen: Citizen) -> Bill | None:
    """Return an overdue bill if there is one, else any."""
    late = {bill.id: bill for bill in town.core(citizen).bills.values() if bill.overdue_since}
    return town.one_of(late) or _bill(town, citizen)


def freeze(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Stop the debits of a bill, or free it: by one person, then by another."""
    bill, author = _bill(town, citizen), town.staff()
    if bill is None:
        return None
    return UnfreezeBill(bill.id, at, author, "") if bill.frozen else FreezeBill(bill.id, at, author, "incident")


def unfreeze(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Two people free a bill, whoever froze it."""
    frozen = {bill.id: bill for bill in town.core(citizen).bills.values() if bill.frozen}
    bill = town.one_of(frozen)
    return UnfreezeBill(bill.id, at, town.staff(), "looked at") if bill else None


def propose_listing(town: Town, citizen: Citizen, at: Instant) -> Body:
    """Somebody is to be put on a list, for ever or for some days, or to be taken off."""
    colour, author = town.rng.choice(("white", "black")), town.staff()
    if colour in town.core(citizen).lists or town.chance(0.1):
        return ProposeUnlisting(colour, author, "appeal", at)  # type: ignore[arg-type]
    until = town.rng.choice((0, at + DAY_MS, at + 30 * DAY_MS))
    return ProposeListing(colour, author, "evidence", at, until)  # type: ignore[arg-type]


def undo_overdue(town: Town, citizen: Citizen, at: Instant) -> To | None:
    """A bill was wrongly recorded overdue, somebody says: who is on the black list for it, or has paid a fee on it."""
    charged = town.find(lambda core: bool(_fees_paid(core)))
    if charged is not None:
        bill_id = town.rng.choice(_fees_paid(town.core(charged)))
        return To(charged.account, UndoOverdue(bill_id, town.staff(), "wrong", at, at + 10 * DAY_MS))
    barred = town.find(lambda core: core.standing is not None and core.standing.blacklisted)
    citizen = barred or citizen
    bill = _overdue(town, citizen)
    if bill is None:
        return None
    later = town.rng.choice((10, 10, 0, -1))
    due_at = at + later * DAY_MS if later else 0
    return To(citizen.account, UndoOverdue(bill.id, town.staff(), "wrong", at, due_at))


def _fees_paid(core: Core) -> list[str]:
    """Return the bills that stand as overdue and whose fee, or a part of it, was paid."""
    if core.standing is None or core.clearing is None:
        return []
    fees = core.clearing.fees
    return [mark.bill for mark in core.standing.marks if mark.bill in fees and fees[mark.bill].paid_fen]


def answer_proposal(town: Town, _citizen: Citizen, at: Instant) -> To | None:
    """The same person or another one agrees, or drops it."""
    citizen = town.find(lambda core: bool(core.proposals))
    proposal = town.one_of(town.core(citizen).proposals) if citizen else None
    if citizen is None or proposal is None:
        return None
    kind = ConfirmProposal if town.chance(0.8) else RejectProposal
    return To(citizen.account, kind(proposal.id, town.staff(), at))


def apply_relief(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Hardship: one of three is to pay a bill or part of it."""
    bill = _overdue(town, citizen)
    if bill is None:
        return None
    kind = town.rng.choice(("civil_affairs", "insurance_claim", "fiscal"))
    fen = town.rng.choice((0, 0, 1, max(0, bill.owed_fen) // 2))
    return ApplyRelief(bill.id, kind, town.staff(), "hardship", at, fen)  # type: ignore[arg-type]


def answer_relief(town: Town, _citizen: Citizen, at: Instant) -> To | None:
    """A case is approved, refused or withdrawn."""
    citizen = town.find(lambda core: bool(core.relief))
    case = town.one_of(town.core(citizen).relief) if citizen else None
    if citizen is None or case is None:
        return None
    word = town.rng.choice(("approve",) * 4 + ("refused", "withdrawn"))
    author = town.staff()
    if word == "approve":
        asked = town.rng.choice((0, 0, max(1, case.asked_fen // 2)))
        return To(citizen.account, ApproveRelief(case.id, author, at, asked))
    who = case.author if word == "withdrawn" else author
    return To(citizen.account, CloseRelief(case.id, word, who, at))  # type: ignore[arg-type]


def register(town: Town, _citizen: Citizen, at: Instant) -> Body:
    """The city's register names a person, or takes it back."""
    return RecordDishonesty("R1", town.staff(), "register", at, town.chance(0.5))


def collect(town: Town, citizen: Citizen, at: Instant) -> To | None:
    """The bank collects from its own customer: part of a bill and of its fee, or more than there is."""
    citizen = (town.find(lambda core: bool(_fees(core))) if town.chance(0.7) else None) or citizen
    core, bill = town.core(citizen), _overdue(town, citizen)
    fees = _fees(core)
    bill = core.bills.get(town.rng.choice(list(fees))) if fees else bill
    if bill is None:
        return None
    fee, owed = fees.get(bill.id, 0), max(0, bill.owed_fen)
    amount = town.rng.choice((owed, owed // 2, owed, owed + 1))
    paid = town.rng.choice((fee, fee, 0, fee + 1))
    return To(citizen.account, RecordBankCollection(at, bill.id, amount, paid, f"B{town.number()}"))


def _fees(core: Core) -> dict[str, int]:
    """Return what is owed of fees by bill."""
    books = core.clearing.fees if core.clearing else {}
    return {name: book.owed_fen for name, book in books.items() if book.owed_fen > 0}


def give_up(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Fees are waived, or a loss is taken."""
    bill = _overdue(town, citizen)
    if bill is None:
        return None
    return town.rng.choice((WaiveFees, WriteOffBill))(at, bill.id, town.staff(), "goodwill")


def recover(town: Town, _citizen: Citizen, at: Instant) -> To | None:
    """Money still comes in for a loss, or a fen too much."""
    citizen = town.find(lambda core: core.clearing is not None and bool(core.clearing.losses))
    clearing = town.core(citizen).clearing if citizen else None
    if citizen is None or clearing is None:
        return None
    name = town.rng.choice(list(clearing.losses))
    loss = clearing.losses[name]
    left = loss.amount_fen - loss.recovered_fen
    amount = max(1, town.rng.choice((left, left // 2, left + 1)))
    return To(citizen.account, RecordRecovery(at, name, amount, "court", f"C{town.number()}"))


WEIGHTS: Final[dict[Deciding, int]] = {
    freeze: 2,
    unfreeze: 4,
    propose_listing: 2,
    undo_overdue: 3,
    answer_proposal: 4,
    apply_relief: 4,
    answer_relief: 4,
    register: 1,
    collect: 3,
    give_up: 2,
    recover: 2,
}

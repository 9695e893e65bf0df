"""What hospitals do: charge, take back, admit, hold, capture, discharge, take and return deposits."""

from typing import Final

from msgspec.structs import replace

from hub.domain.family import payer_link
from hub.domain.state import Bill
from hub.simulate.seeded.citizens import INSTITUTIONS, Citizen, Visit
from hub.simulate.seeded.deeds.insurers import insurance_split
from hub.simulate.seeded.deeds.town import Deciding, To, Town
from schemas.city_time import DAY_MS, HOUR_MS
from schemas.commands import (
    Body,
    CaptureHold,
    ChargeLine,
    DepositPrepayment,
    HoldCredit,
    Instant,
    Item,
    PostCharge,
    RecordVisit,
    RefundPrepayment,
    Subject,
    VoidHold,
)

_ITEMS: Final = tuple(Item(f"{kind}{n:04}", "NHSA", "药品") for n in range(20) for kind in ("XD", "C"))
"""Medicines, and consumables, for which a pack has a preset of its own."""
_SCENES: Final = ("outpatient",) * 6 + ("emergency", "inpatient", "inpatient", "pharmacy", "internet")
_OPEN_MAX: Final = 3
"""A person has at most so many visits that their hospitals still write to."""


def charge(town: Town, citizen: Citizen, at: Instant) -> Body | To:
    """A charge of some lines, for a visit going on or a new one; now and then through the hospital number."""
    rng, visit = town.rng, _visit(town, citizen, at)
    lines, total = [], 0
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        line = _line(town, visit, at)
        lines.append(line)
        total += line.amount_fen
    settled = visit.settlement_mode == "in_message"
    posted = PostCharge(
        visit.institution,
        visit.number,
        visit.scene,  # type: ignore[arg-type]
        at - rng.choice((0, 0, 0, HOUR_MS, DAY_MS)),
        tuple(lines),
        Subject(person=citizen.account, number=citizen.numbers[0]),
        insurance_split(town, f"S{town.number()}", total) if settled else None,
        visit.settlement_mode,  # type: ignore[arg-type]
    )
    return To(citizen.numbers[0], posted) if town.chance(0.03) else posted


def treat_child(town: Town, citizen: Citizen, at: Instant) -> Body | To | None:
    """A charge for a child whose parent's line is shared."""
    return charge(town, citizen, at) if payer_link(town.core(citizen), at) else None


def _line(town: Town, visit: Visit, at: Instant) -> ChargeLine:
    """Most lines cost little, one in twelve as much as a line of credit bears."""
    rng, key = town.rng, f"F{town.number()}"
    amount = int(rng.lognormvariate(10.8 if town.chance(0.08) else 7.5, 1.2)) + 1
    item = rng.choice(_ITEMS)
    visit.lines.append((key, amount, item.code))
    return ChargeLine(key, "charge", amount, item, at)


def _visit(town: Town, citizen: Citizen, at: Instant) -> Visit:
    open_visits = [visit for visit in citizen.visits if not visit.closed]
    if len(open_visits) >= _OPEN_MAX or (open_visits and town.chance(0.5)):
        return town.rng.choice(open_visits)
    mode = town.rng.choice(("none",) * 6 + ("in_message", "after"))
    scene = town.rng.choice(_SCENES)
    visit = Visit(town.institution(citizen, at), f"V{town.number()}", scene, settlement_mode=mode)
    citizen.visits.append(visit)
    del citizen.visits[:-8]
    return visit


def credit(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Take back part or all of a line, now and then too much, or a line that was never charged."""
    rng, visits = town.rng, [visit for visit in citizen.visits if visit.lines]
    if not visits:
        return None
    visit = rng.choice(visits)
    key, amount, item = rng.choice(visit.lines[-5:])
    fen = amount if town.chance(0.6) else rng.randrange(1, 2 * amount + 1)
    named = key if town.chance(0.8) else rng.choice(("", "", f"F{town.number()}"))
    whole = town.chance(0.1)
    line = ChargeLine(
        f"R{town.number()}", "credit", fen, Item(item, "NHSA", "药品"), at, reverses=named, entered_in_error=whole
    )
    return PostCharge(visit.institution, visit.number, visit.scene, at, (line,))  # type: ignore[arg-type]


def credit_in_trouble(town: Town, _citizen: Citizen, at: Instant) -> To | None:
    """Take back a line whose bill is being debited, was given up, or was paid by relief."""
    citizen = town.find(lambda core: any(map(_troubled, core.bills.values())))
    if citizen is None:
        return None
    places = {bill.visit for bill in town.core(citizen).bills.values() if _troubled(bill)}
    lines = [(v, line) for v in citizen.visits if f"{v.institution}|{v.number}" in places for line in v.lines]
    if not lines:
        return None
    visit, (key, amount, item) = town.rng.choice(lines)
    fen = town.rng.choice((amount, amount, max(1, amount // 2)))
    back = ChargeLine(f"R{town.number()}", "credit", fen, Item(item, "NHSA"), at, reverses=key)
    return To(citizen.account, PostCharge(visit.institution, visit.number, visit.scene, at, (back,)))  # type: ignore[arg-type]


def _troubled(bill: Bill) -> bool:
    return bill.debiting or bill.final in ("written_off", "relieved")


def revise(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """A line is sent again with another amount, from a sender that may replace lines."""
    visits = [visit for visit in citizen.visits if visit.lines]
    if not visits:
        return None
    visit = town.rng.choice(visits)
    key, amount, item = town.rng.choice(visit.lines[-5:])
    line = ChargeLine(key, "charge", max(1, amount + town.rng.randrange(-500, 500)), Item(item, "NHSA"), at)
    scene = visit.scene
    return PostCharge(visit.institution, visit.number, scene, at, (line,), replace_lines=True)  # type: ignore[arg-type]


def visit_event(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Discharge, or cancel, reopen, or correct a visit."""
    if not citizen.visits:
        return None
    visit = town.rng.choice(citizen.visits)
    event = town.rng.choice(("discharged",) * 8 + ("cancelled", "reopened", "updated"))
    visit.closed = event not in ("reopened", "updated")
    scene = "emergency" if event == "updated" else None
    return RecordVisit(visit.institution, visit.number, event, at, scene, department="内科")  # type: ignore[arg-type]


def discharge(_town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """The oldest visit ends, as it should."""
    visit = next((visit for visit in citizen.visits if not visit.closed), None)
    if visit is None:
        return None
    visit.closed = True
    return RecordVisit(visit.institution, visit.number, "discharged", at)


def admit(town: Town, citizen: Citizen, at: Instant) -> Body:
    """A stay begins."""
    visit = Visit(town.institution(citizen, at), f"V{town.number()}", "inpatient")
    citizen.visits.append(visit)
    return RecordVisit(visit.institution, visit.number, "opened", at, "inpatient", citizen.subject)


def hold(town: Town, citizen: Citizen, at: Instant) -> Body:
    """Part of the line or of a deposit is held for a stay; now and then more than there is."""
    core, stays = town.core(citizen), [v for v in citizen.visits if v.scene == "inpatient"]
    stay = town.rng.choice(stays) if stays else Visit(town.institution(citizen, at), f"V{town.number()}", "inpatient")
    if not stays:
        citizen.visits.append(stay)
    agreement, deposit = core.agreements.get(core.agreement), core.prepayments.get(stay.institution, 0)
    prepaid = deposit > 0 and town.chance(0.4)
    free = deposit if prepaid else agreement.limit_fen - agreement.used_fen - agreement.held_fen if agreement else 0
    amount = max(1, int(max(free, 100) * town.rng.choice((0.1, 0.3, 0.5, 1, 1.01))))
    return HoldCredit(stay.institution, stay.number, at, amount, "prepayment" if prepaid else "credit")


def capture(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """One charge for a hold: part of it, all, or a fen more; also of a hold that is closed."""
    placed = town.core(citizen).holds
    if not placed:
        return None
    name = town.rng.choice(list(placed))
    left = placed[name].left_fen
    return CaptureHold(name, at, max(1, town.rng.choice((left, left // 2, left + 1))))


def void(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """A hold is given back, also twice."""
    placed = town.core(citizen).holds
    return VoidHold(town.rng.choice(list(placed)), at) if placed else None


def deposit(town: Town, citizen: Citizen, at: Instant) -> Body | To:
    """Money paid in advance; some of it before anybody knows whose number that is."""
    institution = town.institution(citizen, at)
    paid = DepositPrepayment(institution, at, town.rng.randrange(1, 80_000), f"receipt-{town.number()}")
    if town.chance(0.15):
        return To(town.rng.choice(citizen.numbers), replace(paid, institution=town.rng.choice(INSTITUTIONS)))
    return paid


def refund_deposit(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Pay back what is left of a deposit, or more than that."""
    left = town.core(citizen).prepayments
    if not left:
        return None
    institution = town.rng.choice(sorted(left))
    amount = left[institution] + town.rng.choice((0, 0, 0, 1, -1))
    return RefundPrepayment(institution, at, max(1, amount), f"refund-{town.number()}")


WEIGHTS: Final[dict[Deciding, int]] = {
    charge: 76,
    treat_child: 16,
    credit: 12,
    credit_in_trouble: 6,
    revise: 2,
    visit_event: 14,
    discharge: 14,
    admit: 3,
    hold: 6,
    capture: 4,
    void: 2,
    deposit: 10,
    refund_deposit: 3,
}

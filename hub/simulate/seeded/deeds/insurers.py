"""What insurers do: settle visits, take settlements back, fill personal accounts, link cards, judge credit."""

from typing import Final

from hub.simulate.seeded.citizens import INSTITUTIONS, Citizen
from hub.simulate.seeded.deeds.town import Deciding, To, Town
from schemas.commands import (
    Body,
    CheckEligibility,
    DepositInsuranceAccount,
    Instant,
    InsuranceSplit,
    LinkInsurance,
    RecordInsuranceCredit,
    ReverseSettlement,
    SettleInsurance,
    Subject,
)


def insurance_split(town: Town, name: str, total: int) -> InsuranceSplit:
    """Return a settlement of any proportions that adds up."""
    fund = town.rng.randrange(total + 1)
    account = town.rng.randrange(total - fund + 1)
    other = town.rng.randrange(total - fund - account + 1) if town.chance(0.2) else 0
    return InsuranceSplit(name, total, fund, account, other, total - fund - account - other)


def settle(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """The insurer's figures for a visit that waits for them; now and then wrong ones."""
    visits = [visit for visit in citizen.visits if visit.settlement_mode == "after" and visit.lines]
    if not visits:
        return None
    visit = town.rng.choice(visits)
    encounter = town.state(citizen).encounters.get(f"{visit.institution}|{visit.number}")
    held = {c.id for c in encounter.charges.values() if c.status == "held"} if encounter else set()
    total = sum(line.open_fen for line in encounter.lines.values() if line.charge in held) if encounter else 0
    visit.settlement = f"S{town.number()}"
    split = insurance_split(town, visit.settlement, total + town.chance(0.1))
    return SettleInsurance(visit.institution, visit.number, at, split)


def reverse_settlement(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """The contra entry of a settlement."""
    visits = [visit for visit in citizen.visits if visit.settlement]
    if not visits:
        return None
    visit = town.rng.choice(visits)
    return ReverseSettlement(visit.institution, visit.number, at, visit.settlement)


def fill_account(town: Town, _citizen: Citizen, at: Instant) -> Body:
    """The insurer fills the personal account."""
    return DepositInsuranceAccount(at, town.rng.randrange(1, 30_000))


def link_card(town: Town, citizen: Citizen, at: Instant) -> Body:
    """The insurance card is seen at a counter."""
    subject = Subject(person=citizen.account, number=citizen.card)
    return LinkInsurance(town.institution(citizen, at), at, town.staff(), subject)


def check_credit(town: Town, _citizen: Citizen, at: Instant) -> Body:
    """The insurer's credit check speaks; mostly well."""
    return RecordInsuranceCredit(town.chance(0.85), at, f"check-{town.number()}")


def ask_by_card(town: Town, citizen: Citizen, at: Instant) -> Body | To:
    """The kiosk's question, by the card, linked or not."""
    return To(citizen.card, CheckEligibility(town.rng.choice(INSTITUTIONS), "outpatient", at, "card"))


WEIGHTS: Final[dict[Deciding, int]] = {
    settle: 8,
    reverse_settlement: 2,
    fill_account: 6,
    link_card: 2,
    check_credit: 1,
    ask_by_card: 1,
}

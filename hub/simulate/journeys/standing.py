"""Arrears and what follows: suspension, the bar, lists, undoing, repair, reward (domain 8).

Most of it takes longer than a short demo runs; the end-to-end tests move the city's clock through all of it.
"""

from datetime import timedelta
from typing import Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import stamp
from hub.simulate.journeys.counters import confirmed, repaid, until_overdue
from hub.simulate.journeys.steps import (
    PLATFORM,
    STOMATOLOGY,
    ZHONGSHAN,
    Heard,
    Journey,
    asked,
    link_card,
    named,
    signed,
    visit,
)
from hub.simulate.persons import Person
from schemas.city_time import city_date, day_start

_TERM_HOURS: Final = 7 * 24 + 2
"""Later than the seven days in which a bill is to be repaid."""
_NEXT_DAY_HOURS: Final = 30
_MONTH_HOURS: Final = 31 * 24
_DAY_MS: Final = 86_400_000


async def overdue_then_resumed(city: City, person: Person) -> Heard:
    """Nobody repays for seven days: no credit; the day after the payment there is credit again."""
    agreement = await signed(city, person, PLATFORM, 680, debit_consent=False)
    first = await visit(city, person, "XMZSH", [city.new_line(9_900)])
    bill = await city.desk.bill_of(agreement, first)
    await city.pause(_TERM_HOURS)
    await until_overdue(city, bill)
    barred = await visit(city, person, "XMZSH", [city.new_line(4_400)])
    paid = await repaid(city, bill, 9_900)
    same_day = await visit(city, person, "XMZSH", [city.new_line(4_500)])
    await city.pause(_NEXT_DAY_HOURS)
    resumed = await visit(city, person, "XMZSH", [city.new_line(4_600)])
    return {
        "agreement": agreement,
        "bill": bill,
        "paid": paid,
        "suspended": barred,
        "same_day": same_day,
        "resumed": resumed,
    }


async def wrongly_overdue_undone(city: City, person: Person) -> Heard:
    """One clerk says that a bill was wrongly called overdue, another confirms it; nobody can do both."""
    agreement = await signed(city, person, PLATFORM, 680, debit_consent=False)
    number = await visit(city, person, "XMZSH", [city.new_line(5_500)])
    bill = await city.desk.bill_of(agreement, number)
    await city.pause(_TERM_HOURS)
    await until_overdue(city, bill)
    term = stamp(city.clock.city() + 5 * _DAY_MS)
    undo = {"author": "C. Lin", "reason": "the hospital's clock was wrong", "due_at": term}
    proposal = (await asked(city, f"/bills/{bill}/repairs", undo))["id"]
    alone = await confirmed(city, proposal, "C. Lin")
    together = await confirmed(city, proposal, "D. Wu")
    after = await visit(city, person, "XMZSH", [city.new_line(3_200)])
    paid = await repaid(city, bill, 5_500)
    return {
        "agreement": agreement,
        "bill": bill,
        "proposal": proposal,
        "alone": alone,
        "together": together,
        "after": after,
        "paid": paid,
    }


async def barred_after_four(city: City, person: Person) -> Heard:
    """The fourth overdue bill bars: only two people take the name off the black list again."""
    agreement = await signed(city, person, ZHONGSHAN, 680, debit_consent=False)
    visits = [await visit(city, person, "XMZSH", [city.new_line(1_000 + n)]) for n in range(4)]
    bills = [await city.desk.bill_of(agreement, number) for number in visits]
    await city.pause(_TERM_HOURS)
    await until_overdue(city, *bills)
    for n, bill in enumerate(bills):
        await repaid(city, bill, 1_000 + n)
    await city.pause(_NEXT_DAY_HOURS)
    barred = await visit(city, person, "XMZSH", [city.new_line(2_000)])
    body = {"person": named(person), "colour": "black", "author": "C. Lin", "reason": "paid in full"}
    removal = (await asked(city, "/list-removals", body))["id"]
    alone = await confirmed(city, removal, "C. Lin")
    await city.desk.until(f"/approvals/{removal}", lambda each: each["state"] == "open")
    listed = await city.desk.read("/lists")
    await confirmed(city, removal, "D. Wu")
    standing = await city.desk.until(f"/persons/{agreement[:26]}/standing", lambda found: not found["blacklisted"])
    free = await visit(city, person, "XMZSH", [city.new_line(2_100)])
    return {
        "agreement": agreement,
        "barred": barred,
        "alone": alone,
        "listed": listed,
        "free": free,
        "standing": standing,
    }


async def line_cut_while_in_arrears(city: City, person: Person) -> Heard:
    """A day in arrears cuts the line by a fifth; when credit resumes after the payment, the whole line is back."""
    await link_card(city, person, "XMKQY", insurance_card=f"XM{person.number}")
    agreement = await signed(city, person, STOMATOLOGY, 680, debit_consent=False)
    number = await visit(city, person, "XMKQY", [city.new_line(30_000, "SUR")])
    bill = await city.desk.bill_of(agreement, number)
    account = f"/persons/{agreement[:26]}"
    before = await city.desk.read(account)
    await city.pause(4 * 24 + 8)
    cut = await city.desk.until(account, lambda found: found["limit_fen"] < before["limit_fen"])
    await repaid(city, bill, 30_000)
    await city.pause(_NEXT_DAY_HOURS)
    restored = await city.desk.until(account, lambda found: found["limit_fen"] > cut["limit_fen"])
    return {"agreement": agreement, "before": before, "cut": cut, "restored": restored}


async def listed_white_by_two(city: City, person: Person) -> Heard:
    """A name on the white list takes two people."""
    agreement = await signed(city, person, ZHONGSHAN, 680)
    body = {"person": named(person), "colour": "white", "author": "C. Lin", "reason": "veteran of the city"}
    proposal = (await asked(city, "/lists", body))["id"]
    alone = await confirmed(city, proposal, "C. Lin")
    together = await confirmed(city, proposal, "D. Wu")
    return {"agreement": agreement, "proposal": proposal, "alone": alone, "together": together}


async def twelve_months_on_time(city: City, person: Person) -> Heard:
    """A bill repaid on time in each of twelve months earns points at the score's source."""
    agreement = await signed(city, person, PLATFORM, 680, debit_consent=False)
    for month in range(12):
        number = await visit(city, person, "XMZSH", [city.new_line(10_000 + month)])
        bill = await city.desk.bill_of(agreement, number)
        await repaid(city, bill, 10_000 + month)
        await city.scores.push(person, city.clock.city(), 680)
        await city.pause(_hours_to_next_month(city.clock.city()))
    return {"agreement": agreement}


def _hours_to_next_month(now: int) -> float:
    """Return how long it is to the third day of the next month."""
    later = city_date(now).replace(day=1) + timedelta(days=32)
    return (day_start(later.replace(day=3)) - now) / 3_600_000


async def repaired_by_six_clean_months(city: City, person: Person) -> Heard:
    """One overdue bill counts no more after half a year without another."""
    agreement = await signed(city, person, PLATFORM, 680, debit_consent=False)
    number = await visit(city, person, "XMZSH", [city.new_line(6_100)])
    bill = await city.desk.bill_of(agreement, number)
    await city.pause(_TERM_HOURS)
    await until_overdue(city, bill)
    await repaid(city, bill, 6_100)
    await city.desk.until(f"/persons/{agreement[:26]}/standing", lambda found: found["clean_from"] > 0)
    before = await city.desk.read(f"/persons/{agreement[:26]}/standing")
    await city.pause(6 * _MONTH_HOURS)
    return {"agreement": agreement, "before": before}


JOURNEYS: Final[tuple[Journey, ...]] = (
    overdue_then_resumed,
    wrongly_overdue_undone,
    barred_after_four,
    line_cut_while_in_arrears,
    listed_white_by_two,
    twelve_months_on_time,
    repaired_by_six_clean_months,
)

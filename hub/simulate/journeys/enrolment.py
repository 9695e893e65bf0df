"""Signing, leaving and coming back; the bank of one's choice; the kiosk's one answer; many numbers of one person."""

from typing import Final

from hub.simulate.city import City
from hub.simulate.journeys.steps import (
    CITY_PACK,
    PLATFORM,
    Heard,
    Journey,
    asked,
    at_kiosk,
    insure,
    link_card,
    named,
    prepay,
    sign,
    signed,
    visit,
)
from hub.simulate.persons import Person


async def left_and_came_back(city: City, person: Person) -> Heard:
    """Nobody signs twice; who leaves has no credit any more and has it again after signing anew."""
    first = await signed(city, person, PLATFORM, 680)
    twice = await sign(city, person, CITY_PACK, bank="CCB")
    before = await visit(city, person, "XMZSH", [city.new_line(3_000)])
    left = await asked(city, f"/agreements/{first}/withdrawals", {})
    between = await visit(city, person, "XMZSH", [city.new_line(4_000)])
    second = await signed(city, person, PLATFORM, 680, channel="unionpay")
    after = await visit(city, person, "XMZSH", [city.new_line(5_000)])
    visits = {"before": before, "between": between, "after": after}
    return {"agreement": second, "first": first, "twice": twice, "left": left, **visits}


async def bank_of_choice(city: City, person: Person) -> Heard:
    """The city's pack asks which bank gives the line; from 651 its own offer counts."""
    none = await sign(city, person, CITY_PACK)
    return {"agreement": await signed(city, person, CITY_PACK, 680, bank="CCB"), "none": none}


async def asked_at_the_kiosk(city: City, person: Person) -> Heard:
    """One question at check-in, one answer: eligible or why not, what to do, and with how much."""
    who = named(person)
    stranger = await at_kiosk(city, "XMZSH", person=who)
    agreement = str((await sign(city, person, PLATFORM)).get("agreement", ""))
    unscored = await at_kiosk(city, "XMZSH", person=who)
    await city.scores.push(person, city.clock.city(), 680)
    await prepay(city, person, "XMZSH", 2_000)
    await insure(city, person, 3_000)
    ready = await at_kiosk(city, "XMZSH", person=who)
    await visit(city, person, "XMZSH", [city.new_line(505_100)])
    used_up = await at_kiosk(city, "XMZSH", person=who)
    internet = await at_kiosk(city, "XMZSH", "internet", person=who)
    answers = {"stranger": stranger, "unscored": unscored, "ready": ready, "internet": internet, "used_up": used_up}
    return {"agreement": agreement, **answers}


async def one_person_many_numbers(city: City, person: Person) -> Heard:
    """Citizen id, insurance card, e-health code and a hospital's own number all name one person."""
    card, code = f"XM{person.number}", f"EH-{person.number}"
    agreement = await signed(city, person, PLATFORM, 680)
    stranger = await at_kiosk(city, "XMZSH", insurance_card=card)
    await link_card(city, person, "XMZSH", insurance_card=card)
    await link_card(city, person, "XMZSH", e_health_code=code)
    first = city.new_visit()
    await city.dft("XMFYB", person, first, "outpatient", [city.new_line(6_000, kind="PY")])
    await city.adt("XMFYB", "A04", person, city.new_visit(), "outpatient", link=True)
    await visit(city, person, "XMFYB", [city.new_line(7_000, "PED")])
    await city.pause(1)
    by_number = {"number": f"P{person.number:07d}"}
    answers = {
        "citizen": await at_kiosk(city, "XMFYB", person=named(person)),
        "card": await at_kiosk(city, "XMFYB", insurance_card=card),
        "code": await at_kiosk(city, "XMFYB", e_health_code=code),
        "number": await at_kiosk(city, "XMFYB", person=by_number),
    }
    return {"agreement": agreement, "stranger": stranger, **answers}


async def consent_taken_back(city: City, person: Person) -> Heard:
    """The score may not be read any more: no new credit at once, what is owed stays; a new consent gives it again."""
    agreement = await signed(city, person, PLATFORM, 680)
    before = await visit(city, person, "XMZSH", [city.new_line(6_000)])
    await city.scores.revoke(person, city.clock.city())
    kiosk = await at_kiosk(city, "XMZSH", person=named(person))
    without = await visit(city, person, "XMZSH", [city.new_line(7_000)])
    await city.scores.push(person, city.clock.city(), 680, authorisation=f"AU-{person.number}-2")
    again = await visit(city, person, "XMZSH", [city.new_line(8_000)])
    return {"agreement": agreement, "kiosk": kiosk, "before": before, "without": without, "again": again}


async def nobody_claims_it(city: City, person: Person) -> Heard:
    """Money is paid in advance under a hospital's own number that no message ever links to a person."""
    number = city.new_visit()
    await city.dft("XMFYB", person, number, "outpatient", [city.new_line(7_300, kind="PY")])
    kiosk = await at_kiosk(city, "XMFYB", person={"number": f"P{person.number:07d}"})
    return {"kiosk": kiosk}


JOURNEYS: Final[tuple[Journey, ...]] = (
    left_and_came_back,
    bank_of_choice,
    asked_at_the_kiosk,
    one_person_many_numbers,
    consent_taken_back,
    nobody_claims_it,
)

"""Where a charge's money comes from, and where it goes back to (domain 4)."""

from typing import Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import yuan
from hub.simulate.journeys.steps import (
    CITY_PACK,
    PLATFORM,
    ZHONGSHAN,
    Heard,
    Journey,
    asked,
    fhir_visit,
    insure,
    named,
    prepay,
    repay,
    signed,
    taken_back,
    visit,
)
from hub.simulate.persons import Person

_HOURS_TO_DEBIT: Final = 80
"""Later than 72 h after the discharge, with time for the gateway's word."""


async def topped_up_and_refunded(city: City, person: Person) -> Heard:
    """Money is paid in advance twice; a charge takes part of it; what is left goes back, and not a fen more."""
    agreement = await signed(city, person, PLATFORM, 680)
    await prepay(city, person, "XMZSH", 5_000)
    await prepay(city, person, "XMZSH", 7_000, receipt="B")
    await visit(city, person, "XMZSH", [city.new_line(4_000)])
    body = {"person": named(person), "institution": "XMZSH", "reference": "left"}
    more = await asked(city, "/prepayment-refunds", {**body, "amount": yuan(8_001)})
    rest = await asked(city, "/prepayment-refunds", {**body, "amount": yuan(8_000)})
    return {"agreement": agreement, "more": more, "rest": rest}


async def presets_hold_credit_back(city: City, person: Person) -> Heard:
    """A visit, a day and a class of items each cost more than the hospital's presets let credit pay.

    What was used is repaid in between, so that never the line but the preset is what holds it back.
    """
    agreement = await signed(city, person, ZHONGSHAN, 700)
    costly = await visit(city, person, "XMZSH", [city.new_line(250_000, "SUR")])
    await visit(city, person, "XMZSH", [city.new_line(200_000, "SUR")])
    await repay(city, person, 200_000)
    second = await visit(city, person, "XMZSH", [city.new_line(150_000, "RAD")])
    await city.pause(24)
    material = await visit(city, person, "XMZSH", [city.new_line(150_000, "SUR", item="C0801")])
    return {"agreement": agreement, "visit": costly, "day": second, "class": material}


async def every_scene(city: City, person: Person) -> Heard:
    """Outpatient, emergency, inpatient, pharmacy and internet, each on the line the city's pack gives."""
    agreement = await signed(city, person, CITY_PACK, 680, bank="ICBC")
    visits = {
        scene: await visit(city, person, institution, [city.new_line(1_000, "PHA")], scene=scene)
        for scene, institution in (
            ("outpatient", "XMZSH"),
            ("emergency", "XMDSY"),
            ("inpatient", "XMDYY"),
            ("pharmacy", "XMYDF"),
        )
    }
    visits["internet"] = await fhir_visit(city, person, "XMDYY", "internet", [1_000])
    return {"agreement": agreement, **visits}


async def internet_is_not_covered(city: City, person: Person) -> Heard:
    """The platform's pack knows no internet hospital: the same kind of visit is paid by the person."""
    agreement = await signed(city, person, PLATFORM, 680)
    return {"agreement": agreement, "visit": await fhir_visit(city, person, "XMDSY", "internet", [2_000])}


async def stay_on_holds(city: City, person: Person) -> Heard:
    """A stay holds credit and prepayment at admission; its charges capture them, another visit cannot touch them."""
    agreement = await signed(city, person, PLATFORM, 680)
    await prepay(city, person, "XMZSH", 100_000)
    stay = city.new_visit()
    await city.adt("XMZSH", "A01", person, stay, "inpatient")
    body = {"person": named(person), "institution": "XMZSH", "visit": stay}
    line = await asked(city, "/holds", {**body, "amount": yuan(300_000)})
    deposit = await asked(city, "/holds", {**body, "amount": yuan(60_000), "hold": "prepayment"})
    too_much = await asked(city, "/holds", {**body, "amount": yuan(200_001)})
    await city.dft("XMZSH", person, stay, "inpatient", [city.new_line(90_000, "SUR")])
    await city.dft("XMZSH", person, stay, "inpatient", [city.new_line(150_000, "INT")])
    beside = await visit(city, person, "XMDSY", [city.new_line(250_000, "RAD")])
    await city.adt("XMZSH", "A03", person, stay, "inpatient")
    heard = {"line": line, "deposit": deposit, "too_much": too_much}
    return {"agreement": agreement, "stay": stay, "beside": beside, **heard}


async def hold_captured_and_voided(city: City, person: Person) -> Heard:
    """One hold is completed with a single charge, another is given back; neither is for an outpatient."""
    agreement = await signed(city, person, PLATFORM, 680)
    body = {"person": named(person), "institution": "XMDYY", "amount": yuan(80_000)}
    stay, other = city.new_visit(), city.new_visit()
    hold = await asked(city, "/holds", {**body, "visit": stay})
    captured = await asked(city, f"/holds/{hold.get('hold')}/captures", {"amount": yuan(50_000)})
    again = await asked(city, f"/holds/{hold.get('hold')}/captures", {"amount": yuan(10_000)})
    second = await asked(city, "/holds", {**body, "visit": other})
    voided = await asked(city, f"/holds/{second.get('hold')}/voids", {})
    outpatient = await asked(city, "/holds", {**body, "visit": city.new_visit(), "scene": "outpatient"})
    heard = {"captured": captured, "again": again, "voided": voided, "outpatient": outpatient}
    return {"agreement": agreement, "stay": stay, **heard}


async def part_goes_back(city: City, person: Person) -> Heard:
    """Two parts of a charge of 475.00 are taken back: credit first, then prepayment, then the insurance account."""
    agreement = await signed(city, person, PLATFORM, 680)
    await insure(city, person, 10_000)
    await prepay(city, person, "XMZSH", 5_000)
    number, line = city.new_visit(), city.new_line(47_500, "SUR")
    await city.dft("XMZSH", person, number, "outpatient", [line])
    await city.dft("XMZSH", person, number, "outpatient", [taken_back(city, line, 20_000)])
    await city.dft("XMZSH", person, number, "outpatient", [taken_back(city, line, 20_000)])
    return {"agreement": agreement, "visit": number}


async def paid_charge_goes_back_to_its_sources(city: City, person: Person) -> Heard:
    """A bill paid at a counter and by debit is taken back: the gateway's money to it, the rest to the balance.

    The 1.14 that the counter leaves over is an amount the gateway always pays.
    """
    agreement = await signed(city, person, PLATFORM, 680)
    await prepay(city, person, "XMZSH", 5_000)
    number, line = city.new_visit(), city.new_line(35_000, "SUR")
    await city.dft("XMZSH", person, number, "outpatient", [line])
    await city.adt("XMZSH", "A03", person, number, "outpatient")
    await repay(city, person, 29_886)
    await city.pause(_HOURS_TO_DEBIT)
    await city.dft("XMZSH", person, number, "outpatient", [taken_back(city, line, 32_000)])
    return {"agreement": agreement, "visit": number}


JOURNEYS: Final[tuple[Journey, ...]] = (
    topped_up_and_refunded,
    presets_hold_credit_back,
    every_scene,
    internet_is_not_covered,
    stay_on_holds,
    hold_captured_and_voided,
    part_goes_back,
    paid_charge_goes_back_to_its_sources,
)

"""Ordinary visits, drawn from a seed: what most people in the city do."""

import random
from typing import Final

from hub.simulate.city import HOSPITALS, City, Resend
from hub.simulate.journeys.steps import CITY_PACK, PLATFORM, Journey, enrol
from hub.simulate.persons import Person

_DEPARTMENTS: Final = ("LAB", "PHA", "RAD", "INT", "SUR", "PED")


def everyday(draw: random.Random, resent: float = 0.05) -> Journey:
    """Return an ordinary journey: signed or not, one to five lines, sometimes an inpatient day.

    A share `resent` of them repeats its charges, half of those after the discharge that followed them.
    """
    institution = draw.choice([name for name, hospital in HOSPITALS.items() if hospital.carries_citizen_id])
    signed, copies = draw.random() < 0.9, int(draw.random() < resent)
    channel, pack = draw.choice(("alipay", "unionpay")), draw.choice((PLATFORM, PLATFORM, CITY_PACK))
    scene = draw.choices(("outpatient", "emergency", "inpatient"), (8, 1, 1))[0]
    amounts = [draw.randint(200, 30_000) for _ in range(draw.randint(1, 5))]
    departments = [draw.choice(_DEPARTMENTS) for _ in amounts]
    late = draw.random() < 0.5

    async def journey(city: City, person: Person) -> None:
        if signed:
            await enrol(city, person, channel=channel, pack=pack)
        number, later = city.new_visit(), list[Resend]() if late else None
        await city.adt(institution, "A01" if scene == "inpatient" else "A04", person, number, scene)
        for amount, department in zip(amounts, departments, strict=True):
            lines = [city.new_line(amount, department)]
            await city.dft(institution, person, number, scene, lines, copies=copies, later=later)
        await city.adt(institution, "A03", person, number, scene)
        for again in later or ():
            await again()

    return journey

"""Where a charge's money comes from, and where it goes back to (domain 4)."""

from typing import Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import yuan
from hub.simulate.journeys.steps import Heard, Journey, asked, enrol, named, prepay, visit
from hub.simulate.persons import Person


async def topped_up_and_refunded(city: City, person: Person) -> Heard:
    """Money is paid in advance twice; a charge takes part of it; what is left goes back, and not a fen more."""
    agreement = await enrol(city, person)
    await prepay(city, person, "XMZSH", 5_000)
    await prepay(city, person, "XMZSH", 7_000, receipt="B")
    await visit(city, person, "XMZSH", [city.new_line(4_000)])
    await city.pause(1)
    body = {"person": named(person), "institution": "XMZSH", "reference": "left"}
    more = await asked(city, "/prepayment-refunds", {**body, "amount": yuan(8_001)}, f"PX{person.number}")
    rest = await asked(city, "/prepayment-refunds", {**body, "amount": yuan(8_000)}, f"PB{person.number}")
    return {"agreement": agreement, "more": more, "rest": rest}


JOURNEYS: Final[tuple[Journey, ...]] = (topped_up_and_refunded,)

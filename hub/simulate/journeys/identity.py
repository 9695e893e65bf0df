"""Two records of one patient become one: balances and bills move to the survivor (domain 9, protocols 2.1)."""

from typing import Final

from hub.simulate.city import City
from hub.simulate.journeys.steps import PLATFORM, Heard, Journey, prepay, signed, visit
from hub.simulate.persons import Person


async def two_records_merged(city: City, person: Person) -> Heard:
    """A40: prepayment and open bill go over to the surviving record; the bill is debited once, as agreed."""
    retired = city.person(person.number + 1, 680)
    agreement = await signed(city, retired, PLATFORM, 680)
    survivor = await signed(city, person, PLATFORM, 680)
    await prepay(city, retired, "XMDYY", 3_000)
    number = await visit(city, retired, "XMZSH", [city.new_line(14_000)])
    bill = await city.desk.bill_of(agreement, number)
    await city.merge("XMZSH", retired, person)
    moved = await city.desk.until(f"/persons/{survivor[:26]}", lambda found: found["prepayments"] or found["bills"])
    after = await visit(city, retired, "XMZSH", [city.new_line(2_500)])
    await city.pause(80)
    return {
        "agreement": agreement,
        "survivor": survivor,
        "visit": number,
        "bill": bill,
        "moved": moved,
        "after": after,
    }


JOURNEYS: Final[tuple[Journey, ...]] = (two_records_merged,)

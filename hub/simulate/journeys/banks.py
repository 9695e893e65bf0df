"""What banks do: pay the hospital the day after, charge fees within the cap, collect, bear a default (domain 10)."""

from typing import Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import stamp, yuan
from hub.simulate.hl7_messages import Line
from hub.simulate.journeys.counters import until_overdue
from hub.simulate.journeys.steps import CITY_PACK, Heard, Journey, asked, signed, visit
from hub.simulate.persons import Person
from schemas.city_time import city_date

_PAST_FREE_DAYS_HOURS: Final = 75 * 24


async def advanced_by_the_bank(city: City, person: Person) -> Heard:
    """The bank the citizen chose pays the day's credit, less what was taken back, on the next day."""
    agreement = await signed(city, person, CITY_PACK, 680, bank="CCB")
    number, line = city.new_visit(), city.new_line(42_000, "SUR")
    today = city_date(city.clock.city())
    await city.adt("XMDYY", "A04", person, number, "outpatient")
    await city.dft("XMDYY", person, number, "outpatient", [line])
    back = Line(line.key, "CD", line.item, line.item_name, 1, 2_000, line.department, line.order_no)
    await city.dft("XMDYY", person, number, "outpatient", [back])
    await city.adt("XMDYY", "A03", person, number, "outpatient")
    await city.pause(48)
    return {"agreement": agreement, "visit": number, "day": today.isoformat()}


async def collected_by_the_bank(city: City, person: Person) -> Heard:
    """The bank collects a bill and the fee of late days from its customer, never more than both hold."""
    agreement = await signed(city, person, CITY_PACK, 680, bank="ICBC", channel="bank")
    number = await visit(city, person, "XMDYY", [city.new_line(300_000, "SUR")])
    bill = await city.desk.bill_of(agreement, number)
    await city.pause(_PAST_FREE_DAYS_HOURS)
    await until_overdue(city, bill)
    await city.pause(1)  # every day until now has its fee: where the clock leapt over days, they are charged one by one
    path = f"/bills/{bill}/bank-collections"
    at = stamp(city.clock.city())
    more = await asked(city, path, {"serial": "S1", "amount": yuan(300_001), "collected_at": at})
    whole = await asked(city, path, {"serial": "S2", "amount": yuan(300_000), "fee": yuan(1), "collected_at": at})
    return {"agreement": agreement, "bill": bill, "more": more, "whole": whole}


async def default_borne_by_the_bank(city: City, person: Person) -> Heard:
    """Nobody pays: the loss is the bank's, the hospital keeps its money; what comes in later is the bank's too."""
    agreement = await signed(city, person, CITY_PACK, 680, bank="ICBC", channel="bank")
    number = await visit(city, person, "XMDYY", [city.new_line(80_000, "SUR")])
    bill = await city.desk.bill_of(agreement, number)
    note = {"author": "ICBC 0042", "note": "customer not found"}
    early = await asked(city, f"/bills/{bill}/write-offs", note)
    await city.pause(_PAST_FREE_DAYS_HOURS)
    await until_overdue(city, bill)
    lost = await asked(city, f"/bills/{bill}/write-offs", note)
    later = await asked(city, f"/bills/{bill}/recoveries", {"amount": yuan(30_000)})
    return {"agreement": agreement, "bill": bill, "early": early, "lost": lost, "later": later}


JOURNEYS: Final[tuple[Journey, ...]] = (advanced_by_the_bank, collected_by_the_bank, default_borne_by_the_bank)

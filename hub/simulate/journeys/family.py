"""Families: a child on a parent's line, a grown child who repays, and every way in which a link ends (domain 9)."""

from datetime import timedelta
from typing import Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import stamp
from hub.simulate.journeys.counters import Document, linked, unlinked
from hub.simulate.journeys.steps import PLATFORM, Heard, Journey, asked, named, signed, visit
from hub.simulate.persons import Person
from schemas.city_time import city_date

_DEBITED_HOURS: Final = 80
"""Later than the debit at 72 hours, with time for its result."""


async def minor_on_a_parents_line(city: City, parent: Person) -> Heard:
    """A child's charge is held and posted on the parent's line; the parent's contract is debited for it."""
    child = city.person(parent.number + 1, born_on="2018-05-05")
    agreement = await signed(city, parent, PLATFORM, 680)
    link = await linked(city, child, parent, agreement, "minor")
    number = await visit(city, child, "XMZSH", [city.new_line(12_300, "PED")])
    bill = await city.desk.bill_of(agreement, number)
    await city.pause(_DEBITED_HOURS)
    return {"agreement": agreement, "link": link, "visit": number, "bill": bill}


async def child_beyond_a_parents_line(city: City, parent: Person) -> Heard:
    """The line gives what it has; the rest of the child's charge is paid at the window."""
    child = city.person(parent.number + 1, born_on="2019-02-03")
    agreement = await signed(city, parent, PLATFORM, 680)
    link = await linked(city, child, parent, agreement, "minor")
    number = await visit(city, child, "XMZSH", [city.new_line(510_000, "SUR")])
    bill = await city.desk.bill_of(agreement, number)
    return {"agreement": agreement, "link": link, "visit": number, "bill": bill}


async def grown_child_repays(city: City, parent: Person) -> Heard:
    """The parent's line is used, the grown child's contract is debited."""
    child = city.person(parent.number + 1, born_on="1985-08-09")
    agreement = await signed(city, parent, PLATFORM, 680, channel="alipay")
    payer = await signed(city, child, PLATFORM, 680, channel="unionpay")
    link = await linked(city, parent, child, payer, "adult_child")
    number = await visit(city, parent, "XMZSH", [city.new_line(23_400, "INT")])
    bill = await city.desk.bill_of(agreement, number)
    await city.pause(_DEBITED_HOURS)
    return {"agreement": agreement, "payer": payer, "link": link, "visit": number, "bill": bill}


async def unlinked_with_an_open_bill(city: City, parent: Person) -> Heard:
    """Both consent to the end; the open bill stays on the line that bore it, the child's next charge has none."""
    child = city.person(parent.number + 1, born_on="2016-11-12")
    agreement = await signed(city, parent, PLATFORM, 680)
    link = await linked(city, child, parent, agreement, "minor")
    before = await visit(city, child, "XMZSH", [city.new_line(7_700, "PED")])
    bill = await city.desk.bill_of(agreement, before)
    await unlinked(city, link, child, parent, agreement)
    after = await visit(city, child, "XMZSH", [city.new_line(3_300, "PED")])
    await city.pause(_DEBITED_HOURS)
    return {"agreement": agreement, "link": link, "before": before, "bill": bill, "after": after}


async def came_of_age_with_an_open_bill(city: City, parent: Person) -> Heard:
    """At the 18th birthday the open bill moves to the child's own line, and is debited once, from the child."""
    born = city_date(city.clock.city()) + timedelta(days=2)
    child = city.person(parent.number + 1, born_on=f"{born.year - 18}-{born:%m-%d}")
    agreement = await signed(city, parent, PLATFORM, 680)
    own = await signed(city, child, PLATFORM, 680)
    link = await linked(city, child, parent, agreement, "minor")
    number = await visit(city, child, "XMZSH", [city.new_line(6_600, "INT")])
    bill = await city.desk.bill_of(agreement, number)
    await city.pause(50)
    moved = await city.desk.bill_of(own, number)
    await city.pause(_DEBITED_HOURS)
    return {"agreement": agreement, "own": own, "link": link, "visit": number, "bill": bill, "moved": moved}


async def died_with_an_open_bill(city: City, parent: Person) -> Heard:
    """A death ends link and agreement; nothing is debited any more, and the child has no line to be treated on."""
    child = city.person(parent.number + 1, born_on="2015-06-07")
    agreement = await signed(city, parent, PLATFORM, 680)
    link = await linked(city, child, parent, agreement, "minor")
    number = await visit(city, child, "XMZSH", [city.new_line(8_800, "PED")])
    bill = await city.desk.bill_of(agreement, number)
    died = {"person": named(parent), "died_at": stamp(city.clock.city()), "reference": "civil registry"}
    await asked(city, "/deaths", died)
    await city.desk.until(f"/persons/{link[:26]}", _ended)
    after = await visit(city, child, "XMZSH", [city.new_line(2_200, "PED")])
    await city.pause(_DEBITED_HOURS)
    return {"agreement": agreement, "link": link, "visit": number, "bill": bill, "after": after}


def _ended(person: Document) -> bool:
    return all(each["state"] == "ended" for each in person["family"]["members"])


JOURNEYS: Final[tuple[Journey, ...]] = (
    minor_on_a_parents_line,
    child_beyond_a_parents_line,
    grown_child_repays,
    unlinked_with_an_open_bill,
    came_of_age_with_an_open_bill,
    died_with_an_open_bill,
)

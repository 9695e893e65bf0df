"""What is owed and how it is paid: part of it, a named bill, too much, and what comes after the payment (domain 6)."""

from typing import Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import yuan
from hub.simulate.journeys.steps import PLATFORM, Heard, Journey, asked, bill_of, named, repay, signed, visit
from hub.simulate.persons import Person


async def partial_named_and_over(city: City, person: Person) -> Heard:
    """A part pays the oldest bill, a named bill is paid first, what is too much becomes a balance and goes back."""
    agreement = await signed(city, person, PLATFORM, 680)
    older = await visit(city, person, "XMZSH", [city.new_line(30_000)])
    newer = await visit(city, person, "XMDSY", [city.new_line(20_000)])
    part = await repay(city, person, 10_000)
    by_name = await repay(city, person, 20_000, bill_of(agreement, 2))
    over = await repay(city, person, 25_000)
    body = {"person": named(person), "reference": "over"}
    more = await asked(city, "/balance-refunds", {**body, "amount": yuan(5_001)})
    back = await asked(city, "/balance-refunds", {**body, "amount": yuan(5_000)})
    heard = {"part": part, "named": by_name, "over": over, "more": more, "back": back}
    return {"agreement": agreement, "older": older, "newer": newer, **heard}


async def supplementary_after_payment(city: City, person: Person) -> Heard:
    """A charge that comes after the bill was debited stands on a bill of its own, with its own clocks.

    The first bill is of 1.14, which the gateway always pays.
    """
    agreement = await signed(city, person, PLATFORM, 680, channel="unionpay")
    number = await visit(city, person, "XMZSH", [city.new_line(114)])
    await city.pause(80)
    await city.dft("XMZSH", person, number, "outpatient", [city.new_line(1_700, "RAD")])
    return {"agreement": agreement, "visit": number}


JOURNEYS: Final[tuple[Journey, ...]] = (partial_named_and_over, supplementary_after_payment)

"""Debits of which a channel's own bill file tells otherwise: the clerk finds and names each (domain 11).

The amounts are the sandbox gateways' sentinels: what they do to the files stands in `adapters.sandbox.bills`.
"""

import asyncio
from typing import Final

from hub.simulate.city import City
from hub.simulate.journeys.steps import PLATFORM, Heard, Journey, signed, visit
from hub.simulate.persons import Person

_TOLD: Final = {
    "next_day": ("alipay", 124),
    "refund_only_there": ("alipay", 128),
    "a_fen_more": ("unionpay", 126),
    "broken_at_first": ("unionpay", 127),
}


async def told_otherwise_by_the_channels(city: City, person: Person) -> Heard:
    """One debit stands in the next day's file, one was also refunded there, one is a fen more, one breaks the file."""
    people = [city.person(person.number + n, 680) for n in range(len(_TOLD))]
    bills = await asyncio.gather(*(_billed(city, who, *_TOLD[told]) for who, told in zip(people, _TOLD, strict=True)))
    await city.pause(72 + 48)
    return dict(zip(_TOLD, bills, strict=True))


async def _billed(city: City, person: Person, channel: str, fen: int) -> str:
    agreement = await signed(city, person, PLATFORM, 680, channel=channel)
    number = await visit(city, person, "XMZSH", [city.new_line(fen, "PHA")])
    return await city.desk.bill_of(agreement, number)


JOURNEYS: Final[tuple[Journey, ...]] = (told_otherwise_by_the_channels,)

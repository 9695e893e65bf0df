"""What is owed and how it is paid: part of it, a named bill, too much, and what comes after the payment (domain 6)."""

from typing import Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import yuan
from hub.simulate.journeys.steps import CITY_PACK, PLATFORM, Heard, Journey, asked, bill_of, named, repay, signed, visit
from hub.simulate.persons import Person

_HOURS_TO_DEBIT: Final = 80
"""Later than 72 h after the discharge, with time for the gateway's word."""
_HOURS_TO_STATEMENT: Final = 113
"""From the demo's first morning until the 5th of its month is over."""


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
    await city.pause(_HOURS_TO_DEBIT)
    await city.dft("XMZSH", person, number, "outpatient", [city.new_line(1_700, "RAD")])
    return {"agreement": agreement, "visit": number}


async def second_channel_by_consent(city: City, person: Person) -> Heard:
    """The person's first contract is dead at its gateway: the second one, consented to before, is debited next.

    A bill of 1.04 finds no contract at either gateway.
    """
    return await _two_channels(city, person, 104)


async def second_channel_pays(city: City, person: Person) -> Heard:
    """The first contract is dead at its gateway, the second one pays: a bill of 1.33 is dead at Alipay only."""
    return await _two_channels(city, person, 133)


async def _two_channels(city: City, person: Person, fen: int) -> Heard:
    agreement = await signed(city, person, PLATFORM, 680)
    second = {"kind": "second_channel", "channel": "unionpay", "channel_agreement": f"UP{person.number:010d}"}
    body = {"sources": [second], "consent_version": "2026-01"}
    consented = await asked(city, f"/agreements/{agreement}/repayment-sources", body)
    number = await visit(city, person, "XMZSH", [city.new_line(fen)])
    await city.pause(_HOURS_TO_DEBIT)
    return {"agreement": agreement, "consented": consented, "visit": number}


async def frozen_and_freed(city: City, person: Person) -> Heard:
    """A frozen bill is not debited at its time; two different people free it, then it is."""
    agreement = await signed(city, person, PLATFORM, 680)
    number = await visit(city, person, "XMZSH", [city.new_line(114)])
    bill, word = bill_of(agreement), {"author": "desk-1", "note": "disputed"}
    frozen = await asked(city, f"/bills/{bill}/freezes", word)
    await city.pause(_HOURS_TO_DEBIT)
    first = await asked(city, f"/bills/{bill}/unfreezes", word)
    same = await asked(city, f"/bills/{bill}/unfreezes", word)
    other = await asked(city, f"/bills/{bill}/unfreezes", {**word, "author": "desk-2"})
    return {"agreement": agreement, "visit": number, "frozen": frozen, "first": first, "same": same, "other": other}


async def billed_by_the_month(city: City, person: Person) -> Heard:
    """A bank that bills on the 5th puts two visits on one statement, with one due date."""
    agreement = await signed(city, person, CITY_PACK, 680, bank="XIB")
    visits = [await visit(city, person, "XMDSY", [city.new_line(fen)]) for fen in (9_000, 11_000)]
    await city.pause(_HOURS_TO_STATEMENT)
    return {"agreement": agreement, "first": visits[0], "second": visits[1]}


JOURNEYS: Final[tuple[Journey, ...]] = (
    partial_named_and_over,
    supplementary_after_payment,
    second_channel_by_consent,
    second_channel_pays,
    frozen_and_freed,
    billed_by_the_month,
)

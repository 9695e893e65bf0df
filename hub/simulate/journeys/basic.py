"""Planted journeys that show each feature of a basic visit once; a second arithmetic in the chaos tests follows them.

Amounts of bills between 1.01 and 1.49 yuan are the sandbox gateways' sentinels: they force one outcome of the debit.
"""

from hub.simulate import fhir_messages
from hub.simulate.city import City, Resend
from hub.simulate.fhir_messages import yuan
from hub.simulate.hl7_messages import Line
from hub.simulate.journeys.steps import CITY_PACK, Heard, Journey, enrol, insure, prepay, visit
from hub.simulate.persons import Person


async def every_source_pays(city: City, person: Person) -> Heard:
    """Insurance account, prepayment and credit pay one charge of 475.00 (domain 4.2, row 1)."""
    await enrol(city, person)
    await insure(city, person, 10_000)
    await prepay(city, person, "XMZSH", 5_000)
    return {"visit": await visit(city, person, "XMZSH", [city.new_line(47_500)])}


async def no_agreement_pays_at_the_window(city: City, person: Person) -> Heard:
    """Without an agreement the rest is self-pay."""
    return {"visit": await visit(city, person, "XMDYY", [city.new_line(8_800, "RAD")])}


async def city_pack_gives_its_tier(city: City, person: Person) -> Heard:
    """The pack of 2023 gives everyone a line by tier and debits on the bank's due date."""
    await enrol(city, person, channel="unionpay", pack=CITY_PACK)
    return {"visit": await visit(city, person, "XMDSY", [city.new_line(32_500, "PHA")])}


def debit_of(amount_fen: int, channel: str, institution: str = "XMZSH") -> Journey:
    """Return a journey whose bill is exactly `amount_fen`, debited through `channel`."""

    async def journey(city: City, person: Person) -> Heard:
        await enrol(city, person, channel=channel)
        return {
            "visit": await visit(city, person, institution, [city.new_line(amount_fen, "PHA")]),
        }

    journey.__name__ = f"debit_of_{amount_fen}_{channel}"
    journey.__doc__ = f"A bill of {amount_fen} fen, debited through {channel}."
    return journey


async def reversal_in_the_visit(city: City, person: Person) -> Heard:
    """A line is charged and partly taken back by a credit that names it."""
    await enrol(city, person)
    number, line = city.new_visit(), city.new_line(10_000, "PHA", quantity=4)
    await city.adt("XMZSH", "A04", person, number, "outpatient")
    await city.dft("XMZSH", person, number, "outpatient", [line])
    back = Line(line.key, "CD", line.item, line.item_name, 1, line.unit_fen, line.department, line.order_no)
    await city.dft("XMZSH", person, number, "outpatient", [back])
    await city.adt("XMZSH", "A03", person, number, "outpatient")
    return {"visit": number}


async def refused_lines(city: City, person: Person) -> Heard:
    """A line that does not multiply is refused at the edge; a credit above its charge is refused by the books."""
    await enrol(city, person)
    number, line = city.new_visit(), city.new_line(3_000)
    await city.dft("XMDYY", person, number, "outpatient", [line])
    wrong = [city.new_line(1_834, quantity=14)]
    message = city.writer("XMDYY").dft(person, number, "outpatient", city.clock.city(), wrong)
    bad = await city.raw_hl7("XMDYY", message.replace(b"|256.76&CNY|", b"|257.67&CNY|"), {"kind": "bad dft"})
    too_much = Line(line.key, "CD", line.item, line.item_name, 1, 9_999, line.department, line.order_no)
    await city.dft("XMDYY", person, number, "outpatient", [too_much])
    return {"visit": number, "bad": bad.body.decode()}


async def late_charge(city: City, person: Person) -> Heard:
    """A charge after discharge and before the debit revises the bill."""
    await enrol(city, person, channel="unionpay")
    number = await visit(city, person, "XMZSH", [city.new_line(6_000)])
    await city.pause(3)
    await city.dft("XMZSH", person, number, "outpatient", [city.new_line(1_500, "RAD")])
    return {"visit": number}


async def refunded_after_the_debit(city: City, person: Person) -> Heard:
    """A line is taken back when its bill was already debited: the money returns to where it came from."""
    await enrol(city, person)
    line = city.new_line(4_400, "PHA")
    number = await visit(city, person, "XMZSH", [line])
    await city.pause(80)
    back = Line(line.key, "CD", line.item, line.item_name, 1, line.unit_fen, line.department, line.order_no)
    await city.dft("XMZSH", person, number, "outpatient", [back])
    return {"visit": number}


async def number_linked_later(city: City, person: Person) -> Heard:
    """The hospital's own number collects a charge and a prepayment before it is linked to the citizen."""
    await enrol(city, person)
    first = city.new_visit()
    await city.dft("XMFYB", person, first, "outpatient", [city.new_line(2_000), city.new_line(3_000, kind="PY")])
    second = city.new_visit()
    await city.adt("XMFYB", "A04", person, second, "outpatient", link=True)
    await city.dft("XMFYB", person, second, "outpatient", [city.new_line(9_000, "PED")])
    await city.adt("XMFYB", "A03", person, second, "outpatient")
    return {"first": first, "second": second}


async def repaid_before_the_debit(city: City, person: Person) -> Heard:
    """The person pays at a counter before the 72 hours are over: nothing is debited."""
    await enrol(city, person)
    number = await visit(city, person, "XMZSH", [city.new_line(7_700)])
    await city.pause(6)
    body = {
        "person": {"citizen_id": person.citizen_id},
        "amount": yuan(7_700),
        "method": "counter",
        "receipt_no": "RC1",
    }
    meaning = {"kind": "repayment", "person": person.number, "amount_fen": 7_700}
    await city.api("/repayments", body, f"RP{person.number}", meaning)
    return {"visit": number}


async def settled_by_insurance(city: City, person: Person) -> Heard:
    """A FHIR hospital holds its lines until the insurer's ClaimResponse splits them (domain 4.2, row 3)."""
    institution, number = "XMXZY", city.new_visit()
    await enrol(city, person)
    await insure(city, person, 10_000)
    at = city.clock.city
    await city.fhir(
        institution, fhir_messages.encounter(institution, person, number, "outpatient", "in-progress", at())
    )
    key = city.new_line(1).key
    await city.fhir(institution, fhir_messages.charge_item(institution, person, number, key, 80_000, at()))
    split = {"total": 80_000, "fund": 50_000, "account": 6_000, "other": 0, "cash": 24_000}
    await city.fhir(institution, fhir_messages.claim_response(institution, person, number, split, at()))
    await city.fhir(institution, fhir_messages.encounter(institution, person, number, "outpatient", "finished", at()))
    return {"visit": number}


async def fhir_visit(city: City, person: Person) -> Heard:
    """A visit told in FHIR resources, one of them posted twice."""
    institution, number = "XMDYY", city.new_visit()
    await enrol(city, person, channel="unionpay")
    at = city.clock.city
    await city.fhir(institution, fhir_messages.patient(institution, person))
    await city.fhir(
        institution, fhir_messages.encounter(institution, person, number, "outpatient", "in-progress", at())
    )
    item = fhir_messages.charge_item(institution, person, number, city.new_line(1).key, 4_250, at())
    await city.fhir(institution, item, copies=1)
    await city.fhir(institution, fhir_messages.encounter(institution, person, number, "outpatient", "finished", at()))
    return {"visit": number}


async def resent_by_the_engine(city: City, person: Person) -> Heard:
    """One DFT arrives twice at once, another again and again after the discharge: each is booked once."""
    await enrol(city, person)
    number, later = city.new_visit(), list[Resend]()
    await city.dft("XMDSY", person, number, "emergency", [city.new_line(5_100, "SUR")], copies=1)
    await city.dft("XMDSY", person, number, "emergency", [city.new_line(2_300, "LAB")], copies=2, later=later)
    await city.adt("XMDSY", "A03", person, number, "emergency")
    for again in later:
        await again()
    return {"visit": number}


PLANTED: tuple[Journey, ...] = (
    debit_of(102, "alipay"),
    debit_of(110, "alipay"),
    debit_of(102, "unionpay"),
    debit_of(110, "unionpay"),
    debit_of(114, "alipay"),
    every_source_pays,
    refunded_after_the_debit,
    late_charge,
    number_linked_later,
    repaid_before_the_debit,
    reversal_in_the_visit,
    settled_by_insurance,
    fhir_visit,
    no_agreement_pays_at_the_window,
    city_pack_gives_its_tier,
    refused_lines,
    resent_by_the_engine,
    debit_of(810, "alipay"),
    debit_of(810, "unionpay"),
)
"""Played first, all at once, so that their bills close within seconds and are debited while a short demo runs."""

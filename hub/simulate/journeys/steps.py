"""The steps journeys are made of; each sends real messages and returns what its sender learns."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import stamp, yuan
from hub.simulate.hl7_messages import Line
from hub.simulate.persons import Person
from hub.simulate.wires import Answer

PLATFORM: Final = "xiamen-platform-2024"
CITY_PACK: Final = "xiamen-city-2023"
Heard = dict[str, Any]
"""What the senders of a journey were told, by a name of their own: ids, answers. Nothing in it is computed here."""
Journey = Callable[[City, Person], Coroutine[Any, Any, Heard | None]]
"""What happens to one person, told as messages; it ends when its last answer has come."""


async def enrol(city: City, person: Person, *, channel: str = "alipay", pack: str = PLATFORM) -> str:
    """Sign an agreement and push the score it is computed from; return the agreement's id."""
    body = {
        "person": {"citizen_id": person.citizen_id, "name": person.family_name + person.given_name},
        "pack": pack,
        "bank": "ICBC",
        "channel": channel,
        "channel_agreement": f"AG{person.number:010d}",
        "score_consents": ["egret"],
        "consent_version": "2026-01",
        "consent_until": stamp(city.clock.city() + 400 * 86_400_000),
    }
    meaning = {"kind": "agreement", "person": person.number, "pack": pack, "channel": channel}
    answer = await city.api("/agreements", body, f"AG{person.number}", meaning)
    await city.scores.push(person, city.clock.city())
    return str(answer.document.get("agreement", ""))


async def insure(city: City, person: Person, amount_fen: int) -> None:
    """Credit the personal insurance account the hub keeps."""
    body = {"person": {"citizen_id": person.citizen_id}, "amount": yuan(amount_fen), "reference": f"IN{person.number}"}
    meaning = {"kind": "insurance_deposit", "person": person.number, "amount_fen": amount_fen}
    await city.api("/insurance-deposits", body, f"IN{person.number}-{amount_fen}", meaning)


async def prepay(city: City, person: Person, institution: str, amount_fen: int, *, receipt: str = "") -> Answer:
    """Pay in advance to one institution; each payment has a receipt of its own."""
    body = {
        "person": {"citizen_id": person.citizen_id},
        "institution": institution,
        "amount": yuan(amount_fen),
        "receipt_no": f"PR{person.number}{receipt}",
    }
    meaning = {"kind": "prepayment", "person": person.number, "institution": institution, "amount_fen": amount_fen}
    return await city.api("/prepayments", body, f"PR{person.number}-{institution}-{amount_fen}", meaning)


async def visit(city: City, person: Person, institution: str, lines: list[Line], *, scene: str = "outpatient") -> str:
    """Register, charge, discharge over HL7; return the visit number."""
    number = city.new_visit()
    await city.adt(institution, "A01" if scene == "inpatient" else "A04", person, number, scene)
    await city.dft(institution, person, number, scene, lines)
    await city.adt(institution, "A03", person, number, scene)
    return number


def named(person: Person) -> dict[str, str]:
    """Return a person as a body names one."""
    return {"citizen_id": person.citizen_id}


async def asked(city: City, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """Post to the JSON API under a key of the journey's own; return the answer's document, a problem's included."""
    return (await city.api(path, body, key, {"kind": f"api {path}"})).document

"""The steps journeys are made of; each sends real messages and returns what its sender learns."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from hub.simulate import fhir_messages
from hub.simulate.city import City
from hub.simulate.fhir_messages import stamp, yuan
from hub.simulate.hl7_messages import Line
from hub.simulate.persons import Person
from schemas.city_time import DAY_MS
from schemas.ids import ACCOUNT_LENGTH, make_id

_PENDING_SECONDS: Final = 0.5
PLATFORM: Final = "xiamen-platform-2024"
CITY_PACK: Final = "xiamen-city-2023"
ZHONGSHAN: Final = "zhongshan-2021"
PILOT: Final = "zhongshan-pilot-2020"
STOMATOLOGY: Final = "stomatology-2020"
PINGTAN: Final = "pingtan-2025"
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


async def prepay(city: City, person: Person, institution: str, amount_fen: int, *, receipt: str = "") -> None:
    """Pay in advance to one institution; each payment has a receipt of its own."""
    body = {
        "person": {"citizen_id": person.citizen_id},
        "institution": institution,
        "amount": yuan(amount_fen),
        "receipt_no": f"PR{person.number}{receipt}",
    }
    meaning = {"kind": "prepayment", "person": person.number, "institution": institution, "amount_fen": amount_fen}
    await city.api("/prepayments", body, f"PR{person.number}-{institution}-{amount_fen}", meaning)


async def visit(city: City, person: Person, institution: str, lines: list[Line], *, scene: str = "outpatient") -> str:
    """Register, charge, discharge over HL7; return the visit number."""
    number = city.new_visit()
    await city.adt(institution, "A01" if scene == "inpatient" else "A04", person, number, scene)
    await city.dft(institution, person, number, scene, lines)
    await city.adt(institution, "A03", person, number, scene)
    return number


async def fhir_visit(
    city: City,
    person: Person,
    institution: str,
    scene: str,
    amounts: Sequence[int],
    split: dict[str, int] | None = None,
) -> str:
    """Tell a visit in FHIR: begun, one ChargeItem an amount, the insurer's split, finished; return its number."""
    number, at = city.new_visit(), city.clock.city
    await city.fhir(institution, fhir_messages.encounter(institution, person, number, scene, "in-progress", at()))
    for amount in amounts:
        key = city.new_line(1).key
        await city.fhir(institution, fhir_messages.charge_item(institution, person, number, key, amount, at()))
    if split is not None:
        await city.fhir(institution, fhir_messages.claim_response(institution, person, number, split, at()))
    await city.fhir(institution, fhir_messages.encounter(institution, person, number, scene, "finished", at()))
    return number


def named(person: Person) -> dict[str, str]:
    """Return a person as a body names one."""
    return {"citizen_id": person.citizen_id}


async def asked(city: City, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Post to the JSON API under a new key, again while the answer is not yet decided; return what it says.

    The document of a refusal is the problem, with its `code`.
    """
    key, meaning = city.new_key(), {"kind": f"api {path}"}
    while True:
        document = (await city.api(path, body, key, meaning)).document
        if document.get("outcome") != "PENDING":
            return document
        await asyncio.sleep(_PENDING_SECONDS)


async def sign(city: City, person: Person, pack: str, **terms: Any) -> dict[str, Any]:
    """Ask for an agreement under a pack; `terms` replace members of the usual body. Return the answer."""
    body = {
        "person": {**named(person), "name": person.family_name + person.given_name},
        "pack": pack,
        "bank": "",
        "channel": "alipay",
        "channel_agreement": f"AG{person.number:010d}",
        "score_consents": ["egret"],
        "consent_version": "2026-01",
        "consent_until": stamp(city.clock.city() + 400 * DAY_MS),
    }
    return await asked(city, "/agreements", {**body, **terms})


async def signed(city: City, person: Person, pack: str, score: int, **terms: Any) -> str:
    """Sign under a pack, push a score, return the agreement's id; empty where it was refused."""
    answer = await sign(city, person, pack, **terms)
    await city.scores.push(person, city.clock.city(), score)
    return str(answer.get("agreement", ""))


async def at_kiosk(city: City, institution: str, scene: str = "outpatient", **who: Any) -> dict[str, Any]:
    """Ask a kiosk's one question; `who` is `person`, `insurance_card` or `e_health_code`. Return its one answer."""
    return await asked(city, "/eligibility-checks", {"institution": institution, "scene": scene, **who})


async def link_card(city: City, person: Person, institution: str, **card: str) -> dict[str, Any]:
    """Link an `insurance_card` or `e_health_code` at a counter of an institution; return the answer."""
    body = {"person": named(person), "institution": institution, "author": "counter-07", **card}
    return await asked(city, "/insurance-links", body)


async def repay(city: City, person: Person, amount_fen: int, bill: str = "") -> dict[str, Any]:
    """Pay at a counter: the named bill, or the oldest one; return the answer."""
    body = {"person": named(person), "amount": yuan(amount_fen), "method": "counter", "receipt_no": city.new_key()}
    return await asked(city, "/repayments", {**body, "bill": bill} if bill else body)


def bill_of(agreement: str, number: int = 1) -> str:
    """Return the id of a person's n-th bill, as it stands on the bill; the account is known from the agreement."""
    return make_id(agreement[:ACCOUNT_LENGTH], "B", number)


def taken_back(city: City, line: Line, amount_fen: int) -> Line:
    """Return a credit of its own key that takes back so much of a line."""
    return replace(
        line, key=city.new_line(1).key, kind="CD", quantity=1, unit_fen=amount_fen, order_no="", reverses_key=line.key
    )

"""What each public programme asks and gives, where it differs from the others (domain 3)."""

from typing import Any, Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import stamp
from hub.simulate.journeys.steps import (
    PILOT,
    PINGTAN,
    STOMATOLOGY,
    ZHONGSHAN,
    Heard,
    Journey,
    asked,
    at_kiosk,
    bill_of,
    fhir_visit,
    insure,
    link_card,
    named,
    repay,
    sign,
    signed,
    visit,
)
from hub.simulate.persons import Person
from schemas.city_time import DAY_MS

_SUMMER_2021: Final = 1_624_154_400_000
"""2021-06-20 10:00 +08: the first pilot was in force."""


async def everyone_is_served(city: City, person: Person) -> Heard:
    """A patient without any score is served; the city's score then decides, and an older one changes nothing."""
    agreement = str((await sign(city, person, ZHONGSHAN)).get("agreement", ""))
    unscored = await visit(city, person, "XMZSH", [city.new_line(60_000, "INT")])
    now = city.clock.city()
    newer = await city.scores.push(person, now, 600)
    older = await city.scores.push(person, now - DAY_MS, 700)
    scored = await visit(city, person, "XMZSH", [city.new_line(70_000, "INT")])
    heard = {"newer": newer.status, "older": older.status}
    return {"agreement": agreement, "unscored": unscored, "scored": scored, **heard}


async def scores_by_precedence(city: City, person: Person) -> Heard:
    """A bank's score gives a line, a Sesame score overrides it, the city's own score overrides both, though lower."""
    terms = {"bank": "ICBC", "score_consents": ["egret", "sesame", "bank"]}
    agreement = str((await sign(city, person, ZHONGSHAN, **terms)).get("agreement", ""))
    for source, score in (("bank-icbc", 65), ("sesame", 700), ("egret", 560)):
        await city.sources[source].push(person, city.clock.city(), score)
    return {"agreement": agreement}


async def pilot_visit_told_late(city: City, person: Person) -> Heard:
    """A visit of the first pilot is told years later: it stands under the pack of its day, until 23:00 of the next."""
    await link_card(city, person, "XMZSH", insurance_card=f"XM{person.number}")
    then = stamp(_SUMMER_2021 - 10 * DAY_MS)
    agreement = await signed(city, person, PILOT, 590, signed_at=then)
    number = city.new_visit()
    await city.dft("XMZSH", person, number, "outpatient", [city.new_line(210_000, "SUR")], happened_at=_SUMMER_2021)
    await city.adt("XMZSH", "A03", person, number, "outpatient", happened_at=_SUMMER_2021)
    paid = await repay(city, person, 200_000, bill_of(agreement))
    return {"agreement": agreement, "visit": number, "paid": paid}


async def clean_record_first(city: City, person: Person) -> Heard:
    """The stomatological hospital signs nobody with a dishonesty record; cleared, the patient has three days.

    A new record bars the patient again.
    """
    await link_card(city, person, "XMKQY", insurance_card=f"XM{person.number}")
    record = {"person": named(person), "reference": f"SX{person.number}", "author": "register", "reason": "court"}
    await asked(city, "/dishonesty-records", record)
    refused = await sign(city, person, STOMATOLOGY)
    await asked(city, "/dishonesty-records", {**record, "cleared": True})
    agreement = await signed(city, person, STOMATOLOGY, 650)
    number = await visit(city, person, "XMKQY", [city.new_line(30_000, "SUR")])
    await asked(city, "/dishonesty-records", record)
    kiosk = await at_kiosk(city, "XMKQY", person=named(person))
    return {"agreement": agreement, "refused": refused, "kiosk": kiosk, "visit": number}


async def insurance_credit_checked(city: City, person: Person) -> Heard:
    """On the island a kiosk says, step by step, what is missing: the card, the insurer's check, the agreement."""
    first = await at_kiosk(city, "PTYY", person=named(person))
    await link_card(city, person, "PTYY", insurance_card=f"PT{person.number}")
    unchecked = await sign(city, person, PINGTAN)
    await _check_insurance_credit(city, person, passed=False)
    failed = await sign(city, person, PINGTAN)
    kiosk = await at_kiosk(city, "PTYY", person=named(person))
    await city.pause(1)
    await _check_insurance_credit(city, person, passed=True)
    agreement = await sign(city, person, PINGTAN)
    last = await at_kiosk(city, "PTYY", insurance_card=f"PT{person.number}")
    heard = {"first": first, "unchecked": unchecked, "failed": failed, "kiosk": kiosk, "last": last}
    return {"agreement": str(agreement.get("agreement", "")), **heard}


async def settled_as_a_whole_in_hl7(city: City, person: Person) -> Heard:
    """Medicine, a test and a small procedure wait; the discharge settles all of it as one charge with one bill."""
    agreement = await _enrolled_on_the_island(city, person, "PTYY")
    await insure(city, person, 5_000)
    number = city.new_visit()
    await city.adt("PTYY", "A04", person, number, "outpatient")
    for amount, department in ((4_000, "PHA"), (12_000, "LAB"), (9_000, "SUR")):
        await city.dft("PTYY", person, number, "outpatient", [city.new_line(amount, department)])
    await city.adt("PTYY", "A03", person, number, "outpatient")
    return {"agreement": agreement, "visit": number}


async def settled_as_a_whole_in_fhir(city: City, person: Person) -> Heard:
    """A village clinic tells the same in FHIR; the insurer's ClaimResponse splits the whole visit before its end."""
    agreement = await _enrolled_on_the_island(city, person, "PTWSS")
    split = {"total": 15_000, "fund": 9_000, "account": 2_000, "other": 0, "cash": 4_000}
    number = await fhir_visit(city, person, "PTWSS", "outpatient", [8_000, 7_000], split)
    return {"agreement": agreement, "visit": number}


async def _enrolled_on_the_island(city: City, person: Person, institution: str) -> str:
    await link_card(city, person, institution, insurance_card=f"PT{person.number}")
    await _check_insurance_credit(city, person, passed=True)
    return str((await sign(city, person, PINGTAN)).get("agreement", ""))


async def _check_insurance_credit(city: City, person: Person, *, passed: bool) -> dict[str, Any]:
    body = {"person": named(person), "passed": passed, "reference": f"YB{person.number}"}
    return await asked(city, "/insurance-credit-checks", body)


JOURNEYS: Final[tuple[Journey, ...]] = (
    everyone_is_served,
    scores_by_precedence,
    pilot_visit_told_late,
    clean_record_first,
    insurance_credit_checked,
    settled_as_a_whole_in_hl7,
    settled_as_a_whole_in_fhir,
)

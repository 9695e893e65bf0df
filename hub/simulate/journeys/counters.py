"""Steps at counters: what clerks, funders and families ask of the hub, and what they look up before."""

from typing import Any, Final, Literal

from hub.simulate.city import City
from hub.simulate.fhir_messages import yuan
from hub.simulate.journeys.steps import asked, named
from hub.simulate.persons import Person

CONSENT: Final = "2026-01"
Document = dict[str, Any]


async def repaid(city: City, bill: str, amount_fen: int) -> Document:
    """Pay a bill at a counter."""
    return await asked(city, f"/bills/{bill}/repayments", {"amount": yuan(amount_fen), "method": "counter"})


async def until_overdue(city: City, *bills: str) -> None:
    """Wait until the page shows these bills overdue, as the clerk's list does."""
    for bill in bills:
        await city.desk.until(f"/bills/{bill}", lambda found: bool(found["overdue"]))


async def confirmed(city: City, proposal: str, author: str) -> Document:
    """Confirm as this person what somebody proposed."""
    return await asked(city, f"/approvals/{proposal}/confirmations", {"author": author})


async def linked(city: City, dependent: Person, payer: Person, payer_agreement: str, relation: str) -> str:
    """Ask for a link as the one to be paid for, consent as the payer; return the link once both sides have it."""
    ask = {"person": named(dependent), "other": named(payer), "relation": relation, "role": "dependent"}
    link = str((await asked(city, "/family-links", {**ask, "consent_version": CONSENT}))["id"])
    await _until_link(city, payer_agreement, link, "offered")
    consent = {"person": named(payer), "accept": True, "consent_version": CONSENT}
    await asked(city, f"/family-links/{link}/answers", consent)
    await _until_link(city, link, link, "active")
    return link


async def unlinked(city: City, link: str, dependent: Person, payer: Person, payer_agreement: str) -> None:
    """End a family link by the consent of both; return once both sides have ended it."""
    await asked(city, f"/family-links/{link}/ends", {"person": named(dependent), "consent_version": CONSENT})
    await _until_link(city, payer_agreement, link, "active", ending="offered")
    consent = {"person": named(payer), "accept": True, "consent_version": CONSENT}
    await asked(city, f"/family-links/{link}/end-answers", consent)
    await _until_link(city, link, link, "ended")


async def _until_link(
    city: City, account_of: str, link: str, state: Literal["offered", "active", "ended"], *, ending: str = ""
) -> None:
    def there(person: Document) -> bool:
        members = (person.get("family") or {}).get("members", ())
        found: Document = next((each for each in members if each["link"] == link), {})
        return found.get("state") == state and (not ending or found.get("ending") == ending)

    await city.desk.until(f"/persons/{account_of[:26]}", there)

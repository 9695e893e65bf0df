"""Hardship: a third party pays a bill by two people's word, and nothing becomes overdue while a case is open."""

from typing import Any, Final

from hub.simulate.city import City
from hub.simulate.fhir_messages import yuan
from hub.simulate.journeys.steps import ZHONGSHAN, Heard, Journey, asked, signed, visit
from hub.simulate.persons import Person

_TERM_HOURS: Final = 7 * 24 + 2


async def _opened(city: City, person: Person, kind: str, fen: int, **terms: Any) -> tuple[str, str, str]:
    """Treat a patient in hardship and open a case; return agreement, bill and case."""
    agreement = await signed(city, person, ZHONGSHAN, 680, debit_consent=False)
    number = await visit(city, person, "XMZSH", [city.new_line(fen)])
    bill = await city.desk.bill_of(agreement, number)
    body = {"kind": kind, "author": "E. Gao", "reason": "household without income", **terms}
    return agreement, bill, str((await asked(city, f"/bills/{bill}/relief-cases", body))["id"])


async def civil_affairs_pay(city: City, person: Person) -> Heard:
    """The term passes while the case is open; the office pays all of it, and nothing was ever overdue."""
    agreement, bill, case = await _opened(city, person, "civil_affairs", 31_000)
    alone = await asked(city, f"/relief-cases/{case}/approvals", {"author": "E. Gao"})
    await city.pause(_TERM_HOURS)
    open_bill = await city.desk.read(f"/bills/{bill}")
    approved = await asked(city, f"/relief-cases/{case}/approvals", {"author": "F. He"})
    return {
        "agreement": agreement,
        "bill": bill,
        "case": case,
        "alone": alone,
        "meanwhile": open_bill,
        "approved": approved,
    }


async def insurance_claim_pays_part(city: City, person: Person) -> Heard:
    """A claim pays 120.00 of 200.00; the patient owes the rest within what is left of the term."""
    agreement, bill, case = await _opened(city, person, "insurance_claim", 20_000, amount=yuan(12_000))
    approved = await asked(city, f"/relief-cases/{case}/approvals", {"author": "F. He"})
    return {"agreement": agreement, "bill": bill, "case": case, "approved": approved}


async def fiscal_backstop_refused(city: City, person: Person) -> Heard:
    """A case that is refused only stopped the clock: the term goes on, and ends unpaid."""
    agreement, bill, case = await _opened(city, person, "fiscal", 15_000)
    await city.pause(_TERM_HOURS)
    closure = {"state": "refused", "author": "F. He", "reason": "income found"}
    closed = await asked(city, f"/relief-cases/{case}/closures", closure)
    after = await city.desk.until(f"/relief-cases/{case}", lambda found: found["state"] == "refused")
    resumed = await city.desk.read(f"/bills/{bill}")
    await city.pause(_TERM_HOURS)
    return {
        "agreement": agreement,
        "bill": bill,
        "case": case,
        "closed": closed,
        "refused": after,
        "resumed": resumed,
    }


JOURNEYS: Final[tuple[Journey, ...]] = (civil_affairs_pay, insurance_claim_pays_part, fiscal_backstop_refused)

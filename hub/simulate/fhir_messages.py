"""The resources a FHIR hospital sends: Patient, Encounter, ChargeItem, ClaimResponse of R4 (protocols 3.3, 3.4)."""

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

from hub.simulate.persons import POINT_OF_CARE, Person

_CITY_ZONE = timezone(timedelta(hours=8))
_CLASS = {"outpatient": "AMB", "emergency": "EMER", "inpatient": "IMP", "internet": "VR"}


def patient(institution: str, person: Person) -> dict[str, Any]:
    """Return a Patient with the citizen id and the hospital number."""
    return {
        "resourceType": "Patient",
        "identifier": [
            _typed("NI", "urn:nhsa:citizen-id", person.citizen_id),
            _typed("MR", f"urn:xm:{institution.lower()}:mrn", f"P{person.number:07d}"),
        ],
        "name": [{"family": person.family_name, "given": [person.given_name]}],
        "birthDate": person.birth_on,
        "gender": "male" if person.sex == "M" else "female",
    }


def encounter(institution: str, person: Person, visit: str, scene: str, status: str, at: int) -> dict[str, Any]:
    """Return an Encounter; `status` is `in-progress` or `finished`."""
    period = {"start": stamp(at)} if status == "in-progress" else {"start": stamp(at), "end": stamp(at)}
    return {
        "resourceType": "Encounter",
        "identifier": [{"system": f"urn:xm:{institution.lower()}:visit", "value": visit}],
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": _CLASS[scene]},
        "subject": _subject(person),
        "serviceType": {"coding": [{"code": POINT_OF_CARE[scene]}]},
        "period": period,
    }


def charge_item(institution: str, person: Person, visit: str, key: str, amount_fen: int, at: int) -> str:
    """Return a ChargeItem as JSON text; amounts are written digit by digit, never through a float."""
    resource = {
        "resourceType": "ChargeItem",
        "identifier": [{"system": f"urn:xm:{institution.lower()}:ft1", "value": key}],
        "status": "billable",
        "code": {"coding": [{"system": "urn:nhsa:item", "code": "250101015", "display": "血细胞分析"}]},
        "subject": _subject(person),
        "context": {"identifier": {"system": f"urn:xm:{institution.lower()}:visit", "value": visit}},
        "occurrenceDateTime": stamp(at),
        "quantity": {"value": 1},
        "priceOverride": {"value": "@AMOUNT@", "currency": "CNY"},
        "performingOrganization": {"reference": "Organization/LAB"},
        "enteredDate": stamp(at),
    }
    return json.dumps(resource, ensure_ascii=False).replace('"@AMOUNT@"', yuan(amount_fen))


def claim_response(institution: str, person: Person, visit: str, split: dict[str, int], at: int) -> str:
    """Return the insurer's settlement of a visit as JSON text; `split` has total, fund, account, other, cash in fen."""
    own = institution.lower()
    totals = {"submitted": split["total"], "benefit": split["fund"] + split["account"] + split["other"]}
    parts = {f"urn:xm:split:{name}": split[name] for name in ("account", "other", "cash")}
    resource = {
        "resourceType": "ClaimResponse",
        "identifier": [{"system": f"urn:xm:{own}:settlement", "value": f"S{visit}"}],
        "status": "active",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "institutional"}]},
        "use": "claim",
        "patient": _subject(person),
        "created": stamp(at),
        "insurer": {"display": "厦门市医疗保障局"},
        "outcome": "complete",
        "total": [
            {"category": {"coding": [{"code": name}]}, "amount": {"value": f"@{fen}@", "currency": "CNY"}}
            for name, fen in totals.items()
        ],
        "extension": [
            {
                "url": "urn:xm:visit",
                "valueReference": {"identifier": {"system": f"urn:xm:{own}:visit", "value": visit}},
            },
            *({"url": url, "valueMoney": {"value": f"@{fen}@", "currency": "CNY"}} for url, fen in parts.items()),
        ],
    }
    return re.sub(r'"@(\d+)@"', lambda fen: yuan(int(fen[1])), json.dumps(resource, ensure_ascii=False))


def yuan(fen: int) -> str:
    """Return an amount as exact text with two decimals."""
    return f"{fen // 100}.{fen % 100:02d}"


def stamp(at: int) -> str:
    """Return a city instant with its offset, as FHIR and the API take it."""
    return datetime.fromtimestamp(at / 1000, _CITY_ZONE).isoformat(timespec="seconds")


def _subject(person: Person) -> dict[str, Any]:
    return {"identifier": {"system": "urn:nhsa:citizen-id", "value": person.citizen_id}}


def _typed(code: str, system: str, value: str) -> dict[str, Any]:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code}]}
    return {"type": kind, "system": system, "value": value}

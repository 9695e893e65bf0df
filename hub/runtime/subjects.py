"""Whom a message is about, as account ids and masks: nothing that could be read back comes out.

Routing is a pure function of the identifiers and the institution's `route_by` (architecture 5).
"""

import re
from datetime import date
from typing import Final, Literal

from schemas.commands import Subject
from schemas.ids import account_id

RouteBy = Literal["citizen_id", "number"]
_CITIZEN_ID: Final = re.compile(r"\d{17}[\dX]", re.ASCII)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"


def is_citizen_id(text: str) -> bool:
    """Return whether the text is an 18-character citizen id with a real birthday and check character (GB 11643)."""
    if not _CITIZEN_ID.fullmatch(text):
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return _CHECK[total % 11] == text[17]


def mask_name(name: str) -> str:
    """Return a name's first character and two stars; empty for no name."""
    return f"{name.strip()[0]}**" if name.strip() else ""


def mask_id(citizen_id: str) -> str:
    """Return an id number with all but its last four characters hidden; empty for none."""
    return "*" * max(len(citizen_id) - 4, 4) + citizen_id[-4:] if citizen_id else ""


def card_account(city_key: bytes, kind: Literal["insurance_card", "e_health_code"], number: str) -> str:
    """Return the account of a card or code: a number account that forwards once it was linked at a counter.

    No institution has such a code, so a card never meets a hospital number.
    """
    return account_id(city_key, "number", f"{kind}|{number.upper()}")


def birthday_of(citizen_id: str) -> str:
    """Return the birthday, YYYY-MM-DD, that a valid citizen id holds; empty for another text."""
    upper = citizen_id.upper()
    return f"{upper[6:10]}-{upper[10:12]}-{upper[12:14]}" if is_citizen_id(upper) else ""


def subject_of(
    city_key: bytes,
    institution: str,
    *,
    citizen_id: str = "",
    number: str = "",
    name: str = "",
    birth_on: str = "",
    sex: str = "",
) -> Subject:
    """Return the subject of a message; `number` is the institution's own patient number.

    The same numbers give the same account ids on every wire, so HL7 and FHIR meet in one account.
    """
    return Subject(
        person=account_id(city_key, "person", citizen_id.upper()) if citizen_id else "",
        number=account_id(city_key, "number", f"{institution}|{number}") if number else "",
        name_masked=mask_name(name),
        id_masked=mask_id(citizen_id),
        birth_on=birth_on,
        sex=sex,
    )


def route(subject: Subject, route_by: RouteBy) -> str:
    """Return the account a message goes to, or an empty text when it names nobody."""
    if route_by == "number":
        return subject.number or subject.person
    return subject.person or subject.number

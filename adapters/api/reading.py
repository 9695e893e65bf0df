"""What the API's translations share: the typed body, persons, institutions, exact amounts and times."""

import re
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from adapters.api.bodies import PersonBody
from adapters.api.faults import ApiFaultError
from hub.runtime.exact_json import JsonInvalidError, read_json
from hub.runtime.http_sources import HttpSource
from hub.runtime.subjects import is_citizen_id, subject_of
from schemas.commands import Body, Subject
from schemas.ids import ACCOUNT_LENGTH, ID_LENGTH, account_of
from schemas.money import AMOUNT_FEN_MAX, AmountSyntaxError, fen_from_text
from schemas.reasons import Reason

_PLACE: Final = re.compile(r" - at `\$([^`]*)`")
_MISSING: Final = re.compile(r"missing required field `([^`]+)`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]+)`")
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""Narrower than what Python reads: week dates and times without seconds are ISO 8601, not RFC 3339."""
_AHEAD_MAX_MS: Final = 24 * 3600 * 1000
_YEAR_2000_MS: Final = 946_684_800_000
T = TypeVar("T")


class Asked(NamedTuple):
    """Who asks, what the address names, the city's key and time."""

    source: HttpSource
    address: str
    city_key: bytes
    now: int


class Meaning(NamedTuple):
    """The account a request goes to and the body of its command."""

    account: str
    body: Body


def read_body_as(kind: type[T], raw: bytes) -> tuple[T, Any]:
    """Return the typed body and the document it was read from.

    Raises JSON_INVALID, FIELD_MISSING or RESOURCE_INVALID with the JSON pointer.
    """
    try:
        document = read_json(raw)
    except JsonInvalidError:
        raise ApiFaultError(Reason.JSON_INVALID) from None
    try:
        return msgspec.convert(document, kind, strict=True), document
    except msgspec.ValidationError as refused:
        raise _shape_fault(str(refused)) from None


def _shape_fault(message: str) -> ApiFaultError:
    place = _PLACE.search(message)
    pointer = re.sub(r"[.\[]", "/", place[1].replace("]", "")) if place else ""
    missing, unknown = _MISSING.search(message), _UNKNOWN.search(message)
    if missing:
        pointer = f"{pointer}/{missing[1]}"
        return ApiFaultError(Reason.FIELD_MISSING, pointer, {"field": pointer})
    if pointer.endswith("/amount"):
        return ApiFaultError(Reason.AMOUNT_SYNTAX, pointer)
    if unknown:
        pointer = f"{pointer}/{unknown[1][:64]}"
    return ApiFaultError(Reason.RESOURCE_INVALID, pointer or "/", {"field": pointer or "/"})


def named_person(person: PersonBody, institution: str, asked: Asked) -> Subject:
    """Return the subject. Raises FIELD_MISSING for nobody, SUBJECT_INVALID for a wrong check digit."""
    citizen = person.citizen_id.upper()
    if citizen and not is_citizen_id(citizen):
        raise ApiFaultError(Reason.SUBJECT_INVALID, "/person/citizen_id")
    number = person.number if institution else ""
    if not citizen and not number:
        raise ApiFaultError(Reason.FIELD_MISSING, "/person/citizen_id", {"field": "/person/citizen_id"})
    return subject_of(asked.city_key, institution, citizen_id=citizen, number=number, name=person.name)


def owner(asked: Asked, kind: str, unknown: Reason) -> str:
    """Return the account an id in the address belongs to. Raises `unknown` for an id the hub never handed out."""
    account = account_of(asked.address)
    if account is None or len(asked.address) != ID_LENGTH or asked.address[ACCOUNT_LENGTH] != kind:
        raise ApiFaultError(unknown, keep=False)
    return account


def check_institution(institution: str, asked: Asked) -> None:
    """Raise SENDER_MISMATCH where the source may not write for the institution."""
    if asked.source.institution not in ("", institution):
        raise ApiFaultError(Reason.SENDER_MISMATCH, "/institution", keep=False)


def fen_of(text: str) -> int:
    """Return fen above zero. Raises AMOUNT_SYNTAX or AMOUNT_OUT_OF_RANGE."""
    try:
        fen = fen_from_text(text)
    except AmountSyntaxError:
        raise ApiFaultError(Reason.AMOUNT_SYNTAX, "/amount") from None
    if not 0 < fen <= AMOUNT_FEN_MAX:
        raise ApiFaultError(Reason.AMOUNT_OUT_OF_RANGE, "/amount")
    return fen


def event_at(text: str, pointer: str, asked: Asked) -> int:
    """Return when something happened; now, when it is not said. Raises TIME_INVALID for more than 24 h ahead."""
    if not text:
        return asked.now
    at = instant(text, pointer)
    if at > asked.now + _AHEAD_MAX_MS:
        raise ApiFaultError(Reason.TIME_INVALID, pointer)
    return at


def instant(text: str, pointer: str) -> int:
    """Return an RFC 3339 time with an offset in milliseconds. Raises TIME_INVALID."""
    try:
        at = int(datetime.fromisoformat(text).timestamp() * 1000) if _RFC_3339.fullmatch(text) else 0
    except (ValueError, OverflowError):
        at = 0
    if at < _YEAR_2000_MS:
        raise ApiFaultError(Reason.TIME_INVALID, pointer)
    return at

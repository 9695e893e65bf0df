"""Reading elements of a resource: each function returns the value or raises the fault with its FHIRPath.

The model classes accept JSON inside a string where an object belongs; here an object is an object.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, Final

from adapters.fhir.faults import FhirFaultError
from schemas.commands import TEXT_CHARACTERS_MAX
from schemas.money import AMOUNT_FEN_MAX, AmountSyntaxError, fen_from_decimal
from schemas.reasons import Reason

Resource = Mapping[str, Any]
CITIZEN_SYSTEMS: Final = frozenset({"urn:nhsa:citizen-id", "urn:oid:2.16.156.10011.1.3"})
"""Identifier systems of the citizen id: the insurer's, and the OID of health data standards."""

_DATE_TIME: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d))?)?)?", re.ASCII
)
_CITY_OFFSET: Final = timezone(timedelta(hours=8))
_YEAR_MIN: Final = 2000
_AHEAD_MAX_MS: Final = 24 * 3600 * 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS_MAX: Final = 24
_ROUNDING: Final = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "truncate": ROUND_DOWN}
_REFERENCE: Final = re.compile(r"(?:https?://\S+/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/\S+)?", re.ASCII)


def obj(parent: Resource, name: str, path: str) -> Resource:
    """Return a complex element, or an empty mapping when absent. Raises RESOURCE_INVALID for another type."""
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{path}.{name}")
    return value


def objects(parent: Resource, name: str, path: str) -> list[Resource]:
    """Return a repeating complex element. Raises RESOURCE_INVALID unless it is an array of objects."""
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise invalid(f"{path}.{name}")
    return value


def text(parent: Resource, name: str, path: str) -> str:
    """Return a string element, or an empty text when absent. Raises RESOURCE_INVALID for another type or length."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
        raise invalid(f"{path}.{name}")
    return value.strip()


def required(value: Any, path: str, reason: Reason = Reason.FIELD_MISSING) -> Any:
    """Return the value unless it is empty. Raises the reason, FIELD_MISSING by default."""
    if value in ("", None) or value in ({}, []):
        raise FhirFaultError(reason, path, {"field": path})
    return value


def invalid(path: str) -> FhirFaultError:
    """Return the fault of an element that has not the form its definition gives."""
    return FhirFaultError(Reason.RESOURCE_INVALID, path, {"field": path})


def one_of(resource: Resource, stem: str, path: str) -> str:
    """Return which `stem[x]` is present, or an empty text. Raises CHOICE_CONFLICT for two at once (row 51)."""
    found = [
        name for name in resource if re.fullmatch(rf"{stem}[A-Z][A-Za-z0-9]*", name) and resource[name] is not None
    ]
    if len(found) > 1:
        raise FhirFaultError(Reason.CHOICE_CONFLICT, f"{path}.{stem}[x]")
    return found[0] if found else ""


def decimal(parent: Resource, name: str, path: str) -> Decimal | None:
    """Return a number exactly, or None when absent. Raises AMOUNT_SYNTAX for text or a number beyond all sense."""
    value = parent.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise FhirFaultError(Reason.AMOUNT_SYNTAX, f"{path}.{name}")
    number = Decimal(value)
    digits = number.as_tuple()
    if not isinstance(digits.exponent, int) or len(digits.digits) > _DIGITS_MAX or abs(digits.exponent) > _DIGITS_MAX:
        raise FhirFaultError(Reason.AMOUNT_SYNTAX, f"{path}.{name}")
    return number


def money(parent: Resource, path: str) -> int | None:
    """Return a Money element in fen, or None without a value.

    Raises AMOUNT_SYNTAX for a fraction of a fen, CURRENCY for anything but CNY, AMOUNT_OUT_OF_RANGE above the maximum.
    """
    value = decimal(parent, "value", path)
    if value is None:
        return None
    if text(parent, "currency", path) != "CNY":
        raise FhirFaultError(Reason.CURRENCY, f"{path}.currency")
    try:
        fen = fen_from_decimal(value)
    except AmountSyntaxError:
        raise FhirFaultError(Reason.AMOUNT_SYNTAX, f"{path}.value") from None
    if abs(fen) > AMOUNT_FEN_MAX:
        raise FhirFaultError(Reason.AMOUNT_OUT_OF_RANGE, f"{path}.value")
    return fen


def product_fits(quantity: Decimal, unit: Decimal, fen: int, rule: str) -> bool:
    """Return whether quantity times unit price gives the amount under the source's rounding rule (protocols 2.3)."""
    exact = abs(quantity * unit) * 100
    if rule == "within_1_fen":
        return abs(exact - abs(fen)) <= 1
    return int(exact.to_integral_value(_ROUNDING[rule])) == abs(fen)


def instant(parent: Resource, name: str, path: str, now: int) -> int | None:
    """Return a dateTime in milliseconds since the epoch, or None when absent.

    A date alone is the start of that day in the city. Raises TIME_INVALID for a time without zone, a year before 2000
    or not of four digits, or more than 24 h ahead of `now` (rows 37, 52).
    """
    value = text(parent, name, path)
    if not value:
        return None
    moment = _moment(value)
    if moment is None or moment > now + _AHEAD_MAX_MS:
        raise FhirFaultError(Reason.TIME_INVALID, f"{path}.{name}")
    return moment


def _moment(value: str) -> int | None:
    match = _DATE_TIME.fullmatch(value)
    if not match or int(match[1]) < _YEAR_MIN:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        offset = _CITY_OFFSET if zone is None else datetime.fromisoformat(f"2000-01-01T00:00:00{zone}").tzinfo
        moment = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=offset
        )
        return int((moment - _EPOCH).total_seconds()) * 1000 + int((fraction or "0").ljust(3, "0")[:3])
    except (ValueError, OverflowError):
        return None


def birthday(value: str) -> str:
    """Return a whole date as it stands, or an empty text for a partial or impossible one."""
    try:
        return date.fromisoformat(value).isoformat() if len(value) == 10 else ""
    except ValueError:
        return ""


def reference_tail(reference: str, *kinds: str) -> str:
    """Return the id at the end of a literal reference to one of the resource types, or an empty text."""
    match = _REFERENCE.fullmatch(reference)
    return match[2] if match and match[1] in kinds else ""


def with_system(identifiers: Iterable[Resource], systems: Iterable[str], path: str) -> str:
    """Return the value of the first identifier in one of the systems, or an empty text."""
    wanted = frozenset(systems)
    for identifier in identifiers:
        if text(identifier, "system", path) in wanted:
            value = text(identifier, "value", path)
            if value:
                return value
    return ""


def coded(identifier: Resource, code: str) -> bool:
    """Return whether an identifier's type holds a code, as NI for a citizen id."""
    kind = identifier.get("type")
    codings = kind.get("coding") if isinstance(kind, dict) else None
    return isinstance(codings, list) and any(isinstance(each, dict) and each.get("code") == code for each in codings)

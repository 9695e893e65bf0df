"""ChargeItem to a charge of one line (protocols 3.4)."""

from decimal import Decimal
from typing import Final

from adapters.fhir.context import Context, Meaning, own_key, referred, subject_at, visit_of
from adapters.fhir.elements import (
    Resource,
    decimal,
    instant,
    money,
    obj,
    objects,
    one_of,
    product_fits,
    reference_tail,
    required,
    text,
)
from adapters.fhir.faults import FhirFaultError
from schemas.commands import ChargeLine, Item, LineKind, PostCharge
from schemas.money import yuan_text
from schemas.reasons import Reason

_STATUS: Final[dict[str, LineKind]] = {
    "billable": "charge",
    "billed": "charge",
    "planned": "memo",
    "aborted": "memo",
    "not-billable": "memo",
    "entered-in-error": "credit",
}
_R5_ONLY: Final = ("encounter", "unitPriceComponent", "totalPriceComponent")
_UNIT_PRICE: Final = "urn:xm:unit-price"
_AT: Final = "ChargeItem"


def charge_item(resource: Resource, context: Context) -> Meaning:
    """Return the charge a ChargeItem says. Raises FhirFaultError with the element at fault."""
    for name in _R5_ONLY:
        if name in resource:
            raise FhirFaultError(Reason.FHIR_VERSION_MISMATCH, f"{_AT}.{name}")
    line = charge_line(resource, context)
    subject = subject_at(resource, "subject", _AT, context)
    visit = visit_of(resource, "context", _AT, context)
    body = PostCharge(
        institution=context.source.institution,
        visit=visit,
        scene="outpatient",
        event_at=instant(resource, "enteredDate", _AT, context.now) or line.service_at,
        lines=(line,),
        subject=subject,
        settlement_mode=context.source.settlement,
        replace_lines=context.source.line_replace,
        condition_key=context.condition,
        visit_required=True,
    )
    return Meaning(body, subject)


def charge_line(resource: Resource, context: Context) -> ChargeLine:
    """Return the line of a ChargeItem, its amount exact and never computed from a tariff."""
    kind = _STATUS.get(required(text(resource, "status", _AT), f"{_AT}.status"))
    if kind is None:
        raise FhirFaultError(Reason.STATUS_INVALID, f"{_AT}.status")
    in_error = resource["status"] == "entered-in-error"
    fen = _amount(resource, optional=in_error)
    quantity = decimal(obj(resource, "quantity", _AT), "value", f"{_AT}.quantity")
    unit = _unit_price(resource)
    _guard(quantity, unit, fen, context)
    reverses = _reverses(resource, context)
    return ChargeLine(
        line_key=own_key(resource, "line", context, _AT),
        kind=_kind(kind, fen, reverses),
        amount_fen=abs(fen),
        item=_item(resource, context),
        service_at=_service_at(resource, context),
        quantity=_plain(quantity) if quantity is not None else "1",
        unit_price=_plain(unit) if unit is not None else "",
        department=_department(resource, context),
        doctor=_doctor(resource, context),
        reverses=reverses,
        entered_in_error=in_error,
    )


def _amount(resource: Resource, *, optional: bool) -> int:
    """Return priceOverride, the price of the whole line. Raises AMOUNT_MISSING, or DIALECT_UNMAPPED for a factor."""
    factor = decimal(resource, "factorOverride", _AT)
    if factor is not None and factor != 1:
        raise FhirFaultError(Reason.DIALECT_UNMAPPED, f"{_AT}.factorOverride", {"source": "factorOverride"})
    fen = money(obj(resource, "priceOverride", _AT), f"{_AT}.priceOverride")
    if fen is None and not optional:
        raise FhirFaultError(Reason.AMOUNT_MISSING, f"{_AT}.priceOverride")
    return fen or 0


def _unit_price(resource: Resource) -> Decimal | None:
    for extension in objects(resource, "extension", _AT):
        if extension.get("url") == _UNIT_PRICE:
            return decimal(obj(extension, "valueMoney", f"{_AT}.extension"), "value", f"{_AT}.extension.valueMoney")
    return None


def _guard(quantity: Decimal | None, unit: Decimal | None, fen: int, context: Context) -> None:
    """Refuse a line whose quantity times unit price is not its amount (protocols 2.3)."""
    if quantity is None or unit is None or product_fits(quantity, unit, fen, context.source.product):
        return
    parameters = {
        "quantity": _plain(quantity),
        "unit": _plain(unit),
        "expected": _plain(quantity * unit),
        "sent": yuan_text(fen),
    }
    raise FhirFaultError(Reason.AMOUNT_MISMATCH, f"{_AT}.priceOverride", parameters)


def _kind(kind: LineKind, fen: int, reverses: str) -> LineKind:
    """Return charge, credit or memo; a negative amount must name the line it takes back (3.4)."""
    if kind == "charge" and fen < 0:
        if not reverses:
            raise FhirFaultError(Reason.SIGN_AMBIGUOUS, f"{_AT}.priceOverride.value")
        return "credit"
    return "memo" if kind == "charge" and fen == 0 else kind


def _reverses(resource: Resource, context: Context) -> str:
    """Return the line key of partOf: by identifier, or the id of a ChargeItem reference."""
    for part in objects(resource, "partOf", _AT):
        target, identifier, entry = referred({"partOf": part}, "partOf", _AT, context)
        if entry:
            return own_key(entry, "line", context, f"{_AT}.partOf")
        if identifier:
            return own_key({"identifier": [dict(identifier)]}, "line", context, f"{_AT}.partOf")
        return reference_tail(target, "ChargeItem")
    return ""


def _item(resource: Resource, context: Context) -> Item:
    code = required(obj(resource, "code", _AT), f"{_AT}.code")
    codings = objects(code, "coding", f"{_AT}.code")
    chosen = codings[0] if codings else {}
    at = f"{_AT}.code.coding"
    system = text(chosen, "system", at)
    name = text(chosen, "display", at) or text(code, "text", f"{_AT}.code")
    return Item(
        code=required(text(chosen, "code", at) or name, f"{_AT}.code"),
        system=context.source.item_systems.get(system, system),
        name=name,
    )


def _service_at(resource: Resource, context: Context) -> int:
    """Return when the service was given; without occurrence when it was entered, without both when it came."""
    chosen = one_of(resource, "occurrence", _AT)
    one_of(resource, "product", _AT)
    at: int | None = None
    if chosen == "occurrenceDateTime":
        at = instant(resource, chosen, _AT, context.now)
    elif chosen == "occurrencePeriod":
        at = instant(obj(resource, chosen, _AT), "start", f"{_AT}.{chosen}", context.now)
    elif chosen:
        raise FhirFaultError(Reason.TIME_INVALID, f"{_AT}.{chosen}")
    if at is None:
        at = instant(resource, "enteredDate", _AT, context.now)
    return context.now if at is None else at


def _department(resource: Resource, context: Context) -> str:
    target, identifier, _ = referred(resource, "performingOrganization", _AT, context)
    return text(identifier, "value", f"{_AT}.performingOrganization") or reference_tail(target, "Organization")


def _doctor(resource: Resource, context: Context) -> str:
    for performer in objects(resource, "performer", _AT)[:1]:
        target, identifier, _ = referred(performer, "actor", f"{_AT}.performer", context)
        kinds = ("Practitioner", "PractitionerRole")
        return text(identifier, "value", f"{_AT}.performer.actor") or reference_tail(target, *kinds)
    return ""


def _plain(number: Decimal) -> str:
    """Return a number without exponent and without trailing zeros: 14.0 and 14 are one quantity."""
    plain = f"{number.normalize():f}"
    return "0" if plain == "-0" else plain

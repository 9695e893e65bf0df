"""ClaimResponse to the insurer's settlement of a visit, or its contra entry (protocols 4.2).

`total = fund + account + other + cash`: totals by category, our parts in extensions, the visit in `urn:xm:visit`.
"""

from typing import Final

from adapters.fhir.context import Context, Meaning, own_key, subject_at, visit_of
from adapters.fhir.elements import Resource, instant, money, obj, objects, required, text
from adapters.fhir.faults import FhirFaultError
from schemas.commands import InsuranceSplit, ReverseSettlement, SettleInsurance
from schemas.reasons import Reason

_AT: Final = "ClaimResponse"
_VISIT: Final = "urn:xm:visit"
_PARTS: Final = ("account", "other", "cash")


def claim_response(resource: Resource, context: Context) -> Meaning:
    """Return the settlement; `status: cancelled` is the contra entry (2208). Raises FhirFaultError."""
    status = required(text(resource, "status", _AT), f"{_AT}.status")
    for name, accepted in (("status", ("active", "cancelled")), ("use", ("claim",)), ("outcome", ("complete",))):
        value = required(text(resource, name, _AT), f"{_AT}.{name}")
        if value not in accepted:
            raise FhirFaultError(Reason.STATUS_INVALID, f"{_AT}.{name}")
    subject = subject_at(resource, "patient", _AT, context)
    institution = context.source.institution
    visit = _visit(resource, context)
    key = own_key(resource, "settlement", context, _AT)
    created = instant(resource, "created", _AT, context.now)
    event_at: int = required(created, f"{_AT}.created")
    if status == "cancelled":
        return Meaning(ReverseSettlement(institution, visit, event_at, key, subject), subject)
    return Meaning(SettleInsurance(institution, visit, event_at, _split(resource, key), subject), subject)


def _split(resource: Resource, key: str) -> InsuranceSplit:
    """Return the parts. Raises SPLIT_FIELD for a missing one, SPLIT_NEGATIVE, SPLIT_TOTAL when they do not add up."""
    total = _total(resource, "submitted")
    account, other, cash = (_extension(resource, name) for name in _PARTS)
    fund = _total(resource, "benefit") - account - other
    if min(total, fund, account, other, cash) < 0:
        raise FhirFaultError(Reason.SPLIT_NEGATIVE, f"{_AT}.total")
    if total != fund + account + other + cash:
        raise FhirFaultError(Reason.SPLIT_TOTAL, f"{_AT}.total")
    return InsuranceSplit(key, total, fund, account, other, cash)


def _total(resource: Resource, category: str) -> int:
    found = [each for each in objects(resource, "total", _AT) if _category(each) == category]
    at = f"{_AT}.total"
    if len(found) > 1:
        raise FhirFaultError(Reason.RESOURCE_INVALID, at, {"field": at})
    fen = money(obj(found[0], "amount", at), f"{at}.amount") if found else None
    if fen is None:
        raise FhirFaultError(Reason.SPLIT_FIELD, f"{at}.where(category='{category}')")
    return fen


def _category(total: Resource) -> str:
    at = f"{_AT}.total.category"
    codings = objects(obj(total, "category", f"{_AT}.total"), "coding", at)
    return text(codings[0], "code", at) if codings else ""


def _extension(resource: Resource, part: str) -> int:
    url = f"urn:xm:split:{part}"
    at = f"{_AT}.extension('{url}')"
    found = [each for each in objects(resource, "extension", _AT) if each.get("url") == url]
    if len(found) > 1:
        raise FhirFaultError(Reason.RESOURCE_INVALID, at, {"field": at})
    fen = money(obj(found[0], "valueMoney", at), at) if found else None
    if fen is None:
        raise FhirFaultError(Reason.SPLIT_FIELD, at)
    return fen


def _visit(resource: Resource, context: Context) -> str:
    for extension in objects(resource, "extension", _AT):
        if extension.get("url") == _VISIT:
            return visit_of(extension, "valueReference", f"{_AT}.extension('{_VISIT}')", context)
    raise FhirFaultError(Reason.FIELD_MISSING, f"{_AT}.extension('{_VISIT}')", {"field": _VISIT})

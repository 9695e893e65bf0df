"""An API body to one command: strict JSON, the body's type, exact amounts and times."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from adapters.api.bodies import (
    AgreementBody,
    AnyBody,
    BillRepaymentBody,
    EligibilityBody,
    InsuranceDepositBody,
    PersonBody,
    PrepaymentBody,
    RepaymentBody,
    WithdrawalBody,
)
from adapters.api.faults import ApiFaultError
from hub.runtime.exact_json import JsonInvalidError, read_json
from hub.runtime.http_sources import HttpSource
from hub.runtime.subjects import is_citizen_id, subject_of
from schemas.commands import (
    Body,
    CheckEligibility,
    DepositInsuranceAccount,
    DepositPrepayment,
    RecordRepayment,
    SignAgreement,
    Subject,
    WithdrawAgreement,
)
from schemas.ids import ACCOUNT_LENGTH, ID_LENGTH, account_of
from schemas.money import AMOUNT_FEN_MAX, AmountSyntaxError, fen_from_text
from schemas.reasons import Reason

_PLACE: Final = re.compile(r" - at `\$([^`]*)`")
_MISSING: Final = re.compile(r"missing required field `([^`]+)`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]+)`")
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


def meaning_of(body: AnyBody, asked: Asked) -> Meaning:
    """Return the command a request means. Raises ApiFaultError."""
    return _MEANINGS[type(body)](body, asked)


def _agreement(body: AgreementBody, asked: Asked) -> Meaning:
    subject = _person(body.person, "", asked)
    sign = SignAgreement(
        event_at=_at(body.signed_at, "/signed_at", asked),
        pack=body.pack,
        bank=body.bank,
        channel=body.channel,
        channel_agreement=body.channel_agreement,
        score_consents=tuple(dict.fromkeys(body.score_consents)),
        consent_version=body.consent_version,
        consent_until=_instant(body.consent_until, "/consent_until"),
        debit_consent=body.debit_consent,
        subject=subject,
    )
    return Meaning(subject.person, sign)


def _withdrawal(body: WithdrawalBody, asked: Asked) -> Meaning:
    at = _at(body.withdrawn_at, "/withdrawn_at", asked)
    return Meaning(_owner(asked, "A", Reason.AGREEMENT_UNKNOWN), WithdrawAgreement(at, asked.address))


def _prepayment(body: PrepaymentBody, asked: Asked) -> Meaning:
    _check_institution(body.institution, asked)
    subject = _person(body.person, body.institution, asked)
    deposit = DepositPrepayment(
        institution=body.institution,
        event_at=_at(body.paid_at, "/paid_at", asked),
        amount_fen=_amount(body.amount),
        receipt_no=body.receipt_no,
        subject=subject,
    )
    return Meaning(subject.person or subject.number, deposit)


def _repayment(body: RepaymentBody, asked: Asked) -> Meaning:
    account = _person(body.person, "", asked).person
    if body.bill and account_of(body.bill) != account:
        raise ApiFaultError(Reason.BILL_UNKNOWN, "/bill")
    at = _at(body.paid_at, "/paid_at", asked)
    return Meaning(account, RecordRepayment(at, _amount(body.amount), body.bill, body.method, body.receipt_no))


def _bill_repayment(body: BillRepaymentBody, asked: Asked) -> Meaning:
    account = _owner(asked, "B", Reason.BILL_UNKNOWN)
    at = _at(body.paid_at, "/paid_at", asked)
    return Meaning(account, RecordRepayment(at, _amount(body.amount), asked.address, body.method, body.receipt_no))


def _insurance(body: InsuranceDepositBody, asked: Asked) -> Meaning:
    account = _person(body.person, "", asked).person
    at = _at(body.paid_at, "/paid_at", asked)
    return Meaning(account, DepositInsuranceAccount(at, _amount(body.amount), body.reference))


def _eligibility(body: EligibilityBody, asked: Asked) -> Meaning:
    _check_institution(body.institution, asked)
    subject = _person(body.person, body.institution, asked)
    return Meaning(subject.person or subject.number, CheckEligibility(body.institution, body.scene, asked.now))


_MEANINGS: Final[Mapping[type, Callable[[Any, Asked], Meaning]]] = MappingProxyType(
    {
        AgreementBody: _agreement,
        WithdrawalBody: _withdrawal,
        PrepaymentBody: _prepayment,
        RepaymentBody: _repayment,
        BillRepaymentBody: _bill_repayment,
        InsuranceDepositBody: _insurance,
        EligibilityBody: _eligibility,
    }
)


def _person(person: PersonBody, institution: str, asked: Asked) -> Subject:
    """Return the subject. Raises FIELD_MISSING for nobody, SUBJECT_INVALID for a wrong check digit."""
    citizen = person.citizen_id.upper()
    if citizen and not is_citizen_id(citizen):
        raise ApiFaultError(Reason.SUBJECT_INVALID, "/person/citizen_id")
    number = person.number if institution else ""
    if not citizen and not number:
        raise ApiFaultError(Reason.FIELD_MISSING, "/person/citizen_id", {"field": "/person/citizen_id"})
    return subject_of(asked.city_key, institution, citizen_id=citizen, number=number, name=person.name)


def _owner(asked: Asked, kind: str, unknown: Reason) -> str:
    """Return the account an id in the address belongs to. Raises `unknown` for an id the hub never handed out."""
    account = account_of(asked.address)
    if account is None or len(asked.address) != ID_LENGTH or asked.address[ACCOUNT_LENGTH] != kind:
        raise ApiFaultError(unknown, keep=False)
    return account


def _check_institution(institution: str, asked: Asked) -> None:
    if asked.source.institution not in ("", institution):
        raise ApiFaultError(Reason.SENDER_MISMATCH, "/institution", keep=False)


def _amount(text: str) -> int:
    """Return fen above zero. Raises AMOUNT_SYNTAX or AMOUNT_OUT_OF_RANGE."""
    try:
        fen = fen_from_text(text)
    except AmountSyntaxError:
        raise ApiFaultError(Reason.AMOUNT_SYNTAX, "/amount") from None
    if not 0 < fen <= AMOUNT_FEN_MAX:
        raise ApiFaultError(Reason.AMOUNT_OUT_OF_RANGE, "/amount")
    return fen


def _at(text: str, pointer: str, asked: Asked) -> int:
    """Return when something happened; now, when it is not said. Raises TIME_INVALID for more than 24 h ahead."""
    if not text:
        return asked.now
    at = _instant(text, pointer)
    if at > asked.now + _AHEAD_MAX_MS:
        raise ApiFaultError(Reason.TIME_INVALID, pointer)
    return at


def _instant(text: str, pointer: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        at = int(moment.timestamp() * 1000) if moment.tzinfo is not None and len(text) > 10 else 0
    except (ValueError, OverflowError):
        at = 0
    if at < _YEAR_2000_MS:
        raise ApiFaultError(Reason.TIME_INVALID, pointer)
    return at

"""An API body to one command: strict JSON, the body's type, exact amounts and times."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from adapters.api.billing import BILLING
from adapters.api.bodies import (
    AgreementBody,
    AnyBody,
    BillRepaymentBody,
    EligibilityBody,
    InsuranceDepositBody,
    PrepaymentBody,
    RepaymentBody,
    WithdrawalBody,
)
from adapters.api.family import FAMILY
from adapters.api.faults import ApiFaultError
from adapters.api.loss_bodies import LossBody
from adapters.api.losses import LOSSES
from adapters.api.reading import Asked, Meaning, check_institution, event_at, fen_of, instant, named_person, owner
from adapters.api.standing import STANDING, card_of
from adapters.api.standing_bodies import StandingBody
from schemas.commands import (
    CheckEligibility,
    DepositInsuranceAccount,
    DepositPrepayment,
    RecordRepayment,
    SignAgreement,
    WithdrawAgreement,
)
from schemas.ids import account_of
from schemas.reasons import Reason


def meaning_of(body: AnyBody | StandingBody | LossBody, asked: Asked) -> Meaning:
    """Return the command a request means. Raises ApiFaultError."""
    return _MEANINGS[type(body)](body, asked)


def _agreement(body: AgreementBody, asked: Asked) -> Meaning:
    subject = named_person(body.person, "", asked)
    sign = SignAgreement(
        event_at=event_at(body.signed_at, "/signed_at", asked),
        pack=body.pack,
        bank=body.bank,
        channel=body.channel,
        channel_agreement=body.channel_agreement,
        score_consents=tuple(dict.fromkeys(body.score_consents)),
        consent_version=body.consent_version,
        consent_until=instant(body.consent_until, "/consent_until"),
        debit_consent=body.debit_consent,
        subject=subject,
    )
    return Meaning(subject.person, sign)


def _withdrawal(body: WithdrawalBody, asked: Asked) -> Meaning:
    at = event_at(body.withdrawn_at, "/withdrawn_at", asked)
    return Meaning(owner(asked, "A", Reason.AGREEMENT_UNKNOWN), WithdrawAgreement(at, asked.address))


def _prepayment(body: PrepaymentBody, asked: Asked) -> Meaning:
    check_institution(body.institution, asked)
    subject = named_person(body.person, body.institution, asked)
    deposit = DepositPrepayment(
        institution=body.institution,
        event_at=event_at(body.paid_at, "/paid_at", asked),
        amount_fen=fen_of(body.amount),
        receipt_no=body.receipt_no,
        subject=subject,
    )
    return Meaning(subject.person or subject.number, deposit)


def _repayment(body: RepaymentBody, asked: Asked) -> Meaning:
    account = named_person(body.person, "", asked).person
    if body.bill and account_of(body.bill) != account:
        raise ApiFaultError(Reason.BILL_UNKNOWN, "/bill")
    at = event_at(body.paid_at, "/paid_at", asked)
    return Meaning(account, RecordRepayment(at, fen_of(body.amount), body.bill, body.method, body.receipt_no))


def _bill_repayment(body: BillRepaymentBody, asked: Asked) -> Meaning:
    account = owner(asked, "B", Reason.BILL_UNKNOWN)
    at = event_at(body.paid_at, "/paid_at", asked)
    return Meaning(account, RecordRepayment(at, fen_of(body.amount), asked.address, body.method, body.receipt_no))


def _insurance(body: InsuranceDepositBody, asked: Asked) -> Meaning:
    account = named_person(body.person, "", asked).person
    at = event_at(body.paid_at, "/paid_at", asked)
    return Meaning(account, DepositInsuranceAccount(at, fen_of(body.amount), body.reference))


def _eligibility(body: EligibilityBody, asked: Asked) -> Meaning:
    check_institution(body.institution, asked)
    if body.person is None:
        card = card_of(body.insurance_card, body.e_health_code, asked)
        return Meaning(card, CheckEligibility(body.institution, body.scene, asked.now, "card"))
    if body.insurance_card or body.e_health_code:
        raise ApiFaultError(Reason.CHOICE_CONFLICT, "/person")
    subject = named_person(body.person, body.institution, asked)
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
        **LOSSES,
        **BILLING,
        **STANDING,
        **FAMILY,
    }
)

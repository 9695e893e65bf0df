"""API bodies about refunds, bills and holds to commands."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from adapters.api.bodies import (
    BalanceRefundBody,
    BillFreezeBody,
    BillUnfreezeBody,
    CaptureBody,
    HoldBody,
    PrepaymentRefundBody,
    RepaymentSourcesBody,
    VoidBody,
)
from adapters.api.reading import Asked, Meaning, check_institution, event_at, fen_of, named_person, owner
from schemas.commands import (
    CaptureHold,
    ConsentedSource,
    FreezeBill,
    HoldCredit,
    RefundBalance,
    RefundPrepayment,
    SetRepaymentSources,
    UnfreezeBill,
    VoidHold,
)
from schemas.reasons import Reason


def _prepayment_refund(body: PrepaymentRefundBody, asked: Asked) -> Meaning:
    check_institution(body.institution, asked)
    subject = named_person(body.person, body.institution, asked)
    at = event_at(body.paid_at, "/paid_at", asked)
    refund = RefundPrepayment(body.institution, at, fen_of(body.amount), body.reference, subject)
    return Meaning(subject.person or subject.number, refund)


def _balance_refund(body: BalanceRefundBody, asked: Asked) -> Meaning:
    account = named_person(body.person, "", asked).person
    at = event_at(body.paid_at, "/paid_at", asked)
    return Meaning(account, RefundBalance(at, fen_of(body.amount), body.reference))


def _freeze(body: BillFreezeBody, asked: Asked) -> Meaning:
    account = owner(asked, "B", Reason.BILL_UNKNOWN)
    return Meaning(account, FreezeBill(asked.address, asked.now, body.author, body.note))


def _unfreeze(body: BillUnfreezeBody, asked: Asked) -> Meaning:
    account = owner(asked, "B", Reason.BILL_UNKNOWN)
    return Meaning(account, UnfreezeBill(asked.address, asked.now, body.author, body.note))


def _hold(body: HoldBody, asked: Asked) -> Meaning:
    check_institution(body.institution, asked)
    subject = named_person(body.person, body.institution, asked)
    amount = fen_of(body.amount)
    hold = HoldCredit(body.institution, body.visit, asked.now, amount, body.hold, body.scene, subject)
    return Meaning(subject.person or subject.number, hold)


def _capture(body: CaptureBody, asked: Asked) -> Meaning:
    account = owner(asked, "H", Reason.HOLD_UNKNOWN)
    return Meaning(account, CaptureHold(asked.address, asked.now, fen_of(body.amount), body.line_key))


def _void(_body: VoidBody, asked: Asked) -> Meaning:
    return Meaning(owner(asked, "H", Reason.HOLD_UNKNOWN), VoidHold(asked.address, asked.now))


def _sources(body: RepaymentSourcesBody, asked: Asked) -> Meaning:
    account = owner(asked, "A", Reason.AGREEMENT_UNKNOWN)
    sources = tuple(ConsentedSource(s.kind, s.channel, s.channel_agreement, s.payer) for s in body.sources)
    at = event_at(body.consented_at, "/consented_at", asked)
    return Meaning(account, SetRepaymentSources(asked.address, at, sources, body.consent_version))


BILLING: Final[Mapping[type, Callable[[Any, Asked], Meaning]]] = MappingProxyType(
    {
        PrepaymentRefundBody: _prepayment_refund,
        BalanceRefundBody: _balance_refund,
        BillFreezeBody: _freeze,
        BillUnfreezeBody: _unfreeze,
        HoldBody: _hold,
        CaptureBody: _capture,
        VoidBody: _void,
        RepaymentSourcesBody: _sources,
    }
)
"""Body type → its command."""

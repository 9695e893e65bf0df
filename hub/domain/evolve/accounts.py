"""What prepayment, insurance account, identity, link and feed events change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.digests import feed_digest
from hub.domain.evolve.changes import Applications, counted, put, with_core, with_free, with_insured
from hub.domain.prepayment_state import Deposit
from hub.domain.state import AccountState, Feed
from schemas import events

FEED_DIGEST_BYTES: Final = 8
FEED_DIGESTS_MAX: Final = 1_000


def _deposited(state: AccountState, event: events.PrepaymentDeposited) -> AccountState:
    core = state.core
    balance = core.prepayments.get(event.institution, 0) + event.amount_fen
    prepayments = put(core.prepayments, event.institution, balance)
    deposit = Deposit(event.institution, event.amount_fen, event.receipt_no, core.seq + 1)
    deposits = put(core.deposits, event.deposit, deposit)
    return with_core(state, prepayments=prepayments, counters=counted(core, "P"), deposits=deposits)


def _refunded(state: AccountState, event: events.PrepaymentRefunded) -> AccountState:
    core = state.core
    deposits = dict(core.deposits)
    for deposit, amount in event.sources:
        old = deposits[deposit]
        deposits[deposit] = replace(old, returned_fen=old.returned_fen + amount)
    balance = core.prepayments[event.institution] - event.amount_fen
    prepayments = put(core.prepayments, event.institution, balance)
    return with_core(state, prepayments=prepayments, counters=counted(core, "R"), deposits=deposits)


def _balance_refunded(state: AccountState, event: events.BalanceRefunded) -> AccountState:
    core = state.core
    return with_core(
        state,
        refundable_fen=core.refundable_fen - event.amount_fen,
        payments=with_free(core, event.payment, -event.amount_fen),
        counters=counted(core, "R"),
    )


def _transferred(state: AccountState, event: events.PrepaymentTransferred) -> AccountState:
    balance = state.core.prepayments[event.institution] - event.amount_fen
    return with_core(state, prepayments=put(state.core.prepayments, event.institution, balance))


def _insurance_deposited(state: AccountState, event: events.InsuranceAccountDeposited) -> AccountState:
    core = state.core
    return with_core(state, insurance_fen=core.insurance_fen + event.amount_fen, enrolment=with_insured(core))


def _identified(state: AccountState, event: events.PersonIdentified) -> AccountState:
    core, subject = state.core, event.subject
    return with_core(
        state,
        kind="number" if subject.number == core.account else core.kind,
        name_masked=subject.name_masked or core.name_masked,
        id_masked=subject.id_masked or core.id_masked,
        birth_on=subject.birth_on or core.birth_on,
        sex=subject.sex or core.sex,
    )


def _linked(state: AccountState, event: events.NumberLinked) -> AccountState:
    return with_core(state, kind="number", linked_person=event.person, linked_institution=event.institution)


def _noted(state: AccountState, event: events.NumberNoted) -> AccountState:
    return with_core(state, numbers=(*state.core.numbers, event.number))


def _forwarded(state: AccountState, _event: events.Forwarded) -> AccountState:
    return state


def _feed_advanced(state: AccountState, event: events.FeedAdvanced) -> AccountState:
    old = state.core.feed or Feed(event.stream)
    digests = old.digests + feed_digest(event.message_id, event.payload_sm3)
    kept = digests[-FEED_DIGESTS_MAX * FEED_DIGEST_BYTES :]
    return with_core(state, kind="feed", feed=Feed(event.stream, event.sequence, kept))


APPLY: Final[Applications] = {
    events.PrepaymentDeposited: _deposited,
    events.PrepaymentTransferred: _transferred,
    events.PrepaymentRefunded: _refunded,
    events.BalanceRefunded: _balance_refunded,
    events.InsuranceAccountDeposited: _insurance_deposited,
    events.PersonIdentified: _identified,
    events.NumberLinked: _linked,
    events.NumberNoted: _noted,
    events.Forwarded: _forwarded,
    events.FeedAdvanced: _feed_advanced,
}

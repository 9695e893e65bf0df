"""The postings of fees, losses and advances (domain 10): what a bank earns, loses and pays, on accounts of its own."""

from collections.abc import Callable
from typing import Any, Final

from hub.domain.state import AccountState
from schemas import events
from schemas.ledger import Posting

Postings = tuple[Posting, ...]


def _agreement(state: AccountState, bill: str) -> str:
    return state.core.bills[bill].agreement


def _bank(state: AccountState, bill: str) -> str:
    return state.core.agreements[_agreement(state, bill)].bank


def _accrued(state: AccountState, event: events.FeeAccrued) -> Postings:
    if not event.fee_fen:
        return ()
    return (Posting(f"agreement/{_agreement(state, event.bill)}/fees", _fees(state, event.bill), event.fee_fen),)


def _waived(state: AccountState, event: events.FeesWaived) -> Postings:
    if not event.amount_fen:
        return ()
    return (Posting(_fees(state, event.bill), f"agreement/{_agreement(state, event.bill)}/fees", event.amount_fen),)


def _returned(state: AccountState, event: events.FeesReturned) -> Postings:
    """The bank's income is taken back as in a waiver; what was paid for it is the person's."""
    fees, person = f"agreement/{_agreement(state, event.bill)}/fees", f"person/{state.core.account}/refundable"
    return (Posting(_fees(state, event.bill), fees, event.amount_fen), Posting(fees, person, event.amount_fen))


def _fees(state: AccountState, bill: str) -> str:
    return f"bank/{_bank(state, bill)}/fees"


def _fee_paid(state: AccountState, event: events.FeePaid) -> Postings:
    return (Posting("clearing/bank", f"agreement/{_agreement(state, event.bill)}/fees", event.amount_fen),)


def _collected(state: AccountState, event: events.BankCollected) -> Postings:
    return (Posting("clearing/bank", f"agreement/{_agreement(state, event.bill)}/receivable", event.amount_fen),)


def _written_off(state: AccountState, event: events.BillWrittenOff) -> Postings:
    receivable = f"agreement/{_agreement(state, event.bill)}/receivable"
    return (Posting(f"{event.funder}/losses", receivable, event.amount_fen),)


def _recovered(state: AccountState, event: events.LossRecovered) -> Postings:
    clearing = state.core.clearing
    funder = clearing.losses[event.bill].funder if clearing else ""
    return (Posting(f"clearing/{event.method}", f"{funder}/losses", event.amount_fen),)


def _loss_reversed(state: AccountState, event: events.LossReversed) -> Postings:
    clearing = state.core.clearing
    funder = clearing.losses[event.bill].funder if clearing else ""
    receivable = f"agreement/{_agreement(state, event.bill)}/receivable"
    return (Posting(receivable, f"{funder}/losses", event.amount_fen),)


def _advanced(_state: AccountState, event: events.AdvanceConfirmed) -> Postings:
    if not event.amount_fen:
        return ()
    return (Posting(f"institution/{event.institution}/advanced", f"bank/{event.bank}/advanced", event.amount_fen),)


POST: Final[dict[type, Callable[[AccountState, Any], Postings]]] = {
    events.FeeAccrued: _accrued,
    events.FeesWaived: _waived,
    events.FeesReturned: _returned,
    events.FeePaid: _fee_paid,
    events.BankCollected: _collected,
    events.BillWrittenOff: _written_off,
    events.LossRecovered: _recovered,
    events.LossReversed: _loss_reversed,
    events.AdvanceConfirmed: _advanced,
}

"""API bodies about fees, losses and what banks collect to commands (domain 10)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from adapters.api.faults import ApiFaultError
from adapters.api.loss_bodies import BankCollectionBody, FeeWaiverBody, RecoveryBody, WriteOffBody
from adapters.api.reading import Asked, Meaning, event_at, fen_of, owner
from schemas.commands import RecordBankCollection, RecordRecovery, WaiveFees, WriteOffBill
from schemas.money import AMOUNT_FEN_MAX, AmountSyntaxError, fen_from_text
from schemas.reasons import Reason


def _write_off(body: WriteOffBody, asked: Asked) -> Meaning:
    account = owner(asked, "B", Reason.BILL_UNKNOWN)
    return Meaning(account, WriteOffBill(asked.now, asked.address, body.author, body.note))


def _waiver(body: FeeWaiverBody, asked: Asked) -> Meaning:
    account = owner(asked, "B", Reason.BILL_UNKNOWN)
    return Meaning(account, WaiveFees(asked.now, asked.address, body.author, body.note))


def _recovery(body: RecoveryBody, asked: Asked) -> Meaning:
    account = owner(asked, "B", Reason.BILL_UNKNOWN)
    at = event_at(body.paid_at, "/paid_at", asked)
    return Meaning(account, RecordRecovery(at, asked.address, fen_of(body.amount), body.method, body.receipt_no))


def _collection(body: BankCollectionBody, asked: Asked) -> Meaning:
    account = owner(asked, "B", Reason.BILL_UNKNOWN)
    at = event_at(body.collected_at, "/collected_at", asked)
    amount, fee = _fen_or_none(body.amount, "/amount"), _fen_or_none(body.fee, "/fee")
    return Meaning(account, RecordBankCollection(at, asked.address, amount, fee, body.serial))


def _fen_or_none(text: str, pointer: str) -> int:
    """Return fen from 0 up: a collection may hold bill, fee or both. Raises AMOUNT_SYNTAX or AMOUNT_OUT_OF_RANGE."""
    try:
        fen = fen_from_text(text)
    except AmountSyntaxError:
        raise ApiFaultError(Reason.AMOUNT_SYNTAX, pointer) from None
    if not 0 <= fen <= AMOUNT_FEN_MAX:
        raise ApiFaultError(Reason.AMOUNT_OUT_OF_RANGE, pointer)
    return fen


LOSSES: Final[Mapping[type, Callable[[Any, Asked], Meaning]]] = MappingProxyType(
    {
        WriteOffBody: _write_off,
        FeeWaiverBody: _waiver,
        RecoveryBody: _recovery,
        BankCollectionBody: _collection,
    }
)
"""Body type → its command."""

"""T+1: what a bank owes an institution for a day's credit, one batch for each pair and day (domain 10).

The pair has an account of its own, so its batches stand in one order and a refund is netted exactly once.
"""

from hub.domain.clearing_state import Advances
from hub.domain.draft import Draft, Outcome, Refusal
from schemas.commands import CloseDay, OpenAdvance, RecordAdvanceWord, Tick
from schemas.events import AdvanceConfirmed, AdvanceOpened, AdvanceRefused, DayClosed
from schemas.ids import message_hash
from schemas.reasons import Reason


def batch_id(day: str, institution: str, bank: str) -> str:
    """Return the id of the batch of a pair and a day: 32 hex digits, the same whoever makes it."""
    return message_hash("advance", day, institution, bank)


def open_advance(draft: Draft, body: OpenAdvance) -> Outcome | Refusal:
    """Open the batch of a day; refunds beyond the day's credit are carried and netted against later batches."""
    advances = draft.core.clearing.advances if draft.core.clearing else None
    book = advances or Advances(body.institution, body.bank)
    if body.day <= book.day:
        return Outcome("LATE", batch_id(body.day, body.institution, body.bank))
    left_fen = book.carry_fen + body.credit_fen - body.returned_fen
    batch = batch_id(body.day, body.institution, body.bank)
    draft.emit(
        AdvanceOpened(
            batch,
            body.day,
            body.institution,
            body.bank,
            body.items,
            body.credit_fen,
            body.returned_fen,
            body.items_sm3,
            carried_fen=book.carry_fen,
            amount_fen=max(0, left_fen),
            carry_fen=min(0, left_fen),
        )
    )
    return Outcome("POSTED", batch)


def record_advance_word(draft: Draft, body: RecordAdvanceWord) -> Outcome | Refusal:
    """Book the bank's word about a batch; a word about another amount, or a second one, is for a person."""
    book = draft.core.clearing.advances if draft.core.clearing else None
    batch = book.batches.get(body.batch) if book else None
    if book is None or batch is None:
        return Refusal(Reason.BILL_UNKNOWN, {"bill": body.batch})
    if batch.state == "confirmed":
        return Refusal(Reason.BILL_NOT_PAYABLE)
    if not body.paid:
        draft.emit(AdvanceRefused(body.batch, body.serial, body.note))
        return Outcome("RECORDED", body.batch)
    if body.amount_fen != batch.amount_fen:
        return Refusal(Reason.AMOUNT_MISMATCH)
    draft.emit(AdvanceConfirmed(body.batch, book.institution, book.bank, body.amount_fen, body.serial))
    return Outcome("POSTED", body.batch)


def note_tick(_draft: Draft, body: Tick) -> Outcome:
    """A tick only moves the partition's clocks."""
    return Outcome("RECORDED", body.day)


def close_day(draft: Draft, body: CloseDay) -> Outcome:
    """Close a day once; days close in their order."""
    calendar = draft.core.clearing.calendar if draft.core.clearing else None
    if calendar is not None and body.day <= calendar.day:
        return Outcome("LATE", body.day)
    draft.emit(
        DayClosed(
            body.day,
            body.root,
            body.records,
            body.credit_fen,
            body.returned_fen,
            body.repaid_fen,
            body.key_id,
            body.signature,
        )
    )
    return Outcome("RECORDED", body.day)

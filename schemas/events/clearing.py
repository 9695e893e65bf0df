"""What happened to fees, losses, advances and closed days (domain 10, 11)."""

from schemas.commands import Instant, Struct


class FeeAccrued(Struct, frozen=True, tag="fee_accrued"):
    """One day after the free ones: penalty and interest together, within the cap; both sums stay exact.

    `own` and `cap` are what the day adds to the sums of principal × basis points; the fee is their floored quotient.
    """

    bill: str
    days: int
    """Chargeable days so far, this one included."""
    principal_fen: int
    lpr_bp: int
    own: int
    cap: int
    fee_fen: int
    next_at: Instant


class FeesWaived(Struct, frozen=True, tag="fees_waived"):
    """What was accrued and not paid is taken back."""

    bill: str
    amount_fen: int
    author: str
    note: str


class FeesReturned(Struct, frozen=True, tag="fees_returned"):
    """What was paid of a fee that was never due is the person's again, as a payment that no bill took."""

    bill: str
    payment: str
    amount_fen: int
    author: str
    note: str


class FeePaid(Struct, frozen=True, tag="fee_paid"):
    """The bank collected part of the fee."""

    bill: str
    amount_fen: int
    serial: str


class BankCollected(Struct, frozen=True, tag="bank_collected"):
    """The bank debited its own customer for a bill."""

    bill: str
    payment: str
    amount_fen: int
    serial: str


class BillWrittenOff(Struct, frozen=True, tag="bill_written_off"):
    """What is owed became the funder's loss; the institution keeps what it was advanced."""

    bill: str
    amount_fen: int
    funder: str
    """`bank/ICBC` or `institution/XMZSH`."""
    author: str
    note: str


class LossRecovered(Struct, frozen=True, tag="loss_recovered"):
    """Money that came in after a write-off."""

    bill: str
    payment: str
    amount_fen: int
    method: str
    receipt_no: str


class LossReversed(Struct, frozen=True, tag="loss_reversed"):
    """A charge behind a written-off bill was taken back: the institution returns it, so the loss is less."""

    bill: str
    amount_fen: int


class AdvanceOpened(Struct, frozen=True, tag="advance_opened"):
    """The batch of a day: credit less refunds less what older refunds left over; never below 0, the rest is carried."""

    batch: str
    day: str
    institution: str
    bank: str
    items: int
    credit_fen: int
    returned_fen: int
    items_sm3: str
    carried_fen: int
    """What earlier days left to net, never above 0."""
    amount_fen: int
    carry_fen: int
    """What is left to net against later batches, never above 0."""


class AdvanceConfirmed(Struct, frozen=True, tag="advance_confirmed"):
    """The bank paid the batch."""

    batch: str
    institution: str
    bank: str
    amount_fen: int
    serial: str


class AdvanceRefused(Struct, frozen=True, tag="advance_refused"):
    """The bank refused the batch: it stays owed, and a person must decide."""

    batch: str
    serial: str
    note: str


class DayClosed(Struct, frozen=True, tag="day_closed"):
    """A day's books are closed under one signed root."""

    day: str
    root: str
    records: int
    credit_fen: int
    returned_fen: int
    repaid_fen: int
    key_id: str
    signature: str


ClearingEvent = (
    FeeAccrued
    | FeesWaived
    | FeesReturned
    | FeePaid
    | BankCollected
    | BillWrittenOff
    | LossRecovered
    | LossReversed
    | AdvanceOpened
    | AdvanceConfirmed
    | AdvanceRefused
    | DayClosed
)

"""What banks and the clerk say: fees and losses of bills, advances, the day that ends (domain 10, 11)."""

from schemas.commands.parts import Instant, Struct


class RecordBankCollection(Struct, frozen=True, tag="record_bank_collection"):
    """The bank collected from its own customer: so much of the bill, so much of its fee; `serial` is its number."""

    event_at: Instant
    bill: str
    amount_fen: int
    fee_fen: int
    serial: str
    bank: str = ""
    """The bank whose file says so; empty where a person tells it of the bill's own bank."""


class WaiveFees(Struct, frozen=True, tag="waive_fees"):
    """What a bill's fee still holds is taken back; it accrues no more."""

    event_at: Instant
    bill: str
    author: str
    note: str


class WriteOffBill(Struct, frozen=True, tag="write_off_bill"):
    """The funder gives a bill up: the loss is its own, the institution keeps its money."""

    event_at: Instant
    bill: str
    author: str
    note: str


class RecordRecovery(Struct, frozen=True, tag="record_recovery"):
    """Money that came in for a bill after it was written off: it lessens the funder's loss."""

    event_at: Instant
    bill: str
    amount_fen: int
    method: str
    receipt_no: str


class OpenAdvance(Struct, frozen=True, tag="open_advance"):
    """The posted credit of a day that one bank owes one institution, with control totals over its items.

    Sent by the clerk to the account of the pair; `items_sm3` is SM3 of the settlement file's detail lines.
    """

    day: str
    institution: str
    bank: str
    items: int
    credit_fen: int
    returned_fen: int
    items_sm3: str


class RecordAdvanceWord(Struct, frozen=True, tag="record_advance_word"):
    """The bank's word about a batch: paid in full, or refused."""

    event_at: Instant
    batch: str
    paid: bool
    amount_fen: int
    serial: str
    note: str = ""


class Tick(Struct, frozen=True, tag="tick"):
    """City time went past midnight: a partition that nothing else reaches learns it (architecture 12, day close)."""

    day: str


class CloseDay(Struct, frozen=True, tag="close_day"):
    """A day's books are whole: one Merkle root over all partitions' chain heads, signed with SM2."""

    day: str
    root: str
    records: int
    credit_fen: int
    returned_fen: int
    repaid_fen: int
    key_id: str
    signature: str


ClearingBody = (
    RecordBankCollection | WaiveFees | WriteOffBill | RecordRecovery | OpenAdvance | RecordAdvanceWord | Tick | CloseDay
)

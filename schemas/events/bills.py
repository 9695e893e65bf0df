"""What happened to bills and repayments."""

from typing import Literal

from schemas.commands import Instant, Struct


class BillIssued(Struct, frozen=True, tag="bill_issued"):
    """A closed visit's credit part became a bill with its two clocks (domain 6)."""

    bill: str
    visit: str
    institution: str
    agreement: str
    pack: str
    amount_fen: int
    closed_at: Instant
    debit_at: Instant
    """0 when the pack has no auto-debit clause and no consent for a debit on the due date."""
    due_at: Instant
    supplementary: bool = False
    fee_at: Instant = 0
    """When the first day that costs something is over; 0 where nobody may charge anything."""
    statement_on: Instant = 0
    """The day of the bank's monthly statement that it stands on; 0 where each bill has its own due date."""


class BillRevised(Struct, frozen=True, tag="bill_revised"):
    """A late charge before the debit, or a reversal, changed the amount; the clocks stay (architecture 12)."""

    bill: str
    revision: int
    amount_fen: int
    released_fen: int = 0
    """What a reversal took off the debt: the line is free again by it."""


class BillReductionHeld(Struct, frozen=True, tag="bill_reduction_held"):
    """A reversal came while the bill was being debited: it takes effect with the result."""

    bill: str
    amount_fen: int


class BillReductionDue(Struct, frozen=True, tag="bill_reduction_due"):
    """The result came: the waiting reversal takes effect now."""

    bill: str
    amount_fen: int


class BillTermPassed(Struct, frozen=True, tag="bill_term_passed"):
    """The term passed while a debit was under way: the mark waits for its result and is dated back."""

    bill: str


class BillOverdue(Struct, frozen=True, tag="bill_overdue"):
    """The term passed unpaid; a mark that survives debiting; dated back when an unknown debit resolves."""

    bill: str
    since: Instant


class BillFrozen(Struct, frozen=True, tag="bill_frozen"):
    """Authentic word from outside contradicts our books: no debit until a person decides."""

    bill: str
    reason: str
    author: str = ""
    """The person who said so; empty when a gateway's word did."""
    note: str = ""


class BillUnfreezeProposed(Struct, frozen=True, tag="bill_unfreeze_proposed"):
    """The first of two people says that a frozen bill may go on."""

    bill: str
    author: str
    note: str


class BillUnfrozen(Struct, frozen=True, tag="bill_unfrozen"):
    """A second person agreed: the bill goes on where it stood."""

    bill: str
    author: str
    proposed_by: str
    note: str
    debit_at: Instant = 0
    """When it is debited; 0 when it is not, or while an order of it is open."""


class BillClosed(Struct, frozen=True, tag="bill_closed"):
    """A final state other than paid: cancelled by reversal, relieved or written off."""

    bill: str
    state: Literal["cancelled", "relieved", "written_off"]


class RepaymentReceived(Struct, frozen=True, tag="repayment_received"):
    """Money came in by counter or channel; what no bill took is the person's refundable balance (domain 6)."""

    payment: str
    method: str
    receipt_no: str
    amount_fen: int
    event_at: Instant
    waits_for: str = ""
    """The bill it was meant for, when that was being debited: applied if the debit fails."""
    waiting_fen: int = 0


class RepaymentApplied(Struct, frozen=True, tag="repayment_applied"):
    """Part of a payment or of the refundable balance paid part of a bill; the line is free again by it."""

    bill: str
    payment: str
    amount_fen: int
    from_balance: bool = False
    """True: the payment had come before and waited in the balance; its answer stays as it was."""


BillEvent = (
    BillIssued
    | BillRevised
    | BillReductionHeld
    | BillReductionDue
    | BillTermPassed
    | BillOverdue
    | BillFrozen
    | BillUnfreezeProposed
    | BillUnfrozen
    | BillClosed
    | RepaymentReceived
    | RepaymentApplied
)

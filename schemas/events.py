"""What happened, in the past tense: the only things that change an account's state (architecture 4, style 4).

`hub.domain.evolve` applies them; nothing else may. A field ending in `_fen` is integer fen, `_at` city time and
`_wall_at` wall time in milliseconds since the epoch. An event carries what evolve needs, never the time of day.
"""

from typing import Literal

from schemas.commands import Cause, Channel, Instant, InsuranceSplit, Item, LineKind, Scene, Struct, Subject

Provider = Literal["egret", "sesame", "bank"]


class Allocation(Struct, frozen=True):
    """How an amount was split; the parts always sum to the whole (domain 1, allocation)."""

    fund_fen: int = 0
    account_fen: int = 0
    other_fen: int = 0
    prepayment_fen: int = 0
    credit_fen: int = 0
    self_pay_fen: int = 0

    def total_fen(self) -> int:
        """Return the sum of all parts."""
        return (
            self.fund_fen
            + self.account_fen
            + self.other_fen
            + self.prepayment_fen
            + self.credit_fen
            + self.self_pay_fen
        )


class PostedLine(Struct, frozen=True):
    """A line as booked."""

    line_key: str
    kind: LineKind
    amount_fen: int
    item: Item
    content_hash: str
    service_at: Instant
    quantity: str = "1"
    unit_price: str = ""
    department: str = ""
    order_no: str = ""
    reverses: str = ""


class VisitOpened(Struct, frozen=True, tag="visit_opened"):
    """The first thing heard of a visit: an ADT, an Encounter or its first charge."""

    visit: str
    institution: str
    scene: Scene
    event_at: Instant
    idle_at: Instant = 0
    """When it closes if nothing more is heard; 0 for an inpatient, who is discharged."""


class VisitUpdated(Struct, frozen=True, tag="visit_updated"):
    """ADT^A08 or a repeat of an Encounter; never changes amounts."""

    visit: str
    institution: str
    scene: Scene
    event_at: Instant


class VisitClosed(Struct, frozen=True, tag="visit_closed"):
    """Discharge, finished, or 12 h idle (architecture 12, closing)."""

    visit: str
    institution: str
    closed_at: Instant
    cause: Literal["discharged", "idle", "cancelled"]


class VisitReopened(Struct, frozen=True, tag="visit_reopened"):
    """ADT^A13 or a late charge before the bill is debited."""

    visit: str
    institution: str
    idle_at: Instant = 0


class VisitCancelPending(Struct, frozen=True, tag="visit_cancel_pending"):
    """ADT^A11 while charges are not reversed: it is cancelled when their net is zero (protocols 2.1)."""

    visit: str
    institution: str


class VisitSettled(Struct, frozen=True, tag="visit_settled"):
    """Closed, and nothing is owed or waits any more: its archive timer runs."""

    visit: str
    institution: str
    archive_at: Instant


class VisitArchived(Struct, frozen=True, tag="visit_archived"):
    """180 days after settlement: lines leave the state, the id stays known."""

    visit: str
    institution: str


class ChargePosted(Struct, frozen=True, tag="charge_posted"):
    """One charge was split (domain 4). `allocation` sums to `total_fen`."""

    charge: str
    visit: str
    institution: str
    scene: Scene
    event_at: Instant
    pack: str
    agreement: str
    total_fen: int
    allocation: Allocation
    lines: tuple[PostedLine, ...]
    settlement: InsuranceSplit | None = None
    department: str = ""
    reason: str = ""
    """Why the credit step gave less than was asked."""
    parameters: dict[str, str] = {}
    idle_at: Instant = 0
    absorbs: tuple[str, ...] = ()
    """Held charges that were split as this one: by a settlement, or at the close."""


class LinesHeld(Struct, frozen=True, tag="lines_held"):
    """Mode `after`: lines are known and wait for the insurer's settlement; nothing is allocated yet."""

    charge: str
    visit: str
    institution: str
    scene: Scene
    event_at: Instant
    pack: str
    total_fen: int
    lines: tuple[PostedLine, ...]
    department: str = ""
    idle_at: Instant = 0


class InsuranceSettled(Struct, frozen=True, tag="insurance_settled"):
    """The settlement of a visit's held lines, or of a charge; its cash part was split as a charge of its own."""

    visit: str
    institution: str
    split: InsuranceSplit
    charges: tuple[str, ...]


class SettlementBlocked(Struct, frozen=True, tag="settlement_blocked"):
    """The insurer's figures contradict the posted lines: no split and no bill until they are corrected."""

    visit: str
    institution: str
    reason: str


class SettlementReversed(Struct, frozen=True, tag="settlement_reversed"):
    """The contra entry of a settlement (2208)."""

    visit: str
    institution: str
    settlement_id: str


class ChargeReduced(Struct, frozen=True, tag="charge_reduced"):
    """A credit or reversal took back part of a charge along its own split, backwards (architecture 12, reversal).

    `returned` sums to `amount_fen`. `self_pay_fen` of it is reported as `refund_at_window_fen`.
    `lines` are the credit lines, `reduced` the charge lines and by how much each was reduced.
    """

    charge: str
    visit: str
    institution: str
    event_at: Instant
    amount_fen: int
    returned: Allocation
    lines: tuple[PostedLine, ...] = ()
    reduced: tuple[tuple[str, int], ...] = ()
    reduction: str = ""
    """The id of this taking back."""
    settled: bool = False
    """True: the personal account part belongs to the insurer's books, not to the balance the hub keeps."""
    waits: bool = False
    """True: the credit part waits for the result of the live debit."""


class CreditParked(Struct, frozen=True, tag="credit_parked"):
    """A credit came before its charge; it waits 24 h of city time (architecture 12)."""

    visit: str
    institution: str
    command_id: str
    lines: tuple[PostedLine, ...]
    until: Instant


class CreditUnparked(Struct, frozen=True, tag="credit_unparked"):
    """The charge came and the credit was applied, or the wait ended unmatched."""

    visit: str
    institution: str
    command_id: str
    applied: bool


class PrepaymentDeposited(Struct, frozen=True, tag="prepayment_deposited"):
    """Money paid in advance to one institution."""

    institution: str
    amount_fen: int
    receipt_no: str = ""
    from_account: str = ""
    """Set when it came over from a number account at its link."""
    deposit: str = ""
    """The id of the deposit."""


class PrepaymentTransferred(Struct, frozen=True, tag="prepayment_transferred"):
    """A number account gave its prepayment to the linked person."""

    institution: str
    amount_fen: int
    to_account: str


class InsuranceAccountDeposited(Struct, frozen=True, tag="insurance_account_deposited"):
    """The insurer credited the personal insurance account."""

    amount_fen: int
    reference: str = ""


class AgreementSigned(Struct, frozen=True, tag="agreement_signed"):
    """A person may now be treated first and pay later, under one pack."""

    agreement: str
    pack: str
    bank: str
    channel: Channel
    channel_agreement: str
    score_consents: tuple[str, ...]
    consent_version: str
    consent_until: Instant
    debit_consent: bool
    signed_at: Instant
    limit_fen: int = 0
    provider: str = ""
    band: int = -1


class AgreementEnded(Struct, frozen=True, tag="agreement_ended"):
    """Withdrawn by the person; what is owed stays owed."""

    agreement: str
    ended_at: Instant


class ChannelAgreementEnded(Struct, frozen=True, tag="channel_agreement_ended"):
    """The channel ended its own agreement: no debit through it any more."""

    agreement: str
    channel: Channel


class CreditHeld(Struct, frozen=True, tag="credit_held"):
    """A pending debit on a line: counts against the limit until it is released (domain 1, hold)."""

    agreement: str
    hold: str
    amount_fen: int


class CreditReleased(Struct, frozen=True, tag="credit_released"):
    """A hold was posted, voided or expired."""

    agreement: str
    hold: str
    amount_fen: int


class LineSet(Struct, frozen=True, tag="line_set"):
    """The credit line of an agreement was computed; a line below `used` never claws back (domain 5)."""

    agreement: str
    limit_fen: int
    provider: str
    band: int


class ScoreObserved(Struct, frozen=True, tag="score_observed"):
    """A newer score band of one provider; older ones are not recorded here but in the outcome."""

    provider: Provider
    band: int
    cut_points_hash: str
    message_id: str
    computed_at: Instant
    valid_until: Instant
    sequence: int
    authorisation: str
    authorisation_until: Instant


class ConsentRevoked(Struct, frozen=True, tag="consent_revoked"):
    """Scores of this provider may not be read any more; the band is forgotten and the line frozen for new use."""

    provider: Provider
    authorisation: str


class FeedAdvanced(Struct, frozen=True, tag="feed_advanced"):
    """A feed account accepted the next sequence number."""

    stream: str
    sequence: int
    message_id: str
    payload_sm3: str


class PersonIdentified(Struct, frozen=True, tag="person_identified"):
    """What a message said about the person, masked; only changed fields are set."""

    subject: Subject


class NumberLinked(Struct, frozen=True, tag="number_linked"):
    """A number account now belongs to a person: it forwards from here on."""

    person: str
    institution: str


class NumberNoted(Struct, frozen=True, tag="number_noted"):
    """A person learned of a hospital number of theirs and told its account."""

    number: str


class Forwarded(Struct, frozen=True, tag="forwarded"):
    """The command left for the linked person in this account's own order."""

    command_id: str
    to_account: str


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


class BillClosed(Struct, frozen=True, tag="bill_closed"):
    """A final state other than paid: cancelled by reversal, relieved or written off."""

    bill: str
    state: Literal["cancelled", "relieved", "written_off"]


class DebitStarted(Struct, frozen=True, tag="debit_started"):
    """One live debit per bill: its order number, its absolute wall-time expiry, its attempt."""

    bill: str
    order_no: str
    channel: Channel
    amount_fen: int
    attempt: int
    new_number: bool
    txn_wall_at: Instant
    expires_wall_at: Instant
    errand_id: str
    started_at: Instant = 0
    guard_wall_at: Instant = 0
    """When the order is asked about if nothing at all is heard."""


class DebitUnknown(Struct, frozen=True, tag="debit_unknown"):
    """The outcome is not known: a query is planned, never a new number."""

    bill: str
    order_no: str
    query_no: int
    next_query_wall_at: Instant
    gateway_code: str = ""


class DebitQueried(Struct, frozen=True, tag="debit_queried"):
    """A query for an order number left."""

    bill: str
    order_no: str
    query_no: int
    errand_id: str
    guard_wall_at: Instant = 0


class DebitFailed(Struct, frozen=True, tag="debit_failed"):
    """The gateway's final failure for an order number, with its cause; a retry may be planned (domain 7)."""

    bill: str
    order_no: str
    cause: Cause
    gateway_code: str
    retry_at: Instant = 0
    """City time of the next attempt with a new number; 0 when there is none."""
    retry_wall_at: Instant = 0
    """Wall time of a technical retry; 0 when there is none."""
    same_number: bool = False
    """True: the order number lives on and is tried again; only a final word of the gateway frees it."""


class DebitPaid(Struct, frozen=True, tag="debit_paid"):
    """The gateway moved the money of an order number: once, whatever is heard how often."""

    bill: str
    order_no: str
    channel: Channel
    amount_fen: int
    trade_no: str
    payment: str


class DebitFinished(Struct, frozen=True, tag="debit_finished"):
    """The gateway closed the trade for good: it can be refunded no more."""

    bill: str
    order_no: str


class DebitDoubted(Struct, frozen=True, tag="debit_doubted"):
    """A notice contradicts what we know of an order; a query decides."""

    bill: str
    order_no: str
    word: str
    """What the notice said: paid, closed or amount."""
    errand_id: str
    guard_wall_at: Instant = 0


class LatePaymentReceived(Struct, frozen=True, tag="late_payment_received"):
    """An order was paid after it had failed or been closed: the money is the person's and goes back."""

    bill: str
    order_no: str
    channel: Channel
    amount_fen: int
    trade_no: str
    payment: str


class ChannelRefunded(Struct, frozen=True, tag="channel_refunded"):
    """The channel paid money back that we did not ask to be paid back: that much is owed again."""

    bill: str
    order_no: str
    payment: str
    amount_fen: int


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


class RefundStarted(Struct, frozen=True, tag="refund_started"):
    """Money goes back to the source it came from."""

    bill: str
    payment: str
    refund_no: str
    channel: Channel | Literal["counter", "balance"]
    amount_fen: int
    errand_id: str = ""
    order_no: str = ""
    trade_no: str = ""
    from_balance: bool = False
    """True: the money was never the bill's; it came after the order was closed."""
    started_wall_at: Instant = 0
    guard_wall_at: Instant = 0


class RefundUnknown(Struct, frozen=True, tag="refund_unknown"):
    """The refund's outcome is not known: asked again later, never under a new number."""

    bill: str
    refund_no: str
    query_no: int
    next_query_wall_at: Instant
    send_again: bool = False
    """True: it is known not to exist; next time it is sent again, number and amount as before."""


class RefundQueried(Struct, frozen=True, tag="refund_queried"):
    """A query for a refund left."""

    bill: str
    refund_no: str
    query_no: int
    errand_id: str
    guard_wall_at: Instant = 0


class RefundSettled(Struct, frozen=True, tag="refund_settled"):
    """The refund reached its source."""

    bill: str
    payment: str
    refund_no: str
    amount_fen: int


class RefundFailed(Struct, frozen=True, tag="refund_failed"):
    """The gateway refused the refund; the money is the person's refundable balance until a person acts."""

    bill: str
    payment: str
    refund_no: str
    amount_fen: int
    gateway_code: str


class Suspended(Struct, frozen=True, tag="suspended"):
    """No new credit because of an overdue bill."""

    bill: str


class ResumePlanned(Struct, frozen=True, tag="resume_planned"):
    """The arrears are paid; credit resumes at the pack's time."""

    resume_at: Instant


class Resumed(Struct, frozen=True, tag="resumed"):
    """Credit may be used again."""


Event = (
    VisitOpened
    | VisitUpdated
    | VisitClosed
    | VisitReopened
    | VisitCancelPending
    | VisitSettled
    | VisitArchived
    | ChargePosted
    | LinesHeld
    | InsuranceSettled
    | SettlementBlocked
    | SettlementReversed
    | ChargeReduced
    | CreditParked
    | CreditUnparked
    | PrepaymentDeposited
    | PrepaymentTransferred
    | InsuranceAccountDeposited
    | AgreementSigned
    | AgreementEnded
    | ChannelAgreementEnded
    | CreditHeld
    | CreditReleased
    | LineSet
    | ScoreObserved
    | ConsentRevoked
    | FeedAdvanced
    | PersonIdentified
    | NumberLinked
    | NumberNoted
    | Forwarded
    | BillIssued
    | BillRevised
    | BillReductionHeld
    | BillReductionDue
    | BillTermPassed
    | BillOverdue
    | BillFrozen
    | BillClosed
    | DebitStarted
    | DebitUnknown
    | DebitQueried
    | DebitFailed
    | DebitPaid
    | DebitFinished
    | DebitDoubted
    | LatePaymentReceived
    | ChannelRefunded
    | RepaymentReceived
    | RepaymentApplied
    | RefundStarted
    | RefundUnknown
    | RefundQueried
    | RefundSettled
    | RefundFailed
    | Suspended
    | ResumePlanned
    | Resumed
)

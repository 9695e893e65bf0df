"""What happened to orders at a gateway."""

from schemas.commands import Cause, Channel, Instant, Struct


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
    channel_agreement: str = ""
    """The contract that is debited: a family member's, the agreement's own, or a further consented one."""
    link: str = ""
    """The family link under which that contract pays."""
    source: int = 0
    """Place of the contract: 0 a grown child's, 1 the person's own, further consented ones from 2."""


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
    source: int = 0
    """Place of the contract that the next attempt goes through."""
    part_fen: int = 0
    """The next attempt is for at most so much, as the channel's limit allows no more; 0: for all."""


class DebitPaid(Struct, frozen=True, tag="debit_paid"):
    """The gateway moved the money of an order number: once, whatever is heard how often."""

    bill: str
    order_no: str
    channel: Channel
    amount_fen: int
    trade_no: str
    payment: str
    rest_at: Instant = 0
    """When the rest of a bill that was debited in parts follows; 0: nothing is left."""


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


DebitEvent = (
    DebitStarted
    | DebitUnknown
    | DebitQueried
    | DebitFailed
    | DebitPaid
    | DebitFinished
    | DebitDoubted
    | LatePaymentReceived
    | ChannelRefunded
)

"""What `medcredit.errands.v1` carries: one thing to do outside, or at another account (architecture 2, 4, 12).

The lane writes errands in the transaction that decided them. One errand is one call. Its id is deterministic, so an
errand delivered twice is the same call again with the same numbers; a gateway recognises it by its order number.
Wall instants: `not_after_wall_at` is checked right before the call; `expires_wall_at` goes into the call itself and is
the same at every retry of one order number.
"""

from typing import Literal

from schemas.commands import Channel, Command, FeedbackKind, Instant, Struct


class DebitErrand(Struct, frozen=True, tag="debit"):
    """Debit a bill through the person's agreement. A technical retry repeats `order_no`, `txn_wall_at` and expiry."""

    id: str
    account: str
    bill: str
    channel: Channel
    channel_agreement: str
    order_no: str
    amount_fen: int
    attempt: int
    txn_wall_at: Instant
    expires_wall_at: Instant
    not_after_wall_at: Instant


class QueryErrand(Struct, frozen=True, tag="query"):
    """Ask what became of an order number."""

    id: str
    account: str
    channel: Channel
    order_no: str
    amount_fen: int
    txn_wall_at: Instant
    expires_wall_at: Instant


class RefundErrand(Struct, frozen=True, tag="refund"):
    """Pay back part of a settled order; a retry repeats number and amount."""

    id: str
    account: str
    channel: Channel
    order_no: str
    trade_no: str
    refund_no: str
    amount_fen: int
    txn_wall_at: Instant
    query: bool = False
    """True: ask what became of `refund_no` instead of sending it."""


class FeedbackErrand(Struct, frozen=True, tag="feedback"):
    """Tell a score source something of a person; a retry repeats `message`, by which the source recognises it.

    The person is named by the authorisation under which the source last gave a score, and by that score's message: the
    hub keeps no other name that the source knows. Neither bill nor institution leaves (domain 8).
    """

    id: str
    account: str
    source: str
    message: str
    kind: FeedbackKind
    authorisation: str
    score_message: str
    at: Instant
    """City time of what is told."""
    attempt: int = 1
    points: int = 0
    month: int = 0
    withdraws: str = ""

    @property
    def channel(self) -> str:
        """The channel its calls go through: each source has its own breaker and pace."""
        return f"score-{self.source}"


class RelayErrand(Struct, frozen=True, tag="relay"):
    """Put a command to another account on `commands`; read by its own consumer group, in order per account."""

    id: str
    account: str
    """The account that sends; the receiver is `command.account`."""
    command: Command


Errand = DebitErrand | QueryErrand | RefundErrand | FeedbackErrand | RelayErrand

ErrandKind = Literal["debit", "query", "refund", "feedback", "relay"]

"""What `medcredit.errands.v1` carries: one thing to do outside, or at another account (architecture 2, 4, 12).

The lane writes errands in the transaction that decided them. One errand is one call. Its id is deterministic, so an
errand delivered twice is the same call again with the same numbers; a gateway recognises it by its order number.
Wall instants: `not_after_wall_at` is checked right before the call; `expires_wall_at` goes into the call itself and is
the same at every retry of one order number.
"""

from typing import Literal

from schemas.commands import Channel, Command, Instant, Struct


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


class RelayErrand(Struct, frozen=True, tag="relay"):
    """Put a command to another account on `commands`; read by its own consumer group, in order per account."""

    id: str
    account: str
    """The account that sends; the receiver is `command.account`."""
    command: Command


Errand = DebitErrand | QueryErrand | RefundErrand | RelayErrand
"""`NOTICE` errands come with the messages to people."""

ErrandKind = Literal["debit", "query", "refund", "relay"]

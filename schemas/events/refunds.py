"""What happened to money going back through a gateway."""

from typing import Literal

from schemas.commands import Channel, Instant, Struct


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


RefundEvent = RefundStarted | RefundUnknown | RefundQueried | RefundSettled | RefundFailed

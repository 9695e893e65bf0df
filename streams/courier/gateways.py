"""A gateway or score source as the courier sees it, and what is answered when it is not called."""

from typing import Literal, Protocol

from hub.runtime.wire import CallOutcome
from schemas.commands import Instant, RecordFeedbackResult, RecordGatewayResult
from schemas.errands import DebitErrand, FeedbackErrand, QueryErrand, RefundErrand

GatewayErrand = DebitErrand | QueryErrand | RefundErrand
OutsideErrand = GatewayErrand | FeedbackErrand
"""What leaves the hub: one call each."""


class Gateway(Protocol):
    """One payment gateway. No method raises for a lost or unreadable answer: that is an outcome, UNKNOWN."""

    async def debit(self, errand: DebitErrand) -> CallOutcome:
        """Debit; the same errand again is the same order."""
        ...

    async def query(self, errand: QueryErrand) -> CallOutcome:
        """Ask what became of an order number."""
        ...

    async def refund(self, errand: RefundErrand) -> CallOutcome:
        """Refund, or ask about a refund."""
        ...


class ScoreDesk(Protocol):
    """Where one score source is told of its people. Never raises for a lost answer: that is an outcome, unknown."""

    async def tell(self, errand: FeedbackErrand) -> CallOutcome:
        """Tell; the same message again is the same word."""
        ...


def queue_of(errand: OutsideErrand) -> str:
    """Return whose errands keep their order: a slow score source never holds up a debit of the same account."""
    return f"{errand.account}|{errand.channel}" if isinstance(errand, FeedbackErrand) else errand.account


def operation_of(errand: OutsideErrand) -> str:
    """Return the operation an errand asks for, as its result names it."""
    match errand:
        case DebitErrand():
            return "debit"
        case QueryErrand():
            return "query"
        case RefundErrand():
            return "refund_query" if errand.query else "refund"
        case FeedbackErrand():
            return "feedback"


async def call(gateway: Gateway, errand: GatewayErrand) -> CallOutcome:
    """Make the one call of an errand."""
    match errand:
        case DebitErrand():
            return await gateway.debit(errand)
        case QueryErrand():
            return await gateway.query(errand)
        case RefundErrand():
            return await gateway.refund(errand)


def has_expired(errand: OutsideErrand, wall: Instant) -> bool:
    """Say whether the errand may not be executed any more: only a debit has a last moment."""
    return isinstance(errand, DebitErrand) and wall > errand.not_after_wall_at


def not_executed(errand: OutsideErrand, why: str, wall: Instant) -> CallOutcome:
    """Return the outcome of an errand that this courier did not execute; another one may have, before.

    So it never says "not executed" of the order number: the status is unknown, and only the same number may be tried
    again (architecture 12, new order number). `why` is EXPIRED, BREAKER_OPEN, THROTTLED or CHANNEL_NOT_CONFIGURED.
    """
    if isinstance(errand, FeedbackErrand):
        untold: Literal["untold", "unknown"] = "untold" if why == "CHANNEL_NOT_CONFIGURED" else "unknown"
        return CallOutcome(RecordFeedbackResult(errand.id, errand.message, errand.source, untold, wall, why))
    result = RecordGatewayResult(
        errand_id=errand.id,
        operation=operation_of(errand),  # type: ignore[arg-type]  # one of its literals
        channel=errand.channel,
        order_no=errand.order_no,
        status="unknown",
        sent_wall_at=wall,
        cause="not_executed_same_number",
        gateway_code=why,
        refund_no=errand.refund_no if isinstance(errand, RefundErrand) else "",
    )
    return CallOutcome(result)

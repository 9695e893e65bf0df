"""The gateway's own book: what was asked, what really moved, what was said. The oracle of tests (protocols 10)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adapters.sandbox.outcomes import Outcome


class State(StrEnum):
    """Where an order stands at the gateway. ABSENT: calls arrived, but no order was created."""

    ABSENT = "ABSENT"
    REFUSED = "REFUSED"
    WAIT = "WAIT"
    PAID = "PAID"
    CLOSED = "CLOSED"


@dataclass
class Attempt:
    """One debit call that named a new attempt."""

    attempt: int
    arrived_wall_at: int
    verdict: str
    code: str


@dataclass
class NoticeRecord:
    """One delivery: all sends under one notice id. `answered` is True once a send was accepted as the rules say."""

    notice_id: str
    status: str
    sends: int = 0
    answered: bool = False
    first_wall_at: int | None = None
    positive_answers: int = 0
    replies: list[str] = field(default_factory=list)

    @property
    def resends(self) -> int:
        """Return the sends beyond the first of a delivery that was accepted in the end, else 0."""
        return max(0, self.sends - 1) if self.answered else 0


@dataclass
class Refund:
    """One refund request; a repeat under the same number is the same refund. `moves_at` None: refused."""

    refund_no: str
    amount_fen: int
    asked_wall_at: int
    moves_at: int | None
    code: str = ""
    txn_time: str = ""
    trade_no: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def moved(self, now_ms: int) -> bool:
        """Return whether the money is back."""
        return self.moves_at is not None and self.moves_at <= now_ms


@dataclass
class Order:
    """One order number. `plan` holds what will become of it without any further call; `settle` makes it so."""

    order_no: str
    amount_fen: int
    created_at: int
    trade_no: str
    fields: dict[str, str]
    notify_url: str
    expires_at: int | None = None
    state: State = State.ABSENT
    code: str = ""
    outcome: Outcome = field(default_factory=Outcome)
    plan: list[tuple[int, State]] = field(default_factory=list)
    moved_wall_at: int | None = None
    refunds: list[Refund] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    notices: list[NoticeRecord] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def last_attempt(self) -> int:
        """Return the number of the attempt that decided the present state; 0 before any."""
        return self.attempts[-1].attempt if self.attempts else 0

    def settle(self, now_ms: int, announce: Callable[["Order", State], None]) -> None:
        """Let everything planned up to now happen; each change is announced once."""
        while self.plan and self.plan[0][0] <= now_ms:
            instant, state = self.plan.pop(0)
            self.enter(state, instant)
            announce(self, state)

    def enter(self, state: State, instant: int) -> None:
        """Change the state; PAID moves the money. Raises ValueError for a second movement."""
        if state is State.PAID:
            if self.moved_wall_at is not None:
                raise ValueError(f"order {self.order_no} was already paid")
            self.moved_wall_at = instant
        self.state = state

    def refunded_fen(self, now_ms: int) -> int:
        """Return what is back with the payer."""
        return sum(refund.amount_fen for refund in self.refunds if refund.moved(now_ms))

    def promised_fen(self) -> int:
        """Return what is back or on its way."""
        return sum(refund.amount_fen for refund in self.refunds if refund.moves_at is not None)

    def refund(self, refund_no: str) -> Refund | None:
        """Return the refund of this number."""
        return next((refund for refund in self.refunds if refund.refund_no == refund_no), None)


class Book:
    """All orders of one channel."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.orders: dict[str, Order] = {}
        self.unknown_calls: Counter[str] = Counter()

    def document(self, now_ms: int) -> dict[str, Any]:
        """Return the ledger as JSON values; amounts in fen, instants in milliseconds of the sandbox clock."""
        orders = list(self.orders.values())
        notices = [notice for order in orders for notice in order.notices]
        return {
            "channel": self.channel,
            "now_wall_at": now_ms,
            "moved_count": sum(order.moved_wall_at is not None for order in orders),
            "moved_fen": sum(order.amount_fen for order in orders if order.moved_wall_at is not None),
            "refunded_fen": sum(order.refunded_fen(now_ms) for order in orders),
            "notices_sent": sum(notice.sends for notice in notices),
            "resends": sum(notice.resends for notice in notices),
            "unknown_calls": dict(self.unknown_calls),
            "orders": [_entry(order, now_ms) for order in orders],
        }


def _entry(order: Order, now_ms: int) -> dict[str, Any]:
    return {
        "order_no": order.order_no,
        "amount_fen": order.amount_fen,
        "state": order.state.value,
        "code": order.code,
        "trade_no": order.trade_no,
        "moved": order.moved_wall_at is not None,
        "moved_wall_at": order.moved_wall_at,
        "expires_wall_at": order.expires_at,
        "movements": _movements(order, now_ms),
        "refunds": [
            {
                "refund_no": refund.refund_no,
                "amount_fen": refund.amount_fen,
                "moved": refund.moved(now_ms),
                "moved_wall_at": refund.moves_at if refund.moved(now_ms) else None,
                "code": refund.code,
            }
            for refund in order.refunds
        ],
        "calls": {name: order.calls[name] for name in ("debit", "query", "refund", "cancel")},
        "notices": [
            {
                "notice_id": notice.notice_id,
                "status": notice.status,
                "sends": notice.sends,
                "answered": notice.answered,
                "first_wall_at": notice.first_wall_at,
                "positive_answers": notice.positive_answers,
                "replies": notice.replies,
            }
            for notice in order.notices
        ],
        "attempts": [
            {
                "attempt": attempt.attempt,
                "arrived_wall_at": attempt.arrived_wall_at,
                "verdict": attempt.verdict,
                "code": attempt.code,
            }
            for attempt in order.attempts
        ],
    }


def _movements(order: Order, now_ms: int) -> list[dict[str, Any]]:
    moves: list[dict[str, Any]] = []
    if order.moved_wall_at is not None:
        moves.append({"kind": "debit", "amount_fen": order.amount_fen, "wall_at": order.moved_wall_at})
    moves += [
        {"kind": "refund", "no": refund.refund_no, "amount_fen": refund.amount_fen, "wall_at": refund.moves_at}
        for refund in order.refunds
        if refund.moved(now_ms)
    ]
    return moves

"""What happens at most once in a whole city, and what two sides must agree about in the end (domain 9, 15.5, 15.6)."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from hub.simulate.seeded.faults import FaultError
from hub.simulate.seeded.gateways import Book
from schemas import events
from schemas.ids import account_of


class MovedOnce:
    """Takes every event; keeps orders, refunds and family holds, which may leave the state before the run is over."""

    def __init__(self) -> None:
        self.placed: dict[str, int] = {}
        self.decided: dict[str, int] = {}
        self.ended: dict[str, int] = {}
        """Family hold → what of it became credit, 0 where it was voided."""
        self.received: dict[str, int] = {}
        self.refunded: dict[str, int] = {}
        self.foreign: Counter[str] = Counter()

    def add(self, event: events.Event) -> None:
        """Note one event. Raises FaultError where it happened before."""
        note = _NOTES.get(type(event))
        if note is not None:
            note(self, event)

    def given_back(self, event: events.ChannelRefunded) -> None:
        """Add what a channel gave back unasked."""
        self.foreign[event.order_no] += event.amount_fen

    def once(self, number: int, book: dict[str, int], name: str, fen: int) -> None:
        """Enter something that may not be there yet."""
        if name in book:
            raise FaultError(number, f"{name} of {account_of(name) or ''}: {book[name]} fen before, now {fen} again")
        book[name] = fen

    def at_rest(self, book: Book) -> None:
        """Check that both sides of a family agree about every hold, and hub and gateways about all money."""
        granted = {hold: fen for hold, fen in self.decided.items() if fen}
        if granted != {hold: fen for hold, fen in self.ended.items() if fen}:
            raise FaultError(3, f"dependents and payers disagree about {_odd(granted, self.ended)}")
        if self.placed.keys() != self.ended.keys():
            raise FaultError(3, f"holds without an end: {sorted(self.placed.keys() ^ self.ended.keys())[:3]}")
        if self.received != book.moved:
            raise FaultError(5, f"hub and gateways disagree about {_odd(self.received, book.moved)}")
        if self.refunded != book.refunded:
            raise FaultError(6, f"hub and gateways disagree about refunds {_odd(self.refunded, book.refunded)}")
        if self.foreign != book.foreign:
            raise FaultError(6, f"hub and channels disagree about what went back {_odd(self.foreign, book.foreign)}")


def _odd(one: Mapping[str, int], other: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(set(one.items()) ^ set(other.items()))[:3]


_NOTES: Final[dict[type, Callable[[MovedOnce, Any], None]]] = {
    events.FamilyHoldPlaced: lambda self, event: self.once(3, self.placed, event.hold, event.amount_fen),
    events.FamilyHoldDecided: lambda self, event: self.once(3, self.decided, event.hold, event.posted_fen),
    events.FamilyCreditPosted: lambda self, event: self.once(3, self.ended, event.hold, event.amount_fen),
    events.FamilyHoldVoided: lambda self, event: self.once(3, self.ended, event.hold, 0),
    events.DebitPaid: lambda self, event: self.once(5, self.received, event.order_no, event.amount_fen),
    events.LatePaymentReceived: lambda self, event: self.once(5, self.received, event.order_no, event.amount_fen),
    events.ChannelRefunded: MovedOnce.given_back,
    events.RefundSettled: lambda self, event: self.once(6, self.refunded, event.refund_no, event.amount_fen),
}

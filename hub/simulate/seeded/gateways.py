"""Gateways of the simulated city: they move money once for an order, and lose, delay and repeat their words.

They keep a book of their own, against which the hub's is compared when everything has come to rest.
"""

from dataclasses import dataclass, field
from typing import Final

from hub.simulate.seeded.fates import Fates
from schemas.commands import Body, Cause, Command, Instant, ReceiveNotice, RecordGatewayResult
from schemas.errands import DebitErrand, Errand, QueryErrand, RefundErrand
from schemas.ids import account_of

SECOND: Final = 1_000
HOUR: Final = 3_600_000
_FATES: Final[list[tuple[int, str]]] = [
    (70, "paid"),
    (12, "nsf"),
    (5, "technical"),
    (3, "limit"),
    (2, "agreement_dead"),
    (2, "card"),
    (6, "lost"),
]
"""What becomes of a call; `lost`: it never arrived."""
_NOT_EXECUTED: Final = frozenset(("technical", "lost"))
"""The order may still be called again, and then meet another fate."""
_WORDS: Final[list[tuple[int, str]]] = [(72, "told"), (16, "unknown"), (12, "twice")]
"""What the caller hears of it."""


@dataclass
class Book:
    """What a gateway moved, by order and by refund."""

    moved: dict[str, int] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    order_of: dict[str, str] = field(default_factory=dict)
    """The order a refund gives back from."""

    def left(self, order_no: str) -> int:
        """Return what of an order has not gone back."""
        back = sum(amount for refund, amount in self.refunded.items() if self.order_of[refund] == order_no)
        return self.moved.get(order_no, 0) - back


class Gateways:
    """Answers errands with commands that arrive later."""

    def __init__(self, fates: Fates) -> None:
        self.book = Book()
        self._fates = fates
        self._fate_of: dict[str, str] = {}

    def answer(self, errand: Errand, at: Instant) -> list[tuple[Instant, Command]]:
        """Carry out one errand; return what comes back, and when."""
        if isinstance(errand, DebitErrand):
            return self._debit(errand, at)
        if isinstance(errand, QueryErrand):
            return self._query(errand, at)
        if isinstance(errand, RefundErrand):
            return self._refund(errand, at)
        return []

    def _debit(self, errand: DebitErrand, at: Instant) -> list[tuple[Instant, Command]]:
        if at > errand.not_after_wall_at:
            return [self._said(errand, at, "unknown")]
        order = errand.order_no
        fate = self._fate_of.get(order) or self._fates.choose(f"fate {errand.id}", _FATES)
        if fate not in _NOT_EXECUTED:
            self._fate_of[order] = fate
        if fate == "paid":
            self.book.moved.setdefault(order, errand.amount_fen)
        word = self._fates.choose(f"word {errand.id}", _WORDS)
        if word == "unknown" or fate == "lost":
            return [self._said(errand, at, "unknown")]
        said = [self._settled(errand, at, fate)]
        if fate == "paid" and word == "twice":
            said += [self._said(errand, at + HOUR, "paid"), self._noticed(errand, at + 2 * HOUR)]
        return said

    def _query(self, errand: QueryErrand, at: Instant) -> list[tuple[Instant, Command]]:
        fate = self._fate_of.get(errand.order_no)
        if self._fates.draw(f"busy {errand.id}", 10) == 0:
            return [self._said(errand, at, "unknown")]
        if fate is None:
            return [self._said(errand, at, "not_exist")]
        return [self._settled(errand, at, fate)]

    def _settled(self, errand: DebitErrand | QueryErrand, at: Instant, fate: str) -> tuple[Instant, Command]:
        if fate == "paid":
            return self._said(errand, at, "paid")
        if fate == "technical":
            return self._said(errand, at, "failed", cause="not_executed_same_number")
        return self._said(errand, at, "failed", cause=fate)  # type: ignore[arg-type]

    def _refund(self, errand: RefundErrand, at: Instant) -> list[tuple[Instant, Command]]:
        number = errand.refund_no
        fresh = number not in self.book.refunded and not errand.query
        if fresh and errand.amount_fen <= self.book.left(errand.order_no):
            self.book.refunded[number] = errand.amount_fen
            self.book.order_of[number] = errand.order_no
        if self._fates.draw(f"refund {errand.id}", 8) == 0:
            return [self._said(errand, at, "unknown")]
        if number in self.book.refunded:
            return [self._said(errand, at, "refunded")]
        return [self._said(errand, at, "not_exist" if errand.query else "refund_failed")]

    def _said(
        self, errand: DebitErrand | QueryErrand | RefundErrand, at: Instant, status: str, cause: Cause = ""
    ) -> tuple[Instant, Command]:
        operation = {DebitErrand: "debit", QueryErrand: "query", RefundErrand: "refund"}[type(errand)]
        refund_no = errand.refund_no if isinstance(errand, RefundErrand) else ""
        if isinstance(errand, RefundErrand) and errand.query:
            operation = "refund_query"
        body = RecordGatewayResult(
            errand.id,
            operation,  # type: ignore[arg-type]
            errand.channel,
            errand.order_no,
            status,  # type: ignore[arg-type]
            at,
            cause,
            trade_no=f"T{errand.order_no[-8:]}" if status == "paid" else "",
            amount_fen=errand.amount_fen if status == "paid" else None,
            refund_no=refund_no,
            refunded_fen=errand.amount_fen if status == "refunded" else None,
        )
        return self._command(errand.account, body, at + 2 * SECOND, f"{errand.id}|{status}|{cause}", "courier")

    def _noticed(self, errand: DebitErrand, at: Instant) -> tuple[Instant, Command]:
        body = ReceiveNotice(
            errand.channel, errand.order_no, "paid", errand.amount_fen, f"N{errand.order_no}", happened_at=at
        )
        account = account_of(errand.order_no) or errand.account
        interface = errand.channel if errand.channel != "bank" else "api"
        return self._command(account, body, at, f"notice|{errand.order_no}", interface)

    def _command(self, account: str, body: Body, at: Instant, name: str, interface: str) -> tuple[Instant, Command]:
        return at, Command(name, account, at, at, "gateway", interface, name, body)  # type: ignore[arg-type]

"""Gateways of the simulated city: they move money once for an order, and lose, delay, repeat and contradict words.

They keep a book of their own, against which the hub's is compared when everything has come to rest.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from hub.simulate.seeded.fates import Fates
from schemas.city_time import DAY_MS, HOUR_MS
from schemas.commands import Body, Cause, Command, Instant, ReceiveNotice, RecordFeedbackResult, RecordGatewayResult
from schemas.errands import DebitErrand, Errand, FeedbackErrand, QueryErrand, RefundErrand
from schemas.ids import account_of

SECOND: Final = 1_000
_FATES: Final[list[tuple[int, str]]] = [
    (68, "paid"),
    (12, "nsf"),
    (5, "technical"),
    (3, "limit"),
    (2, "agreement_dead"),
    (2, "card"),
    (2, "late"),
    (6, "lost"),
]
"""What becomes of a call; `lost`: it never arrived; `late`: it failed, they say, and then the money moved after all."""
_NOT_EXECUTED: Final = frozenset(("technical", "lost"))
"""The order may still be called again, and then meet another fate."""
_WORDS: Final[list[tuple[int, str]]] = [(69, "told"), (16, "unknown"), (12, "twice"), (3, "slow")]
"""What the caller hears of it; `slow`: for hours only that it is waiting."""
_SLOW_MS: Final = 6 * HOUR_MS
_NOTICES: Final[list[tuple[int, str]]] = [
    (84, ""),
    (4, "foreign"),
    (3, "another amount"),
    (3, "waiting"),
    (2, "closed"),
    (4, "finished"),
]
"""What the channel says unasked: `foreign`: it gave part of the money back by itself."""
_TAKEN: Final[list[tuple[int, str]]] = [(76, "taken"), (12, "unknown"), (8, "refused"), (4, "untold")]
_FINISHED_AFTER_MS: Final = 30 * DAY_MS
Sent = list[tuple[Instant, Command]]


@dataclass
class Book:
    """What gateways moved, by order and by refund."""

    moved: dict[str, int] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    foreign: Counter[str] = field(default_factory=Counter)
    """What they gave back unasked, by order."""
    order_of: dict[str, str] = field(default_factory=dict)
    """The order a refund gives back from."""

    def left(self, order_no: str) -> int:
        """Return what of an order has not gone back."""
        back = sum(amount for refund, amount in self.refunded.items() if self.order_of[refund] == order_no)
        return self.moved.get(order_no, 0) - back - self.foreign[order_no]


class Gateways:
    """Answers errands with commands that arrive later."""

    def __init__(self, fates: Fates) -> None:
        self.book = Book()
        self._fates = fates
        self._fate_of: dict[str, str] = {}
        self._finished_at: dict[str, Instant] = {}
        self._told_at: dict[str, Instant] = {}
        """When the outcome of a slow order is known."""

    def answer(self, errand: Errand, at: Instant) -> Sent:
        """Carry out one errand; return what comes back, and when."""
        if isinstance(errand, DebitErrand):
            return self._debit(errand, at)
        if isinstance(errand, QueryErrand):
            return self._query(errand, at)
        if isinstance(errand, RefundErrand):
            return self._refund(errand, at)
        return self._feedback(errand, at) if isinstance(errand, FeedbackErrand) else []

    def _feedback(self, errand: FeedbackErrand, at: Instant) -> Sent:
        """A score's source takes most messages, at times only at a later attempt."""
        status = self._fates.choose(self._fates.nth(f"told {errand.message}"), _TAKEN)
        body = RecordFeedbackResult(errand.id, errand.message, errand.source, status, at)  # type: ignore[arg-type]
        return [self._command(errand.account, body, at + 2 * SECOND, f"{errand.id}|{status}", "courier")]

    # ---- debits -------------------------------------------------------------------------------------------------

    def _debit(self, errand: DebitErrand, at: Instant) -> Sent:
        if at > errand.not_after_wall_at:
            return [self._said(errand, at, "unknown")]
        order, name = errand.order_no, self._fates.nth(f"call {errand.order_no}")
        fate = self._fate_of.get(order) or self._fates.choose(f"fate {name}", _FATES)
        if fate not in _NOT_EXECUTED:
            self._fate_of[order] = fate
        if fate == "late":
            return self._late(errand, at)
        if fate == "paid":
            self.book.moved.setdefault(order, errand.amount_fen)
        word = self._fates.choose(f"word {name}", _WORDS)
        if word == "slow" and fate not in _NOT_EXECUTED:
            self._told_at[order] = at + _SLOW_MS
            return [self._said(errand, at, "waiting")]
        if word == "unknown" or fate == "lost":
            return [self._said(errand, at, "unknown")]
        said = [self._settled(errand, at, fate)]
        if fate == "paid" and word == "twice":
            said += [self._said(errand, at + HOUR_MS, "paid"), self._noticed(errand, at + 2 * HOUR_MS, "paid")]
        return said + self._unasked(errand, at, fate, self._fates.choose(f"notice {name}", _NOTICES))

    def _late(self, errand: DebitErrand, at: Instant) -> Sent:
        """A failure that was none: from now on everybody who asks hears that it is paid."""
        self._fate_of[errand.order_no] = "paid"
        self.book.moved.setdefault(errand.order_no, errand.amount_fen)
        return [self._said(errand, at, "failed", "nsf"), self._noticed(errand, at + 3 * HOUR_MS, "paid")]

    def _unasked(self, errand: DebitErrand, at: Instant, fate: str, kind: str) -> Sent:
        """Notices that nobody waits for; the channel's own refund is true, the others may contradict."""
        order, amount = errand.order_no, errand.amount_fen
        later = at + 5 * SECOND
        if kind == "foreign" and fate == "paid" and not self.book.foreign[order]:
            back = self.book.foreign[order] = max(1, amount // 3)
            return [self._given_back(errand, later, back)]
        if kind == "finished" and fate == "paid":
            ends_at = self._finished_at[order] = at + _FINISHED_AFTER_MS
            return [self._noticed(errand, ends_at + HOUR_MS, "finished")]
        if kind == "another amount":
            return [self._noticed(errand, later, "paid", amount_fen=amount + 1)]
        return [self._noticed(errand, later, kind)] if kind in ("waiting", "closed") else []

    def _given_back(self, errand: DebitErrand, at: Instant, back_fen: int) -> tuple[Instant, Command]:
        """Alipay says how much went back of an order in all, UnionPay names a refund of its own."""
        if errand.channel == "unionpay":
            number, trade_no = f"{errand.order_no[:26]}R99999", _trade_no(errand.order_no)
            return self._noticed(errand, at, "refunded", order_no=number, amount_fen=back_fen, trade_no=trade_no)
        return self._noticed(errand, at, "refunded", refunded_fen=back_fen)

    def _query(self, errand: QueryErrand, at: Instant) -> Sent:
        fate = self._fate_of.get(errand.order_no)
        if self._fates.draw(self._fates.nth(f"busy {errand.order_no}"), 10) == 0:
            return [self._said(errand, at, "unknown")]
        if fate is None:
            return [self._said(errand, at, "not_exist")]
        if at < self._told_at.get(errand.order_no, 0):
            return [self._said(errand, at, "waiting")]
        return [self._settled(errand, at, fate)]

    def _settled(self, errand: DebitErrand | QueryErrand, at: Instant, fate: str) -> tuple[Instant, Command]:
        if fate == "paid":
            return self._said(errand, at, "paid")
        if fate == "technical":
            return self._said(errand, at, "failed", cause="not_executed_same_number")
        return self._said(errand, at, "failed", cause=fate)  # type: ignore[arg-type]

    # ---- refunds ------------------------------------------------------------------------------------------------

    def _refund(self, errand: RefundErrand, at: Instant) -> Sent:
        """A refund succeeds once, or is refused for ever: too much, too late, or for no reason one is told."""
        number = errand.refund_no
        if number not in self.book.refunded and not errand.query and self._may_refund(errand, at):
            self.book.refunded[number] = errand.amount_fen
            self.book.order_of[number] = errand.order_no
            self._fate_of[number] = "refunded"
        elif not errand.query:
            self._fate_of.setdefault(number, "refund_failed")
        if self._fates.draw(self._fates.nth(f"refund {number}"), 8) == 0:
            return [self._said(errand, at, "unknown")]
        return [self._said(errand, at, self._fate_of.get(number, "not_exist"))]

    def _may_refund(self, errand: RefundErrand, at: Instant) -> bool:
        order = errand.order_no
        refused = self._fates.draw(f"refused {errand.refund_no}", 12) == 0
        finished = at >= self._finished_at.get(order, at + 1)
        return not refused and not finished and errand.amount_fen <= self.book.left(order)

    # ---- words --------------------------------------------------------------------------------------------------

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
            trade_no=_trade_no(errand.order_no) if status == "paid" else "",
            amount_fen=errand.amount_fen if status == "paid" else None,
            refund_no=refund_no,
            refunded_fen=errand.amount_fen if status == "refunded" else None,
        )
        return self._command(errand.account, body, at + 2 * SECOND, f"{errand.id}|{status}|{cause}", "courier")

    def _noticed(self, errand: DebitErrand, at: Instant, status: str, **about: Any) -> tuple[Instant, Command]:
        """Return a notice about an order; the bank's word comes over the API."""
        named = {"order_no": errand.order_no, "amount_fen": errand.amount_fen} | about
        name = f"{errand.order_no}|{status}|{named['amount_fen']}"
        body = ReceiveNotice(channel=errand.channel, status=status, notice_id=f"N{name}", happened_at=at, **named)  # type: ignore[arg-type]
        account = account_of(errand.order_no) or errand.account
        interface = errand.channel if errand.channel != "bank" else "api"
        return self._command(account, body, at, f"notice|{name}", interface)

    def _command(self, account: str, body: Body, at: Instant, name: str, interface: str) -> tuple[Instant, Command]:
        return at, Command(name, account, at, at, "gateway", interface, name, body)  # type: ignore[arg-type]


def _trade_no(order_no: str) -> str:
    return f"T{order_no[-8:]}"

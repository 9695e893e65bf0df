"""The UnionPay gateway, ACP 5.1.0: form-encoded in, `k=v&…` out, back notices of successes only (protocols 6)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.sandbox.beijing import COMPACT, ZONE, instant_of, text_of
from adapters.sandbox.book import NoticeRecord, Order, Refund, State
from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.gateway import Answer, Gateway, Scenario, attempt_of, form_of
from adapters.sandbox.keys import UnionPayKeys
from adapters.sandbox.notifier import Delivery
from adapters.sandbox.outcomes import Notice, Refunding, Verdict, Wire, digits
from adapters.sandbox.rsa_text import acp_matches, base_string
from adapters.sandbox.settings import SandboxSettings
from adapters.sandbox.unionpay_notices import ECHOED, body_of, expired_certificate, result_fields, signed

TRADE_PATH = "/gateway/api/backTransReq.do"
QUERY_PATH = "/gateway/api/queryTrans.do"
FILE_PATH = "/gateway/api/fileTransRequest.do"
_SLOW_REFUND_SECONDS = 20.0
_REORDERED_SECONDS = 30.0
_NEEDED = ("version", "encoding", "signMethod", "txnType", "txnSubType", "bizType", "merId", "orderId", "txnTime")


@dataclass(frozen=True)
class _Back:
    """A refund or cancel by its own order number."""

    order: Order
    refund: Refund


class UnionPayGateway(Gateway):
    """Orders by `orderId`; the same number never moves money twice: a repeat is told 12."""

    channel = "unionpay"
    content_type = "text/html;charset=UTF-8"

    def __init__(self, settings: SandboxSettings, clock: SandboxClock, keys: UnionPayKeys) -> None:
        super().__init__(settings, clock, settings.unionpay_gaps_s, lambda status, _body: status == 200)
        self._keys = keys
        self._first_sent: dict[str, asyncio.Event] = {}
        self._refund_said: dict[str, asyncio.Event] = {}
        self._backs: dict[str, _Back] = {}
        self._by_query_id: dict[str, Order] = {}

    def answer(self, path: str, query: str, body: bytes) -> Answer:
        """Return the signed answer to one call; a call that is malformed or badly signed moves nothing."""
        del query
        try:
            fields = form_of(body.decode("utf-8"))
        except (ValueError, UnicodeDecodeError):
            return self._say({}, "10")
        if path.endswith(FILE_PATH):
            return self._file(fields)
        fault, reason = self._fault(fields)
        if fault:
            return self._say(fields, fault, more={"respMsg": reason})
        if path.endswith(QUERY_PATH):
            return self._query(fields)
        kinds = {("11", "00"): self._debit, ("04", "00"): self._refund, ("31", "00"): self._refund}
        handle = kinds.get((fields["txnType"], fields["txnSubType"])) if path.endswith(TRADE_PATH) else None
        if handle is None:
            return self._say(fields, "10")
        return self._say(fields, "02") if self._in_maintenance() else handle(fields)

    def _fault(self, fields: Mapping[str, str]) -> tuple[str, str]:
        """Return code and reason of a call that cannot be taken; an empty code when it can."""
        if missing := next((name for name in _NEEDED if not fields.get(name)), ""):
            return "13", f"missing {missing}"
        if (fields["version"], fields["signMethod"]) != ("5.1.0", "01") or not self._believed(fields):
            return "11", "signature"
        return "", ""

    def announce(self, order: Order, state: State) -> None:
        """Begin the notice of a payment. Failures are never notified."""
        outcome = order.outcome
        silent = outcome.notice is Notice.NEVER or outcome.verdict is Verdict.PAID_LATE
        if state is not State.PAID or silent:
            return
        delay = 0.0 if outcome.wire is Wire.AFTER_NOTICE else self.notice_delay_s(order, state)
        delay += _REORDERED_SECONDS if outcome.notice is Notice.THEN_STALE else 0
        after = None
        if outcome.notice is Notice.AFTER_REFUND:
            after = self._refund_said.setdefault(order.order_no, asyncio.Event())
        sent = self._notify(order, order.fields, order.trade_no, delay, outcome.notice, outcome.notice_sends, after)
        self._first_sent[order.order_no] = sent

    def _believed(self, fields: Mapping[str, str]) -> bool:
        text = base_string(fields, ("signature",))
        known = fields.get("certId") == str(self._keys.merchant_serial)
        return known and acp_matches(self._keys.merchant_public, text, fields.get("signature", ""))

    def _file(self, fields: Mapping[str, str]) -> Answer:
        """Answer a file transfer with the settlement file of a day; the request names month and day only."""
        if not self._believed(fields) or fields.get("txnType") != "76":
            return self._say({**fields, "orderId": ""}, "11", operation="query")
        asked = fields.get("txnTime", "")[:4] + fields.get("settleDate", "")
        try:
            day = datetime.strptime(asked, "%Y%m%d").replace(tzinfo=ZONE).date()
        except ValueError:
            return self._say({**fields, "orderId": ""}, "10", operation="query")
        self.settle_all()
        more = {"fileName": f"{day:%y%m%d}.zip", "fileContent": self.bills.unionpay(day, fields.get("merId", ""))}
        return self._say({**fields, "orderId": ""}, "00", operation="query", more=more)

    def _in_maintenance(self) -> bool:
        """Return whether the weekly window (23:30 to 00:30 of the next day, Beijing) is open."""
        if self.scenario is Scenario.MAINTENANCE:
            return True
        if self.settings.maintenance_weekday is None:
            return False
        evening = self.clock.now_ms() - 30 * 60_000  # the window begins 30 minutes before midnight, so it ends at 24:00
        return _weekday(evening) == self.settings.maintenance_weekday and text_of(evening, "%H") == "23"

    def _debit(self, fields: dict[str, str]) -> Answer:
        amount = fields.get("txnAmt", "")
        if not amount.isascii() or not amount.isdigit() or amount.startswith("0"):
            return self._say(fields, "10", more={"respMsg": "txnAmt"})
        order = self.book.orders.get(fields["orderId"])
        if order is None:
            try:
                order = self._created(fields, int(amount))
            except ValueError:
                return self._say(fields, "10", more={"respMsg": "txnTime, payTimeout"})
            self.book.orders[order.order_no] = self._by_query_id[order.trade_no] = order
        order.calls["debit"] += 1
        self.settle(order)
        same = (order.fields["txnTime"], order.amount_fen) == (fields["txnTime"], int(amount))
        if order.state is not State.ABSENT or not same:
            return self._say(fields, "12", order=order)
        return self._new_attempt(order, fields)

    def _new_attempt(self, order: Order, fields: dict[str, str]) -> Answer:
        attempt = attempt_of(fields.get("reqReserved", ""))
        if self.expired(order):
            self.refuse_expired(order, attempt, "39")
            return self._say(fields, "39", order=order)
        outcome = self.decide(order.order_no, attempt, order.amount_fen)
        if outcome.wire is Wire.BAD_GATEWAY_ONCE and self.first_call(order):
            return self._say(fields, "00", order=order, wire=outcome.wire)
        self.begin(order, attempt, outcome)
        codes = {
            Verdict.REFUSED: outcome.code,
            Verdict.PENDING_PAID: "05",
            Verdict.PENDING_CLOSED: "05",
            Verdict.PAID_LATE: "42",
            Verdict.ABSENT: "34",
        }
        code = "12" if outcome.wire is Wire.SAYS_DUPLICATE else codes.get(outcome.verdict, "00")
        wire = Wire.PLAIN if outcome.wire is Wire.BAD_GATEWAY_ONCE else outcome.wire
        wait_for = self._first_sent.get(order.order_no) if wire is Wire.AFTER_NOTICE else None
        return self._say(fields, code, order=order, wire=wire, wait_for=wait_for)

    def _created(self, fields: dict[str, str], amount_fen: int) -> Order:
        instant_of(fields["txnTime"], COMPACT)
        expiry = fields.get("payTimeout", "")
        number = fields["orderId"]
        query_id = f"{fields['txnTime']}{digits(7, self.settings.seed, number)}"
        return Order(
            number,
            amount_fen,
            self.clock.now_ms(),
            query_id,
            fields,
            fields.get("backUrl", ""),
            instant_of(expiry, COMPACT) if expiry else None,
        )

    def _query(self, fields: dict[str, str]) -> Answer:
        number = fields["orderId"]
        if back := self._backs.get(number):
            return self._query_back(fields, back)
        order = self.book.orders.get(number)
        if order is None or order.fields["txnTime"] != fields["txnTime"]:
            self.book.unknown_calls["query"] += 1
            return self._say(fields, "34", operation="query")
        order.calls["query"] += 1
        self.settle(order)
        if order.state is State.ABSENT:
            return self._say(fields, "34", order=order, operation="query")
        found = result_fields(order.fields, order.trade_no, order.moved_wall_at or order.created_at)
        found |= {"origRespCode": self._original_code(order), "origRespMsg": order.state.value}
        if order.moved_wall_at is None:
            found = {name: value for name, value in found.items() if not name.startswith("settle")}
        return self._say(fields, "00", order=order, operation="query", more=_asked(fields, found))

    def _original_code(self, order: Order) -> str:
        if order.state is State.PAID:
            return order.code or "00"
        if order.state is State.WAIT:
            return "05"
        return order.code or "01"

    def _query_back(self, fields: dict[str, str], back: _Back) -> Answer:
        back.order.calls["query"] += 1
        refund = back.refund
        if refund.txn_time != fields["txnTime"]:
            return self._say(fields, "34", order=back.order, operation="query")
        done = refund.moved(self.clock.now_ms())
        found = result_fields(refund.fields, refund.trade_no, refund.moves_at or refund.asked_wall_at)
        found |= {"origRespCode": "00" if done else refund.code or "05", "origRespMsg": "refund"}
        return self._say(fields, "00", order=back.order, operation="query", more=_asked(fields, found))

    def _refund(self, fields: dict[str, str]) -> Answer:
        """Refund (04) or cancel (31, the full amount only) the debit that `origQryId` names."""
        original = fields.get("origQryId", "")
        order = self._by_query_id.get(original)
        if order is None:
            self.book.unknown_calls["refund"] += 1
            return self._say(fields, "35", operation="refund")
        order.calls["refund" if fields["txnType"] == "04" else "cancel"] += 1
        self.settle(order)
        if fields["orderId"] in self._backs or fields["orderId"] in self.book.orders:
            return self._say(fields, "12", order=order, operation="refund")
        amount = fields.get("txnAmt", "")
        amount_fen = int(amount) if amount.isascii() and amount.isdigit() else 0
        code = self._refund_fault(order, amount_fen, fields["txnType"])
        slow = order.outcome.refunding is Refunding.SLOW
        now = self.clock.now_ms()
        moves_at = None if code else self.later(_SLOW_REFUND_SECONDS) if slow else now
        refund = Refund(
            fields["orderId"], amount_fen, now, moves_at, code,
            fields["txnTime"], f"{fields['txnTime']}{digits(7, self.settings.seed, fields['orderId'])}", fields,
        )  # fmt: skip
        order.refunds.append(refund)
        self._backs[refund.refund_no] = _Back(order, refund)
        if not code:
            self._tell_refund(order, refund, slow=slow)
        said = code or ("05" if slow else "00")
        return self._say(fields, said, order=order, operation="refund", more={"queryId": refund.trade_no})

    def _refund_fault(self, order: Order, amount_fen: int, kind: str) -> str:
        if order.state is not State.PAID:
            return "35"
        rest = order.amount_fen - order.promised_fen()
        if not rest:
            return "45"
        whole = kind == "04" or amount_fen == order.amount_fen
        refused = order.outcome.refunding is Refunding.REFUSED
        return "36" if refused or not whole or not 0 < amount_fen <= rest else ""

    def _tell_refund(self, order: Order, refund: Refund, *, slow: bool) -> None:
        lost = order.outcome.refunding is Refunding.SECOND_NOTICE_LOST and len(order.refunds) == 2
        if lost or order.outcome.notice is Notice.NEVER:
            return
        delay = self.notice_delay_s(order, refund.refund_no) + (_SLOW_REFUND_SECONDS if slow else 0)
        sent = self._notify(order, refund.fields, refund.trade_no, delay)
        if order.outcome.notice is Notice.AFTER_REFUND:
            self.spawn(self._release(order.order_no, sent))

    async def _release(self, order_no: str, sent: asyncio.Event) -> None:
        """Let the notice of the debit go once that of its refund was sent."""
        await sent.wait()
        self._refund_said.setdefault(order_no, asyncio.Event()).set()

    def _notify(
        self,
        order: Order,
        request: Mapping[str, str],
        query_id: str,
        delay_s: float,
        defect: Notice = Notice.PLAIN,
        sends: int = 1,
        after: asyncio.Event | None = None,
    ) -> asyncio.Event:
        record = NoticeRecord(
            f"{request['merId']}-{request['orderId']}-{request['txnTime']}-{request['txnType']}",
            "REFUND" if request["txnType"] != "11" else "PAID",
        )
        order.notices.append(record)
        body = body_of(self._keys, result_fields(request, query_id, self.clock.now_ms()), defect)
        url = request.get("backUrl") or f"{self.settings.hub}/notify/unionpay/main"
        return self.notifier.start(Delivery(record, url, body, delay_s, sends, after))

    def _say(
        self,
        request: Mapping[str, str],
        code: str,
        *,
        order: Order | None = None,
        operation: str = "debit",
        wire: Wire = Wire.PLAIN,
        wait_for: asyncio.Event | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        said = {name: request[name] for name in ECHOED if request.get(name)}
        said |= {"respCode": code, "respMsg": code, **(more or {})}
        if order is not None and operation == "debit" and code in ("00", "05"):
            said["queryId"] = order.trade_no
        if wire is Wire.ODD_TEXT or (order is not None and order.outcome.wire is Wire.ODD_TEXT):
            said |= {"payCardInfo": "{bankCode=0102&cardType=01}", "reserved": "a=b=c"}
        expired = order is not None and operation == "query" and order.outcome.notice is Notice.EXPIRED_CERTIFICATE
        certificate = expired_certificate(self._keys, request["txnTime"]) if expired else ""
        whole = signed(self._keys, said, certificate)
        if wire is Wire.BADLY_SIGNED:
            whole["signature"] = signed(self._keys, {**said, "respMsg": "other"})["signature"]
        text = "&".join(f"{name}={value}" for name, value in whole.items())
        number = order.order_no if order else ""
        return Answer(text.encode(), number, operation, order.calls[operation] if order else 1, wire, wait_for)


def _asked(query: Mapping[str, str], found: dict[str, str]) -> dict[str, str]:
    """Return what a query says: the trade it found, but the query's own type and success."""
    return {**found, "txnType": query["txnType"], "txnSubType": query["txnSubType"], "respCode": "00"}


def _weekday(instant_ms: int) -> int:
    return datetime.fromtimestamp(instant_ms / 1000, UTC).astimezone(ZONE).weekday()

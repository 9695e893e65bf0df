"""The Alipay gateway: POST forms in, signed JSON out, notices to `notify_url` (protocols 5.1-5.3)."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from adapters.sandbox.alipay_notices import body_of, refund_fields, trade_fields, unsign_fields, yuan
from adapters.sandbox.beijing import instant_of, text_of
from adapters.sandbox.book import NoticeRecord, Order, Refund, State
from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.gateway import Answer, Gateway, attempt_of, form_of
from adapters.sandbox.keys import AlipayKeys
from adapters.sandbox.notifier import Delivery
from adapters.sandbox.outcomes import Notice, Refunding, Verdict, Wire, digits
from adapters.sandbox.rsa_text import base_string, rsa2, rsa2_matches
from adapters.sandbox.settings import SandboxSettings

_AMOUNT = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?")
_SLOW_REFUND_SECONDS = 20.0
_STALE_SECONDS = 5.0
_STATUS = {State.WAIT: "WAIT_BUYER_PAY", State.PAID: "TRADE_SUCCESS", State.CLOSED: "TRADE_CLOSED"}

Content = Mapping[str, Any]


class AlipayGateway(Gateway):
    """Orders by `out_trade_no`; the same number never moves money twice."""

    channel = "alipay"
    content_type = "text/html;charset=utf-8"

    def __init__(self, settings: SandboxSettings, clock: SandboxClock, keys: AlipayKeys) -> None:
        super().__init__(
            settings, clock, settings.alipay_gaps_s, lambda status, body: (status, body) == (200, b"success")
        )
        self._keys = keys
        self._dead_agreements: set[str] = set()
        self._first_sent: dict[str, asyncio.Event] = {}
        self._held: dict[str, asyncio.Event] = {}
        self._methods = {
            "alipay.trade.pay": self._pay,
            "alipay.trade.query": self._query,
            "alipay.trade.cancel": self._cancel,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._refund_query,
            "alipay.user.agreement.query": self._agreement,
            "alipay.user.agreement.unsign": self._unsign,
            "alipay.data.dataservice.bill.downloadurl.query": self._bill_address,
        }
        self.address = ""
        """Where this gateway is reached; set by the server that listens."""

    def answer(self, path: str, query: str, body: bytes) -> Answer:
        """Return the signed answer to one call; a call that is malformed or badly signed moves nothing."""
        del path
        try:
            fields = form_of("&".join(part for part in (query, body.decode("utf-8")) if part))
            content = json.loads(fields.get("biz_content", "{}"))
        except (ValueError, UnicodeDecodeError):
            return self._fault("isv.invalid-parameter")
        if not isinstance(content, dict) or fields.get("sign_type") != "RSA2":
            return self._fault("isv.invalid-signature-type")
        signed = base_string(fields, ("sign",)).encode("utf-8")
        if not rsa2_matches(self._keys.merchant_public, signed, fields.get("sign", "")):
            return self._fault("isv.invalid-signature")
        method = self._methods.get(fields.get("method", ""))
        if method is None:
            return self._fault("isv.invalid-method")
        return method(fields, content)

    def announce(self, order: Order, state: State) -> None:
        """Begin the notices of a payment or of a close that the merchant did not ask for."""
        outcome = order.outcome
        if outcome.notice is Notice.NEVER or state not in (State.PAID, State.CLOSED):
            return
        wrong = order.amount_fen + 1 if outcome.notice is Notice.AMOUNT_PLUS_ONE else None
        fields = trade_fields(order, _STATUS[state], self.settings.seller_id, self.clock.now_ms(), amount_fen=wrong)
        at_once = outcome.wire is Wire.AFTER_NOTICE
        delay = 0.0 if at_once else self.notice_delay_s(order, state)
        self._first_sent[order.order_no] = self._notify(order, fields, outcome.notice, delay, outcome.notice_sends)
        if outcome.notice is Notice.THEN_STALE:
            stale = trade_fields(order, "WAIT_BUYER_PAY", self.settings.seller_id, order.created_at)
            self._notify(order, stale, Notice.PLAIN, delay + _STALE_SECONDS, 1)

    def _notify(
        self,
        order: Order,
        fields: dict[str, str],
        defect: Notice,
        delay_s: float,
        sends: int = 1,
        after: asyncio.Event | None = None,
    ) -> asyncio.Event:
        now = self.clock.now_ms()
        number = digits(22, self.settings.seed, order.order_no, len(order.notices), order.created_at)
        record = NoticeRecord(f"{text_of(now, '%Y%m%d')}00{number}", fields.get("trade_status", fields["notify_type"]))
        order.notices.append(record)
        body = body_of(self._keys.gateway, {**fields, "notify_id": record.notice_id}, defect)
        url = order.notify_url or f"{self.settings.hub}/notify/alipay/main"
        return self.notifier.start(Delivery(record, url, body, delay_s, sends, after))

    def _pay(self, fields: Mapping[str, str], content: Content) -> Answer:
        number, amount_fen = str(content.get("out_trade_no", "")), _fen(content.get("total_amount"))
        if not number or amount_fen is None:
            return self._say("pay", number, _refusal("ACQ.INVALID_PARAMETER"))
        order = self.book.orders.get(number)
        if order is None:
            order = self.book.orders[number] = self._created(number, amount_fen, fields, content)
        order.calls["debit"] += 1
        self.settle(order)
        before = order.state
        if order.amount_fen != amount_fen:
            return self._say("pay", number, _refusal("ACQ.CONTEXT_INCONSISTENT"))
        attempt = attempt_of(str(content.get("passback_params", "")))
        fresh = before is State.ABSENT or (before is State.REFUSED and attempt > order.last_attempt)
        if not fresh:
            return self._say("pay", number, self._known(order))
        return self._new_attempt(order, attempt)

    def _new_attempt(self, order: Order, attempt: int) -> Answer:
        if self.expired(order):
            self.refuse_expired(order, attempt, "ACQ.TRADE_HAS_CLOSE")
            return self._say("pay", order.order_no, self._known(order))
        outcome = self.decide(order.order_no, attempt, order.amount_fen)
        if outcome.wire is Wire.BAD_GATEWAY_ONCE and self.first_call(order):
            return self._say("pay", order.order_no, {}, outcome.wire)
        self.begin(order, attempt, outcome)
        if outcome.code == "ACQ.AGREEMENT_NOT_EXIST":
            self._dead_agreements.add(order.fields["agreement_no"])
            self._notify(order, unsign_fields(order, self.clock.now_ms()), Notice.PLAIN, self.notice_delay_s(order))
        said = self._paid(order) if order.state is State.PAID else self._known(order)
        if outcome.wire is Wire.SAYS_DUPLICATE:
            said = _refusal("ACQ.TRADE_HAS_SUCCESS")
        wire = Wire.PLAIN if outcome.wire is Wire.BAD_GATEWAY_ONCE else outcome.wire
        wait_for = self._first_sent.get(order.order_no) if wire is Wire.AFTER_NOTICE else None
        return self._say("pay", order.order_no, said, wire, wait_for)

    def _created(self, number: str, amount_fen: int, fields: Mapping[str, str], content: Content) -> Order:
        now = self.clock.now_ms()
        agreement = content.get("agreement_params")
        kept = {name: str(content[name]) for name in ("subject", "passback_params") if name in content}
        kept["app_id"] = fields.get("app_id", "")
        kept["agreement_no"] = str(agreement.get("agreement_no", "")) if isinstance(agreement, dict) else ""
        return Order(
            number,
            amount_fen,
            now,
            f"{text_of(now, '%Y%m%d')}22001400{digits(12, self.settings.seed, number)}",
            kept,
            fields.get("notify_url", ""),
            _instant(content.get("time_expire")),
        )

    def _paid(self, order: Order) -> dict[str, Any]:
        amount = yuan(order.amount_fen)
        return {
            "code": "10000",
            "msg": "Success",
            "trade_no": order.trade_no,
            "out_trade_no": order.order_no,
            "buyer_user_id": f"2088{digits(12, order.order_no, 'buyer')}",
            "total_amount": amount,
            "receipt_amount": amount,
            "gmt_payment": text_of(order.moved_wall_at or order.created_at),
            "fund_bill_list": [{"amount": amount, "fund_channel": "ALIPAYACCOUNT"}],
        }

    def _known(self, order: Order) -> dict[str, Any]:
        """Return what a debit under a number in use is told."""
        if order.state is State.PAID:
            return _refusal("ACQ.TRADE_HAS_SUCCESS")
        if order.state is State.WAIT:
            amount = yuan(order.amount_fen)
            common = {"trade_no": order.trade_no, "out_trade_no": order.order_no, "total_amount": amount}
            return {"code": "10003", "msg": "order success pay inprocess", **common}
        return _refusal("ACQ.TRADE_HAS_CLOSE" if order.state is State.CLOSED else order.code or "ACQ.SYSTEM_ERROR")

    def _query(self, _fields: Mapping[str, str], content: Content) -> Answer:
        order = self._found(content, "query")
        number = str(content.get("out_trade_no", ""))
        if order is None or order.state not in _STATUS:
            return self._say("query", number, _refusal("ACQ.TRADE_NOT_EXIST"))
        said = {**self._paid(order), "trade_status": self._status(order)}
        if order.moved_wall_at is None:
            said = {name: value for name, value in said.items() if name not in ("gmt_payment", "fund_bill_list")}
            said["receipt_amount"] = "0.00"
        else:
            said["send_pay_date"] = said.pop("gmt_payment")
        return self._say("query", order.order_no, said)

    def _status(self, order: Order) -> str:
        if order.state is State.PAID and order.refunded_fen(self.clock.now_ms()) == order.amount_fen:
            return "TRADE_CLOSED"
        return _STATUS[order.state]

    def _cancel(self, _fields: Mapping[str, str], content: Content) -> Answer:
        order = self._found(content, "cancel")
        said: dict[str, Any] = {"code": "10000", "msg": "Success", "out_trade_no": content.get("out_trade_no", "")}
        said["retry_flag"] = "N"
        if order is None:
            return self._say("cancel", str(said["out_trade_no"]), said)
        if order.state is State.PAID:
            rest = order.amount_fen - order.promised_fen()
            if rest:
                self._give_back(
                    order, Refund(f"{order.order_no}CANCEL", rest, self.clock.now_ms(), self.clock.now_ms())
                )
            said["action"] = "refund"
        elif order.state is not State.CLOSED:
            self._closed(order)
            said["action"] = "close"
        return self._say("cancel", order.order_no, {**said, "trade_no": order.trade_no})

    def _close(self, _fields: Mapping[str, str], content: Content) -> Answer:
        order = self._found(content, "cancel")
        number = str(content.get("out_trade_no", ""))
        if order is None or order.state not in _STATUS:
            return self._say("close", number, _refusal("ACQ.TRADE_NOT_EXIST"))
        if order.state is not State.WAIT:
            return self._say("close", number, _refusal("ACQ.TRADE_STATUS_ERROR"))
        self._closed(order)
        done = {"code": "10000", "msg": "Success", "trade_no": order.trade_no, "out_trade_no": order.order_no}
        return self._say("close", order.order_no, done)

    def _closed(self, order: Order) -> None:
        """Close by the merchant's will: nothing more happens, unless the outcome is a payment after the close."""
        order.enter(State.CLOSED, self.clock.now_ms())
        order.plan = [step for step in order.plan if order.outcome.verdict is Verdict.PAID_AFTER_CLOSE][-1:]

    def _refund(self, _fields: Mapping[str, str], content: Content) -> Answer:
        order = self._found(content, "refund")
        number, amount_fen = str(content.get("out_request_no", "")), _fen(content.get("refund_amount"))
        order_no = str(content.get("out_trade_no", ""))
        if order is None or order.state not in _STATUS:
            return self._say("refund", order_no, _refusal("ACQ.TRADE_NOT_EXIST"))
        if amount_fen is None or not number or amount_fen == 0:
            return self._say("refund", order_no, _refusal("ACQ.INVALID_PARAMETER"))
        known = order.refund(number)
        if known is not None and known.amount_fen != amount_fen:
            return self._say("refund", order_no, _refusal("ACQ.DISCORDANT_REPEAT_REQUEST"))
        if known is not None:
            return self._say("refund", order_no, self._refunded(order, known, moved_now=False))
        code = self._refund_fault(order, amount_fen)
        if code:
            return self._say("refund", order_no, _refusal(code))
        slow = order.outcome.refunding is Refunding.SLOW
        now = self.clock.now_ms()
        refund = Refund(number, amount_fen, now, self.later(_SLOW_REFUND_SECONDS) if slow else now)
        self._give_back(order, refund)
        return self._say("refund", order_no, self._refunded(order, refund, moved_now=not slow))

    def _refund_fault(self, order: Order, amount_fen: int) -> str:
        if order.state is not State.PAID:
            return "ACQ.TRADE_STATUS_ERROR"
        refused = order.outcome.refunding is Refunding.REFUSED
        if refused or order.promised_fen() + amount_fen > order.amount_fen:
            return "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
        return ""

    def _give_back(self, order: Order, refund: Refund) -> None:
        order.refunds.append(refund)
        if order.outcome.notice is Notice.NEVER:
            return
        seller, instant = self.settings.seller_id, refund.moves_at or refund.asked_wall_at
        fields = refund_fields(order, refund, order.promised_fen(), seller, instant)
        delay = self.notice_delay_s(order, refund.refund_no)
        delay += _SLOW_REFUND_SECONDS if order.outcome.refunding is Refunding.SLOW else 0
        if order.outcome.refunding is not Refunding.OUT_OF_ORDER:
            self._notify(order, fields, Notice.PLAIN, delay)
        elif len(order.refunds) == 1:
            held = self._held[order.order_no] = asyncio.Event()
            self._notify(order, fields, Notice.PLAIN, 0, after=held)
        else:
            self.spawn(self._release(order.order_no, self._notify(order, fields, Notice.PLAIN, delay)))

    async def _release(self, order_no: str, sent: asyncio.Event) -> None:
        """Let the notice of the first refund go once that of a later one was sent."""
        await sent.wait()
        self._held[order_no].set()

    def _refunded(self, order: Order, refund: Refund, *, moved_now: bool) -> dict[str, Any]:
        return {
            "code": "10000",
            "msg": "Success",
            "trade_no": order.trade_no,
            "out_trade_no": order.order_no,
            "buyer_user_id": f"2088{digits(12, order.order_no, 'buyer')}",
            "fund_change": "Y" if moved_now else "N",
            "refund_fee": yuan(order.refunded_fen(self.clock.now_ms())),
            "send_back_fee": yuan(refund.amount_fen if moved_now else 0),
        }

    def _refund_query(self, _fields: Mapping[str, str], content: Content) -> Answer:
        order = self._found(content, "query")
        order_no = str(content.get("out_trade_no", ""))
        if order is None or order.state not in _STATUS:
            return self._say("refund_query", order_no, _refusal("ACQ.TRADE_NOT_EXIST"))
        said: dict[str, Any] = {"code": "10000", "msg": "Success"}
        refund = order.refund(str(content.get("out_request_no", "")))
        if refund is not None:
            said |= {"trade_no": order.trade_no, "out_trade_no": order.order_no, "out_request_no": refund.refund_no}
            said |= {"total_amount": yuan(order.amount_fen), "refund_amount": yuan(refund.amount_fen)}
            said["refund_status"] = "REFUND_SUCCESS" if refund.moved(self.clock.now_ms()) else "REFUND_PROCESSING"
        return self._say("refund_query", order_no, said)

    def _agreement(self, _fields: Mapping[str, str], content: Content) -> Answer:
        number = str(content.get("agreement_no", ""))
        status = "UNSIGN" if number in self._dead_agreements else "NORMAL"
        said = {"code": "10000", "msg": "Success", "agreement_no": number, "status": status}
        return self._say("agreement_query", "", said)

    def _unsign(self, _fields: Mapping[str, str], content: Content) -> Answer:
        self._dead_agreements.add(str(content.get("agreement_no", "")))
        return self._say("agreement_unsign", "", {"code": "10000", "msg": "Success"})

    def _bill_address(self, _fields: Mapping[str, str], content: Content) -> Answer:
        try:
            day = date.fromisoformat(str(content.get("bill_date", "")))
        except ValueError:
            return self._say("bill", "", _refusal("isv.invalid-arguments"))
        token = self.bills.token_for(day, self.clock.now_ms())
        said = {"code": "10000", "msg": "Success"}
        said["bill_download_url"] = f"{self.address}/downloadBillFile.resource?token={token}"
        return self._say("bill", "", said)

    def _found(self, content: Content, operation: str) -> Order | None:
        """Return the order a call names, settled up to now, and count the call."""
        number, trade_no = str(content.get("out_trade_no", "")), str(content.get("trade_no", ""))
        order = self.book.orders.get(number)
        if order is None and trade_no:
            order = next((one for one in self.book.orders.values() if one.trade_no == trade_no), None)
        if order is None:
            self.book.unknown_calls[operation] += 1
            return None
        order.calls[operation] += 1
        self.settle(order)
        return order

    def _say(
        self,
        operation: str,
        order_no: str,
        said: dict[str, Any],
        wire: Wire = Wire.PLAIN,
        wait_for: asyncio.Event | None = None,
    ) -> Answer:
        method, counted = _OPERATIONS[operation]
        order = self.book.orders.get(order_no)
        call = order.calls[counted] if order else 1
        body = self._signed(f"{method}_response", said, forged=wire is Wire.BADLY_SIGNED)
        return Answer(body, order_no, counted, call, wire, wait_for)

    def _fault(self, sub_code: str) -> Answer:
        said = {"code": "40002", "msg": "Invalid Arguments", "sub_code": sub_code, "sub_msg": sub_code}
        return Answer(self._signed("error_response", said, forged=False))

    def _signed(self, name: str, said: dict[str, Any], *, forged: bool) -> bytes:
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        signature = rsa2(self._keys.gateway, f"{text} ".encode() if forged else text.encode())
        return f'{{"{name}":{text},"sign":"{signature}"}}'.encode()


_OPERATIONS = {
    "pay": ("alipay_trade_pay", "debit"),
    "query": ("alipay_trade_query", "query"),
    "cancel": ("alipay_trade_cancel", "cancel"),
    "close": ("alipay_trade_close", "cancel"),
    "refund": ("alipay_trade_refund", "refund"),
    "refund_query": ("alipay_trade_fastpay_refund_query", "query"),
    "agreement_query": ("alipay_user_agreement_query", "query"),
    "agreement_unsign": ("alipay_user_agreement_unsign", "cancel"),
    "bill": ("alipay_data_dataservice_bill_downloadurl_query", "query"),
}
"""Name of the answer, and as what the call is counted."""


def _refusal(sub_code: str) -> dict[str, Any]:
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": sub_code}


def _fen(amount: object) -> int | None:
    """Return the fen of `8.10`; None for what is no amount with at most two decimals."""
    found = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else None


def _instant(text: object) -> int | None:
    return instant_of(str(text)) if text else None

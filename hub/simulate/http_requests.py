"""Ready-made HTTP requests for the load generator: what hospitals, gateways and a score source post, each once."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.sandbox import alipay_notices, unionpay_notices
from adapters.sandbox.beijing import COMPACT, text_of
from adapters.sandbox.book import Order
from adapters.sandbox.keys import load_alipay, load_unionpay
from adapters.sandbox.outcomes import Notice
from adapters.sandbox.score_sender import Head, SenderKeys, build_message, message_id, score_payload, timestamp
from hub.runtime.http_sources import demo_token
from hub.simulate.fhir_messages import charge_item, encounter
from hub.simulate.persons import Person, make_person
from schemas.ids import account_id, make_id

_SOURCE: Final = "FHIR@XMZSH"
_INSTITUTION: Final = "XMZSH"
_ITEMS: Final = 5
_FORM: Final = "application/x-www-form-urlencoded"
_YEAR_MS: Final = 365 * 86_400_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent: how many, for how many persons, as of which city instant, and who we are at the gateways."""

    count: int
    persons: int
    at: int
    prefix: str
    keys: Path
    city_key: bytes
    app_id: str
    seller_id: str
    merchant: str

    def each(self) -> Iterator[tuple[int, Person]]:
        """Yield number and person of each message."""
        people = [make_person(11, number) for number in range(1, self.persons + 1)]
        return ((number, people[number % self.persons]) for number in range(self.count))

    def order_no(self, number: int, person: Person) -> str:
        """Return an order number of the person's account, which no lane has handed out."""
        return make_id(account_id(self.city_key, "person", person.citizen_id), "D", number + 1)


def encounters(plan: Plan) -> list[bytes]:
    """Return requests that open the visit of each person; charges of a visit nobody opened are refused."""
    return [
        _fhir(
            "/fhir/R4/Encounter",
            _json(encounter(_INSTITUTION, each, _visit(each), "outpatient", "in-progress", plan.at)),
        )
        for _, each in plan.each()
    ]


def charge_items(plan: Plan) -> list[bytes]:
    """Return requests of one ChargeItem each."""
    return [_fhir("/fhir/R4/ChargeItem", _charge(plan, number, 0, person)) for number, person in plan.each()]


def bundles(plan: Plan) -> list[bytes]:
    """Return requests of one transaction of five ChargeItems each."""
    return [_fhir("/fhir/R4", _bundle(plan, number, person)) for number, person in plan.each()]


def alipay(plan: Plan) -> list[bytes]:
    """Return signed notices of payments."""
    key, wall = load_alipay(plan.keys).gateway, time.time_ns() // 1_000_000
    built = []
    for number, person in plan.each():
        order = Order(plan.order_no(number, person), 100, wall, f"T{plan.prefix}{number}", {"app_id": plan.app_id}, "")
        order.moved_wall_at = wall
        fields = alipay_notices.trade_fields(order, "TRADE_SUCCESS", plan.seller_id, wall)
        fields["notify_id"] = f"{plan.prefix}{number:033d}"
        body = alipay_notices.body_of(key, fields, Notice.PLAIN)(1)
        built.append(_post("/notify/alipay/main", body, {"Content-Type": _FORM}))
    return built


def unionpay(plan: Plan) -> list[bytes]:
    """Return signed back notices of payments, all under one certificate."""
    keys, wall = load_unionpay(plan.keys), time.time_ns() // 1_000_000
    asked = {
        "accessType": "0", "bizType": "000501", "currencyCode": "156", "encoding": "UTF-8", "merId": plan.merchant,
        "signMethod": "01", "txnAmt": "100", "txnSubType": "01", "txnTime": text_of(wall, COMPACT), "txnType": "11",
        "version": "5.1.0",
    }  # fmt: skip
    built = []
    for number, person in plan.each():
        order = {**asked, "orderId": plan.order_no(number, person)}
        fields = unionpay_notices.result_fields(order, f"{plan.prefix}{number:020d}", wall)
        body = unionpay_notices.body_of(keys, fields, Notice.PLAIN)(1)
        built.append(_post("/notify/unionpay/main", body, {"Content-Type": _FORM}))
    return built


def scores(plan: Plan) -> list[bytes]:
    """Return score pushes of Egret in sequence, sealed and signed; they must be sent one after the other."""
    keys = SenderKeys.load(plan.keys / "egret" / "sender.json")
    built = []
    for number, person in plan.each():
        wall = time.time_ns() // 1_000_000
        payload = score_payload(
            person.citizen_id,
            person.score,
            computed_ms=plan.at,
            valid_ms=plan.at + _YEAR_MS,
            auth_id=f"AU-{person.number:07d}",
            granted_ms=plan.at - _YEAR_MS,
            expires_ms=plan.at + _YEAR_MS,
        )
        head = Head("SCORE_PUSH", "score", number + 1, timestamp(wall), message_id(wall))
        body = _json(build_message(keys, head, payload))
        built.append(_post("/feeds/egret/v1/messages", body, {"Content-Type": "application/json"}))
    return built


KINDS: Final[Mapping[str, Callable[[Plan], list[bytes]]]] = {
    "encounter": encounters,
    "charge-item": charge_items,
    "bundle": bundles,
    "alipay": alipay,
    "unionpay": unionpay,
    "score": scores,
}
"""What can be sent."""


def _charge(plan: Plan, number: int, item: int, person: Person) -> bytes:
    key = f"{plan.prefix}{number}-{item}"
    return charge_item(_INSTITUTION, person, _visit(person), key, 100 + item, plan.at).encode()


def _visit(person: Person) -> str:
    return f"VH{person.number}"


def _bundle(plan: Plan, number: int, person: Person) -> bytes:
    """Return a transaction; the items' bytes stay as they are, amounts digit by digit."""
    request: dict[str, Any] = {"method": "POST", "url": "ChargeItem"}
    head = f'{{"request":{json.dumps(request)},"resource":'.encode()
    entries = b",".join(head + _charge(plan, number, item, person) + b"}" for item in range(_ITEMS))
    return b'{"resourceType":"Bundle","type":"transaction","entry":[' + entries + b"]}"


def _fhir(path: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/fhir+json", "Authorization": f"Bearer {demo_token(_SOURCE)}"}
    return _post(path, body, headers)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: edge", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

"""Debits against the gateways' own books: every order moved money once, in time, under a number that was free.

Which order a bill had and when its visit closed is the ledger's word; what moved and when a call arrived is the
gateways'. City time of a gateway's instant follows from the clock's rule alone.
"""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from evidence import DAY_MS, HOUR_MS, Evidence, Row, owner

_EARLIEST = {"xiamen-platform-2024": 72 * HOUR_MS, "xiamen-city-2023": 42 * DAY_MS}
"""How long after the close a pack leaves a bill alone."""
_RELEASED_MS = 5 * 60_000
"""A number that was never heard of is free this long after its expiry."""

_EXACT = "xiamen-platform-2024"
"""The pack whose debit begins exactly when it may."""
_GRACE_MS = 20 * HOUR_MS
"""A fast city: what is due in its last wall seconds may not have been reached."""

Order = dict[str, Any]


def debit_complaints(evidence: Evidence) -> list[str]:
    """Return what is wrong with any debit."""
    story = Story(evidence)
    return [
        *story.texts,
        *_moved(evidence, story),
        *_in_time(evidence, story),
        *_numbers(evidence, story),
        *_due(evidence, story),
    ]


class Story:
    """What the ledger says of bills and orders, in its own order."""

    def __init__(self, evidence: Evidence) -> None:
        self.texts: list[str] = []
        self.bill_of: dict[str, str] = {}
        self.amount: dict[str, int] = {}
        self.bills: dict[str, dict[str, Any]] = {}
        self.amounts: defaultdict[str, list[int]] = defaultdict(list)
        """The amounts a bill ever had."""
        self.paid: Counter[str] = Counter()
        self.late: Counter[str] = Counter()
        self.given_back: Counter[str] = Counter()
        self.owed: Counter[str] = Counter()
        self.frozen: set[str] = set()
        self.orders: defaultdict[str, list[str]] = defaultdict(list)
        self._live: dict[str, str] = {}
        for record in evidence.ledger:
            for event in record.value.get("events", ()):
                self._take(record, event)

    def _take(self, record: Row, event: dict[str, Any]) -> None:
        for view in record.value.get("after", ()):
            if view["type"] == "bill":
                self.owed[view["bill"]] = view["amount_fen"] - view.get("paid_fen", 0)
                self.frozen |= {view["bill"]} if view.get("frozen") else set()
        take = getattr(self, f"_{event['type']}", None)
        if take is not None:
            take(record, event)

    def _bill_issued(self, _record: Row, event: dict[str, Any]) -> None:
        self.bills[event["bill"]] = event
        self.amounts[event["bill"]].append(event["amount_fen"])

    def _bill_revised(self, _record: Row, event: dict[str, Any]) -> None:
        self.amounts[event["bill"]].append(event.get("amount_fen", 0))

    def _debit_started(self, record: Row, event: dict[str, Any]) -> None:
        bill, order = event["bill"], event["order_no"]
        live = self._live.get(bill)
        if event["new_number"] and live is not None:
            self.texts.append(f"bill {bill} got number {order} while {live} was live")
        if not event["new_number"] and live != order:
            self.texts.append(f"bill {bill} was sent again under {order}, live is {live}")
        if event["new_number"] and order in self.bill_of:
            self.texts.append(f"number {order} was given out twice")
        if owner(order) != record.value["account"]:
            self.texts.append(f"number {order} is not of account {record.value['account']}")
        if event["new_number"]:
            self.orders[bill].append(order)
        self._live[bill], self.bill_of[order], self.amount[order] = order, bill, event["amount_fen"]

    def _debit_failed(self, _record: Row, event: dict[str, Any]) -> None:
        if not event.get("same_number"):
            self._live.pop(event["bill"], None)

    def _debit_paid(self, _record: Row, event: dict[str, Any]) -> None:
        if self._live.pop(event["bill"], None) != event["order_no"]:
            self.texts.append(f"number {event['order_no']} was paid without being live")
        self.paid[event["order_no"]] += 1

    def _late_payment_received(self, _record: Row, event: dict[str, Any]) -> None:
        self.late[event["order_no"]] += 1

    def _refund_started(self, _record: Row, event: dict[str, Any]) -> None:
        self.given_back[event["bill"]] += 0 if event.get("from_balance") else event["amount_fen"]


def _all_orders(evidence: Evidence) -> list[Order]:
    return [order for gateway in evidence.gateways.values() for order in gateway["orders"]]


def _moved(evidence: Evidence, story: Story) -> list[str]:
    """What moved is booked once, what is booked moved; no bill is moved more than it ever came to."""
    texts, sums = [], Counter[str]()
    known = {order["order_no"]: order for order in _all_orders(evidence)}
    for number, order in known.items():
        moves = [each["amount_fen"] for each in order["movements"] if each["kind"] == "debit"]
        booked = story.paid[number] + story.late[number]
        if len(moves) != booked or booked > 1:
            texts.append(f"order {number} moved {len(moves)} times and is booked {booked} times")
        if number not in story.bill_of:
            texts.append(f"order {number} is not in the ledger")
            continue
        if order["amount_fen"] != story.amount[number]:
            texts.append(f"order {number} is {order['amount_fen']} fen at the gateway, {story.amount[number]} here")
        sums[story.bill_of[number]] += sum(moves) if story.paid[number] else 0
    texts += [f"order {number} is paid, but no gateway knows it" for number in story.paid if number not in known]
    return texts + [
        f"bill {bill} was debited {total}, it never came to more than {max(story.amounts[bill], default=0)}"
        for bill, total in sums.items()
        if total - story.given_back[bill] > max(story.amounts[bill], default=0)
    ]


def _in_time(evidence: Evidence, story: Story) -> list[str]:
    """No call for a bill reaches a gateway before its pack allows, counted from the close."""
    texts = []
    for order in _all_orders(evidence):
        bill = story.bills.get(story.bill_of.get(order["order_no"], ""))
        if bill is None:
            continue
        allowed = bill["closed_at"] + _EARLIEST[bill["pack"]]
        for attempt in order["attempts"]:
            city = evidence.clock.city_at(attempt["arrived_wall_at"])
            if city < allowed:
                texts.append(f"order {order['order_no']} came {(allowed - city) / HOUR_MS:.2f} city hours early")
    return texts + _closed_when_said(evidence, story)


def _closed_when_said(evidence: Evidence, story: Story) -> list[str]:
    """A visit closes with an event the hub had accepted: never before anything of the visit was sent."""
    first: dict[tuple[str, str], int] = {}
    for command in evidence.commands:
        body = command.value.get("body", {})
        if body.get("visit"):
            place = (body["institution"], body["visit"])
            first[place] = min(first.get(place, body["event_at"]), body["event_at"])
    return [
        f"bill {bill} is closed before its visit began"
        for bill, event in story.bills.items()
        if event["closed_at"] + 1000 < first.get((event["institution"], event["visit"]), 0)
    ]


def _due(evidence: Evidence, story: Story) -> list[str]:
    """A debit that came due while the city still ran has begun, unless nothing was owed any more."""
    texts = []
    for bill, event in story.bills.items():
        due = event["closed_at"] + _EARLIEST[event["pack"]]
        clear = event["pack"] == _EXACT and due + _GRACE_MS < evidence.city_at_rest
        if clear and not story.orders[bill] and story.owed[bill] > 0 and bill not in story.frozen:
            texts.append(f"bill {bill} was due {(evidence.city_at_rest - due) / HOUR_MS:.1f} city hours ago: no debit")
    return texts


def _numbers(evidence: Evidence, story: Story) -> list[str]:
    """A second number leaves only when the gateway was done with the first: refused, closed, or never to exist."""
    known = {order["order_no"]: order for order in _all_orders(evidence)}
    texts = []
    for bill, numbers in story.orders.items():
        for before, after in pairwise(numbers):
            old, new = known.get(before), known.get(after)
            if old is None or new is None or not new["attempts"]:
                continue
            arrived = new["attempts"][0]["arrived_wall_at"]
            if any(each["kind"] == "debit" and each["wall_at"] <= arrived for each in old["movements"]):
                texts.append(f"bill {bill} got {after} although {before} was paid")
            elif old["state"] == "ABSENT" and arrived < (old["expires_wall_at"] or 0) + _RELEASED_MS:
                texts.append(f"bill {bill} got {after} while {before} could still come to exist")
            elif old["state"] == "WAIT":
                texts.append(f"bill {bill} got {after} while {before} waits at the gateway")
    return texts

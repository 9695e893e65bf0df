"""Repayments that wait in the log while the lanes are down and the debits of their bills come due."""

import asyncio
import json
import time
from typing import Any, NamedTuple

import aiohttp
from collecting import read_clock
from evidence import DAY_MS, HOUR_MS, Exchange, account_of, read_sent_log
from faults import LEDGER, Fault, Record
from hub_process import Hub
from topic_reader import read_topic

_TOKEN = "demo-KIOSK@XM"
_MOST = 8
_BEFORE_MS, _WITHIN_MS = 3_000, 10_000
"""Wall time from the beginning of the outage in which the debits of the chosen bills come due."""


class Owed(NamedTuple):
    """A bill, whose it is, and what is owed on it."""

    bill: str
    citizen_id: str
    amount_fen: int


def repaid_meanwhile(down: Fault) -> Fault:
    """Return an outage in which bills are repaid before their debits, which come due while nobody decides."""

    async def fault(hub: Hub, record: Record) -> None:
        owed = await _wait_for_bills(hub)
        if not owed:
            record.missed.append("no bill came due while the lanes were down")
        failing = asyncio.ensure_future(down(hub, record))
        await asyncio.sleep(0.5)
        record.sent += await _repay(hub, owed)
        record.repaid += [each.bill for each in owed]
        await failing
        record.done.append(f"{len(owed)} bills repaid meanwhile")

    return fault


async def _wait_for_bills(hub: Hub) -> list[Owed]:
    deadline, owed = time.monotonic() + 40, list[Owed]()
    while len(owed) < 3 and time.monotonic() < deadline:
        owed = _coming_due(hub, await read_topic(hub.addresses["kafka"], LEDGER))
        await asyncio.sleep(0.3)
    return owed


def _coming_due(hub: Hub, ledger: list[Any]) -> list[Owed]:
    clock, wall = read_clock(hub.clock_file), int(time.time() * 1000)
    first, last = clock.city_at(wall + _BEFORE_MS), clock.city_at(wall + _WITHIN_MS)
    bills = {view["bill"]: (each.value["account"], view) for each in ledger for view in _bills(each.value)}
    citizens = _citizens(hub)
    return [
        Owed(bill, citizens[account], view["amount_fen"])
        for bill, (account, view) in bills.items()
        if first < view["closed_at"] + 72 * HOUR_MS < last < view["due_at"] < view["closed_at"] + 8 * DAY_MS
        and not view.get("paid_fen") and view["state"] == "issued" and account in citizens
    ][:_MOST]  # fmt: skip


def _bills(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [view for view in value.get("after", ()) if view["type"] == "bill"]


def _citizens(hub: Hub) -> dict[str, str]:
    """Return who signed, by account; what a city office knows."""
    found = {}
    for exchange in read_sent_log(hub.sent_log):
        if exchange.meaning.get("kind") == "agreement":
            citizen = json.loads(exchange.sent.partition(b"\n")[2])["person"]["citizen_id"]
            found[account_of("person", citizen)] = citizen
    return found


async def _repay(hub: Hub, owed: list[Owed]) -> list[Exchange]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        calls = [_repay_one(session, hub.addresses["edge"], number, each) for number, each in enumerate(owed)]
        return list(await asyncio.gather(*calls))


async def _repay_one(session: aiohttp.ClientSession, edge: str, number: int, owed: Owed) -> Exchange:
    yuan = f"{owed.amount_fen // 100}.{owed.amount_fen % 100:02d}"
    person = {"citizen_id": owed.citizen_id}
    body = {"person": person, "amount": yuan, "bill": owed.bill, "method": "counter", "receipt_no": f"CHAOS{number}"}
    headers = {"Authorization": f"Bearer {_TOKEN}", "Idempotency-Key": f"chaos-{owed.bill}"}
    text, verdict = json.dumps(body), "lost"
    async with session.post(
        f"{edge}/api/v1/repayments", data=text, headers={**headers, "Content-Type": "application/json"}
    ) as answer:
        verdict = "accepted" if answer.status < 300 else "busy" if answer.status == 503 else "refused"
    meaning = {"kind": "repayment", "amount_fen": owed.amount_fen}
    return Exchange(0, "http", "/api/v1/repayments", f"POST /api/v1/repayments\n{text}".encode(), verdict, meaning, 0)

"""Freezes the city, waits until everything has arrived, and gathers the evidence of a run from outside."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from aiokafka.errors import KafkaError
from evidence import Clock, Evidence, read_sent_log
from oracle import is_command, one_outcome_each, outcome_word, projection
from oracle_tables import last_of_each_key, table_complaints
from topic_reader import read_topic

TOPICS = ("commands", "ledger", "dead-letters")
_QUIET_SECONDS = 3.0
_LEAD_MS = 300


def read_clock(path: Path) -> Clock:
    """Return the rule the city's clock follows now."""
    rule = json.loads(path.read_text())
    return Clock(rule["epoch_city"], rule["epoch_wall"], rule["speed"])


def freeze(path: Path) -> None:
    """Announce that the city stands still in 300 ms; every role looks at the file by then."""
    rule = json.loads(path.read_text())
    rule.pop("before")
    at = int(time.time() * 1000) + _LEAD_MS
    city = Clock(rule["epoch_city"], rule["epoch_wall"], rule["speed"]).city_at(at)
    still = {"epoch_city": city, "epoch_wall": at, "speed": 0.0, "effective_at": at, "before": rule}
    scratch = path.with_name("clock.json.chaos")
    scratch.write_text(json.dumps(still))
    scratch.replace(path)


async def gateway_books(addresses: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return both gateways' own ledgers."""
    books = {}
    async with aiohttp.ClientSession() as session:
        for channel in ("alipay", "unionpay"):
            async with session.get(f"{addresses[channel]}/mock/ledger") as answer:
                books[channel] = await answer.json()
    return books


async def projected(dsn: str) -> list[tuple[int, int, str]]:
    """Return place and hash of every ledger record in the books."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        rows = await connection.fetch("SELECT partition, position, record::json->>'hash' AS hash FROM books.ledger")
    finally:
        await connection.close()
    return [(each["partition"], each["position"], each["hash"]) for each in rows]


def at_rest(path: Path) -> int:
    """Return the city time of a frozen clock, 0 for one that runs."""
    rule = json.loads(path.read_text())
    return 0 if rule["speed"] else int(rule["epoch_city"])


async def gather(addresses: dict[str, str], sent_log: Path, clock: Clock) -> Evidence:
    """Return the evidence as it stands now."""
    kafka = addresses["kafka"]
    books, rows = await gateway_books(addresses), await projected(addresses["postgres"])
    commands, ledger, letters = [await read_topic(kafka, f"medcredit.{name}.v1") for name in TOPICS]
    everything = await read_topic(kafka, "medcredit.ledger.v1", committed=False)
    table = await read_topic(kafka, "medcredit.view.institution-risk.v1")
    return Evidence(
        sent=read_sent_log(sent_log),
        gateways=books,
        commands=commands,
        ledger=ledger,
        dead_letters=letters,
        clock=clock,
        aborted=len(everything) - len(ledger),
        projected=rows,
        institution_rows=last_of_each_key(table),
    )


async def settled(addresses: dict[str, str], sent_log: Path, clock: Clock, seconds: float) -> Evidence:
    """Return the evidence once nothing is missing and nothing has moved for 3 s, or what there is after `seconds`."""
    deadline, quiet_since, last = time.monotonic() + seconds, time.monotonic(), (-1, -1, -1)
    while True:
        try:
            evidence = await gather(addresses, sent_log, clock)
        except (KafkaError, aiohttp.ClientError, asyncpg.PostgresError, OSError, TimeoutError):
            evidence = Evidence()
        size = (len(evidence.commands), len(evidence.ledger), _sends(evidence))
        if size != last or missing(evidence):
            quiet_since, last = time.monotonic(), size
        now = time.monotonic()
        if now - quiet_since >= _QUIET_SECONDS or now > deadline:
            return evidence
        await asyncio.sleep(0.5)


def _sends(evidence: Evidence) -> int:
    return sum(gateway["notices_sent"] for gateway in evidence.gateways.values())


def missing(evidence: Evidence) -> list[str]:
    """Return what must still come: outcomes, relays under way, words about orders the gateways have decided.

    A refusal whose answer was lost is no order at the gateway: it is asked about until its number has expired.
    """
    final = {each.value["command_id"] for each in evidence.ledger if is_command(each) and outcome_word(each) == "FINAL"}
    relayed = [each.value for each in evidence.ledger if each.value["outcome"] == "FORWARDED"]
    forwarded = {each["command_id"] for each in relayed}
    sent_on = {(each["account"], each["seq"]) for each in relayed}
    arrived = {
        (each.value["via"]["account"], each.value["via"]["seq"]) for each in evidence.commands if each.value.get("via")
    }
    heard = {
        event["order_no"]
        for each in evidence.ledger
        for event in each.value.get("events", ())
        if event["type"] in ("debit_paid", "late_payment_received") or _freed(event)
    }
    decided = {
        order["order_no"]
        for gateway in evidence.gateways.values()
        for order in gateway["orders"]
        if order["moved"] or order["state"] in ("WAIT", "CLOSED")
    }
    return [
        *(["nothing could be read"] if not evidence.ledger else []),
        *one_outcome_each(evidence),
        *projection(evidence),
        *table_complaints(evidence),
        *(f"{each} is under way" for each in forwarded - final),
        *(f"what {account} forwarded as {seq} is under way" for account, seq in sent_on - arrived),
        *(f"order {each} has no word" for each in decided - heard),
    ]


def _freed(event: dict[str, Any]) -> bool:
    return event["type"] == "debit_failed" and not event.get("same_number")

"""The desk on the real path: broker, lanes, books, edge and web at work, each verb as a process of its own."""

import asyncio
import copy
import getpass
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from cli_world import Called, run
from web_world import own_database, projector, until

from hub.policies import load_policies
from hub.roles.edge import Edge
from hub.roles.web import serve
from hub.runtime.bus import create_topics, delete_topics, durable_producer
from hub.runtime.clock import SystemClock
from hub.runtime.guomi.vault import open_provider
from hub.runtime.record_partition import partition_of
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Settings, read_settings
from schemas.commands import Command, DepositPrepayment
from schemas.ids import account_id, sm3_hex
from streams.lanes.domain_rules import DomainRules
from streams.lanes.processor import AccountProcessor
from streams.lanes.settings import lane_settings
from tests.integration.edge_client import CHARGE, Answered, local, post, ready

NAME, CITIZEN = "林晓岚", "350299199003070025"
SUBJECT = {"identifier": {"system": "urn:nhsa:citizen-id", "value": CITIZEN}}
DFT = "\r".join(
    (
        r"MSH|^~\&|HIS|{facility}|XMHUB|XM|20260703101512+0800||DFT^P03^DFT_P03|{control}|P|2.5.1||||||UNICODE UTF-8",
        "EVN|P03|20260703101510+0800",
        f"PID|1||P0091827^^^XM^MR~{CITIZEN}^^^CN^NI||林^晓岚||19900307|F",
        "PV1|1|O|OPD||||||||||||||||V5512",
        "FT1|1|{line}|B77|20260703100800+0800||CG|250101015^血细胞分析^NHSA|||14|{amount}&CNY|1.31&CNY",
        "",
    )
)


class World:
    """A small hub: its settings, its edge, where its page is, and the books."""

    def __init__(self, settings: Settings, edge: Edge, url: str) -> None:
        self.settings = settings
        self.edge = edge
        self.url = url

    async def cli(self, *arguments: str, **variables: str) -> Called:
        """Run one verb against this hub."""
        return await run(self.settings, *arguments, MEDCREDIT_URL=self.url, **variables)

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Return rows of the books."""
        connection = await asyncpg.connect(self.settings.postgres.dsn.get_secret_value())
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def letter(self, reason: str) -> str:
        """Return the id of the letter with this reason, once the books have it."""

        async def there() -> bool:
            return bool(await self.rows("SELECT FROM books.dead_letters WHERE reason = $1", reason))

        await until(there, 60)
        (row,) = await self.rows("SELECT id FROM books.dead_letters WHERE reason = $1", reason)
        return str(row["id"])

    async def mllp(self, facility: str, control: str, line: str, amount: str = "18.34") -> bytes:
        """Send one DFT and return its acknowledgement."""
        reader, writer = await asyncio.open_connection(*self.edge.addresses["mllp"])
        message = DFT.format(facility=facility, control=control, line=line, amount=amount)
        writer.write(b"\x0b" + message.encode() + b"\x1c\r")
        answer = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 60)
        writer.close()
        return answer


@pytest.fixture
async def world(kafka: str, postgres: str, tmp_path: Path) -> AsyncIterator[World]:
    """Edge, lanes, projector and web in this process, on topics and a database of their own."""
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(own_database(postgres))
        made = read_settings(
            profile="demo",
            kafka={"bootstrap": kafka, "partitions": 2},
            topic_prefix=f"t-{secrets.token_hex(6)}",
            run_dir=tmp_path,
            postgres={"dsn": dsn},
            web={"port": 0},
        )
        settings, clock = local(made, reply_wait_ms=10_000), SystemClock()
        await create_topics(settings.kafka, settings.topics)
        stack.push_async_callback(delete_topics, settings.kafka, settings.topics)
        seal = Sealer(open_provider(settings)).seal
        lanes = AccountProcessor(lane_settings(settings), DomainRules(load_policies()), clock, seal=seal)
        edge = Edge(settings, clock)
        for part in (lanes, edge):
            await part.start()
            stack.push_async_callback(part.stop)
        await stack.enter_async_context(projector(settings))
        web = await stack.enter_async_context(serve(settings, clock))
        yield World(settings, await ready(edge), f"http://{web.address}")


async def charge(world: World, key: str = "F1") -> Answered:
    """Post a ChargeItem of a visit."""
    document = {**copy.deepcopy(CHARGE), "subject": SUBJECT}
    document["identifier"] = [{"system": "urn:xm:xmzsh:ft1", "value": key}]
    return await post(world.edge, "/fhir/R4/ChargeItem", json.dumps(document).encode())


async def encounter(world: World) -> Answered:
    """Open the visit of the charges."""
    document = {
        "resourceType": "Encounter",
        "identifier": [{"system": "urn:xm:xmzsh:visit", "value": "V5512"}],
        "status": "in-progress",
        "class": {"code": "AMB"},
        "subject": SUBJECT,
        "period": {"start": "2026-07-03T09:40:00+08:00"},
    }
    return await post(world.edge, "/fhir/R4/Encounter", document)


async def test_a_refused_charge_is_replayed_once_its_cause_is_gone_and_posts_once(world: World):
    """VISIT_UNKNOWN, still refused, then the visit opens: POSTED as the child of the letter; again: a repeat."""
    assert (await charge(world)).status == 422
    letter = await world.letter("VISIT_UNKNOWN")
    still = await world.cli("dlq", "replay", letter, "--json")
    assert still.status == 3
    assert still.valid("dlq-replay")["results"][0]["outcome"] == "VISIT_UNKNOWN"
    assert (await encounter(world)).status == 201

    async def refused() -> bool:
        rows = await world.rows("SELECT outcome FROM books.ledger WHERE reinjects = $1", letter)
        return [row["outcome"] for row in rows] == ["REFUSED"]

    await until(refused, 60)
    done = await world.cli("dlq", "replay", f"DL-{letter[:8].upper()}", "--json")
    assert done.status == 0, done
    result = done.valid("dlq-replay")["results"][0]
    assert (result["outcome"], result["number"], result["repeated"]) == ("POSTED", 2, False)
    again = (await world.cli("dlq", "replay", letter, "--json")).valid("dlq-replay")["results"][0]
    assert again["command_id"] == result["command_id"]
    assert again["repeated"]

    async def recorded() -> bool:
        return len(await world.rows("SELECT FROM books.ledger WHERE reinjects = $1", letter)) == 3

    await until(recorded, 60)
    rows = await world.rows("SELECT outcome FROM books.ledger WHERE reinjects = $1 ORDER BY seq", letter)
    assert [row["outcome"] for row in rows] == ["REFUSED", "POSTED", "DUPLICATE"]
    assert len(await world.rows("SELECT FROM books.charges")) == 1
    verified = await world.cli("verify", "--deep", "--json")
    assert verified.status == 0
    assert verified.valid("verify")["ok"]


async def test_a_charge_the_hospital_sends_again_meanwhile_is_not_posted_by_the_replay(world: World):
    """The line key holds: the replay is a repeat of the charge the resend made, and the ledger says DUPLICATE."""
    assert (await charge(world)).status == 422
    letter = await world.letter("VISIT_UNKNOWN")
    assert (await encounter(world)).status == 201
    resent = json.loads(json.dumps(CHARGE)) | {"subject": SUBJECT, "note": [{"text": "sent again"}]}
    resent["identifier"] = [{"system": "urn:xm:xmzsh:ft1", "value": "F1"}]
    assert (await post(world.edge, "/fhir/R4/ChargeItem", json.dumps(resent).encode())).status == 201
    (result,) = (await world.cli("dlq", "replay", letter, "--json")).valid("dlq-replay")["results"]
    assert (result["repeated"], result["text"]) == (True, "booked before; nothing was posted again")

    async def recorded() -> bool:
        rows = await world.rows("SELECT outcome FROM books.ledger WHERE reinjects = $1", letter)
        return [row["outcome"] for row in rows] == ["DUPLICATE"]

    await until(recorded, 60)
    assert len(await world.rows("SELECT FROM books.charges")) == 1


async def test_a_message_of_an_unmapped_source_travels_again_with_its_new_profile(world: World, tmp_path: Path):
    """DIALECT_UNMAPPED at the edge; with the profile in place the same bytes are translated and posted."""
    assert b"DIALECT_UNMAPPED" in await world.mllp("XMNEW", "M1", "F9")
    letter = await world.letter("DIALECT_UNMAPPED")
    folder = tmp_path / "profiles"
    assert (await world.cli("hl7", "source", "add", "HIS@XMNEW", "--dir", str(folder))).status == 0
    profile = folder / "his-xmnew.yaml"
    text = profile.read_text("utf-8")
    profile.write_text(text.replace(text.split("valid_from: ")[1][:10], "2020-01-01"), "utf-8")
    dry = await world.cli("dlq", "replay", letter, "--dry-run", "--json", MEDCREDIT_INSTITUTIONS_DIR=str(folder))
    assert dry.valid("dlq-replay")["results"][0]["text"] == "would be post_charge"
    done = await world.cli("dlq", "replay", letter, "--json", MEDCREDIT_INSTITUTIONS_DIR=str(folder))
    assert done.valid("dlq-replay")["results"][0]["outcome"] == "POSTED", done
    found = await world.cli("dlq", "list", "--all", "--json")
    assert [each["status"] for each in found.valid("dlq-list")["items"]] == ["replayed"]


async def test_a_command_that_was_put_into_a_foreign_partition_travels_again_to_its_account(world: World):
    """The lane that is not its account's sets it aside whole; the replay makes the one deposit of its own lane."""
    account = account_id(world.settings.city_key_bytes, "person", CITIZEN)
    body, now = DepositPrepayment("XMZSH", SystemClock().city(), 5_000, "R1"), SystemClock().city()
    stray = Command("stray", account, now, now, "HIS@XMZSH", "api", sm3_hex(msgspec.json.encode(body)), body)
    producer = durable_producer(world.settings.kafka, "foreign")
    await producer.start()
    name, elsewhere = world.settings.topics.commands.name, 1 - partition_of(account.encode(), 2)
    await producer.send_and_wait(name, msgspec.json.encode(stray), key=account.encode(), partition=elsewhere)
    await producer.stop()
    letter = await world.letter("UNDECODABLE")
    (done,) = (await world.cli("dlq", "replay", letter, "--json")).valid("dlq-replay")["results"]
    assert (done["outcome"], done["repeated"]) == ("POSTED", False)

    async def booked() -> bool:
        rows = await world.rows("SELECT account, partition, outcome FROM books.ledger")
        return [tuple(row) for row in rows] == [(account, 1 - elsewhere, "POSTED")]

    await until(booked, 60)


async def test_a_dropped_letter_says_so_and_is_not_replayed(world: World):
    """The first reason stands, with who gave it; replay is refused with DEAD_LETTER_CLOSED."""
    assert b"AMOUNT_MISMATCH" in await world.mllp("XMZSH", "M2", "F2", "18.43")
    letter = await world.letter("AMOUNT_MISMATCH")
    (counted,) = (await world.cli("dlq", "stats", "--json")).valid("dlq-stats")["items"]
    assert (counted["reason"]["code"], counted["open"], counted["arrivals"]) == ("AMOUNT_MISMATCH", 1, 1)
    assert counted["oldest_open_wall_at"] == counted["newest_wall_at"]
    dropped = await world.cli("dlq", "drop", letter, "--reason", "corrected by the hospital", "--json")
    assert dropped.valid("dlq-drop")["results"] == [
        {"letter": letter, "now": True, "reason": "corrected by the hospital"}
    ]
    again = await world.cli("dlq", "drop", letter, "--reason", "another", "--json")
    assert again.valid("dlq-drop")["results"][0] == {
        "letter": letter,
        "now": False,
        "reason": "corrected by the hospital",
    }
    (row,) = await world.rows("SELECT reason, dropped_by FROM desk.dead_letter_drops")
    assert tuple(row) == ("corrected by the hospital", getpass.getuser())
    refused = await world.cli("dlq", "replay", letter, "--json")
    assert refused.status == 3
    assert refused.valid("dlq-replay")["results"][0]["outcome"] == "DEAD_LETTER_CLOSED"
    assert (await world.cli("dlq", "list", "--json")).document["items"] == []
    (counted,) = (await world.cli("dlq", "stats", "--json")).valid("dlq-stats")["items"]
    assert (counted["open"], counted["letters"], counted["oldest_open_wall_at"]) == (0, 1, None)
    assert "0 open of 1" in (await world.cli("dlq", "stats", "--source", counted["source"])).out
    assert (await world.cli("dlq", "drop", "DL-00000000", "--reason", "x", "--json")).status == 4


async def test_show_raw_names_the_field_in_fault_and_nobody(world: World):
    """The bytes are masked token by token; carets stand below FT1-11; neither name nor number is in the output."""
    await world.mllp("XMZSH", "M3", "F3", "18.43")
    letter = await world.letter("AMOUNT_MISMATCH")
    shown = await world.cli("dlq", "show", letter, "--raw")
    assert shown.status == 0, shown
    lines = shown.out.splitlines()
    field = next(number for number, line in enumerate(lines) if line.startswith("FT1|"))
    caret = lines[field + 1]
    assert lines[field][caret.index("^") : caret.rindex("^") + 1] == "18.43&CNY"
    assert caret.endswith("FT1-11")
    for secret in ("林", "晓岚", CITIZEN, "P0091827", "19900307"):
        assert secret not in shown.out
    assert (await world.cli("dlq", "show", letter, "--raw", "--json")).valid("dlq-show")["raw"]


async def test_find_and_explain_tell_what_the_record_says(world: World):
    """A line key finds its charge; explain shows each step with its clause, summing to the charge."""
    assert (await encounter(world)).status == 201
    made = await charge(world, "F7")
    identifier = made.document["id"]

    async def booked() -> bool:
        return bool(await world.rows("SELECT FROM books.charges"))

    await until(booked, 60)
    found = (await world.cli("find", "F7", "--json")).valid("find")
    assert [(each["kind"], each["id"]) for each in found["items"]] == [("line", identifier)]
    explained = (await world.cli("explain", "line", "F7", "--json")).valid("explain-line")
    steps = explained["decision"]["steps"]
    assert sum(each["taken_fen"] for each in steps) == explained["allocated"]["total_fen"] == 1834
    assert all(each["clause"] for each in steps)
    short = f"C-{identifier[:3]}{identifier[27:]}"
    told = await world.cli("explain", "charge", short)
    assert told.status == 0
    assert "18.34 = 18.34 OK" in told.out
    assert all(each["clause"] in told.out for each in steps)
    chinese = (await world.cli("explain", "charge", short, "--lang", "zh")).out
    assert "支付      18.34" in chinese
    assert not [each for each in ("had", "took", "left", "rule:", "ledger", "outpatient") if each in chinese]
    assert "费用" in (await world.cli("find", identifier, "--lang", "zh")).out
    assert (await world.cli("find", "nothing", "--json")).status == 4


async def test_parking_where_the_lane_does_not_stand_is_refused(world: World):
    """NOT_PARKED, exit 3, and the lane that was fenced comes back by its supervisor, not here."""
    refused = await world.cli("dlq", "park", "0", "500", "--json")
    assert refused.status == 3
    assert refused.valid("problem")["code"] == "NOT_PARKED"
    assert (await world.cli("dlq", "park", "9", "0", "--json")).status == 2

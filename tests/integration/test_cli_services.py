"""Verbs that touch broker and database: doctor, topics, tail; and what they say when these are away."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from cli_world import SCHEMAS, Called, run

from hub.cli.doctor_checks import Patient, codes
from hub.runtime.database import connect
from hub.runtime.migrations import migrate
from hub.runtime.settings import Settings, read_settings
from infra.processes import free_port
from schemas.commands import Command, PostCharge, Subject
from schemas.ids import account_id
from schemas.topics import Topics

ACCOUNT = account_id(b"k" * 32, "person", "350299199003070025")
NAME = "林*岚"
WITHIN_SECONDS = 6.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word: a broker that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def states(called: Called) -> dict[str, dict[str, Any]]:
    """Return doctor's lines by name."""
    return {each["name"]: each for each in called.valid("doctor")["checks"]}


def away(kafka: int) -> Settings:
    """Settings with a broker at this port and no database."""
    dsn = f"postgresql://medcredit@127.0.0.1:{free_port()}/medcredit"
    return read_settings(profile="demo", kafka={"bootstrap": f"127.0.0.1:{kafka}"}, postgres={"dsn": dsn})


async def test_doctor_names_a_stopped_broker_its_setting_and_the_remedy_within_six_seconds():
    """FAIL, DEPENDENCY_UNREACHABLE, MEDCREDIT_KAFKA__BOOTSTRAP, what to do; what needs it is SKIP; exit 1."""
    settings, began = away(free_port()), time.monotonic()
    called = await run(settings, "doctor", "--json", "--only", "kafka,topics,postgres,migrations")
    assert time.monotonic() - began < WITHIN_SECONDS * 3  # the process starts slowly on a busy machine
    assert called.status == 1
    lines = states(called)
    assert (lines["kafka"]["state"], lines["kafka"]["code"]) == ("FAIL", "DEPENDENCY_UNREACHABLE")
    assert lines["kafka"]["setting"] == "MEDCREDIT_KAFKA__BOOTSTRAP"
    assert lines["kafka"]["remedy"]
    assert lines["topics"]["state"] == lines["migrations"]["state"] == "SKIP"
    assert lines["postgres"]["setting"] == "MEDCREDIT_POSTGRES__DSN"


async def test_doctor_does_not_wait_for_a_broker_that_hangs(silent_port: int):
    """The answer comes within 6 s of asking, and names the address."""
    from hub.cli.doctor_checks import Patient, kafka

    began = time.monotonic()
    line = await kafka(Patient(away(silent_port)))
    assert time.monotonic() - began < WITHIN_SECONDS
    assert line.state == "FAIL"
    assert f"127.0.0.1:{silent_port}" in line.text


async def test_doctor_finds_what_is_missing_and_fix_makes_it(settings: Settings, database: str):
    """Topics and migrations are missing: FAIL each with its verb; --fix makes both; then exit 0, and SKIP is not OK."""
    hub = settings.model_copy(update={"postgres": read_settings(profile="demo", postgres={"dsn": database}).postgres})
    only = ("--only", "kafka,topics,postgres,migrations,alipay")
    before = await run(hub, "doctor", "--json", *only)
    assert before.status == 1
    lines = states(before)
    assert (lines["topics"]["code"], lines["topics"]["remedy"]) == ("TOPIC_MISMATCH", "medcredit topics create")
    assert (lines["migrations"]["code"], lines["migrations"]["remedy"]) == ("MIGRATION_PENDING", "medcredit migrate up")
    after = await run(hub, "doctor", "--fix", "--json", *only)
    assert after.status == 0, after
    assert {name: line["state"] for name, line in states(after).items()} == {
        "kafka": "OK",
        "topics": "OK",
        "postgres": "OK",
        "migrations": "OK",
        "alipay": "SKIP",
    }


async def test_doctor_warns_of_gateway_codes_nobody_knows_until_their_letters_are_dropped(database: str):
    """WARN, CODE_UNLISTED, the code, how to see them; OK once each is dropped; SKIP before the migrations."""
    hub = read_settings(profile="demo", postgres={"dsn": database})
    assert (await codes(Patient(hub))).state == "SKIP"
    await migrate(database)
    assert (await codes(Patient(hub))).state == "OK"
    connection = await connect(database, "writer")
    await connection.execute(
        "INSERT INTO dead_letters (id, at, wall_at, interface, wire, source, institution, reason, detail, parameters,"
        " position, receipt_key, raw_sealed, raw_length, raw_sm3, account, command_id) VALUES ('dl1', 1, 1, 'pay',"
        " 'pay', 'alipay', '', 'CODE_UNLISTED', 'code NEW is not in our table', '{}', '', 'r', '', 0, '', '', '')"
    )
    line = await codes(Patient(hub))
    assert (line.state, line.code, line.remedy) == (
        "WARN",
        "CODE_UNLISTED",
        "medcredit dlq list --reason CODE_UNLISTED",
    )
    assert line.text == "alipay: code NEW is not in our table (1 answers)"
    await connection.execute("INSERT INTO desk.dead_letter_drops VALUES ('dl1', 'told by the gateway', 'me', 1)")
    await connection.close()
    assert (await codes(Patient(hub))).state == "OK"


async def test_topics_are_created_listed_shown_checked_and_measured(settings: Settings):
    """Check exits 1 while they are missing, create makes them once, then check, list, show and lag agree."""
    missing = await run(settings, "topics", "check", "--json")
    assert missing.status == 1
    assert not missing.valid("topics-check")["ok"]
    created = (await run(settings, "topics", "create", "--json")).valid("topics-create")["created"]
    assert set(created) == {topic.name for topic in settings.topics.all()}
    assert (await run(settings, "topics", "create", "--json")).document == {"created": []}
    assert (await run(settings, "topics", "check")).status == 0
    rows = (await run(settings, "topics", "list", "--json")).valid("topics-list")["topics"]
    assert [row["state"] for row in rows] == ["OK"] * len(settings.topics.all())
    (shown,) = (await run(settings, "topics", "show", "ledger", "--json")).valid("topics-show")["topics"]
    assert shown["topic"] == settings.topics.ledger.name
    lags = (await run(settings, "topics", "lag", "--json")).valid("topics-lag")["groups"]
    assert {each["group"] for each in lags} == {
        settings.group("streams"),
        settings.group("courier"),
        settings.group("relay"),
    }
    assert (await run(settings, "topics", "show", "nothing", "--json")).status == 4


async def test_a_broker_that_is_away_ends_topics_tail_and_verify_with_69():
    """The problem document names Kafka and says that trying again may help."""
    for arguments in (("topics", "list"), ("tail", "--for", "20"), ("verify",)):
        called = await run(away(free_port()), *arguments, "--json")
        assert called.status == 69
        problem = called.valid("problem")
        assert problem["retriable"]
        assert "Kafka" in problem["detail"]


async def send(settings: Settings, *pairs: tuple[str, bytes]) -> None:
    """Append records (key, value) to commands."""
    producer = AIOKafkaProducer(**settings.kafka.client_arguments())
    await producer.start()
    for key, value in pairs:
        await producer.send_and_wait(settings.topics.commands.name, value, key=key.encode())
    await producer.stop()


def command(source: str) -> bytes:
    """Return a charge of a masked person."""
    body = PostCharge(
        "XMZSH", "V1", "outpatient", 1, (), Subject(person=ACCOUNT, name_masked=NAME, birth_on="19900307")
    )
    return msgspec.json.encode(Command("c1", ACCOUNT, 1_783_044_900_000, 1, source, "mllp", "h", body))


async def test_tail_prints_one_masked_object_a_line(settings: Settings, hub_topics: Topics):
    """Filters by sender, decodes, says so of what it cannot decode, and holds nothing of the person."""
    del hub_topics
    await send(settings, (ACCOUNT, command("HIS@XMZSH")), (ACCOUNT, b"junk"), (ACCOUNT, command("HIS@XMDYY")))
    schema = json.loads((SCHEMAS / "cli-tail.json").read_text("utf-8"))
    called = await run(settings, "tail", "--since", "5m", "--count", "3", "--for", "60", "--json")
    assert called.status == 0, called
    lines = [json.loads(line) for line in called.out.splitlines()]
    assert sorted((each["stage"], each["code"], each["source"]) for each in lines) == [
        ("hl7", "post_charge", "HIS@XMDYY"),
        ("hl7", "post_charge", "HIS@XMZSH"),
        ("unreadable", "UNDECODABLE", ""),
    ]
    assert set(lines[0]) == set(schema["$defs"]["TailLine"]["properties"])
    assert NAME not in called.out
    assert "19900307" not in called.out
    only = await run(settings, "tail", "hl7", "--source", "HIS@XMDYY", "--since", "5m", "--count", "1", "--for", "60")
    assert "HIS@XMDYY" in only.out
    assert "HIS@XMZSH" not in only.out


async def test_find_in_the_log_finds_a_message_by_its_control_id(settings: Settings, hub_topics: Topics):
    """`_logged` reads every partition of the commands and compares the parts of the receipt key."""
    from hub.cli.find import _logged

    del hub_topics
    kept = msgspec.json.decode(command("HIS@XMZSH"), type=Command)
    keyed = msgspec.structs.replace(kept, receipt_key="HIS|XMZSH|ZS0871|0123456789abcdef")
    await send(settings, (ACCOUNT, command("HIS@XMZSH")), (ACCOUNT, msgspec.json.encode(keyed)))
    (found,) = await _logged(settings, "ZS0871")
    assert (found.offset, found.kind, found.account) == (1, "post_charge", ACCOUNT)
    assert await _logged(settings, "ZS08") == ()

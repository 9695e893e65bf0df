"""All wires of one edge over a real broker: API, MLLP, two edges, a broker that goes away, hostile HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from hub.roles.edge import Edge
from hub.runtime.bus import create_topics
from hub.runtime.clock import ManualClock
from hub.runtime.guomi.vault import open_provider
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Address, Settings
from infra.kafka import EmbeddedKafka
from schemas.commands import Command, DepositPrepayment, PostCharge, SignAgreement
from schemas.dead_letters import DeadLetter
from schemas.replies import Reply
from schemas.topics import Topics
from tests.integration.edge_client import CHARGE, CITY, local, post, ready, records
from tests.integration.lane_stand_in import LaneStandIn, posted

PREPAYMENT = {"person": {"citizen_id": "350299199003070025"}, "institution": "XMZSH", "amount": "50.00"}
SEGMENTS = (
    r"MSH|^~\&|HIS|{facility}|XMHUB|XM|20260703101512+0800||DFT^P03^DFT_P03|{control}|P|2.5.1||||||UNICODE UTF-8",
    "EVN|P03|20260703101510+0800",
    "PID|1||P0091827^^^XM^MR||林^晓岚||19900307|F",
    "PV1|1|O|OPD||||||||||||||||V5512",
    "FT1|1|{line}|B77|20260703100800+0800||CG|250101015^血细胞分析^NHSA|||1|25.00&CNY|25.00&CNY",
)
DFT = "\r".join((*SEGMENTS, ""))


@pytest.fixture
async def edge(settings: Settings, hub_topics: Topics) -> AsyncIterator[Edge]:  # noqa: ARG001 - the topics must be
    running = Edge(local(settings), ManualClock(CITY))
    await running.start()
    yield await ready(running)
    await running.stop()


async def commands(settings: Settings) -> list[Command]:
    """Return every command on the topic."""
    found = await records(settings, settings.topics.commands)
    return [msgspec.json.decode(each.value, type=Command) for each in found]


async def mllp(edge: Edge, facility: str, control: str, line: str = "F1") -> bytes:
    """Send one DFT over a connection of its own and return the first answer's payload."""
    reader, writer = await asyncio.open_connection(*edge.addresses["mllp"])
    message = DFT.format(facility=facility, control=control, line=line).encode()
    writer.write(b"\x0b" + message + b"\x1c\r")
    answer = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 60)
    writer.close()
    return answer[1:-2]


async def test_an_acknowledged_dft_is_one_durable_command(edge: Edge, settings: Settings):
    """AA follows the record; its sealed bytes open to the message without its frame."""
    answer = await mllp(edge, "XMZSH", "M1")
    assert b"MSA|AA|M1" in answer
    (command,) = await commands(settings)
    assert isinstance(command.body, PostCharge)
    assert command.accepted_at == CITY
    raw = Sealer(open_provider(settings)).open("mllp", command.receipt_key, command.sealed)
    assert raw.startswith(b"MSH|")
    assert b"M1" in raw


async def test_the_same_dft_again_is_the_same_command_with_the_same_answer(edge: Edge, settings: Settings):
    """A repeat gets the same bytes without a look-up; both records carry one id, for the lane to recognise."""
    first, second = await mllp(edge, "XMZSH", "M1"), await mllp(edge, "XMZSH", "M1")
    assert first == second
    found = await commands(settings)
    assert len(found) == 2
    assert len({(command.id, command.content_hash) for command in found}) == 1


async def test_a_refused_dft_is_a_sealed_dead_letter(edge: Edge, settings: Settings):
    """A source without a profile is quarantined as DIALECT_UNMAPPED and answered AE."""
    answer = await mllp(edge, "NOWHERE", "M2")
    assert b"MSA|AE|M2" in answer
    assert b"DIALECT_UNMAPPED" in answer
    (record,) = await records(settings, settings.topics.dead_letters)
    letter = msgspec.json.decode(record.value, type=DeadLetter)
    assert (letter.interface, letter.wire, letter.reason) == ("quarantine.charge", "mllp", "DIALECT_UNMAPPED")
    assert Sealer(open_provider(settings)).open("mllp", letter.receipt_key, letter.raw_sealed).startswith(b"MSH|")


async def test_ack_after_decision_tells_what_the_books_said(edge: Edge, settings: Settings):
    """XMDYY's cashiers wait: a refusal of the books is AE with its code."""

    def judge(command: Command) -> Reply:
        return Reply(command.id, command.account, "VISIT_CLOSED", refused=True, at=0)

    async with LaneStandIn(settings, judge):
        answer = await mllp(edge, "XMDYY", "M3")
    assert b"MSA|AE|M3" in answer
    assert b"VISIT_CLOSED" in answer


async def test_ack_after_decision_without_a_decision_is_busy(edge: Edge):
    """When the books do not answer in time the sender is told AR HUB_BUSY and keeps the message."""
    answer = await mllp(edge, "XMDYY", "M4")
    assert b"MSA|AR|M4" in answer
    assert b"HUB_BUSY" in answer


async def test_a_prepayment_is_booked_once_under_its_key(edge: Edge, settings: Settings):
    """The key becomes the command's id; the citizen id becomes an account and stands nowhere readable."""
    async with LaneStandIn(settings, posted) as lane:
        answer = await post(edge, "/api/v1/prepayments", PREPAYMENT, "KIOSK@XM", Idempotency_Key="k-1")
        await post(edge, "/api/v1/prepayments", PREPAYMENT, "KIOSK@XM", Idempotency_Key="k-1")
        other = {**PREPAYMENT, "amount": "60.00"}
        await post(edge, "/api/v1/prepayments", other, "KIOSK@XM", Idempotency_Key="k-1")
    assert answer.status == 201
    first, second, third = lane.seen
    assert first.id == second.id == third.id
    assert first.content_hash == second.content_hash != third.content_hash
    assert isinstance(first.body, DepositPrepayment)
    assert first.body.amount_fen == 5000
    assert b"350299199003070025" not in msgspec.json.encode(first)


async def test_a_repeat_gets_the_same_bytes_and_says_so(edge: Edge, settings: Settings):
    """Idempotency-Replayed marks what the books recognised; the body is the stored one."""
    seen: set[str] = set()

    def judge(command: Command) -> Reply:
        repeated = command.id in seen
        seen.add(command.id)
        return msgspec.structs.replace(posted(command), repeated=repeated)

    async with LaneStandIn(settings, judge):
        first = await post(edge, "/api/v1/prepayments", PREPAYMENT, "KIOSK@XM", Idempotency_Key="k-2")
        second = await post(edge, "/api/v1/prepayments", PREPAYMENT, "KIOSK@XM", Idempotency_Key="k-2")
    assert first.body == second.body
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_two_bodies_under_one_key_at_once_get_each_its_own_answer(edge: Edge, settings: Settings):
    """The second body is refused while the first is booked, though both wait under one command id."""
    first_hash: list[str] = []

    def judge(command: Command) -> Reply:
        first_hash[:1] = first_hash[:1] or [command.content_hash]
        if command.content_hash == first_hash[0]:
            return posted(command)
        return Reply(command.id, command.account, "IDEMPOTENCY_KEY_REUSED", refused=True, at=0)

    other = {**PREPAYMENT, "amount": "60.00"}
    async with LaneStandIn(settings, judge):
        answers = await asyncio.gather(
            *(
                post(edge, "/api/v1/prepayments", body, "KIOSK@XM", Idempotency_Key="k-3")
                for body in (PREPAYMENT, other, PREPAYMENT, other)
            )
        )
    assert sorted(answer.status for answer in answers) == [201, 201, 422, 422]
    refused = next(answer.document for answer in answers if answer.status == 422)
    assert refused["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert refused["type"] == "/docs/errors/IDEMPOTENCY_KEY_REUSED"


async def test_an_agreement_reaches_the_person_with_its_consents(edge: Edge, settings: Settings):
    """POST /agreements becomes SignAgreement to the person's account, times as instants."""
    body = {
        "person": {"citizen_id": "350299199003070025", "name": "林晓岚"},
        "pack": "xiamen-platform-2024",
        "bank": "ICBC",
        "channel": "alipay",
        "channel_agreement": "AG1",
        "score_consents": ["egret"],
        "consent_version": "2026-01",
        "consent_until": "2027-06-01T00:00:00+08:00",
    }
    async with LaneStandIn(settings, posted) as lane:
        answer = await post(edge, "/api/v1/agreements", body, "KIOSK@XM", Idempotency_Key="a-1")
    assert answer.status == 201
    sign = lane.seen[0].body
    assert isinstance(sign, SignAgreement)
    assert sign.consent_until == 1_811_779_200_000
    assert sign.subject.name_masked == "林**"


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"amount": "50,00"}, "AMOUNT_SYNTAX", "/amount"),
        ({"amount": 50}, "AMOUNT_SYNTAX", "/amount"),
        ({"amount": "0"}, "AMOUNT_OUT_OF_RANGE", "/amount"),
        ({"amount": "50000000.01"}, "AMOUNT_OUT_OF_RANGE", "/amount"),
        ({"person": {"citizen_id": "350299199003070026"}}, "SUBJECT_INVALID", "/person/citizen_id"),
        ({"person": {}}, "FIELD_MISSING", "/person/citizen_id"),
        ({"institution": "xm"}, "RESOURCE_INVALID", "/institution"),
        ({"surprise": 1}, "RESOURCE_INVALID", "/surprise"),
        ({"paid_at": "2026-07-03T10:00:00"}, "TIME_INVALID", "/paid_at"),
        ({"paid_at": "2026-07-05T10:00:00+08:00"}, "TIME_INVALID", "/paid_at"),
        ({"paid_at": "2026-W01-1T10:00:00Z"}, "TIME_INVALID", "/paid_at"),
        ({"paid_at": "20260101T100000Z"}, "TIME_INVALID", "/paid_at"),
        ({"paid_at": "2026-01-01T10Z"}, "TIME_INVALID", "/paid_at"),
    ],
)
async def test_a_faulty_body_is_refused_with_its_place_and_kept(edge, settings, change, code, pointer):
    """Each refusal is problem+json with the JSON pointer; the bytes are a sealed dead letter."""
    answer = await post(edge, "/api/v1/prepayments", {**PREPAYMENT, **change}, "KIOSK@XM", Idempotency_Key="k")
    assert answer.document["code"] == code
    assert answer.document["errors"][0]["pointer"] == pointer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    (record,) = await records(settings, settings.topics.dead_letters)
    assert msgspec.json.decode(record.value, type=DeadLetter).reason == code
    assert b"3502991990030700" not in record.value


async def test_who_may_not_post_is_told_why(edge: Edge):
    """No token, a foreign institution and a missing key are refused before anything is kept."""
    assert (await post(edge, "/api/v1/prepayments", PREPAYMENT, Authorization="")).status == 401
    no_key = await post(edge, "/api/v1/prepayments", PREPAYMENT, "KIOSK@XM")
    assert (no_key.status, no_key.document["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    foreign = await post(edge, "/api/v1/prepayments", PREPAYMENT, "FHIR@XMDYY", Idempotency_Key="k")
    assert (foreign.status, foreign.document["code"]) == (403, "SENDER_MISMATCH")
    chinese = await post(edge, "/api/v1/prepayments", b"{", "KIOSK@XM", Idempotency_Key="k", Accept_Language="zh-CN")
    assert chinese.document["detail"].startswith("报文不是合法 JSON")


async def test_a_caller_that_waits_too_long_gets_202_with_a_link_that_routes_itself(edge: Edge):
    """The API's time-out is 202, never an error: the command is durable."""
    answer = await post(edge, "/api/v1/prepayments", PREPAYMENT, "KIOSK@XM", Idempotency_Key="late")
    assert answer.status == 202
    assert answer.headers["Location"].startswith("/api/v1/outcomes/")


async def test_two_edges_share_the_ports_and_each_hears_its_own_replies(settings: Settings, hub_topics: Topics):
    """Two processes' worth of edge on one port: every request is answered whoever takes it."""
    del hub_topics
    first = Edge(local(settings, slot=0), ManualClock(CITY))
    await first.start()
    ports = {name: Address(port=first.addresses[wire][1]) for name, wire in (("mllp", "mllp"), ("http", "edge"))}
    second = Edge(local(settings, slot=1, **ports), ManualClock(CITY))
    await second.start()
    try:
        await ready(first)
        await ready(second)
        async with LaneStandIn(settings, posted) as lane:
            charges = [{**CHARGE, "identifier": [{"system": "urn:xm:xmzsh:ft1", "value": f"F{n}"}]} for n in range(24)]
            answers = await asyncio.gather(*(post(first, "/fhir/R4/ChargeItem", charge) for charge in charges))
        assert {answer.status for answer in answers} == {201}
        assert {command.reply.partition for command in lane.seen if command.reply} == {0, 1}
    finally:
        await asyncio.gather(first.stop(), second.stop())


@pytest.mark.timeout(180)
async def test_without_a_broker_every_wire_says_busy_and_nothing_is_lost_after_it_returns(
    settings: Settings, own_kafka: EmbeddedKafka, tmp_path: Path
):
    """HUB_BUSY while the broker is away; after its return everything that was acknowledged is there."""
    await asyncio.to_thread(own_kafka.start, tmp_path / "kafka")
    kafka = settings.kafka.model_copy(update={"bootstrap": own_kafka.bootstrap})
    alone = local(settings.model_copy(update={"kafka": kafka}), durable_wait_ms=800, reply_wait_ms=300)
    await create_topics(alone.kafka, alone.topics)
    edge = Edge(alone, ManualClock(CITY))
    await edge.start()
    try:
        await ready(edge)
        async with asyncio.timeout(60):
            while b"MSA|AA|B1" not in await mllp(edge, "XMZSH", "B1"):  # noqa: ASYNC110 - as its sender does
                await asyncio.sleep(0.5)
        await asyncio.to_thread(own_kafka.kill)
        busy = await mllp(edge, "XMZSH", "B2")
        assert b"MSA|AR|B2" in busy
        assert b"HUB_BUSY" in busy
        fhir = await post(edge, "/fhir/R4/ChargeItem", CHARGE)
        assert fhir.status == 503
        assert fhir.document["issue"][0]["code"] == "transient"
        api = await post(edge, "/api/v1/prepayments", PREPAYMENT, "KIOSK@XM", Idempotency_Key="b")
        assert (api.status, api.document["code"], api.headers["Retry-After"]) == (503, "HUB_BUSY", "1")
        await asyncio.to_thread(own_kafka.restart)
        async with asyncio.timeout(60):
            while b"MSA|AA|B2" not in await mllp(edge, "XMZSH", "B2"):  # noqa: ASYNC110 - as its sender does
                await asyncio.sleep(0.5)
        kept = {each.receipt_key.split("|")[2] for each in await commands(alone) if each.interface == "mllp"}
        assert {"B1", "B2"} <= kept
    finally:
        await edge.stop()


async def test_unknown_paths_and_heads_too_long_get_empty_answers(edge: Edge):
    """Row 107: 404 and 431 without a body; a method that is not allowed says what is."""
    host, port = edge.addresses["edge"]
    assert await _raw(host, port, b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n") == (404, b"")
    long_line = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n"
    assert await _raw(host, port, long_line) == (431, b"")
    many = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 4000) for number in range(5))
    assert await _raw(host, port, b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n") == (431, b"")
    assert (await _raw(host, port, b"\x00\x01rubbish\r\n\r\n"))[0] == 400
    assert await _raw(host, port, b"DELETE /api/v1/prepayments HTTP/1.1\r\nHost: x\r\n\r\n") == (405, b"")


async def _raw(host: str, port: int, request: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    body = await reader.readexactly(length)
    writer.close()
    return int(head.split(b" ")[1]), body

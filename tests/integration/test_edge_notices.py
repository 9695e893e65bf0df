"""Gateway notices and score messages over the edge before real lanes: exact bytes, sealed letters (rows 66-103)."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
import pytest

from adapters.sandbox.keys import AlipayKeys, UnionPayKeys, load_alipay, load_unionpay, make_keys
from adapters.sandbox.rsa_text import base_string, rsa2
from adapters.sandbox.score_sender import (
    Head,
    SenderKeys,
    build_message,
    hostile_message,
    message_id,
    score_payload,
    timestamp,
)
from adapters.sandbox.unionpay_notices import foreign_signed, signed
from hub.policies import load_policies
from hub.roles.edge import Edge
from hub.runtime.clock import SystemClock
from hub.runtime.guomi.vault import open_provider
from hub.runtime.sealing import Sealer
from hub.runtime.settings import GatewaySettings, GatewaysSettings, Settings, SmSettings
from schemas.commands import Command, ObserveScore, ReceiveFeedMessage
from schemas.dead_letters import DeadLetter
from schemas.ids import make_id
from schemas.topics import Topics
from streams.lanes.domain_rules import DomainRules
from streams.lanes.processor import AccountProcessor
from streams.lanes.settings import lane_settings
from tests.integration.edge_client import Answered, local, post, ready, records

ORDER = make_id("0" * 26, "D", 1)
FORM = "application/x-www-form-urlencoded"
ALIPAY, UNIONPAY, FEED = "/notify/alipay/main", "/notify/unionpay/main", "/feeds/egret/v1/messages"
APP, SELLER, MERCHANT = "2021000000000001", "2088000000000001", "777290058146592"
CITIZEN = "350299199003070025"


class World(NamedTuple):
    """A running edge with its lanes, and the keys of those who talk to it."""

    edge: Edge
    settings: Settings
    alipay: AlipayKeys
    unionpay: UnionPayKeys
    sender: SenderKeys

    async def notify(self, path: str, body: bytes | dict[str, str], content_type: str = FORM) -> Answered:
        """POST a notice as a gateway does, without any token."""
        raw = body if isinstance(body, bytes) else urlencode(body).encode()
        return await post(self.edge, path, raw, Authorization="", Content_Type=content_type)

    async def letters(self, least: int = 1) -> list[DeadLetter]:
        """Return the dead letters, once there are as many; a commit's markers may come a moment after its answer."""
        found: list[Any] = []
        async with asyncio.timeout(60):
            while len(found) < least:
                found = await records(self.settings, self.settings.topics.dead_letters)
        return [msgspec.json.decode(each.value, type=DeadLetter) for each in found]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invented keys of all counterparts, made once."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder


@pytest.fixture
async def world(settings: Settings, hub_topics: Topics, keys: Path) -> AsyncIterator[World]:
    """An edge that believes the sandbox gateways and sender, before the lanes of all partitions."""
    del hub_topics
    alipay, unionpay = keys / "alipay", keys / "unionpay"
    gateways = GatewaysSettings(
        alipay=GatewaySettings(
            merchant=APP,
            seller=SELLER,
            private_key_file=alipay / "merchant_private.pem",
            public_key_file=alipay / "gateway_public.pem",
        ),
        unionpay=GatewaySettings(
            merchant=MERCHANT,
            private_key_file=unionpay / "merchant_private.pem",
            certificate_file=unionpay / "merchant.cer",
            root_certificate_file=unionpay / "root.cer",
            middle_certificate_file=unionpay / "middle.cer",
            signer_name="00040000:SIGN",
        ),
    )
    at_home = local(settings, reply_wait_ms=5000)
    at_home = at_home.model_copy(update={"gateways": gateways, "sm": SmSettings(ring_file=keys / "hub_keyring.json")})
    clock, seal = SystemClock(), Sealer(open_provider(at_home)).seal
    processor = AccountProcessor(lane_settings(at_home), DomainRules(load_policies()), clock, seal=seal)
    edge = Edge(at_home, clock)
    await processor.start()
    await edge.start()
    sender = SenderKeys.load(keys / "egret" / "sender.json")
    yield World(await ready(edge), at_home, load_alipay(keys), load_unionpay(keys), sender)
    await edge.stop()
    await processor.stop()


def alipay_notice(world: World, **changes: str) -> dict[str, str]:
    """Return a notice of the Alipay sandbox, signed after the changes."""
    fields = {
        "app_id": APP,
        "charset": "utf-8",
        "notify_id": "N1",
        "notify_time": "2026-07-03 23:00:05",
        "notify_type": "trade_status_sync",
        "out_trade_no": ORDER,
        "seller_id": SELLER,
        "subject": "医疗信用付",
        "total_amount": "8.10",
        "trade_no": "T1",
        "trade_status": "TRADE_SUCCESS",
        "version": "1.0",
        **changes,
    }
    text = base_string(fields, ("sign", "sign_type"), keep_empty=True)
    return {**fields, "sign": rsa2(world.alipay.gateway, text.encode()), "sign_type": "RSA2"}


def unionpay_fields(**changes: str) -> dict[str, str]:
    """Return the fields of a UnionPay back notice."""
    return {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "txnType": "11",
        "txnSubType": "00",
        "bizType": "000501",
        "accessType": "0",
        "merId": MERCHANT,
        "orderId": ORDER,
        "txnTime": time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 8 * 3600)),
        "txnAmt": "810",
        "currencyCode": "156",
        "queryId": "Q1",
        "respCode": "00",
        "respMsg": "success",
        **changes,
    }


def head(seq: int = 1) -> Head:
    """Return the clear part of a score message sent now."""
    now = int(time.time() * 1000)
    return Head("SCORE_PUSH", "score", seq, timestamp(now), message_id(now))


def payload(**changes: Any) -> dict[str, Any]:
    """Return a score with its authorisation in force."""
    now, year = int(time.time() * 1000), 365 * 86_400_000
    found = score_payload(
        CITIZEN, 672, computed_ms=now, valid_ms=now + year, auth_id="AU1", granted_ms=now - year, expires_ms=now + year
    )
    return {**found, **changes}


@pytest.mark.parametrize(
    ("row", "change", "status", "reason", "interface"),
    [
        (69, {"total_amount": "8.11"}, 403, "SIGN_INVALID", "pay"),
        (70, {"sign_type": "RSA"}, 403, "SIGN_DOWNGRADE", "pay"),
        (68, {"sign": ""}, 403, "SIGN_MISSING", "pay"),
        (71, {"charset": "big5"}, 400, "CHARSET", "pay"),
    ],
)
async def test_an_altered_alipay_notice_is_not_believed(world, row, change, status, reason, interface):
    """Rows 68 to 71: `fail` with the row's status; the bytes are kept under seal."""
    answer = await world.notify(ALIPAY, {**alipay_notice(world), **change})
    assert (row, answer.status, answer.body) == (row, status, b"fail")
    (letter,) = await world.letters()
    assert (letter.reason, letter.interface) == (reason, interface)


@pytest.mark.parametrize(
    ("row", "change", "status", "reason"),
    [
        (72, {"seller_id": "2088000000000002"}, 403, "FOREIGN_NOTICE"),
        (73, {}, 409, "ORDER_UNKNOWN"),
        (73, {"out_trade_no": "XM2026070300000001"}, 409, "ORDER_UNKNOWN"),
        (75, {"total_amount": "8.1E0"}, 400, "AMOUNT_SYNTAX"),
    ],
)
async def test_an_authentic_alipay_notice_that_contradicts_us_is_an_incident(world, row, change, status, reason):
    """Rows 72, 73, 75: well signed, but not ours or unknown; the edge or the lane sets it aside once."""
    answer = await world.notify(ALIPAY, alipay_notice(world, **change))
    assert (row, answer.status, answer.body) == (row, status, b"fail")
    (letter,) = await world.letters()
    assert letter.reason == reason
    assert letter.interface == ("pay" if row == 75 else "incident.money")
    wire = letter.wire or letter.interface
    opened = Sealer(open_provider(world.settings)).open(wire, letter.receipt_key, letter.raw_sealed)
    assert b"TRADE_SUCCESS" in opened


async def test_alipay_bytes_that_are_no_form_are_refused(world: World):
    """Rows 66 and 67: another content type 415, over 64 KiB 413, a parameter sent twice 400."""
    fields = urlencode(alipay_notice(world)).encode()
    assert (await world.notify(ALIPAY, fields, "application/json")).status == 415
    assert (await world.notify(ALIPAY, fields + b"&x=" + b"a" * 70_000)).status == 413
    twice = await world.notify(ALIPAY, fields + b"&total_amount=8.10")
    assert (twice.status, twice.body) == (400, b"fail")
    assert {letter.reason for letter in await world.letters()} == {"BODY", "PARAM_DUPLICATE"}


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"a=" + b"1" * 70_000, "identity", 413),
        (gzip.compress(b"a=" + b"1" * 70_000), "gzip", 413),
        (b"no gzip", "gzip", 415),
        (b"whatever", "br", 415),
    ],
)
@pytest.mark.parametrize("path", [ALIPAY, UNIONPAY])
async def test_a_body_nobody_reads_is_kept_as_it_came(world: World, path: str, body: bytes, encoding: str, status: int):
    """Row 66: BODY in the gateway's own words; the dead letter holds the bytes that came, cut at the limit."""
    answer = await post(world.edge, path, body, Authorization="", Content_Type=FORM, Content_Encoding=encoding)
    assert answer.status == status
    (letter,) = await world.letters()
    assert letter.reason == "BODY"
    kept = Sealer(open_provider(world.settings)).open(letter.interface, letter.receipt_key, letter.raw_sealed)
    assert kept == body[: 64 * 1024 + 1]


async def test_a_notice_of_an_unknown_kind_is_kept_and_answered_success(world: World):
    """Protocols 5.2: unknown type with a good signature is stored and `success`."""
    answer = await world.notify(ALIPAY, alipay_notice(world, notify_type="fund_auth_freeze"))
    assert (answer.status, answer.body) == (200, b"success")
    (letter,) = await world.letters()
    assert (letter.reason, letter.interface) == ("TYPE_UNSUPPORTED", "pay")


async def test_a_unionpay_notice_is_believed_by_its_chain_and_judged_by_the_books(world: World):
    """Rows 83 to 86: foreign chain 403, old version 403, other merchant 409, unknown order 503 with one incident."""
    foreign = await world.notify(UNIONPAY, foreign_signed(world.unionpay, unionpay_fields()))
    assert (foreign.status, foreign.document["code"]) == (403, "CERT_CHAIN")
    old = await world.notify(UNIONPAY, signed(world.unionpay, unionpay_fields(version="5.0.0")))
    assert (old.status, old.document["code"]) == (403, "SIGN_DOWNGRADE")
    other = await world.notify(UNIONPAY, signed(world.unionpay, unionpay_fields(merId="777290058146593")))
    assert (other.status, other.document["code"]) == (409, "AMOUNT_MISMATCH")
    unknown = await world.notify(UNIONPAY, signed(world.unionpay, unionpay_fields()))
    assert (unknown.status, unknown.document["code"]) == (503, "ORDER_UNKNOWN")
    incidents = [letter for letter in await world.letters(4) if letter.interface == "incident.money"]
    assert sorted(letter.reason for letter in incidents) == ["AMOUNT_MISMATCH", "ORDER_UNKNOWN"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("stale_ts", 409, "STALE"),
        ("future_ts", 409, "STALE"),
        ("bad_sig", 403, "SIGN_INVALID"),
        ("unknown_kid", 403, "KEY_UNKNOWN"),
        ("bad_tag", 422, "DECRYPT"),
        ("wrong_aad", 422, "DECRYPT"),
        ("seq_gap", 409, "SEQ_GAP"),
    ],
)
async def test_a_hostile_score_message_gets_its_row_and_its_bytes_are_not_kept(world, name, status, code):
    """Rows 96 to 99: refused by the edge or by the feed's account; a letter without any bytes of the score."""
    (message,) = hostile_message(name, world.sender, head(), payload(), int(time.time() * 1000))
    answer = await post(world.edge, FEED, message, Authorization="")
    assert (answer.status, answer.document["code"]) == (status, code)
    if code == "SEQ_GAP":
        assert answer.document["expected_seq"] == 1
    for letter in await world.letters():
        assert (letter.interface, letter.raw_sealed) == ("score", "")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"subject": {"id_no": "350299199003070026", "id_type": "01", "name": ""}}, 422, "SUBJECT_INVALID"),
        (
            {
                "score": {
                    "computed_at": "2026-07-01T02:00:00+08:00",
                    "model": "m",
                    "value": 67.2,
                    "valid_until": "2026-08-01T00:00:00+08:00",
                }
            },
            422,
            "SCORE_RANGE",
        ),
    ],
)
async def test_a_score_the_hub_may_not_have_is_dropped(world, change, status, code):
    """Rows 102 and 103: a value that is no score or a wrong id number: nothing of it is stored."""
    message = build_message(world.sender, head(), payload(**change))
    answer = await post(world.edge, FEED, message, Authorization="")
    assert (answer.status, answer.document["code"]) == (status, code)


async def test_a_score_reaches_the_log_as_a_band_without_its_value(world: World):
    """Architecture 12: the command holds band and SM3; without a courier nobody answers, so it is sent again (503)."""
    answer = await post(world.edge, FEED, build_message(world.sender, head(), payload()), Authorization="")
    assert answer.status == 503
    (record,) = await records(world.settings, world.settings.topics.commands)
    command = msgspec.json.decode(record.value, type=Command)
    assert isinstance(command.body, ReceiveFeedMessage)
    assert isinstance(command.body.message, ObserveScore)
    assert command.sealed == ""
    assert b"672" not in record.value.replace(command.body.payload_sm3.encode(), b"").replace(
        command.content_hash.encode(), b""
    ).replace(command.id.encode(), b"")


async def test_the_same_message_id_signed_again_with_another_head_is_not_another_message(world: World):
    """A head altered after signing does not verify: the sequence cannot be moved by a stranger."""
    message = build_message(world.sender, head(), payload())
    moved = {**message, "seq": 2}
    assert replace(head(), seq=2).seq == moved["seq"]
    answer = await post(world.edge, FEED, moved, Authorization="")
    assert (answer.status, answer.document["code"]) == (403, "SIGN_INVALID")

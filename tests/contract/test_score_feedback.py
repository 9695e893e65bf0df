"""The hub's word to a score source, and the source's own reader of it: two implementations of one form."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec.structs import replace

from adapters.sandbox.keys import make_keys
from adapters.sandbox.score_receiver import ScoreReceiver
from adapters.scores.access import FeedAccess
from adapters.scores.feedback import FeedbackClient, content, read_answer
from hub.runtime.guomi import KeyRing, SoftwareProvider
from hub.runtime.score_sources import load_score_sources
from schemas.errands import FeedbackErrand

OVERDUE = FeedbackErrand("E1", "A" * 26, "egret", "ab" * 16, "overdue", "AU-1", "01J1", 1_782_869_400_000)
REWARD = replace(OVERDUE, id="E2", message="cd" * 16, kind="reward", points=70, month=24_318)
BACK = replace(
    OVERDUE, id="E3", message="ef" * 16, kind="overdue_withdrawn", withdraws=OVERDUE.message, authorisation=""
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invented keys, made once."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder


class Desk:
    """A source at its address, and the hub's client of it."""

    def __init__(self, receiver: ScoreReceiver, base: str, session: aiohttp.ClientSession, keys: Path) -> None:
        self.receiver, self.base, self.session = receiver, base, session
        self.ring = KeyRing.load(keys / "hub_keyring.json")

    def client(self, name: str = "egret", to: str = "", off_ms: int = 0) -> FeedbackClient:
        """Return the hub's client of a source, whose messages may go elsewhere, by a clock that may be off."""
        source = next(each for each in load_score_sources() if each.name == name)
        url = f"{self.base}/feedback/{to or name}/v1/messages"
        access = FeedAccess(SoftwareProvider(self.ring), replace(source, feedback_url=url))
        return FeedbackClient(access, self.session, lambda: time.time_ns() // 1_000_000 + off_ms, seconds=5)

    async def scenario(self, name: str, count: int = 1) -> None:
        """Let the next calls go wrong."""
        async with self.session.post(f"{self.base}/mock/scenario", json={"name": name, "count": count}) as answer:
            assert answer.status == 200

    async def kept(self, name: str = "egret") -> dict[str, Any]:
        """Return what the source knows, by its own route."""
        async with self.session.get(f"{self.base}/mock/feedback") as answer:
            found: dict[str, Any] = (await answer.json())[name]
            return found


@asynccontextmanager
async def desk_of(keys: Path) -> AsyncIterator[Desk]:
    """Serve the receiver on a free port of the loopback."""
    receiver = ScoreReceiver(keys, lambda: time.time_ns() // 1_000_000)
    runner = web.AppRunner(receiver.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Desk(receiver, f"http://127.0.0.1:{runner.addresses[0][1]}", session, keys)
    finally:
        await runner.cleanup()


@pytest.fixture
async def desk(keys: Path) -> AsyncIterator[Desk]:
    """A fresh receiver."""
    async with desk_of(keys) as found:
        yield found


async def test_the_source_opens_what_the_hub_sealed_and_counts_it(desk: Desk):
    """Overdue, reward and withdrawal, each taken with a receipt; the withdrawn one counts no more."""
    client = desk.client()
    words = [(await client.tell(each)).result for each in (OVERDUE, REWARD)]
    assert [(word.status, bool(word.receipt)) for word in words] == [("taken", True), ("taken", True)]
    assert (await desk.kept())["people"]["AU-1"] == {"overdue": 1, "points": 70}
    assert (await client.tell(BACK)).result.status == "taken"
    kept = await desk.kept()
    assert kept["people"]["AU-1"] == {"overdue": 0, "points": 70}
    subject = {"auth_id": "AU-1", "score_msg_id": "01J1"}
    said = {"at": "2026-07-01T01:30:00.000Z", "event": "OVERDUE", "subject": subject}
    assert kept["messages"][OVERDUE.message] == said


async def test_the_same_message_again_is_the_same_receipt_and_counts_once(desk: Desk):
    """A retry repeats the message id and the content, under a fresh seal."""
    client = desk.client()
    first = (await client.tell(OVERDUE)).result
    again = (await client.tell(replace(OVERDUE, id="E9", attempt=2))).result
    assert (again.status, again.receipt) == ("taken", first.receipt)
    assert (await desk.kept())["people"]["AU-1"]["overdue"] == 1


async def test_a_withdrawal_may_overtake_its_message(desk: Desk):
    """The source keeps it: what comes late is withdrawn already."""
    client = desk.client()
    for errand in (BACK, OVERDUE):
        assert (await client.tell(errand)).result.status == "taken"
    assert (await desk.kept())["people"]["AU-1"]["overdue"] == 0


async def test_another_content_under_a_known_message_is_refused(desk: Desk):
    """MESSAGE_CONFLICT is final: a person must look."""
    client = desk.client()
    await client.tell(OVERDUE)
    word = (await client.tell(replace(REWARD, message=OVERDUE.message))).result
    assert (word.status, word.code) == ("refused", "MESSAGE_CONFLICT")


@pytest.mark.parametrize(
    ("scenario", "status", "code"),
    [("busy", "unknown", "HTTP_503"), ("lost", "unknown", "NO_ANSWER"), ("refuse", "refused", "SUBJECT_UNKNOWN")],
)
async def test_a_source_in_trouble_is_read_rightly(desk: Desk, scenario: str, status: str, code: str):
    """Unread, taken without an answer, refused; only the last one is final."""
    await desk.scenario(scenario)
    word = (await desk.client().tell(OVERDUE)).result
    assert (word.status, word.code) == (status, code)
    again = (await desk.client().tell(OVERDUE)).result
    assert again.status == "taken"
    assert (await desk.kept())["people"]["AU-1"]["overdue"] == 1


@pytest.mark.parametrize(
    ("to", "off_ms", "code"), [("sesame", 0, "SENDER_MISMATCH"), ("egret", -301_000, "STALE"), ("nobody", 0, "")]
)
async def test_what_a_source_does_not_believe_is_tried_again(desk: Desk, to: str, off_ms: int, code: str):
    """Keys, clocks and addresses are put right by people; no message may be lost meanwhile."""
    word = (await desk.client("egret", to, off_ms).tell(OVERDUE)).result
    assert (word.status, word.code) == ("unknown", code or "SOURCE_UNKNOWN")
    assert not (await desk.kept())["messages"]


async def test_an_altered_message_is_not_believed(desk: Desk):
    """The signature covers head, iv and seal; the seal covers the head."""
    client = desk.client()
    sent = json.loads(client.message(OVERDUE, time.time_ns() // 1_000_000))
    flipped = bytearray(base64.b64decode(sent["payload"]))
    flipped[0] ^= 1
    for change in ({"payload": base64.b64encode(flipped).decode()}, {"msg_id": "x"}, {"ts": "2026-07-01T00:00:00Z"}):
        body = json.dumps(sent | change).encode()
        async with desk.session.post(f"{desk.base}/feedback/egret/v1/messages", data=body) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "SIGN_INVALID")


async def test_a_source_that_is_away_is_an_outcome(desk: Desk):
    """Nothing is raised; the message leaves again."""
    client = desk.client()
    away = replace(client._access.source, feedback_url="http://127.0.0.1:9/x")
    client._access = FeedAccess(client._access.provider, away)
    assert (await client.tell(OVERDUE)).result.code == "NO_ANSWER"


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (202, b'{"msg_id":"m","receipt":"r"}', ("taken", "", "r")),
        (200, b'{"msg_id":"other","receipt":"r"}', ("unknown", "ANSWER_UNREADABLE", "")),
        (200, b"<html>", ("unknown", "ANSWER_UNREADABLE", "")),
        (302, b"", ("unknown", "HTTP_302", "")),
        (401, b"{}", ("unknown", "HTTP_401", "")),
        (409, b'{"code":"STALE"}', ("unknown", "STALE", "")),
        (422, b'{"code":"DECRYPT"}', ("refused", "DECRYPT", "")),
        (422, b'{"code":"a\\u0000b"}', ("refused", "HTTP_422", "")),
        (429, b"", ("unknown", "HTTP_429", "")),
        (502, b'{"code":"X"}', ("unknown", "HTTP_502", "")),
        (0, b"", ("unknown", "NO_ANSWER", "")),
        (200, b"[" * 100_000, ("unknown", "ANSWER_UNREADABLE", "")),
    ],
)
def test_only_a_word_about_the_message_is_final(status: int, body: bytes, word: tuple[str, str, str]):
    """A receipt for another message, a page, a redirect: not certain, so it leaves again."""
    assert read_answer("m", status, body) == word


def test_the_content_is_the_same_for_every_attempt_and_names_nothing_medical():
    """Neither account, bill, amount nor institution: data the source has no use for stays here."""
    told = json.loads(content(REWARD))
    assert content(REWARD) == content(replace(REWARD, id="E7", attempt=5))
    assert set(told) == {"at", "event", "subject", "points", "last_month"}
    assert told["last_month"] == "2026-07"
    assert REWARD.account not in str(told)


@pytest.mark.parametrize(
    ("http_status", "pieces", "whole", "word"),
    [
        (202, (b'{"msg_id": "' + OVERDUE.message.encode(), b'", "receipt": "R1"}'), True, ("taken", "", "R1")),
        (400, (b'{"code": "ST', b'ALE"}'), True, ("unknown", "STALE", "")),
        (400, (b'{"code": "ST',), False, ("unknown", "NO_ANSWER", "")),
        (202, (b'{"msg_id"',), False, ("unknown", "NO_ANSWER", "")),
    ],
)
async def test_an_answer_is_read_whole_or_not_at_all(
    desk: Desk, http_status: int, pieces: tuple[bytes, ...], *, whole: bool, word: tuple[str, str, str]
):
    """In pieces as the network has it, or cut off: half of a refusal of the moment is no refusal of the message."""

    async def say(request: web.Request) -> web.StreamResponse:
        await request.read()
        answer = web.StreamResponse(status=http_status)
        answer.content_length = sum(map(len, pieces)) + (not whole)
        await answer.prepare(request)
        for piece in pieces:
            await answer.write(piece)
            await asyncio.sleep(0.05)
        if not whole and request.transport is not None:
            request.transport.close()
        return answer

    app = web.Application()
    app.router.add_post("/{tail:.*}", say)
    async with TestServer(app) as server:
        desk.base = str(server.make_url("")).rstrip("/")
        result = (await desk.client().tell(OVERDUE)).result
    assert (result.status, result.code, result.receipt) == word

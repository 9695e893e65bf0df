"""The live stream over HTTP: snapshot, deltas, resume without a gap or a repeat, pace, and slow clients."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from page_scenes import Scene
from web_world import ReadSide, read_side, until

pytestmark = pytest.mark.timeout(180)


@dataclass
class Message:
    """One event of the stream."""

    event: str
    id: str
    body: dict[str, Any]
    at: float


@pytest.fixture(scope="module")
async def side(kafka: str, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReadSide]:
    """One read side for this module."""
    async with read_side(kafka, postgres, tmp_path_factory.mktemp("live")) as made:
        await made.lanes[0].commit(made.lanes[0].charge())
        await made.settled()
        yield made


async def listen(side: ReadSide, views: str, last: str = "") -> AsyncIterator[Message]:
    """Yield the events of one connection, resumed after `last`."""
    headers = {"Last-Event-ID": last} if last else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_read=15)
    async with (
        aiohttp.ClientSession(timeout=timeout, read_bufsize=2**20) as session,
        session.get(f"{side.url}/api/v1/live?views={views}", headers=headers) as answer,
    ):
        assert answer.status == 200
        fields: dict[str, str] = {}
        async for line in answer.content:
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            if name:
                fields[name] = value
                continue
            if "data" in fields:
                yield Message(fields["event"], fields["id"], msgspec.json.decode(fields["data"]), time.monotonic())
            fields = {}


async def heard(side: ReadSide, views: str, seconds: float, last: str = "") -> list[Message]:
    """Return what one connection hears in some seconds; then it is cut."""
    messages: list[Message] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for message in listen(side, views, last):
                messages.append(message)  # noqa: PERF401 - what came before the cut counts
    return messages


async def trickle(lane: Scene, transactions: int) -> None:
    """Write single charges, a few a second."""
    for _ in range(transactions):
        await lane.commit(lane.charge())
        await asyncio.sleep(0.05)


def tail_ids(messages: list[Message]) -> list[str]:
    """Return the ids of the tail lines in the order they were heard."""
    return [item["id"] for message in messages for item in message.body.get("tail", [])]


async def test_a_connection_begins_with_everything_asked_for(side: ReadSide):
    """The first message is a snapshot of the views asked for, and of no others."""
    (first, *_) = await heard(side, "institution_risk,flow", 1)
    assert first.event == "snapshot"
    assert first.body["institution_risk"]["rows"]
    assert set(first.body["as_of"]) == {"institution_risk", "flow"}
    assert "tail" not in first.body
    assert "resource_heatmap" not in first.body
    assert first.body["flow"]["totals"]["charged_fen"] > 0


async def test_new_charges_arrive_as_deltas_with_whole_figures(side: ReadSide):
    """A charge changes its institution's row; the row comes whole, and the table equals a fresh snapshot."""
    listening = asyncio.create_task(heard(side, "institution_risk", 5))
    await asyncio.sleep(0.5)
    await trickle(side.lanes[1], 5)
    messages = await listening
    table = {row["id"]: row for row in messages[0].body["institution_risk"]["rows"]}
    deltas = [message for message in messages if message.event == "delta"]
    assert deltas
    for message in deltas:
        table.update({row["id"]: row for row in message.body["institution_risk"]["changed"]})
    await side.settled()
    (fresh, *_) = await heard(side, "institution_risk", 1)
    assert table == {row["id"]: row for row in fresh.body["institution_risk"]["rows"]}


async def test_a_cut_stream_resumes_without_a_missing_or_doubled_line(side: ReadSide):
    """Cut again and again under load: what all connections heard is every line once, in order of each partition."""
    lane = side.lanes[0]
    before = set(tail_ids(await heard(side, "tail", 0.8)))
    load = asyncio.create_task(trickle(lane, 60))
    messages: list[Message] = []
    last = ""
    while not load.done():
        messages += await heard(side, "tail", 0.7, last)
        last = messages[-1].id if messages else ""
        await asyncio.sleep(0.2)
    messages += await heard(side, "tail", 2, last)
    assert sum(message.event == "snapshot" for message in messages) == 1
    ids = [each for each in tail_ids(messages) if each not in before]
    assert len(ids) == len(set(ids)) == 60
    offsets = [int(each.split("-")[1]) for each in ids]
    assert offsets == sorted(offsets)


async def test_an_unknown_last_event_id_gets_a_snapshot(side: ReadSide):
    """An id of another process, or of long ago, cannot be resumed: everything comes again."""
    for last in ("0-1", "nonsense", f"{side.running.live.log.epoch}-99999999"):
        (first, *_) = await heard(side, "tail", 0.7, last)
        assert first.event == "snapshot"


async def test_no_client_gets_more_than_four_messages_a_second(side: ReadSide):
    """Under twenty changes a second a client still gets at most four messages in any second."""
    listening = asyncio.create_task(heard(side, "tail,flow", 4))
    await trickle(side.lanes[0], 60)
    times = [message.at for message in (await listening)[1:]]
    assert len(times) > 5
    for begin in times:
        assert sum(begin <= at < begin + 0.95 for at in times) <= 4


async def test_a_quiet_stream_proves_that_it_lives(side: ReadSide):
    """Without news a heartbeat comes within the refresh, and says when the figures were last complete."""
    await side.settled()
    messages = await heard(side, "institution_risk", 7)
    beats = [message for message in messages if message.event == "heartbeat"]
    assert beats
    as_of = beats[-1].body["as_of"]["institution_risk"]
    assert as_of["server_wall"] - as_of["wall"] < 3000
    assert as_of["behind"] == []


async def test_a_view_whose_worker_is_away_says_that_it_is_behind(side: ReadSide):
    """Facts go on while no worker adds them up: the table says which partition is behind, until it is back."""
    side.views.kill()
    await side.lanes[0].commit(side.lanes[0].charge())

    async def behind() -> bool:
        return side.running.live.as_of("institution_risk").behind == (0,)

    async def complete() -> bool:
        return not side.running.live.as_of("institution_risk").behind

    await until(behind, 60)
    await side.views.start()
    await until(complete, 60)


async def test_a_client_that_reads_nothing_is_dropped_and_harms_no_other(side: ReadSide):
    """A connection that is not read holds nothing back: others hear their deltas meanwhile."""
    await side.settled()
    reader, writer = await asyncio.open_connection(side.running.address.host, side.running.address.port)
    writer.write(b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    listening = asyncio.create_task(heard(side, "tail", 2))
    await asyncio.sleep(0.3)
    await trickle(side.lanes[0], 5)
    assert len(tail_ids((await listening)[1:])) == 5
    writer.close()
    del reader


async def test_a_stopping_role_ends_its_streams(kafka: str, postgres: str, tmp_path: Path):
    """The role stops within its drain time although a client is listening."""
    async with read_side(kafka, postgres, tmp_path, lanes=1) as other:
        listening = asyncio.create_task(heard(other, "flow", 30))
        await asyncio.sleep(0.5)
        began = time.monotonic()
    assert time.monotonic() - began < 15
    with contextlib.suppress(aiohttp.ClientError):
        await listening

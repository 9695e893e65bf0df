"""The MLLP server and client over loopback: rows of protocols 11 that need a connection, order, window, timers."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hl7_messages import NOW, SETTING, WORKED, WORKED_TEXT, changed, edited, original
from lanes_world import until

from adapters.hl7.answers import answer_durable
from adapters.hl7.client import MllpClient, MllpError
from adapters.hl7.connection import Connection, Limits
from adapters.hl7.conversation import Conversation
from adapters.hl7.frames import Frame, FrameDecoder, wrap
from adapters.hl7.lint import lint
from adapters.hl7.outcomes import Busy, Decision, Outcome, Stored
from adapters.hl7.server import MllpServer
from adapters.hl7.translation import Accepted, Refused, Setting, Translated
from schemas.reasons import Reason


class Books:
    """What the edge would do: remembers what was made durable, in order, and answers as it is told."""

    def __init__(self) -> None:
        self.stored: list[tuple[Translated, bytes]] = []
        self.events: list[str] = []
        self.outcome: Callable[[Translated], Outcome] = lambda _: Stored()
        self.first = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def accept(self, translated: Translated, raw: bytes) -> Outcome:
        """Remember a message; answer once the gate is open."""
        self.stored.append((translated, raw))
        self.first.set()
        await self.gate.wait()
        return self.outcome(translated)

    def observe(self, event: str, source: str) -> None:
        """Remember an event."""
        del source
        self.events.append(event)

    @property
    def reasons(self) -> list[Reason]:
        """The reasons of all refusals so far."""
        return [translated.reason for translated, _ in self.stored if isinstance(translated, Refused)]


@asynccontextmanager
async def listening(limits: Limits | None = None, setting: Setting = SETTING) -> AsyncIterator[tuple[Books, str, int]]:
    """Run a server on a free port with its own books."""
    books = Books()
    server = MllpServer(setting, books.accept, lambda: NOW, books.observe, limits)
    host, port = await server.serve("127.0.0.1", 0)
    try:
        yield books, host, port
    finally:
        books.gate.set()
        await server.drain(2.0)


async def raw_talk(host: str, port: int, content: bytes, *, half_close: bool = True) -> bytes:
    """Send bytes and return everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(content)
    await writer.drain()
    if half_close:
        writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


def frames(stream: bytes) -> list[bytes]:
    """Return the payloads of a stream of complete frames."""
    return [event.payload for event in FrameDecoder().feed(stream) if isinstance(event, Frame)]


def numbered(number: int, **fields: str) -> bytes:
    """Return the worked message with a control id of its own, in original mode."""
    return original(changed(MSH_10=f"N{number}", **fields))


def mode(accept: str, application: str, number: int = 1, **fields: str) -> bytes:
    """Return the worked message in enhanced mode."""
    return changed(MSH_10=f"N{number}", MSH_15=accept, MSH_16=application, **fields)


async def test_a_message_is_answered_after_it_is_durable():
    """No positive answer of any kind before the injected function says so."""
    async with listening() as (books, host, port), await MllpClient.connect(host, port) as client:
        books.gate.clear()
        task = asyncio.create_task(client.exchange(WORKED))
        await asyncio.sleep(0.05)
        assert len(books.stored) == 1
        assert not task.done()
        books.gate.set()
        answers = await task
        assert [answer.code for answer in answers] == ["CA", "AA"]
        assert books.stored[0][1] == WORKED


async def test_accept_and_application_answers_each_keep_request_order():
    """CA then AA of each message; accept and application answers each keep arrival order."""
    async with listening() as (_, host, port):
        stream = b"".join(wrap(mode("AL", "AL", number)) for number in range(20))
        payloads = frames(await raw_talk(host, port, stream))
        codes = [payload.split(b"MSA|")[1].split(b"\r")[0].decode() for payload in payloads]
        assert [code for code in codes if code.startswith("CA")] == [f"CA|N{number}" for number in range(20)]
        assert [code for code in codes if code.startswith("AA")] == [f"AA|N{number}" for number in range(20)]


class Written(asyncio.Transport):
    """A transport that keeps each write by itself, as no socket does."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        """It stays open."""
        return False

    def pause_reading(self) -> None:
        """Nothing more comes anyway."""

    def close(self) -> None:
        """Nothing to close."""


async def test_what_one_batch_confirms_is_answered_in_one_write():
    """Twenty messages become durable in one turn of the loop: their answers leave together, in request order."""
    books, transport = Books(), Written()
    books.gate.clear()
    server = MllpServer(SETTING, books.accept, lambda: NOW)
    connection = Connection(Conversation(SETTING, books.accept, lambda: NOW, books.observe), server, Limits())
    connection.connection_made(transport)
    connection.data_received(b"".join(wrap(numbered(number)) for number in range(20)))
    while len(books.stored) < 20:  # noqa: ASYNC110 - the books announce the first only
        await asyncio.sleep(0)
    assert not transport.writes
    books.gate.set()
    await connection.drain()
    (write,) = transport.writes
    told = [payload.split(b"MSA|")[1].split(b"\r")[0].decode() for payload in frames(write)]
    assert told == [f"AA|N{number}" for number in range(20)]
    connection.connection_lost(None)


async def test_answers_keep_request_order_though_later_ones_are_ready_first():
    """A slow first message holds the answers of the next ones back."""
    slow: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    order: list[str] = []

    async def accept(translated: Translated, raw: bytes) -> Outcome:
        del raw
        if translated.header.control_id == "N0":
            await slow
        return Stored()

    server = MllpServer(SETTING, accept, lambda: NOW)
    host, port = await server.serve("127.0.0.1", 0)
    async with await MllpClient.connect(host, port) as client:

        async def send(number: int) -> None:
            await client.exchange(numbered(number))
            order.append(f"N{number}")

        tasks = [asyncio.create_task(send(number)) for number in range(5)]
        await asyncio.sleep(0.05)
        assert order == []
        slow.set_result(None)
        await asyncio.gather(*tasks)
    assert order == [f"N{number}" for number in range(5)]
    assert client.unmatched == []
    await server.drain(1.0)


async def test_a_window_of_64_unanswered_messages_is_never_exceeded_and_nothing_is_dropped():
    """The 65th waits unread until an answer leaves; all 200 are answered."""
    async with listening() as (books, host, port):
        books.gate.clear()
        stream = b"".join(wrap(numbered(number)) for number in range(200))
        talk = asyncio.create_task(raw_talk(host, port, stream))
        await asyncio.sleep(0.2)
        assert len(books.stored) == 64
        books.gate.set()
        assert len(frames(await talk)) == 200
        assert [translated.header.control_id for translated, _ in books.stored] == [f"N{n}" for n in range(200)]


async def test_a_sender_that_does_not_read_its_answers_is_no_longer_read():
    """Back-pressure: memory holds the window and one chunk, whatever the sender does."""
    async with listening() as (books, host, port):
        reader, writer = await asyncio.open_connection(host, port, limit=1024)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        frame = wrap(original(changed(MSH_10="L" * 150_000)))  # a long echo fills the answer's way back soon
        for _ in range(200):
            writer.write(frame)
        before = -1
        while len(books.stored) != before:  # until the buffers between the two are full
            before = len(books.stored)
            await asyncio.sleep(0.4)
        assert 0 < before < 200
        assert reader is not None
        writer.transport.abort()


async def test_row_1_noise_closes_without_a_byte():
    """65,537 bytes without 0x0B."""
    async with listening() as (books, host, port):
        assert await raw_talk(host, port, b"GET / HTTP/1.1\r\n" * 4097, half_close=False) == b""
        assert "FRAME_NOISE" in books.events
        assert books.stored == []


async def test_row_2_a_frame_over_the_cap_is_refused_and_the_connection_closed():
    """AR 207 FRAME_TOO_LARGE with the control id, then the end."""
    async with listening(Limits(frame_bytes_max=1000)) as (books, host, port):
        stream = wrap(original(WORKED + b"ZZZ|" + b"x" * 1000)) + wrap(original())
        answers = frames(await raw_talk(host, port, stream, half_close=False))
        assert len(answers) == 1
        assert b"MSA|AR|ZS26070300000871|FRAME_TOO_LARGE" in answers[0]
        assert books.reasons == [Reason.FRAME_TOO_LARGE]
        assert len(books.stored[0][1]) == 1000


async def test_row_3_a_cut_off_frame_is_kept_and_the_next_one_answered():
    """No answer for the half frame; it becomes a dead letter."""
    async with listening() as (books, host, port):
        answers = frames(await raw_talk(host, port, b"\x0bMSH|half" + wrap(original())))
        assert len(answers) == 1
        assert b"MSA|AA" in answers[0]
        assert books.reasons == [Reason.FRAME_UNTERMINATED]
        assert books.stored[0][1] == b"MSH|half"


async def test_row_3_a_connection_that_ends_inside_a_frame_leaves_a_dead_letter():
    """Half close and abort alike."""
    async with listening() as (books, host, port):
        assert await raw_talk(host, port, b"\x0bMSH|half") == b""
        _, writer = await asyncio.open_connection(host, port)
        writer.write(b"\x0bMSH|other")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        for _ in range(50):
            await asyncio.sleep(0.01)
            if len(books.stored) == 2:
                break
        assert books.reasons == [Reason.FRAME_UNTERMINATED] * 2


async def test_row_4_a_slow_frame_is_closed_in_time():
    """Timed from its 0x0B, not from its last byte."""
    async with listening(Limits(frame_seconds=0.2)) as (books, host, port):
        reader, writer = await asyncio.open_connection(host, port)
        started = asyncio.get_running_loop().time()
        writer.write(b"\x0bMSH")
        for _ in range(3):
            await asyncio.sleep(0.05)
            writer.write(b"|")
        assert await asyncio.wait_for(reader.read(), 2) == b""
        assert 0.15 < asyncio.get_running_loop().time() - started < 1.0
        writer.close()
        assert books.reasons == [Reason.FRAME_TIMEOUT]


async def test_a_frame_that_completes_in_time_stops_its_timer():
    """The connection stays open for the next message."""
    async with listening(Limits(frame_seconds=0.15)) as (books, host, port):
        async with await MllpClient.connect(host, port) as client:
            await client.send_bytes(b"\x0b" + original()[:50])
            await asyncio.sleep(0.05)
            await client.send_bytes(original()[50:] + b"\x1c\r")
            await asyncio.sleep(0.3)
            assert [answer.code for answer in await client.exchange(numbered(2))] == ["AA"]
        assert books.reasons == []


async def test_an_idle_connection_is_closed():
    """After the idle time without a byte, and not before."""
    async with listening(Limits(idle_seconds=0.2)) as (_, host, port):
        reader, writer = await asyncio.open_connection(host, port)
        await asyncio.sleep(0.1)
        writer.write(wrap(original()))
        assert await asyncio.wait_for(reader.readuntil(b"\x1c"), 1)
        started = asyncio.get_running_loop().time()
        await asyncio.wait_for(reader.read(), 2)
        assert asyncio.get_running_loop().time() - started > 0.1
        writer.close()


async def test_row_5_an_empty_frame_is_refused_and_the_connection_stays():
    """AR 100 FRAME_EMPTY; the next message on the connection is answered."""
    async with listening() as (books, host, port):
        answers = frames(await raw_talk(host, port, wrap(b"") + wrap(original())))
        assert [b"MSA|AR|UNKNOWN|FRAME_EMPTY" in answers[0], b"MSA|AA" in answers[1]] == [True, True]
        assert books.reasons == [Reason.FRAME_EMPTY]


async def test_row_18_a_busy_hub_answers_and_the_resend_is_booked():
    """AR 207 HUB_BUSY, then the same bytes get AA."""
    async with listening() as (books, host, port), await MllpClient.connect(host, port) as client:
        books.outcome = lambda _: Busy()
        (busy,) = await client.exchange(original())
        assert (busy.code, busy.reasons, busy.resend) == ("AR", ("HUB_BUSY",), True)
        (enhanced,) = await client.exchange(WORKED)
        assert (enhanced.code, enhanced.reasons) == ("CE", ("HUB_BUSY",))
        books.outcome = lambda _: Stored()
        (good,) = await client.exchange(original())
        assert good.code == "AA"
        assert books.events.count("hub_busy") == 2


async def test_row_19_a_thousand_repeats_get_identical_answers():
    """Byte for byte, over two connections."""
    async with listening() as (_, host, port):
        found: set[bytes] = set()
        for _ in range(2):
            found |= set(frames(await raw_talk(host, port, wrap(original()) * 500)))
        assert len(found) == 1


async def test_row_22_a_batch_is_answered_as_one_and_a_wrong_count_processes_nothing():
    """One frame for all messages; BATCH_COUNT leaves one dead letter of the whole frame."""
    second = edited(WORKED_TEXT, {"MSH_10": "M2"})
    batch = "BHS|^~\\&|HIS|XMZSH|XMHUB|XM|20260703||||B-1\r" + WORKED_TEXT + second
    async with listening() as (books, host, port):
        (answer,) = frames(await raw_talk(host, port, wrap((batch + "BTS|2\r").encode())))
        assert answer.count(b"MSA|AA|") == 2
        assert [raw for _, raw in books.stored] == [WORKED, second.encode()]
        (refusal,) = frames(await raw_talk(host, port, wrap((batch + "BTS|3\r").encode())))
        assert b"MSA|AE|B-1|BATCH_COUNT" in refusal
        assert books.reasons == [Reason.BATCH_COUNT]
        assert len(books.stored) == 3


async def test_a_silent_source_gets_no_bytes_even_for_errors():
    """MSH-15 and MSH-16 NE: kept and counted, never answered."""
    async with listening() as (books, host, port):
        stream = wrap(mode("NE", "NE")) + wrap(mode("NE", "NE", 2, FT1_1_11="x"))
        assert await raw_talk(host, port, stream) == b""
        assert books.events.count("silent_source") == 2
        assert len(books.stored) == 2


async def test_a_decision_is_awaited_where_the_profile_says_so():
    """CA at once, the application answer with the books' reason later; HUB_BUSY when it takes too long."""
    async with listening() as (books, host, port), await MllpClient.connect(host, port) as client:
        decision: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        books.outcome = lambda _: Stored(decision)
        task = asyncio.create_task(client.exchange(mode("AL", "AL", MSH_4="XMDYY")))
        await asyncio.sleep(0.05)
        translated = books.stored[0][0]
        assert isinstance(translated, Accepted)
        assert translated.await_decision
        assert not task.done()
        decision.set_result(Decision(Reason.LINE_CHANGED, {"line": "F0002"}))
        accept, application = await task
        assert (accept.code, application.code, application.reasons) == ("CA", "AE", ("LINE_CHANGED",))
        assert application.locations == ("FT1^2^2",)
        late: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        late.set_result(Decision(Reason.HUB_BUSY))
        books.outcome = lambda _: Stored(late)
        (busy,) = await client.exchange(original(changed(MSH_4="XMDYY")))
        assert (busy.code, busy.resend) == ("AR", True)


async def test_a_source_may_hold_so_many_connections():
    """One beyond the limit is told HUB_BUSY and closed; a closed one frees its place."""
    async with listening(Limits(connections_per_source=2)) as (books, host, port):
        first, second, third = [await MllpClient.connect(host, port) for _ in range(3)]
        assert [(await client.exchange(original()))[0].code for client in (first, second)] == ["AA", "AA"]
        (refused,) = await third.exchange(original())
        assert refused.resend
        assert len(books.stored) == 2
        await first.close()
        await asyncio.sleep(0.05)
        fourth = await MllpClient.connect(host, port)
        assert (await fourth.exchange(original()))[0].code == "AA"
        for client in (second, third, fourth):
            await client.close()


async def test_a_connection_that_is_gone_takes_no_place_of_its_source():
    """The answer to its first frame finds nobody: the frame behind the window is kept, and no place stays taken."""
    async with listening(Limits(connections_per_source=1, window=1)) as (books, host, port):
        books.gate.clear()
        _, writer = await asyncio.open_connection(host, port)
        writer.write(wrap(b"nobody's") + wrap(original()))
        await writer.drain()
        await books.first.wait()
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        books.gate.set()
        await until(lambda: len(books.stored) == 2 and "connection_closed" in books.events)
        client = await MllpClient.connect(host, port)
        assert (await client.exchange(original()))[0].code == "AA"
        await client.close()


async def test_a_defect_ends_the_connection_unanswered():
    """An exception of the injected function is not swallowed: no answer is invented, the loop is told."""
    told: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))

    async def accept(translated: Translated, raw: bytes) -> Outcome:
        raise RuntimeError(f"defect at {translated.source} {len(raw)}")

    server = MllpServer(SETTING, accept, lambda: NOW)
    host, port = await server.serve("127.0.0.1", 0)
    try:
        async with await MllpClient.connect(host, port) as client:
            with pytest.raises(MllpError, match="connection ended"):
                await client.exchange(original())
    finally:
        loop.set_exception_handler(None)
        await server.drain(1.0)
    assert "defect" in str(told[0]["exception"])


async def test_draining_answers_what_was_received_and_closes():
    """SIGTERM: no new connections, everything received is answered, then the connections end."""
    books = Books()
    server = MllpServer(SETTING, books.accept, lambda: NOW, books.observe)
    host, port = await server.serve("127.0.0.1", 0)
    client = await MllpClient.connect(host, port)
    books.gate.clear()
    tasks = [asyncio.create_task(client.exchange(numbered(number))) for number in range(10)]
    await asyncio.sleep(0.05)
    drained = asyncio.create_task(server.drain(2.0))
    await asyncio.sleep(0.05)
    books.gate.set()
    answers = await asyncio.gather(*tasks)
    assert [answer[0].code for answer in answers] == ["AA"] * 10
    await drained
    with pytest.raises(MllpError):
        await MllpClient.connect(host, port)


async def test_many_senders_at_once_each_get_their_own_answers():
    """Eight connections, pipelined: every control id is answered on its own connection."""
    async with listening() as (books, host, port):

        async def sender(name: int) -> None:
            async with await MllpClient.connect(host, port) as client:
                answers = await asyncio.gather(
                    *(client.exchange(original(changed(MSH_10=f"S{name}-{number}"))) for number in range(100))
                )
                assert [answer[0].control_id for answer in answers] == [f"S{name}-{number}" for number in range(100)]

        await asyncio.gather(*(sender(name) for name in range(8)))
        assert len(books.stored) == 800


async def test_a_batch_of_a_thousand_messages_leaves_others_their_turn():
    """The batch is answered as one, in order; a message on another connection does not wait for its end."""
    batch = b"BHS|^~\\&|HIS|XMZSH|XMHUB|XM|20260703||||B-1\r"
    batch += b"".join(numbered(number) for number in range(1000)) + b"BTS|1000\r"
    async with listening() as (books, host, port), await MllpClient.connect(host, port) as client:
        talk = asyncio.create_task(raw_talk(host, port, wrap(batch)))
        await asyncio.wait_for(books.first.wait(), 5)
        await client.exchange(original(changed(MSH_10="BETWEEN")))
        assert len(books.stored) < 1001
        (answer,) = frames(await talk)
        told = [line.split(b"|")[2] for line in answer.split(b"\r") if line.startswith(b"MSA")]
        assert told == [f"N{number}".encode() for number in range(1000)]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_a_peer_sends_ends_in_answers_or_a_close(seed: int):
    """Random mixes of noise, broken frames, damaged messages and good ones, in random pieces: no hang, nothing lost."""
    chance = random.Random(seed)
    pieces = [b"\x0b", b"\x1c", b"\r", b"\x00", b"noise", WORKED[:400], wrap(b""), wrap(WORKED[:333]), wrap(original())]
    stream = b"".join(chance.choice(pieces) for _ in range(80)) + b"\x1c\r" + wrap(numbered(99))
    async with listening() as (books, host, port):
        reader, writer = await asyncio.open_connection(host, port)
        position = 0
        while position < len(stream):
            step = chance.choice([1, 7, 100, 5000])
            writer.write(stream[position : position + step])
            position += step
            if chance.random() < 0.1:
                await asyncio.sleep(0)
        writer.write_eof()
        answers = frames(await asyncio.wait_for(reader.read(), 10))
        writer.close()
        await writer.wait_closed()
    assert b"MSA|AA|N99" in answers[-1]
    due = [answer_durable(translated) for translated, _ in books.stored]
    assert sorted(answers) == sorted(part for answer in due for part in (answer.first, answer.application) if part)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"FT1_2_11": "18.43"},
        {"PV1_19": "", "PID_18": ""},
        {"MSH_9": "ORU^R01"},
        {"MSH_18": "x"},
        {"FT1_1_6": "ZZ"},
        {"MSH_4": "NOWHERE"},
        {"FT1_1_11": "x", "FT1_2_11": "y", "FT1_3_4": "z"},
        {"MSH_10": ""},
        {"PID_3": ""},
    ],
)
async def test_lint_and_the_live_answer_give_the_same_codes_and_positions(fields: dict[str, str]):
    """One translation judges both."""
    payload = original(changed(**fields))
    async with listening() as (_, host, port), await MllpClient.connect(host, port) as client:
        (answer,) = await client.exchange(payload)
    (report,) = lint(payload, SETTING, NOW)
    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert report.answer == answer.code
    assert tuple(finding.code for finding in errors) == answer.reasons
    assert tuple(finding.position for finding in errors) == answer.locations
    assert all(finding.en and finding.zh for finding in report.findings)

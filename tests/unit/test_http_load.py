"""The load generator for HTTP: it reads answers however they arrive, and sends each request once."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from adapters.alipay import access as alipay_access
from adapters.alipay.notice import read_notice
from adapters.sandbox.keys import make_keys
from hub.simulate.http_load import Answers, run_load
from hub.simulate.http_requests import KINDS, Plan

CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nfirst"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\ncontent-length: 0\r\n\r\n"
MERCHANT = "777290058146592"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sandbox's keys."""
    folder = tmp_path_factory.mktemp("keys") / "keys"
    make_keys(folder)
    return folder


def plan(keys: Path, count: int = 4) -> Plan:
    """Four messages for two persons."""
    return Plan(count, 2, 1_782_867_600_000, "T", keys, b"k" * 32, "2021000000000001", "2088000000000001", MERCHANT)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_answers_are_read_however_they_are_cut(size: int):
    """Byte by byte or two at once: one status for each whole answer, nothing for a part."""
    stream, answers = CREATED + BUSY + CREATED[:-1], Answers()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [status for piece in pieces for status in answers.take(piece)] == [201, 503]
    assert list(answers.take(b"t")) == [201]


def test_an_answer_without_a_length_is_an_error():
    """It cannot be told where it ends, so nothing after it could be timed."""
    with pytest.raises(ValueError, match="no length"):
        list(Answers().take(b"HTTP/1.1 200 OK\r\n\r\n"))


def test_every_kind_makes_different_requests_with_their_right_length(keys: Path):
    """As many as asked, no two alike, and the length said is the body's."""
    for kind, make in KINDS.items():
        requests = make(plan(keys))
        assert len(requests) == 4, kind
        assert len(set(requests)) == (2 if kind == "encounter" else 4), kind
        for request in requests:
            head, _, body = request.partition(b"\r\n\r\n")
            assert f"Content-Length: {len(body)}".encode() in head


def test_a_notice_it_sends_is_believed_by_the_adapter(keys: Path):
    """The signature is Alipay's own over what is sent: a measurement of refusals would measure nothing."""
    access = alipay_access.AlipayAccess(
        "2021000000000001",
        "2088000000000001",
        "http://127.0.0.1:1/gateway",
        "http://127.0.0.1:1/notify",
        alipay_access.private_key_from(keys / "alipay" / "merchant_private.pem"),
        alipay_access.public_key_from(keys / "alipay" / "gateway_public.pem"),
    )
    for request in KINDS["alipay"](plan(keys)):
        fields = read_notice(access, request.partition(b"\r\n\r\n")[2], "application/x-www-form-urlencoded")
        assert isinstance(fields, dict), fields
        assert fields["trade_status"] == "TRADE_SUCCESS"


async def test_every_request_is_sent_once_and_every_answer_counted(keys: Path):
    """Three connections, four requests: the server sees each of them, the document counts them by status."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.rpartition(b"Content-Length: ")[2])
                seen.append(head + await reader.readexactly(length))
                writer.write(CREATED if len(seen) % 2 else BUSY)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    requests = KINDS["charge-item"](plan(keys))
    try:
        told = await run_load(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", requests, 3)
    finally:
        server.close()
    assert sorted(seen) == sorted(requests)
    assert (told["sent"], told["by_status"]) == (4, {201: 2, 503: 2})

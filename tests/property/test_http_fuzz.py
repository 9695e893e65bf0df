"""Any bytes over HTTP to the write routes get a status of ours with a reason code: never 500, never silence.

The edge runs without a broker, so what is acceptable is answered HUB_BUSY.
"""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.api.routes import ROUTES, ApiRoutes
from adapters.fhir.routes import FhirRoutes
from hub.roles.http_listener import HttpListener, guard
from hub.runtime import http_body
from hub.runtime.clock import ManualClock
from hub.runtime.durable_log import DurableLog
from hub.runtime.guomi import SoftwareProvider
from hub.runtime.guomi.vault import demo_ring
from hub.runtime.http_sources import demo_token, load_http_sources
from hub.runtime.intake import Intake
from hub.runtime.replies import ReplyDesk
from hub.runtime.sealing import Sealer
from schemas.reasons import Reason
from schemas.topics import topics

KEY = b"\x01" * 32
OURS = {400, 401, 403, 404, 405, 409, 413, 415, 422, 503}
PATHS = ["/fhir/R4", "/fhir/R4/ChargeItem", "/fhir/R4/Patient"] + [
    f"/api/v1{route.path.replace('{id}', '0' * 26 + 'B00001')}" for route in ROUTES
]


def application() -> web.Application:
    """Return the write routes over an intake whose broker is away."""
    registry = topics()
    log = DurableLog(lambda: None)
    desk = ReplyDesk(lambda: None, registry.replies, 0)
    intake = Intake(log, desk, Sealer(SoftwareProvider(demo_ring(KEY))), ManualClock(), registry, 1.0)
    app = web.Application(middlewares=[guard])
    FhirRoutes(intake, load_http_sources(), KEY).add_to(app)
    ApiRoutes(intake, load_http_sources(), KEY).add_to(app)
    return app


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where the routes listen, in a loop of their own, for blocking clients."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(_listener(), loop).result(10)
    yield asyncio.run_coroutine_threadsafe(listener.serve("127.0.0.1", 0), loop).result(10)
    asyncio.run_coroutine_threadsafe(listener.close(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _listener() -> HttpListener:
    return HttpListener(application())


def ask(address: tuple[str, int], path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """POST once and return status and body."""
    connection = http.client.HTTPConnection(*address, timeout=60)
    media = "application/fhir+json" if path.startswith("/fhir") else "application/json"
    token = demo_token("FHIR@XMZSH" if path.startswith("/fhir") else "KIOSK@XM")
    wanted = {"Authorization": f"Bearer {token}", "Content-Type": media, "Idempotency-Key": "k", **headers}
    try:
        connection.request("POST", path, body, {name.replace("_", "-"): value for name, value in wanted.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def code_of(body: bytes) -> str:
    """Return the reason code of a refusal."""
    document: Any = json.loads(body)
    if document.get("resourceType") == "OperationOutcome":
        return str(document["issue"][0]["details"]["coding"][0]["code"])
    return str(document["code"])


BODIES = st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
).map(lambda document: json.dumps(document).encode())


@given(st.sampled_from(PATHS), BODIES, st.sampled_from(["identity", "gzip", "br", ""]))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_gets_an_answer_of_ours(address, path, body, encoding):
    """Every status is one of protocols 11, every refusal carries a reason of the registry."""
    headers = {"Content_Encoding": encoding} if encoding else {}
    status, answer = ask(address, path, body, **headers)
    assert status in OURS
    assert code_of(answer) in set(Reason)


@given(st.sampled_from(PATHS), st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=60))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header_value_gets_an_answer_of_ours(address, path, value):
    """Token, content type, key, condition and language may hold any bytes, those that are no UTF-8 included."""
    for name in ("Authorization", "Content_Type", "Idempotency_Key", "If_None_Exist", "Accept_Language"):
        status, _ = ask(address, path, b"{}", **{name: value})
        assert status in OURS


@pytest.mark.parametrize("value", ["\xff", "%00", "%1b", "%ed%a0%80"])
def test_a_condition_that_is_no_text_is_refused(address, value):
    """Row 55: bytes that are no UTF-8, and control characters, name no identifier: 400 CONDITION."""
    status, answer = ask(address, "/fhir/R4/ChargeItem", b"{}", If_None_Exist=f"identifier=urn:xm:xmzsh:ft1|{value}")
    assert (status, code_of(answer)) == (400, "CONDITION")


def raw_answer(address: tuple[str, int], request: bytes) -> bytes:
    """Send the bytes and return everything that comes back."""
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@given(st.sampled_from(["/api/v1/bills/{}/repayments", "/fhir/R4/{}", "/fhir/R4/ChargeItem/{}", "/{}"]), st.binary())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_an_address_get_an_answer_of_ours(address, path, inserted):
    """A request line may hold anything: the answer is a refusal, never 500."""
    token = demo_token("FHIR@XMZSH" if path.startswith("/fhir") else "KIOSK@XM").encode()
    line = b"POST " + path.encode().replace(b"{}", inserted) + b" HTTP/1.1\r\n"
    head = (
        b"Host: x\r\nConnection: close\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    )
    answer = raw_answer(address, line + head + b"Authorization: Bearer " + token + b"\r\n\r\n{}")
    assert int(answer.split(b" ", 2)[1]) in OURS | {431}


def test_an_acceptable_request_without_a_broker_is_told_to_send_it_again(address):
    """HUB_BUSY is 503 with Retry-After on both wires."""
    body = {"person": {"citizen_id": "350299199003070025"}, "institution": "XMZSH", "amount": "1.00"}
    status, answer = ask(address, "/api/v1/prepayments", json.dumps(body).encode())
    assert (status, code_of(answer)) == (503, "HUB_BUSY")


def test_a_gzip_bomb_is_too_large_and_broken_gzip_no_media_type(address):
    """Row 42: the expanded size counts and a ratio above 100 is refused; a cut stream is 415."""
    import gzip

    bomb = gzip.compress(b" " * 3_000_000)
    status, answer = ask(address, "/fhir/R4", bomb, Content_Encoding="gzip")
    assert (status, code_of(answer)) == (413, "BODY_TOO_LARGE")
    cut = gzip.compress(b"{}")[:-4]
    assert ask(address, "/fhir/R4", cut, Content_Encoding="gzip")[0] == 415
    fine = gzip.compress(b'{"resourceType": "ChargeItem"}')
    assert code_of(ask(address, "/fhir/R4/ChargeItem", fine, Content_Encoding="gzip")[1]) == "FIELD_MISSING"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": "Bearer nobody"}, 401, "AUTH"),
        ({"Authorization": "Basic eDp5"}, 401, "AUTH"),
        ({"Authorization": f"Bearer {demo_token('KIOSK@XM')}"}, 403, "SENDER_MISMATCH"),
        ({"Content_Type": "application/fhir+xml"}, 415, "MEDIA_TYPE"),
        ({"Content_Type": "application/fhir+json; fhirVersion=5.0"}, 415, "FHIR_VERSION_MISMATCH"),
        ({"Content_Type": "application/fhir+json; charset=gbk"}, 415, "MEDIA_TYPE"),
        ({"If_None_Exist": "status=billable"}, 400, "CONDITION"),
    ],
)
def test_a_request_from_the_wrong_sender_or_of_the_wrong_kind_is_refused_unread(address, headers, status, code):
    """Rows 43, 45 and 55: the answer comes before the body is looked at."""
    got, answer = ask(address, "/fhir/R4/ChargeItem", b"{}", **headers)
    assert (got, code_of(answer)) == (status, code)


def test_history_is_append_only_and_unlisted_types_do_not_exist(address):
    """Row 46: PUT, PATCH and DELETE are 405 with Allow, other types 404 with a reason."""
    for method in ("PUT", "PATCH", "DELETE"):
        connection = http.client.HTTPConnection(*address, timeout=60)
        connection.request(method, "/fhir/R4/ChargeItem/1", b"{}")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert code_of(answer.read()) == "METHOD"
        connection.close()
    status, body = ask(address, "/fhir/R4/Observation", b"{}")
    assert (status, code_of(body)) == (404, "TYPE_UNSUPPORTED")


def test_the_capability_statement_is_valid_and_says_what_is_served(address):
    """GET metadata needs no token, is a valid CapabilityStatement, and lists exactly the accepted types."""
    from fhir.resources.R4B.capabilitystatement import CapabilityStatement

    connection = http.client.HTTPConnection(*address, timeout=60)
    connection.request("GET", "/fhir/R4/metadata")
    document = json.loads(connection.getresponse().read())
    connection.close()
    CapabilityStatement.model_validate(document)
    assert document["fhirVersion"] == "4.0.1"
    listed = [resource["type"] for resource in document["rest"][0]["resource"]]
    assert listed == ["ChargeItem", "ClaimResponse", "Encounter", "Patient"]
    told = {
        interaction["code"] for resource in document["rest"][0]["resource"] for interaction in resource["interaction"]
    }
    assert told == {"create"}
    assert ask(address, f"/fhir/R4/{listed[0]}", b"{}")[0] != 404


def test_a_large_body_is_judged_in_the_worker_and_the_loop_goes_on(address):
    """A Bundle over 64 KiB is refused by the same words as a small one, from another process."""
    entry = {"resource": {"resourceType": "Basic"}, "request": {"method": "POST", "url": "Basic"}}
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry] * 450, "id": "x" * 64})
    padded = body + " " * 70_000
    status, answer = ask(address, "/fhir/R4", padded.encode())
    assert (status, code_of(answer)) == (404, "TYPE_UNSUPPORTED")
    assert json.loads(answer)["issue"][0]["expression"] == ["Bundle.entry[0]"]


async def test_a_request_whose_head_or_body_is_slow_is_ended(monkeypatch):
    """Row 107: 408 with an empty body, and the connection is closed."""
    monkeypatch.setattr(http_body, "BODY_SECONDS", 0.2)
    listener = HttpListener(application(), header_seconds=0.2)
    host, port = await listener.serve("127.0.0.1", 0)
    token = demo_token("KIOSK@XM").encode()
    head = b"POST /api/v1/prepayments HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nContent-Type: application/json\r\n"
    slow_body = head + b"Idempotency-Key: k\r\nAuthorization: Bearer " + token + b"\r\n\r\n{"
    for request in (b"POST / HTTP/1.1\r\nHost: x\r\n", b"", slow_body):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert answer.endswith(b"\r\n\r\n")
        writer.close()
    await listener.close()

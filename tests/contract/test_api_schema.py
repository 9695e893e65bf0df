"""The API keeps the promise of its OpenAPI document: any request gets a listed status and a body of the listed form."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adapters.api import openapi
from hub.roles.http_listener import HttpListener
from hub.runtime.http_sources import demo_token
from tests.property.test_http_fuzz import application

SCHEMA = schemathesis.openapi.from_dict(openapi.openapi())
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """Where the write routes listen, without a broker, in a loop of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(_listener(), loop).result(10)
    host, port = asyncio.run_coroutine_threadsafe(listener.serve("127.0.0.1", 0), loop).result(10)
    yield f"http://{host}:{port}"
    asyncio.run_coroutine_threadsafe(listener.close(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _listener() -> HttpListener:
    return HttpListener(application())


@SCHEMA.parametrize()
@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_route_answers_as_its_document_says(case: Any, base_url: str):
    """Generated requests, well-formed and not: the status is listed, the body has its schema."""
    headers = {"Authorization": f"Bearer {demo_token('KIOSK@XM')}"}
    response = case.call(base_url=base_url, headers=headers)
    case.validate_response(response, checks=CHECKS)


def test_the_checked_in_document_is_the_generated_one():
    """Drift between code and schemas/openapi.yaml fails here and in the check."""
    assert openapi.main(["--check"]) == 0, "do: python -m adapters.api.openapi"


def test_the_schemas_of_the_bodies_are_valid_json_schema():
    """Each component is a JSON Schema of the draft OpenAPI 3.1 uses."""
    for schema in openapi.openapi()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)

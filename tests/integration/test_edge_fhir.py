"""FHIR over a real broker: acknowledged means durable, the books' answer, time-outs, refusals kept sealed."""

import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from hub.roles.edge import Edge
from hub.runtime.clock import ManualClock
from hub.runtime.guomi.vault import open_provider
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Settings
from schemas.commands import Command, PostCharge
from schemas.dead_letters import DeadLetter
from schemas.replies import Reply
from schemas.topics import Topics
from tests.integration.edge_client import CHARGE, CITY, local, post, ready, records
from tests.integration.lane_stand_in import LaneStandIn, posted


@pytest.fixture
async def edge(settings: Settings, hub_topics: Topics) -> AsyncIterator[Edge]:  # noqa: ARG001 - the topics must be
    running = Edge(local(settings), ManualClock(CITY))
    await running.start()
    yield await ready(running)
    await running.stop()


async def test_a_charge_is_answered_201_with_what_the_books_decided(edge: Edge, settings: Settings):
    """The command carries the exact amount; the answer carries the charge's id and its split."""
    async with LaneStandIn(settings, posted) as lane:
        answer = await post(edge, "/fhir/R4/ChargeItem", CHARGE)
    assert answer.status == 201
    command = lane.seen[0]
    assert isinstance(command.body, PostCharge)
    assert command.body.lines[0].amount_fen == 1834
    assert answer.headers["Location"] == f"/fhir/R4/ChargeItem/{command.account}C00001/_history/1"
    assert answer.document["priceOverride"]["value"] == 18.34
    credit = {"url": "urn:xm:decision:credit", "valueMoney": {"value": 18.34, "currency": "CNY"}}
    assert credit in answer.document["extension"]


async def test_an_acknowledged_charge_is_on_the_broker_with_its_sealed_bytes(edge: Edge, settings: Settings):
    """The record is there when the answer is; its envelope opens to the bytes that were sent."""
    raw = json.dumps(CHARGE).encode()
    answer = await post(edge, "/fhir/R4/ChargeItem", raw)
    assert answer.status == 202
    (record,) = await records(settings, settings.topics.commands)
    command = msgspec.json.decode(record.value, type=Command)
    assert record.key.decode() == command.account
    assert answer.headers["Location"] == f"/api/v1/outcomes/{command.account}-{command.id}"
    assert Sealer(open_provider(settings)).open("fhir", command.receipt_key, command.sealed) == raw


async def test_a_refused_charge_is_a_sealed_dead_letter(edge: Edge, settings: Settings):
    """Row 49: an amount as text is 422 AMOUNT_SYNTAX, and its bytes are kept under seal."""
    raw = json.dumps({**CHARGE, "priceOverride": {"value": "18.34", "currency": "CNY"}}).encode()
    answer = await post(edge, "/fhir/R4/ChargeItem", raw)
    assert answer.status == 422
    issue = answer.document["issue"][0]
    assert issue["details"]["coding"][0]["code"] == "AMOUNT_SYNTAX"
    assert issue["expression"] == ["ChargeItem.priceOverride.value"]
    (record,) = await records(settings, settings.topics.dead_letters)
    letter = msgspec.json.decode(record.value, type=DeadLetter)
    assert dict(record.headers)["interface"] == b"fhir"
    assert letter.reason == "AMOUNT_SYNTAX"
    assert Sealer(open_provider(settings)).open("fhir", letter.receipt_key, letter.raw_sealed) == raw


async def test_the_books_refusal_is_the_rows_answer(edge: Edge, settings: Settings):
    """Row 56: a known identifier with other content is 409 conflict LINE_CHANGED."""

    def judge(command: Command) -> Reply:
        return Reply(command.id, command.account, "LINE_CHANGED", refused=True, at=0, parameters={"line": "F0002"})

    async with LaneStandIn(settings, judge):
        answer = await post(edge, "/fhir/R4/ChargeItem", CHARGE)
    assert answer.status == 409
    assert answer.document["issue"][0]["code"] == "conflict"
    assert answer.document["issue"][0]["details"]["coding"][0]["code"] == "LINE_CHANGED"

"""A running edge on free ports, and what a test asks of it over the wire and of the broker behind it."""

import asyncio
import json
from typing import Any, NamedTuple

import aiohttp
from aiokafka import TopicPartition

from hub.roles.edge import Edge
from hub.runtime.http_sources import demo_token
from hub.runtime.reading import committed_records
from hub.runtime.settings import Address, EdgeSettings, Settings
from schemas.topics import Topic

CITY = 1_783_044_900_000
"""2026-07-03T10:15:00+08:00."""
CHARGE = {
    "resourceType": "ChargeItem",
    "identifier": [{"system": "urn:xm:xmzsh:ft1", "value": "F0002"}],
    "status": "billable",
    "code": {"coding": [{"system": "urn:nhsa:item", "code": "XD0001", "display": "阿莫西林胶囊"}]},
    "subject": {"reference": "Patient/P0091827"},
    "context": {"reference": "Encounter/V5512"},
    "occurrenceDateTime": "2026-07-03T10:10:00+08:00",
    "quantity": {"value": 14},
    "priceOverride": {"value": 18.34, "currency": "CNY"},
    "enteredDate": "2026-07-03T10:15:00+08:00",
}


class Answered(NamedTuple):
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def local(settings: Settings, **edge: Any) -> Settings:
    """Return the settings with an edge on free ports of the loopback and short waits."""
    chosen = {"mllp": Address(port=0), "http": Address(port=0), "reply_wait_ms": 1500, "durable_wait_ms": 2000}
    return settings.model_copy(update={"edge": EdgeSettings(**{**chosen, **edge})})


async def ready(edge: Edge) -> Edge:
    """Return the edge once it can make commands durable and hear replies."""
    async with asyncio.timeout(60):
        while not edge.intake.ready:  # noqa: ASYNC110 - the broker announces nothing
            await asyncio.sleep(0.02)
    return edge


async def post(edge: Edge, path: str, body: Any, source: str = "FHIR@XMZSH", **headers: str) -> Answered:
    """POST bytes, or a document as JSON, with the source's token; a header set to an empty text is left out."""
    host, port = edge.addresses["edge"]
    media = "application/fhir+json" if path.startswith("/fhir") else "application/json"
    wanted = {"Authorization": f"Bearer {demo_token(source)}", "Content-Type": media}
    wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://{host}:{port}{path}", data=raw, headers={name: value for name, value in wanted.items() if value}
        ) as answer,
    ):
        return Answered(answer.status, dict(answer.headers), await answer.read())


async def records(settings: Settings, topic: Topic) -> list[Any]:
    """Return every committed record of a topic that is written by now."""
    places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    return [record async for record in committed_records(settings.kafka, "reader", places)]

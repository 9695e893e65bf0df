"""Every score source over the wire before real lanes and a real courier, and what it is told back (domain 3, 5, 8)."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from adapters.sandbox.keys import make_keys
from adapters.sandbox.score_sender import (
    SENDER_NAMES,
    Head,
    SenderKeys,
    build_message,
    consent_payload,
    message_id,
    score_payload,
    timestamp,
)
from adapters.sandbox.server import serving
from adapters.sandbox.settings import SandboxSettings
from hub.policies import load_policies
from hub.roles.courier import Courier
from hub.roles.edge import Edge
from hub.runtime.clock import SystemClock
from hub.runtime.guomi.vault import open_provider
from hub.runtime.score_sources import write_score_sources
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Settings, SmSettings
from hub.simulate.persons import citizen_id_with_check_digit
from schemas.topics import Topics
from streams.lanes.domain_rules import DomainRules
from streams.lanes.processor import AccountProcessor
from streams.lanes.settings import lane_settings
from tests.integration.edge_client import Answered, local, post, ready
from tests.integration.test_edge_books import PERSON, charge, encounter

DAY, YEAR = 86_400_000, 365 * 86_400_000
OTHER = {"citizen_id": citizen_id_with_check_digit("35020319900101123")}
KIOSK = "KIOSK@XM"


class MovedClock(SystemClock):
    """The system's time, with the city's moved ahead by what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_ms = 0

    def city(self) -> int:
        """Return city time."""
        return super().city() + self.ahead_ms


class World(NamedTuple):
    """A hub of edge, lanes and courier, and the sandbox's score sources."""

    edge: Edge
    clock: MovedClock
    keys: Path
    scores_url: str
    session: aiohttp.ClientSession

    async def push(self, name: str, seq: int, value: int, person: dict[str, str] = PERSON) -> Answered:
        """Push a score as its source does."""
        now = self.clock.city()
        content = score_payload(
            person["citizen_id"], value, computed_ms=now, valid_ms=now + YEAR, auth_id=f"AU-{name}",
            granted_ms=now - YEAR, expires_ms=now + YEAR,
        )  # fmt: skip
        return await self._send(name, "SCORE_PUSH", "score", seq, content)

    async def revoke(self, name: str) -> Answered:
        """Tell the hub that the person withdrew a source's authorisation."""
        now = self.clock.city()
        content = consent_payload(
            PERSON["citizen_id"], auth_id=f"AU-{name}", granted_ms=now, expires_ms=now + YEAR, event="REVOKE"
        )
        return await self._send(name, "CONSENT_REVOKE", "consent", 1, content)

    async def _send(self, name: str, kind: str, stream: str, seq: int, content: dict[str, Any]) -> Answered:
        wall = time.time_ns() // 1_000_000
        clear = {"ver": f"{name}-1", "sender": SENDER_NAMES[name]}
        head = Head(kind, stream, seq, timestamp(wall), message_id(wall), **clear)
        message = build_message(SenderKeys.load(self.keys / name / "sender.json"), head, content)
        return await post(self.edge, f"/feeds/{name}/v1/messages", message, Authorization="")

    async def line(self) -> int:
        """Return the line a kiosk is told."""
        asked = await post(self.edge, "/api/v1/eligibility-checks", {"person": PERSON, "institution": "XMZSH"}, KIOSK)
        return int(asked.document["limit_fen"])

    async def sign(self, person: dict[str, str], key: str, *consents: str) -> Answered:
        """Sign with the hospital's own service, consenting to these scores."""
        body = {
            "person": person,
            "pack": "zhongshan-2021",
            "bank": "",
            "channel": "alipay",
            "channel_agreement": "AG1",
            "score_consents": list(consents),
            "consent_version": "2026-01",
            "consent_until": timestamp(self.clock.city() + YEAR),
        }
        return await post(self.edge, "/api/v1/agreements", body, KIOSK, Idempotency_Key=key)

    async def told(self) -> dict[str, Any]:
        """Return what the city's score source took from the hub."""
        async with self.session.get(f"{self.scores_url}/mock/feedback") as answer:
            found: dict[str, Any] = (await answer.json())["egret"]
            return found

    async def until_told(self, count: int) -> dict[str, Any]:
        """Return it once there are so many messages."""
        async with asyncio.timeout(90):
            while len((found := await self.told())["messages"]) < count:  # noqa: ASYNC110 - asked over HTTP
                await asyncio.sleep(0.2)
        return found


@pytest.fixture
async def world(settings: Settings, hub_topics: Topics, tmp_path: Path) -> AsyncIterator[World]:
    """Edge, lanes and courier in this process, on one clock; short waits on the wire."""
    del hub_topics
    keys = tmp_path / "keys"
    make_keys(keys)
    async with serving(SandboxSettings(keys)) as sandbox, aiohttp.ClientSession() as session:
        write_score_sources(tmp_path / "scores.toml", sandbox.scores_url)
        files = SmSettings(ring_file=keys / "hub_keyring.json", scores_file=tmp_path / "scores.toml")
        at_home = local(settings, reply_wait_ms=10_000).model_copy(update={"sm": files, "ladder_scale": 0.001})
        clock, seal = MovedClock(), Sealer(open_provider(at_home)).seal
        policies = load_policies()
        policies.ladders = policies.ladders.shortened(at_home.ladder_scale)
        processor = AccountProcessor(lane_settings(at_home), DomainRules(policies), clock, seal=seal)
        edge, courier = Edge(at_home, clock), Courier(at_home, clock)
        calling = asyncio.create_task(courier.run())
        await processor.start()
        await edge.start()
        yield World(await ready(edge), clock, keys, sandbox.scores_url, session)
        await edge.stop()
        courier.stop()
        await calling
        await processor.stop()


async def test_scores_of_all_sources_count_in_the_packs_order_and_only_by_consent(world: World):
    """zhongshan-2021: everybody 500, bank, Sesame, the city's score first; a withdrawal hands on to the next."""
    assert (await world.sign(PERSON, "s1", "egret", "sesame", "bank")).status == 201
    lines = [await world.line()]
    for name, value in (("bank-icbc", 70), ("sesame", 720), ("egret", 590)):
        pushed = await world.push(name, 1, value)
        assert (pushed.status, pushed.document["seq"]) == (202, 1)
        lines.append(await world.line())
    assert lines == [50_000, 200_000, 300_000, 200_000]
    assert (await world.revoke("egret")).status == 202
    assert await world.line() == 300_000
    assert (await world.sign(OTHER, "s2", "sesame")).status == 201
    refused = await world.push("bank-ccb", 1, 90, OTHER)
    assert (refused.status, refused.document["code"]) == (422, "CONSENT")
    gap = await world.push("bank-icbc", 3, 90)
    assert (gap.status, gap.document["code"], gap.document["expected_seq"]) == (409, "SEQ_GAP", 2)


async def test_an_overdue_bill_reaches_the_score_source_though_it_is_away_at_first(world: World):
    """Domain 8: told after the term, again until it is taken, once; the answer that was lost makes no second one."""
    assert (await world.sign(PERSON, "s1", "egret")).status == 201
    assert (await world.push("egret", 1, 650)).status == 202
    assert (await post(world.edge, "/fhir/R4/Encounter", encounter())).status == 201
    assert (await post(world.edge, "/fhir/R4/ChargeItem", charge())).status == 201
    assert (await post(world.edge, "/fhir/R4/Encounter", encounter("finished"))).status in (200, 201)
    trouble = {"name": "lost", "count": 2}
    async with world.session.post(f"{world.scores_url}/mock/scenario", json=trouble) as said:
        assert said.status == 200
    world.clock.ahead_ms = 9 * DAY
    found = await world.until_told(1)
    [message] = found["messages"].values()
    assert (message["event"], message["subject"]["auth_id"]) == ("OVERDUE", "AU-egret")
    async with asyncio.timeout(60):
        while (await world.told())["calls"] < 3:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.2)
    assert (await world.told())["people"] == {"AU-egret": {"overdue": 1, "points": 0}}

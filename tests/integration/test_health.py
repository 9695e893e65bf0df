"""The health routes over a real socket."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import pytest

from hub.runtime import metrics
from hub.runtime.bus import round_trip_ms
from hub.runtime.database import check
from hub.runtime.health import run_checks, serve_health
from hub.runtime.settings import Address, Settings
from schemas.errors import TransportError
from schemas.reasons import Reason


async def get(address: Address, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}{path}") as answer:
        return answer.status, await answer.text()


async def test_a_role_is_ready_when_every_dependency_answers(settings: Settings) -> None:
    """/readyz names each dependency with its latency: here the real Kafka of the session."""

    async def kafka() -> str:
        return f"round trip {await round_trip_ms(settings.kafka):.0f} ms"

    async with serve_health(Address(), "edge", {"kafka": kafka}) as address:
        assert address.port != 0
        status, text = await get(address, "/readyz")
    assert status == 200
    assert '"ready": true' in text
    assert "round trip" in text


async def test_a_dependency_that_fails_makes_the_role_unready() -> None:
    """One failing check gives 503 with its code; the others are still shown."""

    async def well() -> str:
        return "fine"

    async def away() -> str:
        raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "PostgreSQL"})

    async with serve_health(Address(), "web", {"kafka": well, "postgres": away}) as address:
        status, text = await get(address, "/readyz")
    assert status == 503
    assert '"code": "DEPENDENCY_UNREACHABLE"' in text
    assert "fine" in text


async def test_a_database_that_lets_nobody_in_is_a_failing_line_beside_the_others(postgres: str) -> None:
    """It answers, but the database is not there: 503 with the error's name, and the other lines are still shown."""
    nowhere = urlunsplit(urlsplit(postgres)._replace(path="/nowhere"))

    async def well() -> str:
        return "fine"

    async def books() -> str:
        await check(nowhere)
        return "answers"

    async with serve_health(Address(), "web", {"kafka": well, "postgres": books}) as address:
        status, text = await get(address, "/readyz")
    assert status == 503
    assert "fine" in text
    assert "PostgreSQL (InvalidCatalogNameError)" in text


async def test_a_check_that_hangs_is_cut_off() -> None:
    """A dependency that never answers costs two seconds, not the probe."""

    async def hangs() -> str:
        await asyncio.sleep(60)
        return ""

    (result,) = await run_checks({"kafka": hangs})
    assert (result.ok, result.code) == (False, "DEPENDENCY_UNREACHABLE")
    assert 1500 < result.latency_ms < 10_000


async def test_a_process_beyond_help_says_so() -> None:
    """/livez turns 503 with the fault when the role says that only a restart helps."""
    fault = ""
    async with serve_health(Address(), "streams", {}, alive=lambda: fault) as address:
        assert (await get(address, "/livez"))[0] == 200
        fault = "lane 3 has not committed for 31 s"
        status, text = await get(address, "/livez")
    assert status == 503
    assert "lane 3" in text


async def test_metrics_are_shown_in_the_prometheus_format() -> None:
    """A counter that was raised shows up under its registered name."""
    metrics.EDGE_MESSAGES.labels("hl7", "AA").inc()
    async with serve_health(Address(), "edge", {}) as address:
        status, text = await get(address, "/metrics")
    assert status == 200
    assert 'medcredit_edge_messages_total{code="AA",wire="hl7"}' in text


async def test_the_port_is_free_again_afterwards() -> None:
    """Leaving the block closes the listener."""
    async with serve_health(Address(), "edge", {}) as address:
        pass
    with pytest.raises(aiohttp.ClientConnectionError):
        await get(address, "/livez")


def test_every_metric_is_registered_once_with_a_text() -> None:
    """Names are unique, carry the prefix and say what they count."""
    shown = list(metrics.REGISTRY.collect())
    assert len({each.name for each in shown}) == len(shown) > 20
    assert all(each.name.startswith("medcredit_") and each.documentation.endswith(".") for each in shown)

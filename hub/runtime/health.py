"""What each role answers about itself: `/livez`, `/readyz` (each dependency with its latency), `/metrics`."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from hub.runtime.metrics import exposition
from hub.runtime.settings import Address
from schemas.errors import HubError
from schemas.reasons import Reason

_CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[str]]
"""Returns a short text about a dependency that works; raises `HubError`, `OSError` or `TimeoutError` when it does not.

It may wait: it is cut off after 2 s. It must not change anything.
"""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of `/readyz`; `code` is empty when `ok`."""

    name: str
    ok: bool
    latency_ms: float
    text: str
    code: str = ""


async def run_checks(checks: Mapping[str, Check]) -> tuple[CheckResult, ...]:
    """Ask every dependency at once; never raises for one that fails, takes at most 2 s."""
    return tuple(await asyncio.gather(*(_ask(name, check) for name, check in checks.items())))


def health_app(role: str, checks: Mapping[str, Check], alive: Callable[[], str] = lambda: "") -> web.Application:
    """Return the application with the three routes.

    `alive` returns what makes this process beyond help (a lane that no longer commits), or an empty text. The answers
    themselves prove that the event loop turns.
    """
    began = time.monotonic()

    async def livez(_request: web.Request) -> web.Response:
        fault = alive()
        uptime = round(time.monotonic() - began, 1)
        answer = {"role": role, "pid": os.getpid(), "uptime_seconds": uptime, "fault": fault}
        return web.json_response(answer, status=503 if fault else 200)

    async def readyz(_request: web.Request) -> web.Response:
        results = await run_checks(checks)
        ready = all(result.ok for result in results)
        answer = {"role": role, "pid": os.getpid(), "ready": ready, "checks": [asdict(result) for result in results]}
        return web.json_response(answer, status=200 if ready else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


@asynccontextmanager
async def serve_health(
    address: Address, role: str, checks: Mapping[str, Check], alive: Callable[[], str] = lambda: ""
) -> AsyncIterator[Address]:
    """Serve the three routes while the block runs; yields the address bound (port 0 was chosen by the system)."""
    runner = web.AppRunner(health_app(role, checks, alive), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address.host, address.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield Address(host=host, port=port)
    finally:
        await runner.cleanup()


async def _ask(name: str, check: Check) -> CheckResult:
    started = time.perf_counter()
    text, code = "", ""
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            text = await check()
    except HubError as error:
        text, code = str(error), error.reason.value
    except (OSError, TimeoutError) as error:
        text, code = f"{type(error).__name__}: {error}", Reason.DEPENDENCY_UNREACHABLE.value
    return CheckResult(name, not code, round((time.perf_counter() - started) * 1000, 2), text, code)

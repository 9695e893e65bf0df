"""Both gateways and the score sources' desk in one process, each on its own loopback port."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from adapters.sandbox.alipay_gateway import AlipayGateway
from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.keys import load_alipay, load_unionpay
from adapters.sandbox.score_receiver import ScoreReceiver
from adapters.sandbox.settings import SandboxSettings
from adapters.sandbox.unionpay_gateway import UnionPayGateway


@dataclass(frozen=True)
class Sandbox:
    """Both gateways at work, and where score sources are told things.

    `alipay_url` takes the POST forms; UnionPay's paths lie below `unionpay_url`, a source's below `scores_url`.
    """

    alipay: AlipayGateway
    unionpay: UnionPayGateway
    alipay_url: str
    unionpay_url: str
    scores: ScoreReceiver
    scores_url: str


@asynccontextmanager
async def serving(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    """Serve both gateways while the block runs; the keys must exist (`make_keys`). Port 0 takes a free one."""
    clock = SandboxClock()
    alipay = AlipayGateway(settings, clock, load_alipay(settings.keys))
    unionpay = UnionPayGateway(settings, clock, load_unionpay(settings.keys))
    scores = ScoreReceiver(settings.keys, lambda: time.time_ns() // 1_000_000)
    runners: list[web.AppRunner] = []
    try:
        first = await _listen(alipay.application(), settings.host, settings.alipay_port, runners)
        second = await _listen(unionpay.application(), settings.host, settings.unionpay_port, runners)
        third = await _listen(scores.application(), settings.host, 0, runners)
        alipay.address = first
        for gateway in (alipay, unionpay):
            gateway.spawn(gateway.times.keep_looking())
        yield Sandbox(alipay, unionpay, f"{first}/gateway.do", second, scores, third)
    finally:
        for gateway in (alipay, unionpay):
            await gateway.close()
        for runner in runners:
            await runner.cleanup()


async def _listen(app: web.Application, host: str, port: int, runners: list[web.AppRunner]) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    runners.append(runner)
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{bound}"

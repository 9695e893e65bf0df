"""`python -m adapters.sandbox`: gateways and score sources in one process; prints a JSON line of addresses."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.sandbox.bank import Banks
from adapters.sandbox.keys import make_keys
from adapters.sandbox.server import serving
from adapters.sandbox.settings import Mix, SandboxSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns 0. Makes the keys if the directory has none."""
    asked = _parser().parse_args(arguments)
    if asked.host not in ("127.0.0.1", "::1", "localhost"):
        sys.stderr.write("the sandbox listens on loopback only; its control routes have no password\n")
        return 64
    make_keys(asked.keys)
    banks = Banks(asked.web, asked.inbox) if asked.web and asked.inbox else None
    asyncio.run(_serve(_settings(asked), banks))
    return 0


def _settings(asked: argparse.Namespace) -> SandboxSettings:
    return SandboxSettings(
        keys=asked.keys,
        hub=asked.hub,
        host=asked.host,
        alipay_port=asked.alipay_port,
        unionpay_port=asked.unionpay_port,
        seed=asked.seed,
        delay_scale=asked.delay_scale,
        latency_median_ms=asked.latency_median_ms,
        latency_p99_ms=max(asked.latency_p99_ms, asked.latency_median_ms),
        notice_delay_s=(min(0.3, asked.notice_delay_max_s), asked.notice_delay_max_s),
        maintenance_weekday=asked.maintenance_weekday,
        mix=Mix.always_success() if asked.no_mix else Mix(),
        clock_file=asked.clock,
    )


async def _serve(settings: SandboxSettings, banks: Banks | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with serving(settings) as sandbox:
        urls = {"alipay": sandbox.alipay_url, "unionpay": sandbox.unionpay_url, "scores": sandbox.scores_url}
        ready = {**urls, "keys": str(settings.keys)}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        confirming = asyncio.ensure_future(banks.run() if banks else stopped.wait())
        await stopped.wait()
        confirming.cancel()
        await asyncio.gather(confirming, return_exceptions=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m adapters.sandbox", description=__doc__)
    parser.add_argument("--alipay-port", type=int, default=0)
    parser.add_argument("--unionpay-port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--keys", type=Path, required=True, help="directory; made and filled when it is empty")
    parser.add_argument("--hub", default="http://127.0.0.1:8780", help="where notices go that no request asked for")
    parser.add_argument("--seed", default="7")
    parser.add_argument("--delay-scale", type=float, default=1.0, help="multiplies every delay but latency")
    parser.add_argument("--latency-median-ms", type=float, default=120.0, help="0 answers at once")
    parser.add_argument("--latency-p99-ms", type=float, default=1500.0)
    parser.add_argument("--notice-delay-max-s", type=float, default=30.0, help="before scaling")
    parser.add_argument("--maintenance-weekday", type=int, default=None, help="0 is Monday; none by default")
    parser.add_argument("--clock", type=Path, default=None, help="the demo's clock file: the days of bill files")
    parser.add_argument("--web", default="", help="the hub's page: whose settlement files the banks read")
    parser.add_argument("--inbox", type=Path, default=None, help="where the banks leave their confirmation files")
    parser.add_argument("--no-mix", action="store_true", help="only sentinel amounts misbehave")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The edge over MLLP with a real broker: `python tests/benchmarks/edge_wire.py [--messages N] [--rate N] [--profile]`.

One edge runs in this process and the generator in another, as in `medcredit bench hl7`. Beside rate and latency stands
the CPU time of the edge for one message, which a busy machine changes least. A broker is started unless
MEDCREDIT_TEST_KAFKA names one. Prints one JSON document.
"""

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import secrets
import sys
import tempfile
import time
from typing import Any

import uvloop

from hub.roles.edge import Edge
from hub.runtime.bus import create_topics, delete_topics
from hub.runtime.clock import SystemClock
from hub.runtime.collector import collect_rarely
from hub.runtime.settings import Address, EdgeSettings, read_settings
from infra.kafka import EmbeddedKafka

CITY = 1_782_867_600_000


async def measure(bootstrap: str, messages: int, rate: float) -> dict[str, Any]:
    """Return the generator's document and the edge's CPU µs for one message."""
    settings = read_settings(
        profile="demo",
        kafka={"bootstrap": bootstrap},
        topic_prefix=f"bench-{secrets.token_hex(4)}",
        edge=EdgeSettings(mllp=Address(port=0), http=Address(port=0)),
    )
    await create_topics(settings.kafka, settings.topics)
    edge = Edge(settings, SystemClock())
    await edge.start()
    try:
        while not edge.intake.ready:  # noqa: ASYNC110 - the broker announces nothing
            await asyncio.sleep(0.05)
        collect_rarely()
        await _load(edge, 1000, 0, "W")
        before = time.process_time()
        found = await _load(edge, messages, rate, "A")
        return {**found, "edge_cpu_us": round((time.process_time() - before) / messages * 1e6, 1)}
    finally:
        await edge.stop()
        await delete_topics(settings.kafka, settings.topics)


async def _load(edge: Edge, messages: int, rate: float, prefix: str) -> dict[str, Any]:
    host, port = edge.addresses["mllp"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.simulate.load", "--mllp", f"{host}:{port}", "--messages", str(messages),
        "--rate", str(rate), "--prefix", prefix, "--at", str(CITY), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    document: dict[str, Any] = json.loads(output)
    return document


def _measured(bootstrap: str, asked: argparse.Namespace) -> None:
    profiler = cProfile.Profile()
    if asked.profile:
        profiler.enable()
    found = uvloop.run(measure(bootstrap, asked.messages, asked.rate))
    profiler.disable()
    sys.stdout.write(json.dumps(found) + "\n")
    if asked.profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(60)


def main() -> None:
    """Measure on a broker of its own or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    if named := os.environ.get("MEDCREDIT_TEST_KAFKA"):
        _measured(named, asked)
        return
    with tempfile.TemporaryDirectory() as folder:
        broker = EmbeddedKafka()
        try:
            _measured(broker.start(f"{folder}/kafka"), asked)
        finally:
            broker.stop()


if __name__ == "__main__":
    main()

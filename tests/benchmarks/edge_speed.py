"""What one message costs the edge, stage by stage, in µs of CPU time: `python tests/benchmarks/edge_speed.py`.

Messages are those of `medcredit bench hl7`: DFTs of five lines, each with its own numbers and keys. CPU time of the
thread is counted, not the clock, and the best of several rounds is told, so that a busy machine changes little.
`--profile` adds the functions the time goes to.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import sys
import time
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from aiokafka.protocol.transaction import InitProducerIdRequest

from adapters.hl7.charset import decode_named_utf_8
from adapters.hl7.content import read_content
from adapters.hl7.conversation import Conversation
from adapters.hl7.header import read_header
from adapters.hl7.identity import identify
from adapters.hl7.lines import read_lines
from adapters.hl7.reader import Message, lines_of
from hub.cli.edge_stages import PROVIDER, ROUNDS, SETTING, by_few, microseconds, stage_costs
from hub.roles.edge_hl7 import Hl7Acceptance
from hub.runtime.clock import SystemClock
from hub.runtime.durable_log import DurableLog
from hub.runtime.intake import Intake
from hub.runtime.replies import ReplyDesk
from hub.runtime.sealing import Sealer
from hub.simulate.load import frames
from schemas.ids import sm3_hex
from schemas.topics import Cluster, topics

CITY = 1_782_867_600_000
LINES = 5
_VERSIONS = {0: (3, 8)}
"""What a broker says of produce requests."""


class _Confirming:
    """The client library's shape over a broker that confirms at once: what remains is the edge's own cost."""

    def __init__(self) -> None:
        self.cluster = self
        self._conns: dict[int, Any] = {}

    async def bootstrap(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to close."""

    def get_random_node(self) -> int:
        """There is one."""
        return 1

    async def add_topic(self, topic: str) -> None:
        """Every topic is known."""

    def partitions_for_topic(self, topic: str) -> set[int]:
        """As many as the demo has."""
        del topic
        return set(range(12))

    def leader_for_partition(self, place: Any) -> int:
        """There is one node."""
        del place
        return 1

    async def ready(self, node: int) -> bool:
        """It is there."""
        return bool(node)

    async def send(self, node: int, request: Any) -> Any:
        """Encode the request as for a socket, and confirm every batch."""
        del node
        if isinstance(request, InitProducerIdRequest):
            return SimpleNamespace(error_code=0, producer_id=1, producer_epoch=0)
        request.prepare(_VERSIONS).encode()
        topics = [(topic, [(number, 0, 0) for number, _ in parts]) for topic, parts in request._topics]
        return SimpleNamespace(topics=topics)


class _Caller:
    """A connection that may speak for everyone."""

    def speaks_for(self, source: str) -> bool:
        """Yes."""
        return bool(source)

    def stored(self, answer: Any) -> None:
        """Not used in original mode."""


def parts(payloads: list[bytes]) -> Iterable[tuple[str, float]]:
    """Yield the µs of the parts of translating; what they read is in memory already."""
    profile = SETTING.profiles.find("HIS@XMZSH", "20260701")
    assert profile is not None
    yield "decode", microseconds(decode_named_utf_8, payloads)
    lines = [lines_of(payload.decode()) for payload in payloads]
    yield "header", microseconds(lambda each: read_header(each[0], "utf-8"), lines)
    header = read_header(lines[0][0], "utf-8")
    assert header is not None
    read = [Message(each, header.separators) for each in lines]
    yield "index segments", microseconds(lambda each: Message(each, header.separators), lines)
    yield "SM3 of the body", microseconds(sm3_hex, payloads)
    key, event = SETTING.city_key, "P03"
    yield "identity", microseconds(lambda each: identify(each, profile, key), read)
    yield "lines", microseconds(lambda each: read_lines(each, profile, "C1", CITY, CITY), read)
    yield "content in all", microseconds(lambda each: read_content(each, header, event, profile, key, CITY), read)


async def conversation_cost(count: int) -> float:
    """Return the µs from payload to answer through the edge's own code, with a log that confirms at once."""
    payloads = [frame[1:-2] for frame in frames(1000, count, LINES, CITY, "S")]
    registry, clock = topics("bench", Cluster()), SystemClock()
    log = DurableLog(_Confirming)
    log.start()
    desk = ReplyDesk(_Confirming, registry.replies, 0)
    intake = Intake(log, desk, Sealer(PROVIDER), clock, registry, 5.0)
    conversation = Conversation(SETTING, Hl7Acceptance(intake).accept, lambda: CITY, lambda _e, _s: None)
    await asyncio.sleep(0.01)
    spent, caller = 0, _Caller()
    for few in by_few(payloads):
        best = sys.maxsize
        for _ in range(ROUNDS):
            started = time.thread_time_ns()
            await asyncio.gather(*(conversation.hold(payload, caller) for payload in few))
            best = min(best, time.thread_time_ns() - started)
        spent += best
    await log.stop()
    return spent / count / 1000


def main() -> None:
    """Print the table, or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    table = dict(stage_costs(asked.messages, LINES, CITY))
    payloads = [frame[1:-2] for frame in frames(1000, asked.messages, LINES, CITY, "S")]
    table |= {f"  {name}": cost for name, cost in parts(payloads)}
    table["payload to answer"] = asyncio.run(conversation_cost(asked.messages))
    if asked.json:
        sys.stdout.write(json.dumps({name.strip(): round(cost, 1) for name, cost in table.items()}) + "\n")
    else:
        sys.stdout.writelines(f"{name:24}{cost:8.1f} µs\n" for name, cost in table.items())
    if asked.profile:
        profiler = cProfile.Profile()
        profiler.runcall(asyncio.run, conversation_cost(asked.messages))
        pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()

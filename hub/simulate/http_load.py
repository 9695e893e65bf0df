"""A load generator for HTTP: ready-made requests down several connections, one at a time on each, each answer timed.

`python -m hub.simulate.http_load` runs it as its own process and prints one JSON document; `--echo` serves bare answers
instead, against which the generator's own limit is measured.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from hub.runtime.settings import DEMO_CITY_KEY
from hub.simulate.http_requests import KINDS, Plan
from hub.simulate.load import LoadResult, serve_echo

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_ECHO: Final = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


def _first_end(received: bytes) -> int:
    """Return where the first message ends, 0 when it is not whole yet. Raises ValueError for one without a length."""
    head = received.find(_HEAD_END)
    if head < 0:
        return 0
    length = _LENGTH.search(received, 0, head + 2)
    if length is None:
        raise ValueError("a message says no length")
    end = head + len(_HEAD_END) + int(length[1])
    return end if len(received) >= end else 0


class Answers:
    """The answers in a stream of bytes; what has come of the next one is kept."""

    def __init__(self) -> None:
        self._received = b""

    def take(self, received: bytes) -> Iterator[int]:
        """Yield the status of each answer that is whole now. Raises ValueError for one without a length."""
        self._received += received
        while end := _first_end(self._received):
            status, self._received = int(self._received[9:12]), self._received[end:]
            yield status


class _Sender(asyncio.Protocol):
    """One connection, one unanswered request."""

    def __init__(self, source: Iterator[bytes], result: LoadResult, statuses: "Counter[int]") -> None:
        self._source, self._result, self._statuses = source, result, statuses
        self._answers = Answers()
        self._transport: Any = None
        self._sent = 0.0
        self.done = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self) -> None:
        """Send the next request; without one this connection is done."""
        request = next(self._source, None)
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, received: bytes) -> None:
        for status in self._answers.take(received):
            self._result.latencies.append(time.perf_counter() - self._sent)
            self._statuses[status] += 1
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self.done.set()


async def run_load(address: str, requests: Sequence[bytes], connections: int) -> dict[str, Any]:
    """Send every request once, as fast as answered; return counts by status, rate and percentiles."""
    host, _, port = address.rpartition(":")
    source, result, statuses = iter(requests), LoadResult(), Counter[int]()
    loop = asyncio.get_running_loop()
    senders = [
        (await loop.create_connection(lambda: _Sender(source, result, statuses), host, int(port)))[1]
        for _ in range(connections)
    ]
    began = time.perf_counter()
    for sender in senders:
        sender.send()
    await asyncio.gather(*(sender.done.wait() for sender in senders))
    result.seconds = time.perf_counter() - began
    result.accepted = statuses.total()
    document = result.document()
    timed = {name: document[name] for name in ("rate", "p50_ms", "p99_ms", "max_ms", "seconds")}
    return {"sent": len(requests), "by_status": dict(sorted(statuses.items())), "connections": connections, **timed}


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._received = b""

    def data_received(self, received: bytes) -> None:
        self._received += received
        if end := _first_end(self._received):
            self._received = self._received[end:]
            self._transport.write(_ECHO)


def main() -> None:
    """Run the generator or the echo server."""
    parser = argparse.ArgumentParser(prog="python -m hub.simulate.http_load", description=__doc__)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--kind", choices=tuple(KINDS), default="charge-item")
    parser.add_argument("--edge", default="")
    parser.add_argument("--keys", type=Path, default=Path())
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--persons", type=int, default=500)
    parser.add_argument("--at", type=int, default=int(time.time() * 1000))
    parser.add_argument("--prefix", default="L")
    for name in ("app-id", "seller-id", "merchant"):
        parser.add_argument(f"--{name}", default="")
    asked = parser.parse_args()
    if asked.echo:
        uvloop.run(serve_echo(_Echo))
        return
    plan = Plan(
        asked.messages,
        asked.persons,
        asked.at,
        asked.prefix,
        asked.keys,
        bytes.fromhex(DEMO_CITY_KEY),
        asked.app_id,
        asked.seller_id,
        asked.merchant,
    )
    found = uvloop.run(run_load(asked.edge, KINDS[asked.kind](plan), asked.connections))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

"""A load generator for MLLP: ready-made DFTs down several connections, each answer timed.

`python -m hub.simulate.load` runs it as its own process and prints one JSON document; `--echo` serves bare
acknowledgements instead, against which the generator's own limit is measured.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

from hub.simulate.hl7_messages import Hospital, Line, Writer, frame
from hub.simulate.persons import make_person

_END = b"\x1c\r"
_TURN_SECONDS = 0.002
"""Between two looks of a paced generator at what is due."""
_ECHO = b"\x0bMSH|^~\\&|XMHUB|XM|HIS|XMZSH|20260701090000+0800||ACK^P03^ACK|A|P|2.5.1\rMSA|AA|X\r\x1c\r"


def frames(persons: int, count: int, lines: int, at: int, prefix: str) -> list[bytes]:
    """Return framed DFTs of a hospital in original mode, each with its own control id, visit and line keys."""
    writer = Writer(Hospital("HIS", "XMZSH", enhanced=False), prefix)
    people = [make_person(11, number) for number in range(1, persons + 1)]
    built = []
    for number in range(count):
        person = people[number % persons]
        rows = [
            Line(f"{prefix}{number}-{row}", "CG", "250101015", "血细胞分析", 1, 100 + row, order_no=f"O{number}")
            for row in range(lines)
        ]
        built.append(frame(writer.dft(person, f"V{prefix}{number}", "outpatient", at, rows)))
    return built


@dataclass
class LoadResult:
    """What the senders saw; latencies in seconds from send to final answer."""

    accepted: int = 0
    refused: int = 0
    busy: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    """By how much each turn of a paced generator came too late: no answer was read meanwhile either."""

    def document(self) -> dict[str, Any]:
        """Return counts, rate and percentiles in milliseconds."""
        latencies, pauses = sorted(self.latencies), sorted(self.pauses)
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "busy": self.busy,
            "seconds": round(self.seconds, 2),
            "rate": round((self.accepted + self.refused) / max(self.seconds, 1e-9)),
            "p50_ms": _at(0.50, latencies),
            "p99_ms": _at(0.99, latencies),
            "max_ms": _at(1, latencies),
            "generator_pause_p99_ms": _at(0.99, pauses),
            "generator_pause_max_ms": _at(1, pauses),
        }


def _at(share: float, ordered: Sequence[float]) -> float:
    """Return the value at this share of ordered seconds, in milliseconds; 0 where there is none."""
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2) if ordered else 0.0


class _Sender(asyncio.Protocol):
    """One connection: at most `window` unanswered messages."""

    def __init__(self, source: Iterator[bytes], window: int, result: LoadResult) -> None:
        self._source, self._window, self._result = source, window, result
        self._sent: deque[float] = deque()
        self._received = b""
        self._transport: Any = None
        self.connected = asyncio.Event()
        self.done = asyncio.Event()
        self._ended = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.connected.set()

    def fill(self) -> None:
        """Send as many as the window allows."""
        while len(self._sent) < self._window and self.send():
            pass

    def send(self) -> bool:
        """Send one message; False when there is none left."""
        message = next(self._source, None)
        if message is None:
            self._end()
            return False
        self._sent.append(time.perf_counter())
        self._transport.write(message)
        return True

    def data_received(self, received: bytes) -> None:
        *answers, self._received = (self._received + received).split(_END)
        now = time.perf_counter()
        for answer in answers:
            self._result.latencies.append(now - self._sent.popleft())
            if b"MSA|AA" in answer:
                self._result.accepted += 1
            elif b"HUB_BUSY" in answer:
                self._result.busy += 1
            else:
                self._result.refused += 1
        if self._window:
            self.fill()
        elif self._ended and not self._sent:
            self.done.set()

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self.done.set()

    def _end(self) -> None:
        self._ended = True
        if not self._sent:
            self.done.set()


async def run_load(
    address: str, messages: Sequence[bytes], *, connections: int = 8, window: int = 32, rate: float = 0
) -> LoadResult:
    """Send every message once; with a `rate` at that many a second over all connections, else as fast as answered."""
    host, _, port = address.rpartition(":")
    source, result = iter(messages), LoadResult()
    loop = asyncio.get_running_loop()
    senders = [
        (await loop.create_connection(lambda: _Sender(source, 0 if rate else window, result), host, int(port)))[1]
        for _ in range(connections)
    ]
    began = time.perf_counter()
    if rate:
        await _paced(senders, rate, result.pauses)
    else:
        for sender in senders:
            sender.fill()
    await asyncio.gather(*(sender.done.wait() for sender in senders))
    result.seconds = time.perf_counter() - began
    return result


async def _paced(senders: Sequence[_Sender], rate: float, pauses: list[float]) -> None:
    began, sent, more = time.perf_counter(), 0, True
    while more:
        turn = time.perf_counter()
        due = int((turn - began) * rate)
        while sent < due and more:
            more = senders[sent % len(senders)].send()
            sent += 1
        await asyncio.sleep(_TURN_SECONDS)
        pauses.append(max(0.0, time.perf_counter() - turn - _TURN_SECONDS))
    for sender in senders:
        sender.send()  # each learns that nothing is left


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, received: bytes) -> None:
        self._transport.write(_ECHO * received.count(_END))


async def serve_echo(protocol: type[asyncio.Protocol]) -> None:
    """Print a port and serve it until the process ends: against it a generator shows its own limit."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Run the generator or the echo server."""
    parser = argparse.ArgumentParser(prog="python -m hub.simulate.load", description=__doc__)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--mllp", default="")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--persons", type=int, default=1_000)
    parser.add_argument("--lines", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--at", type=int, default=int(time.time() * 1000))
    parser.add_argument("--prefix", default="L")
    asked = parser.parse_args()
    if asked.echo:
        uvloop.run(serve_echo(_Echo))
        return
    messages = frames(asked.persons, asked.messages, asked.lines, asked.at, asked.prefix)
    result = uvloop.run(run_load(asked.mllp, messages, connections=asked.connections, rate=asked.rate))
    sys.stdout.write(json.dumps(result.document()) + "\n")


if __name__ == "__main__":
    main()

"""What this machine takes for four fixed pieces of work, so that a reader can compare figures of different machines.

CPU time of short rounds in one thread: the best one, which other work on the machine changes little, and the median
while something runs on every other processor. Two processors may be one core's two threads, or somebody else's besides:
then a bench, which needs them all, is slower than the best rounds tell.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from adapters.alipay.signature import decode_signature, sign, verifies
from hub.policies import load_policies
from hub.runtime.guomi import sm3
from hub.simulate.lane_commands import CommandSource
from schemas.commands import Command

WORKS: Final = ("loop of 1000 steps", "SM3 of 1 kB", "RSA2 verification", "decode a command")
BUSY: Final = "loop, every other processor busy"
REFERENCE: Final = {"SM3 of 1 kB": 3.0, "RSA2 verification": 16.0}
"""µs on the machine of the floors when it did nothing else (architecture 9)."""
_SECONDS: Final = 0.4
"""For each piece of work."""
_START_SECONDS: Final = 0.2
"""Until a neighbour spins."""


def calibration(seconds: float = _SECONDS) -> dict[str, float]:
    """Return µs of CPU time of each piece of work on this machine, now, and of one of them with busy neighbours.

    Each is measured for so long.
    """
    kilobyte = b"m" * 1024
    key = generate_private_key(public_exponent=65537, key_size=2048)
    public, signature = key.public_key(), decode_signature(sign(key, kilobyte)) or b""
    source = CommandSource(load_policies(), 1, 0)
    command = msgspec.json.encode(source.charges(1, 5)[0])
    decode = msgspec.json.Decoder(Command).decode
    works: tuple[Callable[[], object], ...] = (
        _loop,
        lambda: sm3(kilobyte),
        lambda: verifies(public, kilobyte, signature),
        lambda: decode(command),
    )
    found = {name: round(min(_rounds(work, seconds)), 2) for name, work in zip(WORKS, works, strict=True)}
    with _busy_neighbours():
        found[BUSY] = round(median(_rounds(_loop, seconds)), 2)
    return found


def _loop() -> int:
    total = 0
    for number in range(1000):
        total += number
    return total


def _rounds(work: Callable[[], object], seconds: float) -> list[float]:
    """Return the µs of one call in each of many rounds of 20: short enough to run undisturbed now and then."""
    until, found = time.perf_counter() + seconds, list[float]()
    while time.perf_counter() < until or not found:
        started = time.thread_time_ns()
        for _ in range(20):
            work()
        found.append((time.thread_time_ns() - started) / 20_000)
    return found


@contextmanager
def _busy_neighbours() -> Iterator[None]:
    """Keep every other processor busy meanwhile."""
    others = len(os.sched_getaffinity(0)) - 1
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: sum(range(1000))"]) for _ in range(others)]
    try:
        time.sleep(_START_SECONDS)
        yield
    finally:
        for each in spinning:
            each.kill()
            each.wait()

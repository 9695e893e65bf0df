"""What this machine takes for four fixed pieces of work, so that a reader can compare figures of different machines.

Best CPU time of many short rounds in one thread: other work on the machine changes it little, a slower or shared
processor much.
"""

import time
from collections.abc import Callable
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from adapters.alipay.signature import decode_signature, sign, verifies
from hub.policies import load_policies
from hub.runtime.guomi import sm3
from hub.simulate.lane_commands import CommandSource
from schemas.commands import Command

WORKS: Final = ("loop of 1000 steps", "SM3 of 1 kB", "RSA2 verification", "decode a command")
REFERENCE: Final = {"SM3 of 1 kB": 3.0, "RSA2 verification": 16.0}
"""µs on the machine of the floors when it did nothing else (architecture 9)."""
_SECONDS: Final = 0.4
"""For each piece of work."""


def calibration(seconds: float = _SECONDS) -> dict[str, float]:
    """Return µs of CPU time of each piece of work on this machine, now; each is measured for so long."""
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
    return {name: round(_best(work, seconds), 2) for name, work in zip(WORKS, works, strict=True)}


def _loop() -> int:
    total = 0
    for number in range(1000):
        total += number
    return total


def _best(work: Callable[[], object], seconds: float) -> float:
    """Return the µs of one call: the best of rounds of 20, which are short enough to run undisturbed now and then."""
    until, best = time.perf_counter() + seconds, float("inf")
    while time.perf_counter() < until:
        started = time.thread_time_ns()
        for _ in range(20):
            work()
        best = min(best, (time.thread_time_ns() - started) / 20_000)
    return best

"""What each stage of one HL7 message costs the edge: µs of CPU time, in this process, without network or broker.

CPU time of the thread is counted, not the clock, and of every few messages the best round, so that a busy machine
changes little.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from adapters.hl7.answers import answer_durable
from adapters.hl7.frames import Frame, FrameDecoder
from adapters.hl7.profile import load_profiles
from adapters.hl7.translation import SANDBOX, Accepted, Setting, translate
from hub.runtime.guomi import Key, KeyRing, Kind, SoftwareProvider, State
from hub.runtime.sealing import Sealer
from hub.simulate.load import frames
from schemas.commands import Command

ROUNDS: Final = 9
TOGETHER: Final = 20
"""Messages measured at once: few enough that some round is not disturbed by what else the machine does."""
PROVIDER: Final = SoftwareProvider(KeyRing([Key("raw-1", Kind.SM4, "raw", State.ACTIVE, "0123456789abcdef" * 2)]))
SETTING: Final = Setting(profiles=load_profiles(), city_key=b"k" * 32, processing_ids=SANDBOX)


def microseconds(work: Callable[[Any], object], inputs: Sequence[Any]) -> float:
    """Return the CPU time of one call: the best round of every few inputs, over all inputs."""
    return sum(_best(work, few) for few in by_few(inputs)) / len(inputs) / 1000


def by_few(inputs: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield the inputs in the portions that are measured."""
    return (inputs[start : start + TOGETHER] for start in range(0, len(inputs), TOGETHER))


def stage_costs(count: int, lines: int, at: int) -> Iterable[tuple[str, float]]:
    """Yield the stages of a message in their order, each with its µs, over `count` DFTs of so many lines."""
    wire = frames(1000, count, lines, at, "S")
    yield "frame", microseconds(FrameDecoder().feed, wire)
    decoder = FrameDecoder()
    payloads = [event.payload for frame in wire for event in decoder.feed(frame) if isinstance(event, Frame)]
    yield "translate", microseconds(lambda payload: translate(payload, SETTING, at), payloads)
    accepted = [
        each for each in (translate(payload, SETTING, at) for payload in payloads) if isinstance(each, Accepted)
    ]
    sealer = Sealer(PROVIDER)
    yield "seal", microseconds(lambda payload: sealer.envelope("mllp", "key", payload), payloads)
    commands = [
        Command(each.command_id, each.account, at, at, each.source, "mllp", each.content_hash, each.body)
        for each in accepted
    ]
    yield "encode", microseconds(msgspec.json.Encoder().encode, commands)
    yield "answer", microseconds(answer_durable, accepted)


def _best(work: Callable[[Any], object], inputs: Sequence[Any]) -> int:
    best = sys.maxsize
    for _ in range(ROUNDS):
        started = time.thread_time_ns()
        for each in inputs:
            work(each)
        best = min(best, time.thread_time_ns() - started)
    return best

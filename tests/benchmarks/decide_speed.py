"""How long one decision takes on this machine: `python tests/benchmarks/decide_speed.py`, as JSON.

Median and 99th percentile in µs of `decide` for a plain charge of five lines to a new visit, with what a lane does
around it: encoding the record, the core and the encounter. The domain's own part is to stay at or below 60 µs.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median, quantiles

import msgspec

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from domain_world import PERSON, START, XIAMEN, charge, line, score, signing  # noqa: E402 - the paths above make it importable

from hub.domain.decide import decide  # noqa: E402 - the paths above make it importable
from hub.domain.decision import Now  # noqa: E402 - the paths above make it importable
from hub.domain.state import AccountState, encode_core, encode_encounter, new_state  # noqa: E402 - the paths above make it importable
from schemas.commands import Command  # noqa: E402 - the paths above make it importable

ROUNDS = 3_000
_encoder = msgspec.json.Encoder()


def command(name: str, body: object) -> Command:
    """Return a command as an edge makes it."""
    return Command(name, PERSON, START, START, "HIS@XMZSH", "mllp", f"hash of {name}", body)


def enrolled() -> AccountState:
    """Return a person with a line of 8,000.00 and some history."""
    state = new_state(PERSON)
    for number, body in enumerate((score(XIAMEN, 700, START), signing("xiamen-city-2023", bank="CCB"))):
        state = decide(state, command(f"e{number}", body), number, XIAMEN, Now(START, START)).state
    for number in range(3):
        body = charge(*(line(f"H{number}-{n}", 100) for n in range(5)), visit=f"H{number}")
        state = decide(state, command(f"h{number}", body), 9, XIAMEN, Now(START, START)).state
    return state


def timed() -> dict[str, list[float]]:
    """Return the µs of each stage, for every round."""
    state, now = enrolled(), Now(START, START)
    stages: dict[str, list[float]] = {"decide": [], "encode record": [], "encode state": []}
    for number in range(ROUNDS):
        body = charge(*(line(f"F{number}-{n}", 1_000 + n, department="PHA") for n in range(5)), visit=f"V{number}")
        message = command(f"m{number}", body)
        started = time.thread_time_ns()
        decision = decide(state, message, number, XIAMEN, now)
        decided = time.thread_time_ns()
        _encoder.encode(decision.record)
        recorded = time.thread_time_ns()
        encode_core(decision.state.core)
        encode_encounter(decision.state.encounters[f"XMZSH|V{number}"])
        ended = time.thread_time_ns()
        for name, nanoseconds in zip(stages, (decided - started, recorded - decided, ended - recorded), strict=True):
            stages[name].append(nanoseconds / 1_000)
    return stages


if __name__ == "__main__":
    result = {
        name: {"median_us": round(median(values), 1), "p99_us": round(quantiles(values, n=100)[98], 1)}
        for name, values in timed().items()
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")

"""What one plain charge costs the domain: `decide` with `evolve` in it, and encoding what it makes.

The charge comes out of real HL7, for a person with a credit line and earlier visits. µs are CPU time of the thread, not
the clock; executed instructions of the interpreter do not change from run to run, whatever else the machine does.
"""

import sys
import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from types import FrameType
from typing import Any, Final

import msgspec

from adapters.hl7.frames import Frame, FrameDecoder
from adapters.hl7.translation import Accepted, translate
from hub.cli.edge_stages import SETTING
from hub.domain.decide import decide
from hub.domain.decision import Decision, Now
from hub.domain.state import AccountState, encode_core, encode_encounter, new_state
from hub.policies import Policies, load_policies
from hub.simulate.load import frames
from schemas.city_time import DAY_MS
from schemas.commands import Body, Command, Instant, ObserveScore, SignAgreement

_EARLIER: Final = 3
"""Visits that the account already has."""
_encoder: Final = msgspec.json.Encoder()


def decision_costs(count: int, lines: int, at: Instant) -> dict[str, Any]:
    """Return µs of each stage over `count` charges of so many lines, instructions, and bytes."""
    policies, now = load_policies(), Now(at, at)
    charges = _charges(count + _EARLIER, lines, at)
    state = _enrolled(charges[0].account, policies, at)
    for command in charges[:_EARLIER]:
        state = decide(state, command, 0, policies, now).state
    charges = charges[_EARLIER:]
    decisions = [decide(state, command, 0, policies, now) for command in charges]
    touched = [_touched(state, decision) for decision in decisions]
    return {
        "lines": lines,
        "decide": _spread(lambda command: decide(state, command, 0, policies, now), charges),
        "encode record": _spread(lambda decision: _encoder.encode(decision.record), decisions),
        "encode state": _spread(lambda encode: encode(), touched),
        "instructions": instructions(lambda: decide(state, charges[0], 0, policies, now)),
        "record_bytes": len(_encoder.encode(decisions[0].record)),
        "state_bytes": len(touched[0]()),
    }


def instructions(work: Callable[[], object]) -> int:
    """Return how many instructions of the interpreter a call executes; what is written in C counts as one."""
    executed, before = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal executed
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        executed += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return executed


def _spread(work: Callable[[Any], object], inputs: Sequence[Any]) -> dict[str, float]:
    """Return the µs of a call: at the median, the 99th percentile, and the least, which other load changes least."""
    spent = []
    for each in inputs:
        started = time.thread_time_ns()
        work(each)
        spent.append((time.thread_time_ns() - started) / 1_000)
    figures = {"median_us": median(spent), "p99_us": quantiles(spent, n=100)[98], "least_us": min(spent)}
    return {name: round(figure, 1) for name, figure in figures.items()}


def _charges(count: int, lines: int, at: Instant) -> list[Command]:
    """Return charges of one person as the edge makes them, each of a visit of its own."""
    decoder, commands = FrameDecoder(), []
    for wire in frames(1, count, lines, at, "D"):
        for event in decoder.feed(wire):
            read = translate(event.payload, SETTING, at) if isinstance(event, Frame) else None
            if isinstance(read, Accepted):
                commands.append(_command(read.account, read.body, at, read.command_id, read.content_hash))
    return commands


def _command(account: str, body: Body, at: Instant, name: str, content: str) -> Command:
    return Command(name, account, at, at, "HIS@XMZSH", "mllp", content, body)


def _enrolled(account: str, policies: Policies, at: Instant) -> AccountState:
    """Return a person with a score and an agreement."""
    until, cuts = at + 365 * DAY_MS, policies.cut_points_hash("egret")
    consent = ("authorisation", at - DAY_MS, until, ("medical_credit",))
    bodies: tuple[Body, ...] = (
        ObserveScore("egret", policies.band("egret", 700), cuts, "score", at, until, 1, *consent),
        SignAgreement(at, "xiamen-city-2023", "CCB", "alipay", "contract", ("egret",), "2026-01", until),
    )
    state = new_state(account)
    for place, body in enumerate(bodies):
        command = _command(account, body, at, f"enrol {place}", f"content {place}")
        state = decide(state, command, place, policies, Now(at, at)).state
    return state


def _touched(before: AccountState, decision: Decision) -> Callable[[], bytes]:
    """Return how the parts of the state that a decision changed are encoded."""
    known = before.encounters
    changed = [each for key, each in decision.state.encounters.items() if known.get(key) is not each]
    return lambda: encode_core(decision.state.core) + b"".join([encode_encounter(each) for each in changed])

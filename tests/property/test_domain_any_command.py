"""No command whatever stops a lane: decide gives one outcome for any field values, on any state it led to."""

from typing import Literal, get_args, get_origin

import msgspec
from domain_world import FEED, NUMBER, PERSON, START, World, encoded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.domain.decide import decide, fire
from hub.domain.decision import Now
from hub.domain.evolve import evolve
from hub.domain.state import new_state
from hub.domain.timers import next_timer
from hub.policies import load_policies
from schemas import commands
from schemas.commands import Command, ReplyTo, Via
from schemas.ledger import LedgerRecord

POLICIES = load_policies()
WORDS = st.sampled_from(["", "A", "V|1", "F1", "F2", "|", "x" * 40, "xiamen-platform-2024", "egret", PERSON, NUMBER])
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, START, START - 10**9, 5_000_000_000, 5_000_000_001, 2**62, -(2**62)]),
    st.integers(-(10**6), 10**6),
)
QUANTITIES = st.sampled_from(["1", "", "-2", "1E999999", "NaN", "sNaN", "0.10", "一", "1" * 80])


def anything(kind):
    """Return a strategy for any value of a field's type."""
    origin, arguments = get_origin(kind), get_args(kind)
    simple = {int: NUMBERS, str: WORDS, bool: st.booleans(), type(None): st.none()}
    if kind in simple:
        return simple[kind]
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(anything(arguments[0]), max_size=4).map(tuple)
    if arguments:
        return st.one_of([anything(argument) for argument in arguments])
    fields = {field.name: anything(field.type) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields | ({"quantity": QUANTITIES} if kind is commands.ChargeLine else {}))


def any_commands():
    """Return commands whose ids, hashes and ways meet now and then."""
    return st.builds(
        Command,
        id=st.sampled_from(["m1", "m2", "a|b", ""]),
        account=st.just(PERSON),
        accepted_at=st.integers(START, START + 10**9),
        accepted_wall_at=st.integers(START, START + 10**9),
        content_hash=st.sampled_from(["h1", "h2", ""]),
        interface=st.sampled_from(["mllp", "fhir", "alipay", "score", "api", "courier", "relay", "reinjection"]),
        body=anything(commands.Body),
        reply=st.sampled_from([None, ReplyTo(0)]),
        via=st.sampled_from([None, Via(0, NUMBER, 1, (NUMBER,)), Via(0, "other", 0, ("a", "b", "c", "d"))]),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    account=st.sampled_from([PERSON, NUMBER, FEED]),
    sent=st.lists(any_commands(), min_size=1, max_size=12),
    hours=st.lists(st.integers(0, 400), min_size=12, max_size=12),
)
def test_any_command_has_one_outcome_and_the_record_alone_makes_the_state(account, sent, hours):
    """Every decision folds; timers that come due fire and are gone."""
    state, at = new_state(account), START
    for offset, (command, later) in enumerate(zip(sent, hours, strict=False)):
        at += later * 3_600_000
        now = Now(at, at)
        while (timer := next_timer(state, now)) is not None:
            state = folded(state, fire(state, timer, POLICIES, now))
            assert next_timer(state, now) != timer
        state = folded(state, decide(state, command, offset, POLICIES, now))


def folded(before, decision):
    """Return the state after a decision, which its record alone must give."""
    record = msgspec.json.decode(msgspec.json.encode(decision.record), type=LedgerRecord)
    assert encoded(evolve(before, record)) == encoded(decision.state)
    return decision.state


def test_a_message_without_lines_opens_its_visit_and_moves_nothing():
    """Nothing to charge is no fault of the books."""
    world = World()
    decision = world.send(commands.PostCharge("A", "V1", "outpatient", START, ()))
    assert not decision.record.journal

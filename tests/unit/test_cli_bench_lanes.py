"""What `medcredit bench lanes` makes of its measurements, and that its commands pass every stage of a lane."""

import pytest

from hub.cli.bench_lanes import FLOORS, Mark, between, verdicts
from hub.cli.bench_stack import CITY
from hub.cli.calibration import BUSY, REFERENCE, WORKS, calibration
from hub.cli.lane_stages import COLD, STAGES, LaneStages
from hub.domain.decision import Now
from hub.domain.state import new_state
from hub.policies import load_policies
from hub.simulate.lane_commands import CommandSource
from streams.lanes.domain_rules import DomainRules


def test_every_stage_of_a_command_has_a_cost():
    """Measured on real commands: deciding, and everything around it."""
    costs = LaneStages(1, CITY, persons=5).costs(0.2)
    assert list(costs) == [*STAGES, COLD]
    assert all(cost > 0 for name, cost in costs.items() if name in ("decode command", "decide", COLD))


def test_the_commands_of_the_bench_are_full_decisions():
    """A person is opened, and a charge of five lines is posted with its credit part, four to a visit."""
    rules = DomainRules(load_policies())
    source = CommandSource(rules.policies, 1, CITY)
    state, outcomes = new_state(source.accounts[0]), []
    for offset, command in enumerate(source.openings() + source.charges(9, 5)):
        decision = rules.decide(state, command, offset, Now(CITY, CITY))
        state = decision.state
        outcomes.append(decision.record.outcome)
    assert "REFUSED" not in outcomes
    assert outcomes[-9:] == ["POSTED"] * 9
    assert len(state.encounters) == 3
    assert decision.record.events[0].allocation.credit_fen > 0


def test_the_rate_leaves_out_the_first_and_the_last_tenth():
    """Begin and end of a drain are slower; what counts lies between a tenth and nine tenths."""
    marks = [Mark(0, 1000, 5.0), Mark(3, 900, 5.5), Mark(4, 500, 6.0), Mark(5, 100, 6.5), Mark(9, 0, 7.0)]
    assert between(marks, 1000) == {
        "commands": 800,
        "rate": 400,
        "cpu_us_per_command": 1250.0,
        "processor_share": 0.5,
    }


def test_a_drain_too_short_to_be_measured_is_said_not_guessed():
    """Everything was decided between two looks."""
    with pytest.raises(RuntimeError, match="with more of them"):
        between([Mark(0, 1000, 5.0), Mark(1, 0, 6.0)], 1000)


def test_the_floors_are_those_of_the_design():
    """8,000/s, 100 ms at 3,000/s, 100,000 accounts/s, 1.5 kB; a command that was never seen misses the second."""
    restored = {"accounts_per_second": 100_000, "memory_bytes_per_account": 1_500}
    seen = {"sent": 10, "seen": 10, "p99_ms": 100}
    assert [each.word for each in verdicts({"rate": 8_000}, seen, restored)] == ["OK"] * 5
    assert [each.word for each in verdicts({"rate": 7_999}, {"sent": 10, "seen": 0}, restored)].count("MISSED") == 3
    assert FLOORS == {"rate": 8_000, "paced_p99_ms": 100, "restored": 100_000, "idle_bytes": 1_500}


def test_the_machine_is_told_by_four_fixed_pieces_of_work():
    """Each takes some time, one of them again with busy neighbours; the floors' machine names two of them."""
    took = calibration(0.02)
    assert list(took) == [*WORKS, BUSY]
    assert all(microseconds > 0 for microseconds in took.values())
    assert set(REFERENCE) < set(WORKS)

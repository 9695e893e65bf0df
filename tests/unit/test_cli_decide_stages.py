"""What `medcredit bench decide` measures."""

from hub.cli.decide_stages import decision_costs, instructions

CITY = 1_782_867_600_000


def test_every_stage_of_a_decision_has_a_cost():
    """Measured on charges read from real HL7."""
    found = decision_costs(20, 5, CITY)
    assert all(found[stage]["least_us"] > 0 for stage in ("decide", "encode record", "encode state"))
    assert found["lines"] == 5
    assert 1_000 < found["record_bytes"] < 10_000


def test_instructions_are_the_same_every_time_and_more_for_more_lines():
    """So a change of the domain shows however busy the machine is."""
    counted = [decision_costs(2, lines, CITY)["instructions"] for lines in (5, 5, 50)]
    assert counted[0] == counted[1] < counted[2]


def test_what_a_call_executes_is_counted():
    """Also in functions that it calls."""
    assert instructions(lambda: None) < instructions(lambda: [abs(n) for n in range(10)])


def test_a_plain_charge_stays_cheap():
    """A rule that makes every charge of five lines dearer is noticed; no clock is asked, so no machine is too slow."""
    assert decision_costs(2, 5, CITY)["instructions"] < 3_500

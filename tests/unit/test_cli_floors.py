"""What `medcredit bench` says of a figure and its floor."""

from hub.cli.bench_edge import within
from hub.cli.edge_stages import stage_costs
from hub.cli.floors import at_least, at_most, missed


def test_a_figure_at_its_floor_is_ok_and_one_below_it_is_missed():
    """The words stand for both directions."""
    assert [at_least("rate", figure, 3000, "messages/s").word for figure in (3000, 2999)] == ["OK", "MISSED"]
    assert [at_most("p99", figure, 100, "ms").word for figure in (100, 100.1)] == ["OK", "MISSED"]
    assert str(at_most("p99", 120, 100, "ms")) == "MISSED  p99: 120 ms, at most 100"


def test_one_missed_floor_is_enough_to_fail():
    """`medcredit bench` exits with 1 then."""
    assert not missed([at_least("rate", 4000, 3000, "messages/s")])
    assert missed([at_least("rate", 4000, 3000, "messages/s"), at_most("p99", 101, 100, "ms")])


def test_every_stage_of_a_message_has_a_cost():
    """Measured on real messages: each of them is accepted and passes every stage."""
    costs = dict(stage_costs(20, 5, 1_782_867_600_000))
    assert list(costs) == ["frame", "translate", "seal", "encode", "answer"]
    assert all(cost > 0 for cost in costs.values())


def test_of_the_broker_s_confirmations_those_between_two_readings_are_told():
    """Ninety-nine of a hundred came within 5 ms, the last within 200; what was slow before the run does not count."""
    before = {0.005: 10.0, 0.05: 10.0, 0.2: 10.0, float("inf"): 40.0}
    after = {0.005: 109.0, 0.05: 109.0, 0.2: 110.0, float("inf"): 140.0}
    assert within(before, after) == {"half": 5.0, "99 %": 5.0, "all": 200.0}

"""The seeded city: the same seed is the same city, a recorded one can be replayed, and no invariant breaks."""

import json

import pytest

from hub.policies import load_policies
from hub.simulate.seeded import replay, simulate
from hub.simulate.seeded.fates import Fates
from hub.simulate.seeded.shrink import shortest

POLICIES = load_policies()


def test_the_same_seed_gives_the_same_state_hash():
    """Two runs of one seed agree to the byte; another seed is another city."""
    first, second, other = (simulate(seed, 400, POLICIES, people=30) for seed in (7, 7, 8))
    assert not first.failure
    assert first.state_sm3 == second.state_sm3
    assert first.outcomes == second.outcomes
    assert first.state_sm3 != other.state_sm3


def test_a_recorded_script_gives_the_state_it_was_recorded_from():
    """Replaying the deeds of a run without its source is the same run."""
    told = simulate(11, 400, POLICIES, people=30)
    assert replay(11, told.script, POLICIES).state_sm3 == told.state_sm3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_invariant_breaks_in_a_city(seed):
    """Everything that can happen to 40 people in 1,500 deeds of each era, with relays and gateways of all fates."""
    told = simulate(seed, 1_500, POLICIES, people=40)
    assert not told.failure, told.failure
    assert {"POSTED", "RECORDED", "DUPLICATE", "FORWARDED", "HELD"} <= told.outcomes.keys()
    assert told.days >= (13 * 31 if seed % 3 else 90)


def test_a_script_is_shortened_to_what_is_needed():
    """Two steps of a hundred that only fail together are all that is left."""
    assert shortest(range(100), lambda kept: {17, 71} <= set(kept)) == [17, 71]


def test_fates_do_not_depend_on_the_order_of_questions():
    """Leaving out a question changes no other answer."""
    one, two = Fates(1), Fates(1)
    one.draw("a", 1000)
    assert one.draw("b", 1000) == two.draw("b", 1000)
    assert one.choose("c", [(0, "never"), (1, "always")]) == "always"


def test_the_verb_tells_the_seed_the_rate_and_the_hash(capsys, monkeypatch):
    """`--json` prints one document; two calls agree about the state."""
    from hub.cli import main

    hashes = []
    for _ in range(2):
        monkeypatch.setattr(
            "sys.argv",
            ["medcredit", "simulate", "city", "--seed", "5", "--events", "150", "--people", "10", "--json"],
        )
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        document = json.loads(capsys.readouterr().out)
        assert document["again"] == "medcredit simulate city --seed 5 --events 150 --people 10"
        assert sum(document["commands_of"].values()) == document["commands"]
        hashes.append(document["state_sm3"])
    assert hashes[0] == hashes[1]

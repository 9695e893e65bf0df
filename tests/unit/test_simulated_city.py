"""The seeded city: the same seed is the same city, and five planted bugs are each found and told in a few steps."""

import json

import pytest
from msgspec.structs import replace

from hub.domain import auto_debit, deduction, journal, reversals
from hub.domain.state import Parts
from hub.policies import load_policies
from hub.simulate.seeded import replay, shortened, simulate
from hub.simulate.seeded.fates import Fates
from hub.simulate.seeded.shrink import shortest
from schemas import events

POLICIES = load_policies()


def test_the_same_seed_gives_the_same_state_hash():
    """Two runs of one seed agree to the byte; another seed is another city."""
    first, second, other = (simulate(seed, 400, POLICIES, people=30) for seed in (7, 7, 8))
    assert first.fault is None
    assert first.state_sm3 == second.state_sm3
    assert first.outcomes == second.outcomes
    assert first.state_sm3 != other.state_sm3


def test_a_recorded_script_gives_the_state_it_was_recorded_from():
    """Replaying the deeds of a run without its source is the same run."""
    told = simulate(11, 400, POLICIES, people=30)
    assert replay(11, told.script, POLICIES).state_sm3 == told.state_sm3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_invariant_breaks_in_a_city(seed):
    """Everything that can happen to 60 people in 2,500 deeds, with relays and gateways of all fates."""
    told = simulate(seed, 2_500, POLICIES, people=60)
    assert told.fault is None, told.fault
    assert {"POSTED", "RECORDED", "DUPLICATE", "FORWARDED", "HELD"} <= told.outcomes.keys()


def too_much_credit(monkeypatch):
    """The line gives one fen more than is free."""
    honest = deduction.credit_room
    monkeypatch.setattr(deduction, "credit_room", lambda *case: replace(honest(*case), fen=honest(*case).fen + 1))


def returned_twice(monkeypatch):
    """A reversal forgets what went back before."""
    honest = reversals.plan_return
    monkeypatch.setattr(reversals, "plan_return", lambda c, fen: honest(replace(c, returned=Parts()), fen))


def two_live_debits(monkeypatch):
    """A debit begins although one is under way."""
    honest = auto_debit.may_debit
    monkeypatch.setattr(auto_debit, "may_debit", lambda d, bill: honest(d, replace(bill, debiting=False)))
    monkeypatch.setattr(auto_debit, "retry_due", auto_debit.debit_due)
    monkeypatch.setitem(deciding()._FIRE_BY_ID, "debit_retry", auto_debit.debit_due)


def credit_to_the_suspended(monkeypatch):
    """An overdue person still gets credit."""
    honest = deduction._bar
    lenient = lambda case, agreement: honest(replace(case, core=replace(case.core, suspended=False)), agreement)  # noqa: E731
    monkeypatch.setattr(deduction, "_bar", lenient)


def wrong_pocket(monkeypatch):
    """Money paid in advance is posted to another institution's account."""
    honest = journal.POST[events.PrepaymentDeposited]
    wrong = lambda state, event: honest(state, replace(event, institution="ELSEWHERE"))  # noqa: E731
    monkeypatch.setitem(journal.POST, events.PrepaymentDeposited, wrong)


def deciding():
    """Return the module that fires timers."""
    import hub.domain.decide as module

    return module


PLANTED = [too_much_credit, returned_twice, two_live_debits, credit_to_the_suspended, wrong_pocket]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_bug_is_found_and_made_short(plant, monkeypatch):
    """The simulator names a broken invariant and a script of at most twenty deeds that breaks it again."""
    plant(monkeypatch)
    runs = ((seed, simulate(seed, 1_500, POLICIES, people=10)) for seed in range(1, 12))
    seed, told = next((seed, told) for seed, told in runs if told.fault is not None)
    short = shortened(seed, told, POLICIES)
    assert short.fault is not None
    assert short.fault.number == told.fault.number
    assert len(short.script) <= 20, [deed.command.body for deed in short.script]


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
        hashes.append(json.loads(capsys.readouterr().out)["state_sm3"])
    assert hashes[0] == hashes[1]

"""Recorded commands under two packs: the same pack changes nothing, another one moves only credit and self-pay."""

import pytest
from domain_world import CITY, DAY, HOUR, MINUTE, PERSON, START, World, charge, line, score, signing
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.decision import Now
from hub.domain.state import encode_core, new_state
from hub.policies import Policies, load_policies
from schemas.commands import Command, DepositPrepayment, RecordVisit
from streams.shadow import Comparison

NOBODY_ASKED = {
    "dishonesty_check": False,
    "insured_only": False,
    "insurance_link": False,
    "insurance_credit_check": False,
}
POLICIES = Policies(
    [pack._replace(enrolment=pack.enrolment._replace(**NOBODY_ASKED)) for pack in load_policies().packs.values()]
)
"""The packs without what they ask before they give credit: the persons here are asked nothing."""
PACKS = POLICIES.packs
HOSPITAL = "XMDYY"


def recorded(charges: list[int], egret: int = 620) -> list[Command]:
    """Return what a hub heard of a person: score, signature, prepayment, and charges a day apart, each discharged."""
    world = World(POLICIES)
    commands = [
        world.command(score(POLICIES, egret, at=world.city), interface="score"),
        world.command(signing(CITY, at=world.city), interface="api"),
        world.command(DepositPrepayment(HOSPITAL, world.city, 3_000), interface="api"),
    ]
    for number, fen in enumerate(charges):
        world.city += DAY
        world.wall += DAY
        visit = f"V{number}"
        commands.append(
            world.command(charge(line(f"F{number}", fen), visit=visit, institution=HOSPITAL, at=world.city))
        )
        world.city += MINUTE
        commands.append(world.command(RecordVisit(HOSPITAL, visit, "discharged", world.city)))
    return commands


def compared(commands: list[Command], instead: Policies, until: int = START + 400 * DAY) -> Comparison:
    """Return both runs of the commands to an instant far behind them."""
    comparison = Comparison(POLICIES, instead)
    begin = Now(START - HOUR, START - HOUR)
    for offset, command in enumerate(commands):
        comparison.hear(command, offset, {}, begin)
    comparison.close({}, begin, Now(until, until))
    return comparison


@given(charges=st.lists(st.integers(1, 400_000), min_size=1, max_size=6))
def test_the_same_pack_instead_of_itself_changes_nothing(charges):
    """Every sum, every reason, every person."""
    result = compared(recorded(charges), POLICIES.instead_of(CITY, PACKS[CITY]))
    assert result.a == result.b
    assert (result.raised, result.lowered, result.persons) == (0, 0, 1)
    assert result.a.charged_fen == sum(charges)


@given(
    charges=st.lists(st.integers(1, 900_000), min_size=1, max_size=6),
    other=st.sampled_from(sorted(PACKS)),
    egret=st.sampled_from([0, 500, 501, 584, 620, 650, 651, 900]),
)
def test_under_any_other_pack_the_same_is_charged_and_every_fen_is_accounted_for(charges, other, egret):
    """Credit and self-pay move against each other; what insurance and prepayment gave stays."""
    result = compared(recorded(charges, egret), POLICIES.instead_of(CITY, PACKS[other]))
    assert result.a.charged_fen == result.b.charged_fen == sum(charges)
    assert result.a.unaccounted_fen == result.b.unaccounted_fen == 0
    moved = {part: result.b.parts[part] - result.a.parts[part] for part in result.a.parts | result.b.parts}
    assert moved.get("credit_fen", 0) == -moved.get("self_pay_fen", 0)
    assert not moved.get("prepayment_fen", 0)
    assert not result.a.refused


def test_a_smaller_line_turns_credit_into_self_pay_and_the_person_is_counted():
    """620 gives 3,000 yuan in the city and nothing on the platform, whose tier begins at 650."""
    result = compared(recorded([203_000]), POLICIES.instead_of(CITY, PACKS["xiamen-platform-2024"]))
    assert (result.a.parts["credit_fen"], result.a.parts["self_pay_fen"]) == (200_000, 0)
    assert (result.b.parts["credit_fen"], result.b.parts["self_pay_fen"]) == (0, 200_000)
    assert result.b.reasons == {"NO_LINE": 1}
    assert (result.raised, result.lowered) == (0, 1)


def test_a_larger_line_turns_self_pay_into_credit():
    """660 with a bank that offers 5,000 yuan: nothing changes; 560 has 1,000 in the city, 3,000 in Pingtan's pack."""
    result = compared(recorded([203_000], egret=560), POLICIES.instead_of(CITY, PACKS["pingtan-2025"]))
    assert (result.a.parts["credit_fen"], result.b.parts["credit_fen"]) == (100_000, 200_000)
    assert (result.raised, result.lowered) == (1, 0)


def test_what_waits_for_the_end_of_a_visit_is_accounted_for_as_waiting():
    """Under Pingtan's rules a visit that is open when the window ends is charged and not yet split."""
    commands = recorded([50_000])[:-1]
    soon = commands[-1].accepted_at + HOUR
    result = compared(commands, POLICIES.instead_of(CITY, PACKS["pingtan-2025"]), until=soon)
    assert (result.a.parts["credit_fen"], result.a.parts["waiting_fen"]) == (47_000, 0)
    assert (result.b.parts["credit_fen"], result.b.parts["waiting_fen"]) == (0, 50_000)
    assert result.a.charged_fen == result.b.charged_fen == 50_000
    assert result.a.unaccounted_fen == result.b.unaccounted_fen == 0


def test_what_was_debited_frees_the_line_in_both_runs():
    """A second charge 60 days later finds the first one paid, by whichever clock the pack has."""
    commands = recorded([303_000])
    later = World(POLICIES)
    later.city = later.wall = START + 61 * DAY
    later._sent = 100
    commands.append(later.command(charge(line("G1", 300_000), visit="W1", institution=HOSPITAL, at=later.city)))
    result = compared(commands, POLICIES.instead_of(CITY, PACKS["xiamen-city-2023"]))
    assert result.a.parts["credit_fen"] == result.b.parts["credit_fen"] == 600_000


def test_the_state_the_runs_begin_with_is_left_as_it_is():
    """The live hub's state is read, never changed: its bytes are the same afterwards."""
    world = World(POLICIES)
    for command in recorded([100_000]):
        world.city, world.wall = command.accepted_at, command.accepted_wall_at
        world.take(command)
    before, states = encode_core(world.state.core), {PERSON: world.state}
    comparison = Comparison(POLICIES, POLICIES.instead_of(CITY, PACKS["pingtan-2025"]))
    now = Now(world.city, world.wall)
    comparison.close(dict(states), now, Now(world.city + 90 * DAY, world.wall + 90 * DAY))
    assert encode_core(states[PERSON].core) == before
    assert comparison.persons == 1


@pytest.mark.parametrize("field", ["institutions", "valid_from", "valid_to", "id"])
def test_the_rules_in_a_packs_place_keep_its_id_dates_and_institutions(field):
    """So agreements, institutions and old bands find what they always found."""
    swapped = POLICIES.instead_of(CITY, PACKS["pingtan-2025"])
    assert getattr(swapped.packs[CITY], field) == getattr(PACKS[CITY], field)
    assert swapped.packs[CITY].settlement == PACKS["pingtan-2025"].settlement
    assert all(swapped.knows(POLICIES.cut_points_hash(provider)) for provider in ("egret", "sesame", "bank"))


def test_an_account_never_heard_of_begins_empty():
    """A number's account, say: it has no line, so no person is counted."""
    comparison = Comparison(POLICIES, POLICIES)
    comparison.close({PERSON: new_state(PERSON)}, Now(0, 0), Now(START, START))
    assert (comparison.persons, comparison.inputs) == (0, 0)

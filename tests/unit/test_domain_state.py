"""What a lane keeps of an account: bytes with a version and due times first, and its facts (architecture 4, 6)."""

import struct

import msgspec
import pytest
from domain_world import DAY, HOUR, PLATFORM, START, XIAMEN, A, World, charge, encoded, line

from hub.domain.decide import decide, refuse
from hub.domain.digests import content_digest, id_digest
from hub.domain.evolve import APPLY, SEEN_KEPT, SEEN_MAX
from hub.domain.state import (
    NEVER,
    AccountState,
    Alarm,
    Seen,
    StateVersionError,
    decode_core,
    decode_encounter,
    due_from_bytes,
    encode_core,
    encode_encounter,
    new_state,
)
from hub.domain.timers import next_due, next_timer
from schemas.commands import RecordRepayment, RecordVisit
from schemas.events import Event
from schemas.reasons import Reason


def test_every_event_changes_state_in_exactly_one_way():
    """No event of the vocabulary is forgotten."""
    from typing import get_args

    assert set(APPLY) == set(get_args(Event))


def test_a_new_account_has_no_timer():
    """Both clocks say NEVER, 2^64 − 1, also in the bytes' head."""
    state = new_state("A" * 26)
    assert next_due(state) == (NEVER, NEVER) == due_from_bytes(encode_core(state.core))
    assert struct.unpack_from(">BQQ", encode_core(state.core)) == (1, 2**64 - 1, 2**64 - 1)


def test_the_head_of_the_bytes_gives_the_next_due_times():
    """City: the idle close; wall: the guard of an open order."""
    world = World()
    world.enrol(50_000)
    world.send(charge(line("F1", 100)))
    assert due_from_bytes(encode_core(world.state.core)) == (world.city + 12 * HOUR, NEVER)
    world.close()
    world.move(city=72 * HOUR)
    city, wall = due_from_bytes(encode_core(world.state.core))
    assert (city, wall) == (world.bill.due_at, world.debit.expires_wall_at + 5 * 60_000 + 1)


def test_a_timer_that_was_due_before_1970_is_due_at_once():
    """A relayed instant may be anything; the head of the bytes has no negative times."""
    core = new_state("A" * 26).core
    encoded_core = encode_core(msgspec.structs.replace(core, timers={"term|B1": Alarm(-1, city=True, outside=False)}))
    assert due_from_bytes(encoded_core) == (0, NEVER)


@pytest.mark.parametrize("decode", [decode_core, decode_encounter])
def test_bytes_of_an_unknown_version_are_not_guessed_at(decode):
    """StateVersionError names the version."""
    with pytest.raises(StateVersionError, match="version 9"):
        decode(b"\x09" + bytes(20))


def test_only_changed_keys_change_their_bytes():
    """A charge to one visit leaves the bytes of another alone."""
    world = World()
    world.send(charge(line("F1", 100), visit="V1"))
    before, kept = encoded(world.state), world.state.encounters[f"{A}|V1"]
    world.send(charge(line("F2", 100), visit="V2"))
    assert world.state.encounters[f"{A}|V1"] is kept
    assert encoded(world.state)[f"{A}|V1"] == before[f"{A}|V1"]
    assert decode_encounter(encode_encounter(kept)) == kept


def test_timers_fire_in_the_order_of_their_instants_and_kinds():
    """At one instant the kinds go by name."""
    world = World()
    for visit in ("V2", "V1"):
        world.send(charge(line(f"F{visit}", 100), visit=visit))
    first = next_timer(world.state, world.now._replace(city=world.city + 12 * HOUR))
    assert (first.kind, first.subject) == ("idle_close", f"{A}|V1")
    assert next_timer(world.state, world.now) is None
    assert [d.record.source.subject for d in world.move(city=DAY)] == [f"{A}|V1", f"{A}|V2"]


def test_timers_that_call_outside_say_so():
    """The debit and the term wait for the log; the idle close does not."""
    world = World()
    world.enrol(50_000)
    world.send(charge(line("F1", 100)))
    assert not next(iter(world.state.core.timers.values())).outside
    world.close()
    outside = {key.partition("|")[0] for key, alarm in world.state.core.timers.items() if alarm.outside}
    assert outside == {"auto_debit", "term"}


def test_a_refusal_for_want_of_room_changes_nothing_and_is_judged_anew():
    """OUTCOME_TOO_LARGE: one record, a quarantined message, no memory of it; its repeat is booked if there is room."""
    world = World()
    command = world.command(charge(line("F1", 100)), named="big")
    decision = refuse(world.state, command, 7, world.policies, world.now, Reason.OUTCOME_TOO_LARGE)
    assert (decision.record.outcome, decision.record.reason) == ("REFUSED", "OUTCOME_TOO_LARGE")
    assert decision.quarantine
    assert decision.state.core == msgspec.structs.replace(world.state.core, seq=decision.record.seq)
    world.state = decision.state
    assert world.take(command).record.outcome == "POSTED"


def test_of_too_many_message_ids_those_that_made_nothing_are_forgotten_first():
    """Beyond 8,000 ids 7,000 stay: what posted, however old, and the newest of the rest; the fold forgets the same."""
    world = World()
    paid = world.command(RecordRepayment(START, 500, receipt_no="R1"), named="paid")
    world.take(paid)
    assert world.take(paid).record.outcome == "DUPLICATE"
    idle = {id_digest(f"x{n}"): Seen(content_digest(f"c{n}"), n, START, n, "RECORDED") for n in range(SEEN_MAX - 1)}
    core = msgspec.structs.replace(world.state.core, seen={**world.state.core.seen, **idle})
    world.state = AccountState(core, {})
    world.send(RecordVisit(A, "V1", "updated", START), named="visit")
    seen = world.state.core.seen
    assert len(seen) == SEEN_KEPT
    assert list(seen) == [id_digest("paid"), *list(idle)[-(SEEN_KEPT - 2) :], id_digest("visit")]
    assert world.take(paid).record.outcome == "DUPLICATE"
    assert world.state.core.refundable_fen == 500


def test_the_facts_of_a_charge_sum_its_parts_and_count_lines_by_department():
    """One fact for the decision, one more for the other department; nobody's name in it."""
    world = World()
    world.enrol(50_000)
    body = charge(line("F1", 40_000, department="PHA"), line("F2", 20_000, department="LAB"))
    first, second = world.send(body).facts
    assert (first.institution, first.department, first.scene, first.outcome) == (A, "PHA", "outpatient", "POSTED")
    assert (first.count, first.lines, first.visits) == (1, 1, 1)
    assert (first.charged_fen, first.credit_fen, first.self_pay_fen) == (60_000, 50_000, 10_000)
    assert (second.department, second.count, second.lines, second.charged_fen) == ("LAB", 0, 1, 0)
    assert first.city_hour == world.city


def test_a_visit_is_counted_at_its_department():
    """The heatmap's row of an ADT or Encounter is the department it names; a repeat opens nothing."""
    world = World()
    opened = RecordVisit(A, "V1", "opened", world.city, "emergency", department="ER")
    (fact,) = world.send(opened).facts
    assert (fact.institution, fact.department, fact.scene, fact.visits, fact.lines) == (A, "ER", "emergency", 1, 0)
    (again,) = world.send(opened).facts
    assert again.visits == 0
    first, *_ = world.send(charge(line("F1", 100, department="LAB"))).facts
    assert (first.department, first.visits) == ("LAB", 0)


def test_the_facts_follow_a_bill_to_its_debit():
    """Billed, paid, and the institution and channel of the bill."""
    world = World()
    world.enrol(50_000)
    world.send(charge(line("F1", 10_000)))
    (closed,) = world.send(RecordVisit(A, "V1", "discharged", world.city)).facts
    assert (closed.billed_fen, closed.channel, closed.pack) == (10_000, "alipay", "example-city-2025")
    (fired,) = world.move(city=72 * HOUR)
    assert (fired.facts[0].outcome, fired.facts[0].institution) == ("TIMER", A)
    (failed,) = world.answer(status="failed", cause="nsf").facts
    assert (failed.debits_failed, failed.debits_paid) == (1, 0)
    world.move(city=DAY)
    (paid,) = world.answer().facts
    assert (paid.debits_paid, paid.repaid_fen) == (1, 10_000)


def test_the_risk_panel_can_follow_line_and_overdue_amounts():
    """Changes of limits and of overdue amounts sum to what stands."""
    world = World()
    world.enrol(50_000)
    world.send(charge(line("F1", 10_000)))
    world.close()
    world.move(city=72 * HOUR)
    world.answer(status="failed", cause="card")
    world.move(city=7 * DAY)
    facts = [fact for decision in world.decisions for fact in decision.facts]
    assert sum(fact.limit_fen for fact in facts) == 50_000
    assert sum(fact.overdue_fen for fact in facts) == 10_000
    assert sum(fact.credit_fen - fact.returned_credit_fen - fact.repaid_fen for fact in facts) == 10_000


def test_a_stay_of_5000_messages_stays_far_below_a_records_limit_and_reads_back_equal():
    """One line a message, then the discharge: state and record hold, and the deflated state is the same state."""
    world = World(XIAMEN)
    world.enrol(700, pack=PLATFORM)
    state = world.state
    for number in range(5_000):
        body = charge(line(f"F-2026070112-{number:06d}", 37, order_no=f"O{number:08d}"), visit="S1", scene="inpatient")
        state = decide(state, world.command(body), number, XIAMEN, world.now).state
    leaving = world.command(RecordVisit(A, "S1", "discharged", world.city))
    closed = decide(state, leaving, 5_000, XIAMEN, world.now)
    (encounter,) = closed.state.encounters.values()
    stored = encode_encounter(encounter)
    assert len(encounter.lines) == 5_000
    assert len(stored) < 300_000
    assert decode_encounter(stored) == encounter
    assert max(len(encode_core(closed.state.core)), len(msgspec.json.encode(closed.record))) < 1_500_000

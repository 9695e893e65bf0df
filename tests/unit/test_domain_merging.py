"""ADT^A40 and aliases: numbers, cards and persons that turn out to be one patient (protocols 2.1, architecture 5)."""

import msgspec
import pytest
from domain_world import DAY, EXAMPLES, HOUR, KEY, A, charge, encoded, line, score, signing
from family_world import Town, person_account
from standing_world import city

from hub.domain.evolve import evolve
from hub.domain.state import new_state
from hub.policies.clauses import Holds
from schemas.commands import (
    AbsorbAccount,
    ConfirmProposal,
    DepositPrepayment,
    HoldCredit,
    IdentifyPatient,
    MergePatient,
    ProposeListing,
    RecordRepayment,
    RecordVisit,
    RefundPrepayment,
    Subject,
)
from schemas.ids import account_id
from schemas.ledger import ProposalView

OLD, NEW, THIRD = person_account("old"), person_account("new"), person_account("third")
OLD_NO, NEW_NO = (account_id(KEY, "number", f"XMZSH|{number}") for number in ("P1", "P2"))
CARD = account_id(KEY, "number", "insurance_card|3502001234")


def enrolled(town, account, fen=50_000):
    """Give a person a line."""
    world = town.world(account)
    value = {50_000: 150, 100_000: 250, 200_000: 350}[fen]
    world.send(score(town.policies, value, at=town.city), interface="score")
    world.send(signing("example-city-2025", at=town.city, subject=Subject(person=account)), interface="api")


def merge(town, retired, survivor, **who):
    """Send the A40 to the retired account."""
    body = MergePatient(A, town.city, survivor, retired)
    return town.send(who.get("to") or retired.number or retired.person, body, named=who.get("named", ""))


def prepaid(town, account, fen, **subject):
    """Pay in advance at A."""
    town.send(account, DepositPrepayment(A, town.city, fen, subject=Subject(**subject)), interface="api")


def in_transit(town):
    """Return what is between accounts."""
    return {name: fen for name, fen in town.balances().items() if name.startswith("transit/")}


def test_a_retired_number_gives_its_prepayment_and_forwards():
    """Early lines stay there and are reversed there; everything else goes to the surviving number."""
    town = Town()
    prepaid(town, OLD_NO, 5_000, number=OLD_NO)
    town.send(OLD_NO, charge(line("N1", 2_000), subject=Subject(number=OLD_NO)))
    merge(town, Subject(number=OLD_NO), Subject(number=NEW_NO))
    town.send(OLD_NO, charge(line("N2", 1_000), visit="V2", subject=Subject(number=OLD_NO)))
    town.settle()
    new = town.world(NEW_NO).state
    assert new.core.prepayments == {A: 2_000}
    assert new.encounters[f"{A}|V2"].lines
    assert town.send(OLD_NO, charge(line("K1", 500, kind="credit", reverses="N1"))).record.outcome == "POSTED"
    assert not in_transit(town)


def test_money_that_goes_round_in_a_circle_of_merges_stays_somewhere():
    """Two numbers merged into each other by mistake: nothing is lost in transit, and a person is told."""
    town = Town()
    merge(town, Subject(number=OLD_NO), Subject(number=NEW_NO))
    prepaid(town, NEW_NO, 5_000, number=NEW_NO)
    merge(town, Subject(number=NEW_NO), Subject(number=OLD_NO))
    town.settle()
    assert not in_transit(town)
    kept = [world.state.core.prepayments.get(A, 0) for world in town.accounts.values()]
    assert sum(kept) == 5_000
    letters = [each for world in town.accounts.values() for decision in world.decisions for each in decision.quarantine]
    assert [(each.interface, each.reason) for each in letters] == [("incident.money", "FORWARD_LOOP")]


def test_a_retired_number_of_a_known_person_tells_the_survivor_whose_it_is():
    """The surviving number links to the same person."""
    town = Town()
    town.send(OLD_NO, IdentifyPatient(A, town.city, Subject(person=NEW, number=OLD_NO)))
    prepaid(town, NEW_NO, 700, number=NEW_NO)
    assert merge(town, Subject(number=OLD_NO), Subject(number=NEW_NO)).record.outcome == "RECORDED"
    town.settle()
    assert town.world(NEW_NO).state.core.linked_person == NEW
    assert town.world(NEW).state.core.prepayments == {A: 700}


def test_a_prepayment_whose_way_ends_in_a_conflict_stays_there_and_is_paid_back_there():
    """The hospital names another person than the surviving number's: the money is kept, a person must look."""
    town = Town()
    town.send(NEW_NO, IdentifyPatient(A, town.city, Subject(person=NEW, number=NEW_NO)))
    prepaid(town, OLD_NO, 700)
    merge(town, Subject(number=OLD_NO), Subject(person=THIRD, number=NEW_NO))
    town.settle()
    number = town.world(NEW_NO)
    assert number.state.core.prepayments == {A: 700}
    assert number.decisions[-1].quarantine[0].reason == "LINK_CONFLICT"
    assert not in_transit(town)
    refunded = town.send(NEW_NO, RefundPrepayment(A, town.city, 700), interface="api")
    assert refunded.record.outcome == "POSTED"
    assert town.send(NEW_NO, RefundPrepayment(A, town.city, 700), interface="api").record.outcome == "FORWARDED"


def test_a_number_merged_first_and_identified_later_ends_at_the_person():
    """A message with the retired number and a citizen id links the survivor, in one chain."""
    town = Town()
    prepaid(town, OLD_NO, 500, number=OLD_NO)
    merge(town, Subject(number=OLD_NO), Subject(number=NEW_NO))
    town.send(OLD_NO, charge(line("N1", 400), subject=Subject(person=NEW, number=OLD_NO)))
    town.settle()
    assert town.world(NEW_NO).state.core.linked_person == NEW
    booked = town.world(NEW).state.encounters[f"{A}|V1"].charges
    assert [each.parts.prepayment for each in booked.values()] == [400]


def test_two_numbers_of_two_persons_are_not_merged():
    """MERGE_AMBIGUOUS or LINK_CONFLICT: put before a person, nothing moves."""
    town = Town()
    town.send(OLD_NO, IdentifyPatient(A, town.city, Subject(person=OLD, number=OLD_NO)))
    named = merge(town, Subject(number=OLD_NO), Subject(person=NEW, number=NEW_NO))
    assert (named.record.reason, named.quarantine[0].interface) == ("MERGE_AMBIGUOUS", "incident.money")
    town.send(NEW_NO, IdentifyPatient(A, town.city, Subject(person=NEW, number=NEW_NO)))
    merge(town, Subject(number=OLD_NO), Subject(number=NEW_NO))
    town.settle()
    assert town.world(NEW_NO).ledger[-1].reason == "LINK_CONFLICT"
    assert town.world(NEW_NO).state.core.linked_person == NEW


@pytest.mark.parametrize(
    ("retired", "survivor"),
    [
        (Subject(number=OLD_NO), Subject(number=OLD_NO)),
        (Subject(number=OLD_NO), Subject()),
        (Subject(person=OLD), Subject(person=OLD)),
    ],
)
def test_a_merge_of_one_with_itself_or_with_nobody_is_refused(retired, survivor):
    """MERGE_INVALID."""
    assert merge(Town(), retired, survivor).record.reason == "MERGE_INVALID"


def test_a_person_merges_only_by_both_citizen_ids():
    """A person routed here without being named as retired: a person must decide."""
    town = Town()
    decision = merge(town, Subject(number=OLD_NO), Subject(person=NEW), to=OLD)
    assert decision.record.reason == "MERGE_AMBIGUOUS"


def full(town):
    """Give the old account prepayment, an open visit, a bill with a live debit, and a line."""
    enrolled(town, OLD)
    prepaid(town, OLD, 1_000, person=OLD)
    town.send(OLD, charge(line("F1", 10_000), visit="V1"))
    town.send(OLD, RecordVisit(A, "V1", "discharged", town.city))
    town.send(OLD, charge(line("F2", 7_000), visit="V2", scene="inpatient"))
    town.move(city=72 * HOUR)
    return town.world(OLD)


def test_everything_of_a_retired_person_moves_in_one_step():
    """Balances, bills, lines, debits and timers stand at the survivor; the retired account is empty and forwards."""
    town = Town()
    old = full(town)
    order = old.debit_errands[-1]
    merge(town, Subject(person=OLD), Subject(person=NEW))
    assert not old.state.encounters
    assert in_transit(town)
    town.settle()
    new = town.world(NEW)
    assert not in_transit(town)
    assert new.agreement.used_fen == 16_000
    assert new.bill.debiting
    assert set(new.state.core.timers) >= {f"debit_query|{order.order_no}", f"term|{new.bill.id}"}
    assert new.bill.id.startswith(OLD)


def test_a_gateways_word_finds_the_moved_order():
    """The order number routes to the retired account, which forwards: paid once."""
    town = Town()
    old = full(town)
    order = old.debit_errands[-1]
    merge(town, Subject(person=OLD), Subject(person=NEW))
    for _ in range(2):
        old.answer(order)
        town.settle()
    new = town.world(NEW)
    assert (new.bill.paid_fen, new.agreement.used_fen) == (9_000, 7_000)
    assert [record.outcome for record in new.ledger[-2:]] == ["POSTED", "RESULT_REPEATED"]


def test_a_message_known_to_the_retired_account_is_a_repeat_for_the_survivor():
    """Ids and line keys move along: nothing is booked twice."""
    town = Town()
    enrolled(town, OLD)
    body = charge(line("F1", 10_000))
    town.send(OLD, body, named="M1")
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.send(OLD, body, named="M1")
    town.settle()
    assert town.world(NEW).ledger[-1].outcome == "DUPLICATE"
    assert town.world(NEW).agreement.used_fen == 10_000


def test_a_proposal_that_waits_for_a_second_person_moves_with_its_person():
    """It is decided at the survivor, and the retired account tells nothing of it any more."""
    town = Town()
    town.send(OLD, ProposeListing("black", "clerk-1", "evidence", town.city), interface="api")
    merged = merge(town, Subject(person=OLD), Subject(person=NEW))
    assert merged.record.outcome == "POSTED"
    assert not [view for view in merged.record.after if isinstance(view, ProposalView)]
    town.settle()
    (proposal,) = town.world(NEW).state.core.proposals
    town.send(OLD, ConfirmProposal(proposal, "clerk-2", town.city), interface="api")
    town.settle()
    assert "black" in town.world(NEW).state.core.lists


def test_the_same_merge_again_changes_nothing_and_another_one_is_for_a_person():
    """DUPLICATE for the same message, RECORDED for a second one that says the same, MERGE_AMBIGUOUS for another."""
    town = Town()
    old, new = Subject(person=OLD), Subject(person=NEW)
    merge(town, old, new, named="A40")
    assert merge(town, old, new, named="A40").record.outcome == "DUPLICATE"
    assert merge(town, old, new).record.outcome == "RECORDED"
    assert merge(town, old, Subject(person=THIRD)).record.reason == "MERGE_AMBIGUOUS"


def test_of_two_agreements_the_survivors_stays_in_force():
    """The retired one gives no new credit; what is owed under it stays owed and is debited as agreed."""
    town = Town()
    enrolled(town, NEW, 100_000)
    full(town)
    new = town.world(NEW)
    own = new.state.core.agreement
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    other = next(a for a in new.state.core.agreements.values() if a.id != own)
    assert (new.state.core.agreement, other.limit_fen, other.used_fen > 0, other.ended_at > 0) == (own, 0, True, True)
    new.send(charge(line("F9", 1_000), visit="V9", at=town.city))
    assert new.state.core.agreements[own].used_fen == 1_000


def test_a_hold_on_the_line_that_ends_in_a_merge_is_released():
    """The visit goes on under the survivor's agreement, whose line its charges then use, held amounts included."""
    town = Town(city(holds=Holds(frozenset(("inpatient",)), 30)))
    enrolled(town, OLD)
    enrolled(town, NEW)
    town.send(OLD, HoldCredit(A, "V1", town.city, 30_000), interface="api")
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    core = town.world(NEW).state.core
    assert all(hold.closed for hold in core.holds.values())
    assert all(agreement.held_fen == 0 for agreement in core.agreements.values())


def test_a_visit_booked_under_both_is_one_and_a_line_booked_twice_is_an_incident():
    """Lines join; the one that both had is put before a person, the money of both stands."""
    town = Town()
    for account, keys in ((OLD, ("F1", "F2")), (NEW, ("F2", "F3"))):
        enrolled(town, account)
        town.send(account, charge(*(line(key, 1_000) for key in keys)))
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    new = town.world(NEW)
    assert sorted(new.state.encounters[f"{A}|V1"].lines) == ["F1", "F2", "F3"]
    assert [q.parameters["line"] for q in new.decisions[-1].quarantine] == ["F2"]


def test_a_merge_is_folded_from_the_ledger_alone():
    """Both ledgers, from nothing, give both states byte for byte."""
    town = Town()
    full(town)
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    town.send(NEW, RecordRepayment(town.city, 3_000), interface="api")
    for account in (OLD, NEW):
        world = town.world(account)
        state = new_state(account)
        for record in world.ledger:
            state = evolve(state, record)
        assert encoded(state) == encoded(world.state)


def test_a_chain_of_merges_ends_at_the_last_survivor():
    """Old into new into third: one account, and no way back into one that was absorbed."""
    town = Town()
    full(town)
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    assert merge(town, Subject(person=NEW), Subject(person=OLD)).record.reason == "MERGE_AMBIGUOUS"
    merge(town, Subject(person=NEW), Subject(person=THIRD))
    town.send(OLD, charge(line("F9", 100), visit="V9", at=town.city))
    town.settle()
    assert town.world(THIRD).agreement.used_fen == 16_100
    assert town.world(THIRD).state.core.absorbed == (OLD, NEW)


def test_the_generation_grows_from_survivor_to_survivor_and_never_falls_in_an_account():
    """Of two records about one thing the books take the one of the higher generation, then of the higher seq."""
    town = Town()
    full(town)
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    merge(town, Subject(person=NEW), Subject(person=THIRD))
    town.send(OLD, charge(line("F9", 100), visit="V9", at=town.city))
    town.settle()
    told = {account: [record.generation for record in town.world(account).ledger] for account in (OLD, NEW, THIRD)}
    assert {account: set(generations) for account, generations in told.items()} == {OLD: {0}, NEW: {1}, THIRD: {2}}
    assert b"generation" not in msgspec.json.encode(town.world(OLD).ledger[-1])


def test_bytes_that_are_no_account_are_refused():
    """MERGE_INVALID, an incident; nothing is taken in."""
    town = Town()
    for core in ("", "no base64!", "AAAA"):
        decision = town.send(NEW, AbsorbAccount(OLD, town.city, core), interface="relay")
        assert decision.record.reason == "MERGE_INVALID"


def test_a_card_or_code_forwards_to_its_person_like_a_hospital_number():
    """An alias is an account of its own that links once; a second person is LINK_CONFLICT."""
    town = Town(EXAMPLES)
    prepaid(town, CARD, 300, number=CARD)
    town.send(CARD, IdentifyPatient("", town.city, Subject(person=NEW, number=CARD)))
    town.settle()
    assert town.world(NEW).state.core.prepayments == {A: 300}
    other = town.send(CARD, IdentifyPatient("", town.city, Subject(person=OLD, number=CARD)))
    assert (other.record.reason, other.quarantine[0].interface) == ("LINK_CONFLICT", "incident.money")
    town.move(city=DAY)

"""White and black lists of persons: reason, author, expiry, two people (domain 8, invariant 11)."""

import pytest
from domain_world import DAY, World, charge, line
from standing_world import CITED, happened, owe, person

from hub.policies.clauses import Lists
from schemas.commands import CheckEligibility, ConfirmProposal, ProposeListing, ProposeUnlisting
from schemas.events import Listed, Unlisted


def listed(world: World, colour: str = "black", until: int = 0, people: tuple[str, ...] = ("clerk-1", "clerk-2")):
    """Propose an entry and confirm it by the others; return the last decision."""
    end = until or world.city + 30 * DAY
    decision = world.send(ProposeListing(colour, people[0], "evidence 7", world.city, end), interface="api")
    proposal = world.reply.result.get("proposal", "")
    for author in people[1:]:
        decision = world.send(ConfirmProposal(proposal, author, world.city), interface="api")
    return decision


def credit(world: World) -> tuple[str, int]:
    """Post a charge; return the reason and what credit gave."""
    world.send(charge(line(f"F{len(world.ledger)}", 100), visit=f"V{len(world.ledger)}", at=world.city))
    return world.reply.result["reason"], world.reply.result["allocation"]["credit_fen"]


def test_a_black_listed_person_gets_no_credit():
    """Invariant 11; the entry keeps reason, both authors and its end."""
    world = person()
    listed(world)
    assert credit(world) == ("BARRED", 0)
    entry = world.state.core.lists["black"]
    assert (entry.reason, entry.author, entry.confirmed_by) == ("evidence 7", "clerk-1", "clerk-2")
    assert entry.until == entry.at + 30 * DAY


def test_one_person_alone_lists_nobody():
    """HELD until another confirms; the same one is SAME_PERSON."""
    world = person()
    assert listed(world, people=("clerk-1",)).record.outcome == "HELD"
    proposal = world.reply.result["proposal"]
    world.send(ConfirmProposal(proposal, "clerk-1", world.city), interface="api")
    assert world.reply.code == "SAME_PERSON"
    assert credit(world)[1] == 100


def test_an_entry_ends_by_itself():
    """On its instant, and credit is there again."""
    world = person()
    listed(world, until=world.city + DAY)
    world.move(city=DAY - 1)
    assert world.state.core.barred
    world.move(city=1)
    assert credit(world) == ("", 100)
    assert [event.cause for event in happened(world, Unlisted)] == ["expired"]


def test_taking_off_a_list_takes_two_people_too():
    """Proposed by one, done with the other's word."""
    world = person()
    listed(world)
    world.send(ProposeUnlisting("black", "clerk-2", "cleared", world.city), interface="api")
    proposal = world.reply.result["proposal"]
    world.send(ConfirmProposal(proposal, "clerk-2", world.city), interface="api")
    assert world.reply.code == "SAME_PERSON"
    world.send(ConfirmProposal(proposal, "clerk-3", world.city), interface="api")
    assert (world.state.core.lists, world.state.core.barred) == ({}, False)
    assert "listing|black" not in world.state.core.timers


def test_a_pack_may_want_three_people():
    """HELD after the second, done by the third, who must be another one."""
    world = person(lists=Lists(white=True, black=True, approvals=3))
    listed(world, people=("clerk-1", "clerk-2"))
    assert not happened(world, Listed)
    proposal = next(iter(world.state.core.proposals))
    world.send(ConfirmProposal(proposal, "clerk-2", world.city), interface="api")
    assert world.reply.code == "SAME_PERSON"
    world.send(ConfirmProposal(proposal, "clerk-3", world.city), interface="api")
    assert len(happened(world, Listed)) == 1


@pytest.mark.parametrize(
    ("colour", "days", "reason"), [("black", 0, "LIST_TERM"), ("black", -1, "LIST_TERM"), ("black", 366, "LIST_TERM")]
)
def test_an_entry_ends_within_what_the_pack_allows(colour, days, reason):
    """LIST_TERM for no end, an end in the past, and one beyond the pack's days."""
    world = person()
    until = world.city + days * DAY if days else 0
    world.send(ProposeListing(colour, "clerk-1", "evidence", world.city, until), interface="api")
    assert world.reply.code == reason


def test_a_list_that_the_pack_does_not_keep_is_refused():
    """LIST_NOT_COVERED."""
    world = person(lists=Lists(white=False, black=True, approvals=2, citation=CITED))
    assert listed(world, "white", people=("clerk-1",)).record.reason == "LIST_NOT_COVERED"


def test_nobody_stands_on_a_list_twice_or_leaves_one_they_are_not_on():
    """LIST_ENTRY_EXISTS and LIST_ENTRY_UNKNOWN."""
    world = person()
    world.send(ProposeUnlisting("white", "clerk-1", "cleared", world.city), interface="api")
    assert world.reply.code == "LIST_ENTRY_UNKNOWN"
    listed(world, "white")
    world.send(ProposeListing("white", "clerk-1", "again", world.city, world.city + DAY), interface="api")
    assert world.reply.code == "LIST_ENTRY_EXISTS"


@pytest.mark.parametrize(("author", "reason"), [("", "evidence"), ("clerk-1", "")])
def test_a_proposal_names_its_author_and_its_reason(author, reason):
    """FIELD_MISSING."""
    world = person()
    world.send(ProposeListing("black", author, reason, world.city, world.city + DAY), interface="api")
    assert world.reply.code == "FIELD_MISSING"


def test_a_person_without_an_agreement_can_be_listed_too():
    """Whoever signs later is barred from the first day."""
    world = World()
    listed(world)
    world.enrol(50_000)
    assert credit(world) == ("BARRED", 0)


def test_a_repeated_proposal_gets_the_same_answer():
    """The proposal's id is stored with the outcome."""
    world = person()
    body = ProposeListing("black", "clerk-1", "evidence", world.city, world.city + DAY)
    world.send(body, named="key", interface="api")
    first = world.reply.result
    world.send(body, named="key", interface="api")
    assert (world.reply.result, world.reply.repeated) == (first, True)


@pytest.mark.parametrize("waives", [(), ("suspension", "reduction", "deposit")])
def test_the_white_list_spares_what_the_pack_says_and_nothing_else(waives):
    """An overdue bill still counts; suspension, cut and deposit are spared only where the clause names them."""
    rule = Lists(white=True, black=True, approvals=2, citation=CITED, waives=waives)
    world = person(50_000, lists=rule)
    listed(world, "white", until=world.city + 300 * DAY)
    bill = owe(world, 1_000)
    world.move(city=7 * DAY + DAY)
    assert world.state.core.standing.marks[0].bill == bill
    assert world.state.core.suspended is not bool(waives)
    assert world.agreement.limit_fen == (50_000 if waives else 45_000)
    world.send(CheckEligibility("XMZSH", "outpatient", world.city), interface="api")
    assert world.reply.result["deposit_waived"] is bool(waives)

"""The kiosk's question about a minor who shares a parent's line: the parent's account answers it (domain 5 and 9)."""

from domain_world import A, charge, line
from test_domain_family_links import CHILD, PARENT, family, linked

from schemas.commands import CheckEligibility, DepositInsuranceAccount, DepositPrepayment, RecordDeath


def asked(town, account=CHILD, named="Q1"):
    """Ask about somebody and return the one reply, whoever gives it."""
    said = {each: len(town.world(each).replies) for each in (CHILD, PARENT)}
    town.send(account, CheckEligibility(A, "outpatient", town.city), named=named, interface="api")
    town.settle()
    [reply] = [reply for each, count in said.items() for reply in town.world(each).replies[count:]]
    assert reply.command_id == named
    return reply.result


def test_a_minor_is_told_the_payers_room_and_their_own_money():
    """Domain 9: a minor shares the parent's line; prepayment and insurance stay the minor's own."""
    town = linked()
    town.send(CHILD, DepositPrepayment(A, town.city, 700), interface="api")
    town.send(CHILD, DepositInsuranceAccount(town.city, 900), interface="api")
    agreement = town.world(PARENT).agreement
    answer = asked(town)
    assert (answer["eligible"], answer["line"], answer["available_fen"]) == (True, "payer", agreement.limit_fen)
    assert (answer["prepayment_fen"], answer["insurance_fen"], answer["insurance_linked"]) == (700, 900, True)
    assert (answer["limit_fen"], answer["pack"]) == (agreement.limit_fen, agreement.pack)
    assert asked(town, PARENT, "Q2")["line"] == "own"


def test_what_the_family_used_is_not_offered_again():
    """The parent's own charges and the minor's count against one line; what is told is what a charge then gets."""
    town = linked()
    town.send(PARENT, charge(line("F1", 20_000)))
    town.send(CHILD, charge(line("F2", 5_000)))
    town.settle()
    left = asked(town)["available_fen"]
    assert left == town.world(PARENT).agreement.limit_fen - 25_000
    town.send(CHILD, charge(line("F3", left), visit="V2"))
    town.settle()
    assert town.world(CHILD).reply.result["allocation"]["credit_fen"] == left
    assert asked(town, named="Q2")["reason"] == "CREDIT_EXHAUSTED"


def test_asking_changes_nothing_and_is_judged_anew():
    """No hold, no posting, no memory: the same question later has another answer."""
    town = linked()
    before = town.world(PARENT).agreement
    first = asked(town)["available_fen"]
    town.send(PARENT, charge(line("F1", 1_000)))
    assert asked(town, named="Q2")["available_fen"] == first - 1_000
    core = town.world(PARENT).state.core
    assert core.agreements[before.id].held_fen == 0
    assert not (core.family.holds or core.family.asks)


def test_a_minor_without_a_link_is_answered_by_their_own_account():
    """AGREEMENT_MISSING, and nothing is asked of anybody else."""
    town = family()
    answer = asked(town)
    assert (answer["eligible"], answer["line"], answer["reason"]) == (False, "own", "AGREEMENT_MISSING")


def test_a_payer_who_died_gives_nothing():
    """The link is over with the death; the minor hears of their own account again."""
    town = linked()
    town.send(PARENT, RecordDeath(town.city, "D-1"), interface="api")
    town.settle()
    assert asked(town)["eligible"] is False

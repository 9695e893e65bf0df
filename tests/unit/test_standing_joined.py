"""One person who had two accounts has one standing: what barred or earned in either counts in both (ADT^A40)."""

from domain_world import DAY, EXAMPLE, charge, line, score, signing
from family_world import Town
from standing_world import city, overdue, overdue_and_paid, owe, pay, person
from test_domain_merging import NEW, OLD, merge

from hub.domain.contents import united
from hub.domain.standing_state import Month, Standing, joined_standing
from schemas.commands import Subject


def test_a_merged_person_keeps_every_mark_and_every_month_of_both_accounts():
    """Counters add up, a bar of either bars, months hold the repayments of both."""
    late, punctual = person(), person()
    overdue(late)
    pay(punctual, owe(punctual, 5_000))
    merged = united(punctual.state.core, late.state.core)
    assert merged.standing == joined_standing(punctual.state.core.standing, late.state.core.standing)
    assert (len(merged.standing.marks), merged.standing.on_time, merged.suspended) == (1, 1, True)
    assert [(m.repayments, m.repaid_fen, m.late) for m in merged.standing.months] == [(1, 5_000, 1)]


def test_the_same_month_in_both_accounts_is_one_month():
    """Ascending, each month once, the newest two years."""
    mine = Standing(months=(Month(10, 1, 5), Month(40, 1, 5)), on_time=2, rewarded_month=10)
    theirs = Standing(months=(Month(40, 2, 7, 1),), on_time=2, blacklisted=True)
    both = joined_standing(mine, theirs)
    assert both.months == (Month(40, 3, 12, 1),)
    assert (both.on_time, both.rewarded_month, both.blacklisted) == (4, 10, True)
    assert joined_standing(None, theirs) is theirs


def two_records():
    """Return a town in which one person has two accounts with a line each, under a pack with every rule."""
    town = Town(city())
    for account in (OLD, NEW):
        town.send(account, score(town.policies, 250, at=town.city), interface="score")
        town.send(account, signing(EXAMPLE, "bank", at=town.city, subject=Subject(person=account)), interface="api")
    return town


def become_one(town):
    """Merge the old account into the new one; return the survivor."""
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    return town.world(NEW)


def late_twice(town, account):
    """Let an account pay two bills late."""
    world = town.world(account)
    for _ in range(2):
        overdue_and_paid(world)


def test_overdue_bills_of_both_accounts_bar_the_person_together():
    """Two and two are four, more than the pack's three: no credit from the merge on, not from the next overdue on."""
    town = two_records()
    late_twice(town, OLD)
    late_twice(town, NEW)
    assert not town.world(NEW).state.core.barred
    person_ = become_one(town)
    assert person_.state.core.barred
    person_.send(charge(line("F9", 100), visit="V9", at=person_.city))
    assert person_.reply.result["reason"] == "BARRED"


def test_arrears_of_one_account_hold_the_resume_of_the_other():
    """One was to resume tomorrow, the other owes: the one person stays suspended until that is paid."""
    town = two_records()
    owing, paid = overdue(town.world(OLD)), overdue(town.world(NEW))
    pay(town.world(NEW), paid)
    assert town.world(NEW).state.core.resume_at
    survivor = become_one(town)
    survivor.move(city=2 * DAY)
    assert survivor.state.core.suspended
    pay(survivor, owing)
    survivor.move(city=2 * DAY)
    assert not survivor.state.core.suspended


def test_the_line_of_the_survivor_follows_the_joined_record_at_once():
    """What the other account's arrears cost of a line is lost of this one too."""
    town = two_records()
    bill = overdue(town.world(OLD))
    town.world(OLD).move(city=5 * DAY)
    town.world(NEW).move(city=town.world(OLD).city - town.world(NEW).city)
    assert (town.world(NEW).agreement.limit_fen, town.world(OLD).agreement.limit_fen) == (100_000, 50_000)
    survivor = become_one(town)
    assert survivor.agreement.limit_fen == 50_000
    assert survivor.state.core.bills[bill].owed_fen == 20_000

"""What the payer's side believes of another account's relay: never more than was held or used (domain 9, 15.3)."""

import pytest
from domain_world import A, charge, line
from msgspec.structs import replace
from test_domain_family_holds import at_rest, line_of
from test_domain_family_links import CHILD, PARENT, linked

from schemas.commands import HoldFamilyLine, PostFamilyHold, ReduceFamilyCredit
from schemas.money import AMOUNT_FEN_MAX


def asked():
    """Return a town in which the minor's charge of 300.00 asks the payer, and the relay on its way."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    (relay,) = town.waiting(CHILD)
    assert isinstance(relay.body, HoldFamilyLine)
    return town, relay


def told(town, relay, **changed):
    """Deliver a relay with other contents under an id of its own; return outcome and reason."""
    other = replace(relay, id=f"forged-{len(town.world(PARENT).ledger)}", body=replace(relay.body, **changed))
    record = town.world(PARENT).take(other).record
    return record.outcome, record.reason


def used():
    """Return a town in which 300.00 of the payer's line are used, and the relay that posted them."""
    town, _ = asked()
    town.deliver(CHILD)
    town.deliver(PARENT)
    (relay,) = town.waiting(CHILD)
    assert isinstance(relay.body, PostFamilyHold)
    return town, relay


@pytest.mark.parametrize("fen", [0, -1, AMOUNT_FEN_MAX + 1])
def test_a_hold_of_no_amount_is_refused(fen):
    """FAMILY_HOLD_UNKNOWN; nothing is held."""
    town, relay = asked()
    assert told(town, relay, amount_fen=fen) == ("REFUSED", "FAMILY_HOLD_UNKNOWN")
    assert line_of(town) == (0, 0)


def test_a_hold_that_stands_already_is_not_held_twice():
    """The same hold under another message: one hold of 300.00."""
    town, relay = asked()
    town.deliver(CHILD)
    assert told(town, relay) == ("REFUSED", "FAMILY_HOLD_UNKNOWN")
    assert line_of(town) == (0, 30_000)


def test_a_hold_of_the_greatest_amount_gets_what_the_line_has():
    """It is an amount; the line bounds it."""
    town, relay = asked()
    assert told(town, relay, amount_fen=AMOUNT_FEN_MAX)[0] == "HELD"
    agreement = town.world(PARENT).agreement
    assert agreement.held_fen == agreement.limit_fen


@pytest.mark.parametrize("fen", [30_001, -1])
def test_more_than_was_held_is_never_posted(fen):
    """The hold stays as it was until the right word comes."""
    town, relay = used()
    assert told(town, relay, amount_fen=fen) == ("REFUSED", "FAMILY_HOLD_UNKNOWN")
    assert line_of(town) == (0, 30_000)
    town.settle()
    assert line_of(town) == (30_000, 0)


def test_a_posted_hold_is_not_posted_again_and_may_be_voided_without_harm():
    """The second word finds no hold; 0 of what is gone is no complaint."""
    town, relay = used()
    town.settle()
    assert told(town, relay) == ("REFUSED", "FAMILY_HOLD_UNKNOWN")
    assert told(town, relay, amount_fen=0) == ("RECORDED", "")
    assert line_of(town) == (30_000, 0)


def test_less_than_was_held_frees_the_rest():
    """299.99 are used, the fen is free."""
    town, relay = used()
    assert told(town, relay, amount_fen=29_999) == ("POSTED", "")
    assert line_of(town) == (29_999, 0)


@pytest.mark.parametrize(("fen", "expected"), [(0, 30_000), (-1, 30_000), (30_001, 30_000), (30_000, 0), (1, 29_999)])
def test_no_more_comes_back_than_was_used(fen, expected):
    """Up to the last fen of it, and nothing beyond."""
    town, relay = used()
    town.settle()
    body = ReduceFamilyCredit(relay.body.hold, A, "V1", fen, town.city)
    record = town.world(PARENT).take(replace(relay, id="reduction-1", body=body)).record
    assert record.outcome == ("REFUSED" if expected == 30_000 else "POSTED")
    assert line_of(town) == (expected, 0)


def test_two_reductions_together_give_back_no_more_than_was_used():
    """200 and 100 of 300 go; one fen more does not."""
    town, relay = used()
    town.settle()
    outcomes = []
    for number, fen in enumerate((20_000, 10_001, 10_000, 1)):
        body = ReduceFamilyCredit(relay.body.hold, A, "V1", fen, town.city)
        outcomes.append(town.world(PARENT).take(replace(relay, id=f"reduction-{number}", body=body)).record.outcome)
    assert outcomes == ["POSTED", "REFUSED", "POSTED", "REFUSED"]
    assert line_of(town) == (0, 0)


def test_a_minors_charges_of_two_visits_share_the_payers_one_line():
    """500 on the line, 300 and 300 charged: the second gets 200, and all of it comes to rest."""
    town = linked()
    limit = town.world(PARENT).agreement.limit_fen
    town.send(CHILD, charge(line("F1", limit - 20_000), visit="V1"))
    town.send(CHILD, charge(line("F2", 30_000), visit="V2"))
    assert at_rest(town)
    assert line_of(town) == (limit, 0)
    (posted,) = [c for c in town.world(CHILD).state.encounters[f"{A}|V2"].charges.values() if c.status == "posted"]
    assert (posted.parts.credit, posted.parts.self_pay) == (20_000, 10_000)

"""A minor's charge on a parent's line: hold, then posted or voided, once, whatever happens between (domain 9)."""

import pytest
from domain_world import DAY, HOUR, MINUTE, A, charge, line, signing
from test_domain_family_links import CHILD, PARENT, family, link_of, linked

from schemas.commands import (
    AnswerFamilyUnlink,
    DepositPrepayment,
    InsuranceSplit,
    RecordDeath,
    RecordRepayment,
    RecordVisit,
    RefundBalance,
    RequestFamilyUnlink,
    SettleInsurance,
    Subject,
)
from schemas.events import FamilyBillTaken


def charges_of(town, visit="V1", account=CHILD):
    """Return the charges of a visit, oldest first."""
    return list(town.world(account).state.encounters[f"{A}|{visit}"].charges.values())


def line_of(town):
    """Return what is used and held on the parent's line."""
    agreement = town.world(PARENT).agreement
    return agreement.used_fen, agreement.held_fen


def at_rest(town):
    """Say that nothing waits between accounts: no hold, no ask, nothing in transit."""
    town.settle()
    assert not [name for name in town.balances() if name.startswith("transit/")]
    families = [world.state.core.family for world in town.accounts.values() if world.state.core.family]
    return not any(family.holds or family.asks for family in families)


def bill_of(town):
    """Return the parent's newest bill."""
    return town.world(PARENT).bill


def test_a_minors_charge_uses_the_parents_line():
    """Held until the answer, then credit: the parent's line is used, the minor's charge says on whose."""
    town = linked()
    decision = town.send(CHILD, charge(line("F1", 30_000)))
    assert decision.record.outcome == "HELD"
    town.deliver(CHILD)
    assert line_of(town) == (0, 30_000)
    assert at_rest(town)
    assert line_of(town) == (30_000, 0)
    held, posted = charges_of(town)
    assert (held.status, held.into) == ("settled", posted.id)
    assert (posted.parts.credit, posted.parts.self_pay, posted.payer) == (30_000, 0, PARENT)


def test_a_minors_charge_names_the_parents_score():
    """The score is the one behind the line that paid (domain 4.1)."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.deliver(CHILD)
    (decision,) = town.deliver(PARENT)
    credit = decision.record.explanation[2]
    newest = town.world(PARENT).state.core.scores["egret"].message_id
    assert (credit.taken_fen, credit.score) == (30_000, f"egret/{newest}")


def test_the_caller_gets_the_split_once_it_is_decided():
    """No reply while the payer's account is asked; then the charge's own answer under the charge's own id."""
    town = linked()
    replies = len(town.world(CHILD).replies)
    town.send(CHILD, charge(line("F1", 30_000)), named="M1")
    assert len(town.world(CHILD).replies) == replies
    town.settle()
    reply = town.world(CHILD).reply
    assert (reply.command_id, reply.code, reply.result["allocation"]["credit_fen"]) == ("M1", "POSTED", 30_000)


def test_a_repeat_while_the_charge_waits_says_held():
    """A second identical request is answered from what is stored."""
    town = linked()
    body = charge(line("F1", 30_000))
    town.send(CHILD, body, named="M1")
    town.send(CHILD, body, named="M1")
    reply = town.world(CHILD).reply
    assert (reply.code, reply.repeated, reply.result["held"]) == ("HELD", True, True)


def test_what_the_line_cannot_bear_is_self_pay_with_the_reason():
    """Domain 4.2 row 10 on the payer's side: another hold of 300 counts against 500, so 200 credit and 275 self-pay."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000), visit="V1"))
    town.deliver(CHILD)
    town.send(CHILD, charge(line("F2", 47_500), visit="V2"))
    assert at_rest(town)
    posted = charges_of(town, "V2")[-1]
    assert (posted.parts.credit, posted.parts.self_pay) == (20_000, 27_500)
    assert (posted.reason, posted.parameters) == ("CREDIT_EXHAUSTED", {"available": "200.00", "rest": "275.00"})
    step = town.world(CHILD).ledger[-1].explanation[2]
    assert (step.name, step.available_fen, step.taken_fen, step.reason) == (
        "credit",
        20_000,
        20_000,
        "CREDIT_EXHAUSTED",
    )


def test_a_held_line_leaves_the_parents_own_charge_only_the_rest():
    """Domain 4.2 row 10: line held 300 by a family member, 0 used of 500: 475 gives 200 and 275."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.deliver(CHILD)
    town.send(PARENT, charge(line("G1", 47_500)))
    result = town.world(PARENT).reply.result
    assert (result["allocation"]["credit_fen"], result["allocation"]["self_pay_fen"]) == (20_000, 27_500)
    assert at_rest(town)
    assert line_of(town) == (50_000, 0)


def test_prepayment_and_insurance_of_the_minor_come_first():
    """Only the rest is asked for; nothing is asked when nothing is left."""
    town = linked()
    town.send(CHILD, DepositPrepayment(A, town.city, 10_000, subject=Subject(person=CHILD)), interface="api")
    assert town.send(CHILD, charge(line("F1", 4_000))).record.outcome == "POSTED"
    town.send(CHILD, charge(line("F2", 9_000)))
    assert at_rest(town)
    posted = charges_of(town)[-1]
    assert (posted.parts.prepayment, posted.parts.credit) == (6_000, 3_000)


def test_an_answer_that_does_not_come_in_time_makes_it_self_pay_and_voids_the_hold():
    """After five minutes; the answer that comes later finds nothing to answer, the hold is void."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.deliver(CHILD)
    town.move(wall=5 * MINUTE)
    posted = charges_of(town)[-1]
    assert (posted.parts.self_pay, posted.reason) == (30_000, "FAMILY_NO_ANSWER")
    assert line_of(town) == (0, 30_000)
    assert at_rest(town)
    assert line_of(town) == (0, 0)


def test_a_relay_delivered_again_holds_and_posts_nothing_twice():
    """Every step of the saga again: RELAY_REPEATED."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.settle()
    for sender in (CHILD, PARENT):
        town.go_back(sender, 2)
        assert {d.record.outcome for d in town.deliver(sender, 2)} == {"RELAY_REPEATED"}
    assert line_of(town) == (30_000, 0)


def test_a_reversal_before_the_answer_leaves_less_to_post():
    """The lines are only held: what is taken back is never used."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.deliver(CHILD)
    town.send(CHILD, charge(line("K1", 10_000, kind="credit", reverses="F1")))
    assert at_rest(town)
    assert line_of(town) == (20_000, 0)
    assert charges_of(town)[1].total_fen == 20_000


def test_a_reversal_after_it_frees_the_parents_line():
    """Back along the charge's own split: credit first."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.settle()
    town.send(CHILD, charge(line("K1", 10_000, kind="credit", reverses="F1")))
    assert at_rest(town)
    assert line_of(town) == (20_000, 0)


def test_the_close_of_the_minors_visit_bills_the_parent():
    """One bill with the parent's clocks; it is debited through the parent's channel at +72 h."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.settle()
    town.send(CHILD, RecordVisit(A, "V1", "discharged", town.city))
    assert at_rest(town)
    assert (bill_of(town).amount_fen, bill_of(town).debit_at) == (30_000, town.city + 72 * HOUR)
    assert not town.world(CHILD).state.core.bills
    town.move(city=72 * HOUR)
    town.world(PARENT).answer()
    assert (bill_of(town).paid_fen, line_of(town)) == (30_000, (0, 0))


def test_an_answer_after_the_close_is_still_billed():
    """The visit closed while the payer was asked: posted and billed in one step."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.send(CHILD, RecordVisit(A, "V1", "discharged", town.city))
    assert at_rest(town)
    assert (bill_of(town).amount_fen, line_of(town)) == (30_000, (30_000, 0))


def test_a_late_charge_revises_the_parents_bill_and_a_reversal_of_a_paid_one_is_refunded():
    """The rules of bills hold for what a minor used."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.send(CHILD, RecordVisit(A, "V1", "discharged", town.city))
    town.send(CHILD, charge(line("F2", 5_000)))
    assert at_rest(town)
    assert (bill_of(town).amount_fen, bill_of(town).revision) == (35_000, 2)
    town.send(PARENT, RecordRepayment(town.city, 35_000, bill_of(town).id), interface="api")
    town.send(CHILD, charge(line("K1", 5_000, kind="credit", reverses="F2")))
    assert at_rest(town)
    assert (bill_of(town).paid_fen, town.world(PARENT).state.core.refundable_fen) == (30_000, 5_000)


def test_a_reversal_during_the_debit_waits_for_its_result():
    """Never paid twice: the money goes back once the gateway has spoken."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.send(CHILD, RecordVisit(A, "V1", "discharged", town.city))
    town.settle()
    town.move(city=72 * HOUR)
    town.send(CHILD, charge(line("K1", 10_000, kind="credit", reverses="F1"), at=town.city))
    town.settle()
    assert bill_of(town).reduction_waiting_fen == 10_000
    town.world(PARENT).answer()
    assert [errand.amount_fen for errand in town.world(PARENT).refund_errands] == [10_000]


def test_a_cancelled_discharge_takes_back_the_parents_untouched_bill():
    """And the next close bills it anew."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    for event in ("discharged", "reopened", "discharged"):
        town.send(CHILD, RecordVisit(A, "V1", event, town.city))
        town.settle()
    bills = town.world(PARENT).state.core.bills.values()
    assert [bill.final for bill in bills] == ["cancelled", ""]
    assert bill_of(town).amount_fen == 30_000


def test_a_settlement_in_the_message_is_kept_while_the_payer_is_asked():
    """The insurer's parts are facts, the cash part goes to the parent's line."""
    town = linked()
    split = InsuranceSplit("S1", 30_000, 18_000, 2_000, 0, 10_000)
    town.send(CHILD, charge(line("F1", 30_000), settlement=split))
    credit = charge(line("K1", 10_000, kind="credit", reverses="F1"))
    assert town.send(CHILD, credit).record.reason == "SETTLEMENT_CONTRA_REQUIRED"
    assert at_rest(town)
    parts = charges_of(town)[-1].parts
    assert (parts.fund, parts.account, parts.credit) == (18_000, 2_000, 10_000)
    assert line_of(town) == (10_000, 0)


def test_a_settlement_that_comes_after_asks_for_its_cash_part():
    """Held for the insurer, then for the payer; a second settlement meanwhile needs a contra entry."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000), settlement_mode="after"))
    split = InsuranceSplit("S1", 30_000, 18_000, 2_000, 0, 10_000)
    assert town.send(CHILD, SettleInsurance(A, "V1", town.city, split)).record.outcome == "HELD"
    again = town.send(CHILD, SettleInsurance(A, "V1", town.city + 1, split))
    assert again.record.reason == "SETTLEMENT_CONTRA_REQUIRED"
    assert at_rest(town)
    assert (charges_of(town)[-1].parts.credit, line_of(town)) == (10_000, (10_000, 0))


def test_a_suspended_parent_gives_nothing():
    """Every condition of credit is judged where the line is."""
    town = linked()
    town.send(PARENT, charge(line("G1", 1_000), visit="P1"))
    town.send(PARENT, RecordVisit(A, "P1", "discharged", town.city))
    town.move(city=72 * HOUR)
    for _ in range(3):
        town.world(PARENT).answer(town.world(PARENT).debit_errands[-1], "failed", cause="nsf")
        town.move(city=DAY)
    town.move(city=7 * DAY)
    assert town.world(PARENT).state.core.suspended
    town.send(CHILD, charge(line("F1", 30_000), at=town.city))
    assert at_rest(town)
    assert (charges_of(town)[-1].parts.self_pay, charges_of(town)[-1].reason) == (30_000, "SUSPENDED")


def test_a_link_that_ended_on_the_way_gives_nothing():
    """The payer's side has the last word about its line."""
    town = linked()
    town.send(PARENT, RecordDeath(town.city))
    town.send(CHILD, charge(line("F1", 30_000)))
    assert at_rest(town)
    assert charges_of(town)[-1].reason == "DECEASED"


def test_a_hold_at_the_end_of_the_link_is_finished_not_orphaned():
    """Asked before the end: posted; nothing stays held."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.deliver(CHILD)
    for account in (CHILD, PARENT):
        town.send(account, RequestFamilyUnlink(town.city, link_of(town).id, "U"))
    assert at_rest(town)
    assert (link_of(town).state, line_of(town)) == ("ended", (30_000, 0))


def test_an_unpaid_bill_moves_to_the_former_dependent_who_can_bear_it():
    """At 18 with an own line: one owes it, never both; money moves between the lines once."""
    town = linked(born="2008-07-04")
    town.send(CHILD, charge(line("F1", 30_000)))
    town.send(CHILD, RecordVisit(A, "V1", "discharged", town.city))
    town.settle()
    child = town.world(CHILD)
    child.enrol(50_000)
    town.move(city=birthday_after(town))
    assert at_rest(town)
    taken = [e for r in child.ledger for e in r.events if isinstance(e, FamilyBillTaken)]
    assert [e.amount_fen for e in taken] == [30_000]
    assert (line_of(town), child.agreement.used_fen) == ((0, 0), 30_000)
    assert (bill_of(town).final, child.bill.owed_fen) == ("cancelled", 30_000)
    town.send(CHILD, charge(line("K1", 10_000, kind="credit", reverses="F1"), at=town.city))
    assert at_rest(town)
    assert child.bill.owed_fen == 20_000


def birthday_after(town):
    """Return how long it is to just after the birthday."""
    from hub.domain.ages import birthday

    return birthday("2008-07-04", 18) - town.city + 1


def test_an_unpaid_bill_stays_with_the_payer_when_nobody_else_can_bear_it():
    """No own line: what is owed stays owed."""
    town = linked()
    town.send(CHILD, charge(line("F1", 30_000)))
    town.send(CHILD, RecordVisit(A, "V1", "discharged", town.city))
    town.settle()
    town.send(CHILD, RequestFamilyUnlink(town.city, link_of(town).id, "U"))
    town.settle()
    town.send(PARENT, AnswerFamilyUnlink(town.city, link_of(town).id, accept=True, consent_version="U"))
    assert at_rest(town)
    assert (bill_of(town).owed_fen, line_of(town)) == (30_000, (30_000, 0))


def test_a_bill_paid_while_it_is_offered_is_never_paid_twice():
    """The repayment and the takeover cross: the payer gets the money back, the dependent owes it once."""
    town = linked(born="2008-07-04")
    town.send(CHILD, charge(line("F1", 30_000)))
    town.send(CHILD, RecordVisit(A, "V1", "discharged", town.city))
    town.settle()
    town.world(CHILD).enrol(50_000)
    town.move(city=birthday_after(town))
    town.deliver(CHILD, 9)
    town.deliver(PARENT, 9)
    town.send(PARENT, RecordRepayment(town.city, 30_000, bill_of(town).id), interface="api")
    assert at_rest(town)
    core = town.world(PARENT).state.core
    assert (core.refundable_fen, bill_of(town).paid_fen, town.world(CHILD).bill.owed_fen) == (30_000, 0, 30_000)


def test_what_is_taken_back_after_the_payers_side_was_archived_goes_to_the_payers_balance():
    """The dependent's visit may live longer than its mirror: the money is not lost on the way, and can be paid back."""
    town = linked()
    town.send(CHILD, charge(line("F1", 20_000)))
    town.settle()
    town.send(CHILD, RecordVisit(A, "V1", "discharged", town.city))
    town.settle()
    town.send(PARENT, RecordRepayment(town.city, 20_000), interface="api")
    town.world(PARENT).move(city=200 * DAY)
    assert not town.world(PARENT).state.encounters
    town.send(CHILD, charge(line("K1", 5_000, kind="credit", reverses="F1")))
    assert at_rest(town)
    parent = town.world(PARENT)
    assert parent.state.core.refundable_fen == 5_000
    assert town.send(PARENT, RefundBalance(parent.city, 5_000), interface="api").record.outcome == "POSTED"


def test_two_people_treated_under_one_visit_number_keep_two_visits():
    """Mother and newborn: the parent's own V1 and what the child used on V1 are billed apart."""
    town = linked()
    town.send(PARENT, charge(line("G1", 1_000)))
    town.send(CHILD, charge(line("F1", 2_000)))
    town.settle()
    assert sorted(town.world(PARENT).state.encounters) == [f"{A}|V1", f"{A}|V1~{CHILD[:8]}"]
    assert line_of(town) == (3_000, 0)


@pytest.mark.parametrize("visit", ["V1", "V2"])
def test_a_minor_without_a_link_pays_at_the_window(visit):
    """AGREEMENT_MISSING, as before."""
    town = family()
    assert town.send(CHILD, charge(line("F1", 100), visit=visit)).record.outcome == "POSTED"
    assert town.world(CHILD).reply.result["reason"] == "AGREEMENT_MISSING"


def test_signing_after_a_withdrawal_tells_nobody_of_a_minors_link():
    """Only parents whose bills somebody repays hear of contracts."""
    town = linked()
    before = len(town.world(PARENT).relay_errands)
    town.send(PARENT, signing("example-city-2025", at=town.city))
    assert len(town.world(PARENT).relay_errands) == before

"""Every pair of bill states: reached by a life that shows it, or never (architecture 12, bill states)."""

from itertools import product
from typing import get_args

import pytest
from domain_world import DAY, EXAMPLE, EXAMPLES, HOUR, World, charge, line
from domain_world import A as HERE

from hub.domain.bill_states import REOPENED, TRANSITIONS, UNDONE, BillState, bill_state, may_close
from hub.domain.decision import Decision
from hub.domain.draft import Draft
from hub.domain.evolve import stamped
from hub.policies import Policies
from hub.policies.clauses import Presets, Settlement
from schemas.commands import FreezeBill, InsuranceSplit, ReceiveNotice, RecordRepayment, SettleInsurance, UnfreezeBill
from schemas.events import BillClosed
from schemas.ledger import CommandSource, LedgerRecord

STATES = get_args(BillState)
PAIRS = sorted(pair for pair in product(STATES, STATES) if pair[0] != pair[1])


def billed(fen=10_000):
    """Return a world with one bill of this much."""
    world = World()
    world.enrol(200_000)
    world.send(charge(line("F1", fen)))
    world.close()
    return world


def in_state(state):
    """Return a world whose bill stands in a state that something is owed in."""
    world = billed()
    if state == "partially_paid":
        world.send(RecordRepayment(world.city, 4_000), interface="api")
    if state == "overdue":
        world.send(RecordRepayment(world.city, 4_000), interface="api")
        world.move(city=72 * HOUR)
        world.answer(world.debit_errands[-1], "failed", cause="card")
        world.move(city=5 * DAY)
    assert bill_state(world.bill) == state
    return world


def closed_as(world, final):
    """Close the bill as another rule does (relief, write-off), through the one way that changes state."""
    draft = Draft(world.state, world.policies, world.now)
    draft.emit(BillClosed(world.bill.id, final))
    record = LedgerRecord(
        world.state.core.account, world.state.core.seq + 1, CommandSource(0), world.city, world.wall, "RECORDED",
        events=tuple(draft.events),
    )  # fmt: skip
    world.transitions.add((bill_state(world.bill), final))
    assert may_close(world.bill)
    return Decision(record, stamped(draft.state, record))


def paid(world):
    """The rest is paid at the counter."""
    world.send(RecordRepayment(world.city, world.bill.owed_fen), interface="api")


def cancelled(world):
    """The charge is taken back in full."""
    world.send(charge(line("K1", 10_000, "credit", reverses="F1")))


def debiting(world):
    """A debit begins."""
    world.move(city=72 * HOUR)


def witnessed():
    """Return every step that the lives below show."""
    steps = set()
    for state, end in product(("issued", "partially_paid", "overdue"), (paid, cancelled)):
        world = in_state(state)
        end(world)
        steps |= world.transitions
    for state, final in product(("issued", "partially_paid", "overdue"), ("relieved", "written_off")):
        world = in_state(state)
        closed_as(world, final)
        steps |= world.transitions
    return steps | failing_debits() | a_bill_overdue_from_its_first_day()


def failing_debits():
    """Return the steps of bills that are debited from each state, and fail or are paid."""
    steps = set()
    for part, word in product((0, 4_000), ("failed", "paid")):
        world = billed()
        if part:
            world.send(RecordRepayment(world.city, part), interface="api")
        debiting(world)
        world.answer(world.debit_errands[-1], word, cause="nsf" if word == "failed" else "")
        world.move(city=5 * DAY)
        steps |= world.transitions
    world = billed()
    debiting(world)
    world.answer(world.debit_errands[-1], "unknown")
    world.move(city=5 * DAY)
    world.answer(world.debit_errands[-1], "failed", cause="nsf")
    steps |= world.transitions
    return steps


def a_bill_overdue_from_its_first_day():
    """Return the steps of a bill that becomes overdue unpaid and is then debited in vain on two operators' word."""
    world = billed()
    world.send(FreezeBill(world.bill.id, world.city, "wang", "dispute"), interface="api")
    world.move(city=8 * DAY)
    for author in ("wang", "li"):
        world.send(UnfreezeBill(world.bill.id, world.city, author, "settled"), interface="api")
    world.move(city=1)
    world.answer(world.debit_errands[-1], "failed", cause="card")
    return world.transitions


def test_the_lives_show_every_transition_and_no_other():
    """All pairs of states: 21 are shown, every other pair is reached by none of them."""
    assert witnessed() == set(TRANSITIONS)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_pair_of_states_is_a_transition_or_one_of_the_two_named_exceptions(before, after):
    """Final states lead nowhere, `open` only to issued, nothing but a debit leads back to owing."""
    allowed = (before, after) in TRANSITIONS
    exception = (before, after) in REOPENED | UNDONE
    assert not (allowed and exception)
    if before in ("cancelled", "relieved", "written_off"):
        assert not allowed
        assert not exception
    if before == "paid":
        assert not allowed
    if after == "debiting":
        assert allowed == (before in ("issued", "partially_paid", "overdue"))


def test_a_bill_paid_in_full_and_reversed_stays_paid():
    """Paid is final: the money goes back, the bill is not cancelled."""
    world = billed()
    paid(world)
    cancelled(world)
    assert (bill_state(world.bill), world.bill.amount_fen, world.bill.paid_fen) == ("paid", 0, 0)
    assert world.state.core.refundable_fen == 10_000


def test_a_reversal_goes_back_to_a_mix_of_sources_newest_first():
    """20 by counter, 30 by wechat, 50 by the debit: a reversal of 90 gives 50, 30 and 10 back, in this order."""
    world = billed()
    world.send(RecordRepayment(world.city, 2_000, method="counter"), interface="api")
    world.send(RecordRepayment(world.city, 3_000, method="wechat"), interface="api")
    debiting(world)
    world.answer()
    world.send(charge(line("K1", 9_000, "credit", reverses="F1")))
    assert [p.returned_fen for p in world.bill.payments] == [1_000, 3_000, 5_000]
    assert world.refund_errands[-1].amount_fen == 5_000
    assert world.state.core.refundable_fen == 4_000


def test_a_foreign_refund_reopens_a_paid_bill_and_freezes_it():
    """The named exception: the channel gave money back unasked, so it is owed again."""
    world = billed()
    debiting(world)
    world.answer()
    order = world.debit
    notice = ReceiveNotice("alipay", order.order_no, "refunded", order.amount_fen, "n1", order.trade_no, 4_000)
    world.send(notice, interface="alipay")
    assert (bill_state(world.bill), world.bill.frozen) == ("partially_paid", "REFUND_FOREIGN")


def test_a_pack_that_settles_everything_at_the_end_of_the_visit_splits_once():
    """Charges collect as held; the close makes one split and one bill of all of them."""
    world = World(Policies([EXAMPLES.packs[EXAMPLE]._replace(settlement=Settlement(all_at_visit_end=True))]))
    world.enrol(200_000)
    for number in range(3):
        decision = world.send(charge(line(f"F{number}", 10_000)))
        assert decision.record.outcome == "HELD"
    world.send(charge(line("K1", 4_000, "credit", reverses="F1")))
    assert world.agreement.used_fen == 0
    closing = world.close()
    posted = [event for event in closing.record.events if type(event).__name__ == "ChargePosted"]
    assert [(event.total_fen, event.allocation.credit_fen) for event in posted] == [(26_000, 26_000)]
    assert world.bill.amount_fen == 26_000
    settled = world.send(SettleInsurance(HERE, "V1", world.city, InsuranceSplit("S1", 26_000, 26_000, 0, 0, 0)))
    assert settled.record.outcome == "REFUSED"


def test_a_charge_that_brings_an_item_class_above_its_preset_gets_no_credit():
    """Class XD has 100 a visit: 50 more after 80 exceed it, 20 do not; other items alone and other visits may."""
    presets = Presets(per_item_class_fen=(("XD", 10_000),))
    world = World(Policies([EXAMPLES.packs[EXAMPLE]._replace(presets=presets)]))
    world.enrol(200_000)
    world.send(charge(line("F1", 8_000, item="XD01")))
    world.send(charge(line("F2", 5_000, item="XD02"), line("F3", 7_000, item="HC01")))
    allocation = world.reply.result["allocation"]
    assert (allocation["credit_fen"], allocation["self_pay_fen"]) == (0, 12_000)
    assert world.reply.result["reason"] == "PRESET_EXCEEDED"
    world.send(charge(line("F5", 7_000, item="HC01")))
    assert world.reply.result["allocation"]["credit_fen"] == 7_000
    world.send(charge(line("F4", 5_000, item="XD02"), visit="V2"))
    assert world.reply.result["allocation"]["credit_fen"] == 5_000

"""Recovery of failed debits by their cause, through consented sources, in daylight (domain 7)."""

import pytest
from domain_world import DAY, EXAMPLE, EXAMPLES, HOUR, MINUTE, NUMBER, START, World, charge, line
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.bill_states import bill_state
from hub.domain.clocks import at_hour
from hub.domain.retries import jittered
from hub.policies import Policies
from hub.policies.clauses import Fallbacks, Quiet
from hub.policies.pack import Offer
from schemas.commands import ConsentedSource, FreezeBill, NoteAgreementEnd, RecordRepayment, SetRepaymentSources
from schemas.events import DebitStarted, MessageSent, StatementIssued

SECOND_CHANNEL = ConsentedSource("second_channel", "unionpay", "token-2")
CHILD = ConsentedSource("family", "alipay", "child-agreement", NUMBER)
PACK = EXAMPLES.packs[EXAMPLE]
RULES = Policies(
    [
        PACK._replace(
            fallbacks=Fallbacks(("second_channel", "family", "bank_line")),
            quiet=Quiet(22, 8),
            retry=PACK.retry._replace(hours=(10, 18), last_days_before_term=1),
        )
    ]
)


def owing(fen=20_000, *sources):
    """Return a world with one bill, these consented sources, and its first debit out."""
    world = World(RULES)
    world.enrol(200_000)
    if sources:
        consent(world, *sources)
    world.send(charge(line("F1", fen)))
    world.close()
    world.move(city=72 * HOUR)
    return world


def consent(world, *sources, version="2026-07"):
    """The person consents to these sources in this order."""
    body = SetRepaymentSources(world.agreement.id, world.city, sources, version)
    return world.send(body, interface="api")


def fail(world, cause):
    """The newest debit fails for good; what follows at once follows."""
    decision = world.answer(world.debit_errands[-1], "failed", cause=cause)
    world.move()
    return decision


def through(world):
    """Return channel, contract and amount of every debit so far."""
    return [(e.channel, e.channel_agreement, e.amount_fen) for e in world.debit_errands]


def told(world):
    """Return what the person was told, with its cause."""
    events = (event for record in world.ledger for event in record.events)
    return [(event.kind, event.cause) for event in events if isinstance(event, MessageSent)]


def test_a_dead_contract_goes_on_to_the_second_channel_then_the_family_then_stays_on_the_line():
    """Each source is debited only after the one before failed for good; at last the person is told."""
    world = owing(20_000, SECOND_CHANNEL, CHILD)
    fail(world, "agreement_dead")
    fail(world, "card")
    fail(world, "agreement_dead")
    assert through(world) == [
        ("alipay", "alipay-agreement-1", 20_000),
        ("unionpay", "token-2", 20_000),
        ("alipay", "child-agreement", 20_000),
    ]
    assert len({e.order_no for e in world.debit_errands}) == 3
    assert [kind for kind, _ in told(world)] == ["source_ended", "source_ended", "debit_stopped"]
    assert [source.ended for source in world.agreement.sources] == [False, True]
    assert bill_state(world.bill) == "issued"
    world.move(city=DAY)
    assert len(world.debit_errands) == 3


def test_without_consent_to_another_source_nobody_else_is_debited():
    """The bill stays on the line, the person is told once."""
    world = owing(20_000)
    fail(world, "card")
    assert len(world.debit_errands) == 1
    assert told(world) == [("debit_stopped", "card")]


def test_a_channels_limit_is_met_by_another_source_or_by_parts():
    """With a second channel all of it goes there; without, halves go one after the other, never two at once."""
    world = owing(20_000, SECOND_CHANNEL)
    fail(world, "limit")
    assert through(world)[-1] == ("unionpay", "token-2", 20_000)
    world = owing(20_001)
    fail(world, "limit")
    assert world.debit_errands[-1].amount_fen == 10_001
    world.answer(world.debit_errands[-1])
    assert bill_state(world.bill) == "partially_paid"
    world.move()
    assert world.debit_errands[-1].amount_fen == 10_000
    world.answer(world.debit_errands[-1])
    assert bill_state(world.bill) == "paid"
    assert len(world.debit_errands) == 3


def test_insufficient_funds_are_tried_at_likely_hours_and_last_on_the_day_before_the_term_ends():
    """Closed on 1 July at 18:00, due on the 8th: tried on the 4th, the 5th at 10:00, at last the 7th at 10:00."""
    world = owing(20_000)
    fail(world, "nsf")
    world.move(city=at_hour(START, 4, 10) - world.city)
    fail(world, "nsf")
    world.move(city=at_hour(START, 6, 10) - world.city)
    assert len(world.debit_errands) == 3
    assert world.city < world.bill.due_at < world.city + 2 * DAY
    fail(world, "nsf")
    world.move(city=3 * DAY)
    assert len(world.debit_errands) == 3
    assert told(world) == [("debit_stopped", "nsf")]
    assert world.bill.overdue_since == world.bill.due_at


def test_a_source_without_money_hands_over_to_the_next_after_its_last_try():
    """Three tries of the first, then the second channel on the same day."""
    world = owing(20_000, SECOND_CHANNEL)
    fail(world, "nsf")
    world.move(city=at_hour(START, 4, 10) - world.city)
    fail(world, "nsf")
    world.move(city=at_hour(START, 6, 10) - world.city)
    fail(world, "nsf")
    assert [channel for channel, _, _ in through(world)] == ["alipay", "alipay", "alipay", "unionpay"]


def test_a_message_waits_for_the_end_of_the_quiet_hours():
    """A failure at 23:00 is told at 08:00; what was paid meanwhile is told to nobody."""
    world = owing(20_000)
    world.move(city=at_hour(world.city, 0, 23) - world.city)
    fail(world, "card")
    assert told(world) == []
    world.move(city=9 * HOUR - 1)
    assert told(world) == []
    world.move(city=1)
    assert told(world) == [("debit_stopped", "card")]
    world = owing(20_000)
    world.move(city=at_hour(world.city, 0, 23) - world.city)
    fail(world, "card")
    world.send(RecordRepayment(world.city, 20_000), interface="api")
    world.move(city=12 * HOUR)
    assert told(world) == []


def test_a_stopped_breaker_answers_same_number_again_and_no_source_is_skipped():
    """What the courier did not execute keeps number and source, up to a tenth later than the ladder says."""
    world = owing(20_000, SECOND_CHANNEL)
    world.answer(world.debit_errands[-1], "unknown", cause="not_executed_same_number", gateway_code="BREAKER_OPEN")
    world.move(wall=10 * MINUTE)
    assert {e.order_no for e in world.debit_errands} == {world.debit.order_no}
    assert world.bill.source == 0


def test_the_channel_may_end_a_further_source_before_it_is_ever_used():
    """A contract that its channel ended is passed over."""
    world = owing(20_000, SECOND_CHANNEL, CHILD)
    world.send(NoteAgreementEnd("unionpay", "token-2", "n1", world.city), interface="unionpay")
    fail(world, "agreement_dead")
    assert through(world)[-1] == ("alipay", "child-agreement", 20_000)


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        ((CHILD, SECOND_CHANNEL), "not in the pack's order"),
        ((SECOND_CHANNEL, SECOND_CHANNEL), "a contract is missing or named twice"),
        ((ConsentedSource("second_channel", "unionpay", ""),), "a contract is missing or named twice"),
        ((ConsentedSource("family", "alipay", "x"),), "a family source needs its payer, another has none"),
        ((SECOND_CHANNEL,) * 6, "more than 5 sources"),
    ],
)
def test_a_list_of_sources_that_contradicts_the_pack_is_refused(sources, why):
    """SOURCES_INVALID says why, and nothing is kept."""
    world = owing(20_000)
    decision = consent(world, *sources)
    assert (decision.record.reason, decision.record.parameters) == ("SOURCES_INVALID", {"why": why})
    assert world.agreement.sources == ()


def test_sources_need_a_text_version_an_agreement_in_force_and_a_pack_that_has_them():
    """CONSENT, AGREEMENT_UNKNOWN, SOURCES_INVALID; an empty list takes the consent back."""
    world = owing(20_000)
    assert consent(world, SECOND_CHANNEL, version="").record.reason == "CONSENT"
    unknown = SetRepaymentSources("nothing", world.city, (), "2026-07")
    assert world.send(unknown, interface="api").record.reason == "AGREEMENT_UNKNOWN"
    consent(world, SECOND_CHANNEL)
    consent(world)
    fail(world, "card")
    assert len(world.debit_errands) == 1
    plain = World()
    plain.enrol(50_000)
    assert consent(plain, SECOND_CHANNEL).record.parameters == {"why": "the pack has no such source"}


def monthly():
    """Return a world whose bank bills on the 5th, with 42 free days after it."""
    due = PACK.repayment._replace(kind="due_date", days=42, hour=23)
    offer = Offer("ICBC", 0, 5, PACK.coverage)
    world = World(Policies([PACK._replace(repayment=due, debit=None, offers=(offer,))]))
    world.enrol(200_000)
    return world


def visit(world, name, fen):
    """Charge and close one visit now."""
    world.send(charge(line(name, fen), visit=name, at=world.city))
    world.close(name)


def test_all_bills_of_a_month_are_named_by_one_statement_and_due_together():
    """Visits on 1, 3 and 7 July: the first two stand on the statement of the 5th, the third on that of August."""
    world = monthly()
    visit(world, "V1", 10_000)
    world.move(city=2 * DAY)
    visit(world, "V2", 5_000)
    world.move(city=4 * DAY)
    visit(world, "V3", 7_000)
    statements = [e for r in world.ledger for e in r.events if isinstance(e, StatementIssued)]
    assert [(len(s.bills), s.amount_fen) for s in statements] == [(2, 15_000)]
    bills = list(world.state.core.bills.values())
    assert bills[0].due_at == bills[1].due_at == statements[0].due_at < bills[2].due_at
    assert all(bill.due_at - bill.closed_at > 42 * DAY for bill in bills)
    world.send(charge(line("L1", 1_000), visit="V1", at=world.city))
    assert (world.bill.supplementary, world.bill.amount_fen) == (True, 1_000)
    world.move(city=31 * DAY)
    statements = [e for r in world.ledger for e in r.events if isinstance(e, StatementIssued)]
    assert [(len(s.bills), s.amount_fen) for s in statements] == [(2, 15_000), (2, 8_000)]


def test_what_was_paid_before_the_statement_is_not_on_it():
    """A statement names only what is owed; one without anything owed is not issued."""
    world = monthly()
    visit(world, "V1", 10_000)
    world.send(RecordRepayment(world.city, 10_000), interface="api")
    world.move(city=10 * DAY)
    assert not [e for r in world.ledger for e in r.events if isinstance(e, StatementIssued)]


WORDS = st.lists(
    st.tuples(
        st.sampled_from(["nsf", "limit", "agreement_dead", "card", "risk", "technical", "paid", "unknown", "closed"]),
        st.sampled_from([0, 1, 12, 24, 48]),
    ),
    max_size=16,
)


@settings(max_examples=80, deadline=None)
@given(fen=st.integers(1, 90_000), sources=st.integers(0, 2), words=WORDS)
def test_whatever_fails_no_two_debits_live_and_no_more_than_owed_is_debited(fen, sources, words):
    """Invariant 5 over random causes and sources; `domain_world` checks it after every decision."""
    world = owing(fen, *(SECOND_CHANNEL, CHILD)[:sources])
    for word, hours in words:
        if word == "paid":
            world.answer(world.debit_errands[-1])
        elif word in ("unknown", "closed"):
            world.answer(world.debit_errands[-1], word)
        else:
            world.answer(world.debit_errands[-1], "failed", cause=word)
        world.move(city=hours * HOUR, wall=hours * HOUR)
    started = [e for r in world.ledger for e in r.events if isinstance(e, DebitStarted) and e.new_number]
    assert len(started) <= 30
    assert all(event.amount_fen <= fen for event in started)
    paid = sum(debit.amount_fen for debit in world.state.core.debits.values() if debit.state == "paid")
    assert paid <= fen


def on_second_channel(fen=20_000):
    """Return a world whose first source's card is closed, so that the second channel is being debited."""
    world = owing(fen, SECOND_CHANNEL)
    fail(world, "card")
    assert through(world)[-1][0] == "unionpay"
    return world


@pytest.mark.parametrize(("cause", "wait"), [("nsf", 3 * DAY), ("risk", 6 * HOUR), ("limit", 0)])
def test_a_later_source_is_tried_again_through_itself(cause, wait):
    """Its failure is about its own money: the next try, or the half, goes to the second channel, not to the first."""
    world = on_second_channel()
    fail(world, cause)
    world.move(city=wait)
    assert [channel for channel, _, _ in through(world)] == ["alipay", "unionpay", "unionpay"]


def freed_by_query(world):
    """The order never came to exist: a query later than its expiry and five minutes says so."""
    errand = world.debit_errands[-1]
    world.answer(errand, "unknown")
    world.move(wall=errand.expires_wall_at + 5 * MINUTE + 1 - world.wall)
    world.answer(world.query_errands[-1], "not_exist", sent_at=world.wall)


def test_numbers_that_never_came_to_exist_are_replaced_as_often_as_the_pack_tries():
    """Three tries: two further numbers through the same source a moment later, and then none."""
    world = on_second_channel()
    for more in (1, 1, 0):
        sent = len(world.debit_errands)
        freed_by_query(world)
        world.move(wall=MINUTE - 1)
        assert len(world.debit_errands) == sent
        world.move(wall=3 * HOUR if not more else 6 * MINUTE)
        assert len(world.debit_errands) == sent + more
    assert [channel for channel, _, _ in through(world)] == ["alipay", "unionpay", "unionpay", "unionpay"]


def test_our_own_fault_moves_the_debit_to_no_other_source():
    """A wrong setting of the hub is nobody's word about money: people must mend it first, the person is not told."""
    world = owing(20_000, SECOND_CHANNEL)
    fail(world, "config")
    world.move(city=3 * DAY, wall=3 * DAY)
    assert (len(world.debit_errands), told(world)) == (1, [])


def test_a_frozen_bill_is_tried_by_nobody_after_its_debit_failed():
    """Not by the same source at a likely hour, and not by the next one."""
    world = owing(20_000, SECOND_CHANNEL)
    world.send(FreezeBill(world.bill.id, world.city, "wang", "dispute"), interface="api")
    fail(world, "nsf")
    world.move(city=3 * DAY)
    assert len(world.debit_errands) == 1


@pytest.mark.parametrize(("fen", "parts"), [(10_000, [10_000]), (10_001, [10_001, 5_001])])
def test_100_yuan_are_not_split_any_more(fen, parts):
    """A debit above it is halved, the odd fen goes with the first half."""
    world = owing(fen)
    fail(world, "limit")
    assert [amount for _, _, amount in through(world)] == parts


def test_a_debit_is_halved_four_times_at_most():
    """2,000 · 1,000 · 500 · 250 · 125: the fifth limit ends it."""
    world = owing(200_000)
    for _ in range(6):
        if world.bill.debiting:
            fail(world, "limit")
    assert [amount for _, _, amount in through(world)] == [200_000, 100_000, 50_000, 25_000, 12_500]


@pytest.mark.parametrize("cause", ["nsf", "risk"])
def test_a_part_that_failed_for_another_cause_is_tried_again_as_that_part(cause):
    """The channel's limit still holds at the later hour."""
    world = owing(20_000)
    fail(world, "limit")
    fail(world, cause)
    world.move(city=3 * DAY)
    assert [amount for _, _, amount in through(world)] == [20_000, 10_000, 10_000]


def test_risk_is_tried_again_six_hours_later_and_not_before():
    """The millisecond counts."""
    world = owing(20_000)
    fail(world, "risk")
    world.move(city=6 * HOUR - 1)
    assert len(world.debit_errands) == 1
    world.move(city=1)
    assert len(world.debit_errands) == 2


@pytest.mark.parametrize(("heard", "tries"), [(9, 2), (10, 1), (11, 1)])
def test_a_first_failure_on_the_last_day_is_tried_once_more_only_while_its_hour_is_ahead(heard, tries):
    """Due on the 8th, last try on the 7th at 10:00: at 9:00 it is still tried, from 10:00 on it is too late."""
    world = owing(20_000)
    world.answer(world.debit_errands[-1], "unknown")
    world.move(city=at_hour(START, 6, heard) - world.city)
    fail(world, "nsf")
    world.move(city=DAY)
    assert len(world.debit_errands) == tries


def test_a_wait_is_at_most_a_tenth_longer_and_the_same_for_the_same_step():
    """Among two thousand orders both ends are reached; another step of one order has another wait."""
    waits = [jittered(60_000, f"D{number}", 0) for number in range(2_000)]
    assert (min(waits), max(waits)) == (60_000, 66_000)
    assert jittered(60_000, "D1", 0) == waits[1] != jittered(60_000, "D1", 1)

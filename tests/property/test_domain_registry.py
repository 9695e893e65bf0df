"""Accounts that are no person: hospital numbers, cards, score feeds, pairs of bank and institution, the calendar.

Messages go to numbers and persons in any order, before and after links, conflicts and merges; relays come late and
twice. Every decision is checked by `domain_world` as it is made (fold, balanced postings, balances never negative).
Here: money paid in advance is somewhere exactly once, a receipt is booked once, a feed counts without a gap, and what
a bank owes is what its days say (domain 15: 1, 4, 5, 8, 9, 10).
"""

import os
from collections import Counter

import pytest
from domain_world import FEED, KEY, MINUTE, A, charge, line, score, signing
from family_world import Town, person_account
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hub.domain.reply import REPEATED
from schemas.commands import (
    CheckEligibility,
    CloseDay,
    DepositPrepayment,
    IdentifyPatient,
    LinkInsurance,
    MergePatient,
    OpenAdvance,
    ReceiveFeedMessage,
    RecordAdvanceWord,
    RecordVisit,
    RefundPrepayment,
    Subject,
    Tick,
)
from schemas.events import AdvanceOpened, FeedAdvanced, PrepaymentDeposited, PrepaymentRefunded
from schemas.ids import account_id

NUMBERS = {name: account_id(KEY, "number", f"{A}|{name}") for name in ("P1", "P2", "P3")}
PEOPLE = {name: person_account(name) for name in ("ann", "ben")}
CARD = account_id(KEY, "number", "insurance_card|3502009999")
PAIR, CALENDAR = (account_id(KEY, "feed", name) for name in (f"advance|{A}|ICBC", "clerk|calendar"))
PATIENT = st.sampled_from(sorted(NUMBERS))
PERSON = st.sampled_from(sorted(PEOPLE))
ACCOUNT = st.sampled_from([*NUMBERS.values(), *PEOPLE.values()])
FEN = st.sampled_from([1, 700, 9_999, 20_000])
COMMANDS = 100_000 if os.environ.get("MEDCREDIT_TEST_CHAOS") == "full" else 4_000
counted: Counter[str] = Counter()
"""The kind of every command sent in this process."""


class RegistryLife(RuleBasedStateMachine):
    """One institution, three numbers, two citizens, a card, a feed, a bank and the clerk's calendar."""

    @initialize()
    def begin(self):
        """Both citizens have a line."""
        self.town, self.serial, self.day = Town(), 0, 0
        self.told: dict[int, ReceiveFeedMessage] = {}
        for account in PEOPLE.values():
            self.send(account, score(self.town.policies, 250, at=self.town.city), interface="score")
            body = signing("example-city-2025", at=self.town.city, subject=Subject(person=account))
            self.send(account, body, interface="api")

    def send(self, account, body, **about):
        """Send a message from outside and count it."""
        counted[type(body).__name__] += 1
        return self.town.send(account, body, **about)

    def fresh(self, stem):
        """Return a name that nothing had yet."""
        self.serial += 1
        return f"{stem}{self.serial}"

    def subject(self, account):
        """Return how a message names the account it goes to."""
        return Subject(number=account) if account in NUMBERS.values() else Subject(person=account)

    @rule(account=ACCOUNT, fen=FEN, again=st.booleans())
    def somebody_pays_in_advance(self, account, fen, again):
        """A receipt may come twice, under another message's name."""
        receipt = self.fresh("R")
        body = DepositPrepayment(A, self.town.city, fen, receipt, self.subject(account))
        self.send(account, body, interface="api")
        if again:
            self.send(account, body, interface="mllp")

    @rule(account=ACCOUNT, fen=FEN, visit=st.sampled_from(["V1", "V2"]), back=st.booleans())
    def somebody_is_treated(self, account, fen, visit, back):
        """A charge, and perhaps its reversal, to whatever account the institution knows."""
        key = self.fresh("F")
        about = {"visit": visit, "subject": self.subject(account), "at": self.town.city}
        self.send(account, charge(line(key, fen), **about))
        if back:
            credit = line(self.fresh("K"), fen, kind="credit", reverses=key)
            self.send(account, charge(credit, **about))

    @rule(account=ACCOUNT, visit=st.sampled_from(["V1", "V2"]), event=st.sampled_from(["discharged", "reopened"]))
    def a_visit_ends(self, account, visit, event):
        """Also one that began before the link."""
        self.send(account, RecordVisit(A, visit, event, self.town.city, subject=self.subject(account)))

    @rule(account=ACCOUNT, fen=FEN)
    def what_is_left_goes_back(self, account, fen):
        """Never more than there is."""
        self.send(account, RefundPrepayment(A, self.town.city, fen), interface="api")

    @rule(number=PATIENT, person=PERSON, at_person=st.booleans(), really=st.integers(0, 2))
    def a_number_is_linked(self, number, person, at_person, really):
        """By a message to either side; a second citizen is refused."""
        if really:
            return
        both = Subject(person=PEOPLE[person], number=NUMBERS[number])
        to = PEOPLE[person] if at_person else NUMBERS[number]
        self.send(to, IdentifyPatient(A, self.town.city, both))

    @rule(retired=PATIENT, survivor=PATIENT, really=st.integers(0, 3))
    def two_numbers_are_one_patient(self, retired, survivor, really):
        """A40, also of a number into itself or in a circle."""
        if not really:
            old, new = Subject(number=NUMBERS[retired]), Subject(number=NUMBERS[survivor])
            self.send(NUMBERS[retired], MergePatient(A, self.town.city, new, old))

    @rule(person=PERSON)
    def a_card_is_linked_at_a_counter(self, person):
        """Once; somebody else's later does not take it."""
        body = LinkInsurance(A, self.town.city, "desk-1", Subject(person=PEOPLE[person], number=CARD))
        self.send(PEOPLE[person], body, interface="api")

    @rule()
    def a_kiosk_reads_the_card(self):
        """The question goes on to whose card it is."""
        self.send(CARD, CheckEligibility(A, "outpatient", self.town.city, "card"), interface="api")

    @rule(person=PERSON, step=st.sampled_from([1, 1, 1, 0, -1, 2]), value=st.sampled_from([150, 250, 350]))
    def the_feed_speaks(self, person, step, value):
        """The next number, one again as it was or altered, or one too far."""
        known = self.town.world(FEED).state.core.feed
        number = (known.sequence if known else 0) + step
        if number < 1:
            return
        body = self.told.get(number) if step == 0 else None
        if body is None:
            observed = score(self.town.policies, value, at=self.town.city, sequence=number)
            name = self.fresh("M")
            body = ReceiveFeedMessage("egret", number, name, f"sm3-{name}", PEOPLE[person], observed)
        decision = self.send(FEED, body, named=body.message_id, interface="score", content=body.payload_sm3)
        if step == 1:
            assert decision.record.outcome == "FORWARDED"
            self.told[number] = body
        if step == 2:
            assert decision.record.reason == "SEQ_GAP"

    @rule(credit=FEN, returned=FEN, skip=st.integers(0, 2))
    def a_day_is_advanced(self, credit, returned, skip):
        """A day of a pair opens once; one that is over comes late."""
        self.day += skip
        day = f"2026-07-{1 + self.day % 28:02d}" if self.day < 28 else f"2026-08-{1 + self.day % 28:02d}"
        if self.day < 56:
            self.send(PAIR, OpenAdvance(day, A, "ICBC", 1, credit, returned, "sm3"), interface="clerk")

    @rule(choice=st.integers(0, 9), paid=st.booleans(), beside=st.sampled_from([0, 0, 0, 1]))
    def the_bank_answers(self, choice, paid, beside):
        """In full, not at all, or another sum; about any batch, or one nobody opened."""
        opened = [e for r in self.town.world(PAIR).ledger for e in r.events if isinstance(e, AdvanceOpened)]
        named = [(each.batch, each.amount_fen) for each in opened] + [("nobody's", 1)]
        batch, fen = named[choice % len(named)]
        body = RecordAdvanceWord(self.town.city, batch, paid, fen + beside, self.fresh("W"))
        self.send(PAIR, body, interface="clerk")

    @rule(day=st.integers(1, 28), closes=st.booleans())
    def the_clerk_keeps_the_calendar(self, day, closes):
        """Ticks and closes in any order; a day closes once."""
        named = f"2026-07-{day:02d}"
        body = CloseDay(named, "root", 1, 1, 0, 0, "k", "s") if closes else Tick(named)
        self.send(CALENDAR, body, interface="clerk")

    @rule(choice=st.integers(0, 60))
    def a_message_comes_again(self, choice):
        """Any earlier message from outside: it moves nothing, wherever it ends up."""
        commands = self.town.commands
        if not commands:
            return
        command = commands[-1 - choice % len(commands)]
        counted[type(command.body).__name__] += 1
        decision = self.town.world(command.account).take(command)
        moved = decision.record.journal
        assert not moved or decision.record.outcome not in REPEATED

    @rule(account=st.sampled_from([*NUMBERS.values(), *PEOPLE.values(), CARD, FEED]), count=st.integers(1, 3))
    def relays_arrive(self, account, count):
        """A few at a time."""
        self.town.deliver(account, count)

    @rule(account=st.sampled_from([*NUMBERS.values(), *PEOPLE.values(), FEED]), count=st.integers(1, 3))
    def relays_come_again(self, account, count):
        """The loop crashed before its commit."""
        self.town.world(account)
        self.town.go_back(account, count)

    @rule(minutes=st.sampled_from([1, 60, 24 * 60]))
    def time_passes(self, minutes):
        """Idle visits close, bills are debited."""
        self.town.move(city=minutes * MINUTE, wall=MINUTE)

    @invariant()
    def the_feed_counts_without_a_gap(self):
        """Row 99: every number from 1 is used once."""
        if hasattr(self, "town"):
            used = [e.sequence for r in self.town.world(FEED).ledger for e in r.events if isinstance(e, FeedAdvanced)]
            assert used == list(range(1, len(used) + 1))

    @invariant()
    def the_bank_owes_what_its_days_say(self):
        """Invariant 8: what is opened plus what is carried is credit less refunds, over all days."""
        if not hasattr(self, "town"):
            return
        opened = [e for r in self.town.world(PAIR).ledger for e in r.events if isinstance(e, AdvanceOpened)]
        days = [each.day for each in opened]
        assert days == sorted(set(days))
        owed = sum(each.credit_fen - each.returned_fen for each in opened)
        carry = opened[-1].carry_fen if opened else 0
        assert sum(each.amount_fen for each in opened) + carry == owed

    def teardown(self):
        """Once everything was delivered: money paid in advance is somewhere exactly once, nothing is under way."""
        if not hasattr(self, "town"):
            return
        self.town.settle()
        balances = self.town.balances()
        assert not [name for name in balances if name.startswith("transit/")], balances
        assert sum(balances.values()) == 0
        self._prepayments_are_conserved()

    def _prepayments_are_conserved(self):
        records = [record for world in self.town.accounts.values() for record in world.ledger]
        events = [event for record in records for event in record.events]
        deposits = [e for e in events if isinstance(e, PrepaymentDeposited) and not e.from_account]
        came = sum(e.amount_fen for e in deposits)
        gone = sum(e.amount_fen for e in events if isinstance(e, PrepaymentRefunded))
        states = [world.state for world in self.town.accounts.values()]
        kept = sum(sum(state.core.prepayments.values()) for state in states)
        charges = [c for state in states for encounter in state.encounters.values() for c in encounter.charges.values()]
        spent = sum(c.parts.prepayment - c.returned.prepayment for c in charges if c.status != "settled")
        assert kept == came - gone - spent
        receipts = [e.receipt_no for e in deposits]
        assert len(receipts) == len(set(receipts)), "a receipt was booked twice"


@pytest.mark.timeout(3_600)
def test_numbers_cards_feeds_and_pairs_keep_every_invariant():
    """Thousands of commands to accounts that are no person; no kind is left out."""
    counted.clear()
    while sum(counted.values()) < COMMANDS:
        lives = settings(
            max_examples=40, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        )
        run_state_machine_as_test(RegistryLife, settings=lives)
    clerks = {"OpenAdvance", "RecordAdvanceWord", "CloseDay", "Tick"}
    assert {"LinkInsurance", "MergePatient", "ReceiveFeedMessage"} | clerks < set(counted), sorted(counted)

"""Every kind of command on one account, in any order, repeated, late, at month ends and at the limit (domain 15).

`MEDCREDIT_TEST_CHAOS=full` makes it a million commands, in shards of their own time limit.
"""

import os

import pytest
from domain_world import CITY, DAY, EXAMPLE, HOUR, KEY, PERSON, PLATFORM, XIAMEN, A, World, charge, line, score, signing
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from standing_world import city as whole_city
from test_domain_invariants import FEN, KEYS, PLACES, VISITS, AccountLife

from hub.domain.reply import REPEATED
from hub.domain.timers import next_due
from hub.policies.clauses import Holds
from schemas.commands import (
    AnswerFamilyLink,
    ApplyRelief,
    ApproveRelief,
    CaptureHold,
    CheckEligibility,
    CheckFamilyLine,
    CloseRelief,
    ConfirmProposal,
    DepositPrepayment,
    EndFamilyLink,
    FreezeBill,
    HoldCredit,
    HoldFamilyLine,
    LinkInsurance,
    MergePatient,
    NoteFamilyVisit,
    OfferFamilyLink,
    PostFamilyHold,
    ProposeListing,
    ProposeUnlisting,
    ReceiveTransfer,
    RecordBankCollection,
    RecordDeath,
    RecordDishonesty,
    RecordFeedbackResult,
    RecordInsuranceCredit,
    RecordRecovery,
    ReduceFamilyCredit,
    RefundBalance,
    RefundPrepayment,
    RejectProposal,
    RequestFamilyLink,
    RevokeConsent,
    Subject,
    UndoOverdue,
    UnfreezeBill,
    Via,
    VoidHold,
    WaiveFees,
    WriteOffBill,
)
from schemas.errands import FeedbackErrand, RelayErrand
from schemas.ids import account_id
from streams.invariants import Invariants

CHILD = account_id(KEY, "person", "350203201801011234")
CARDS = [account_id(KEY, "number", f"insurance_card|{n}") for n in range(2)]
STAYS = Holds(frozenset(("inpatient", "outpatient")), 30)
RULED = whole_city(holds=STAYS)
PEOPLE = st.sampled_from(["desk-1", "desk-2", "desk-3"])
COLOURS = st.sampled_from(["white", "black"])
RELIEFS = st.sampled_from(["civil_affairs", "insurance_claim", "fiscal"])
CHOICE = st.integers(0, 9)
TURNS = {
    "a summer evening": 1_782_900_000_000,
    "before a leap day": 1_834_934_400_000,
    "the last minute of a year": 1_798_732_740_000,
    "the last hour of a short month": 1_803_826_800_000,
}
"""When lives begin: 2026-07-01 18:00, 2028-02-24 00:00, 2026-12-31 23:59 and 2027-02-28 23:00 in the city."""
FULL = os.environ.get("MEDCREDIT_TEST_CHAOS") == "full"
SHARDS, COMMANDS = (40, 25_000) if FULL else (1, 10_000)
KINDS = 40
"""Fewest kinds of commands of a shard: rare ones are drawn by chance, so lives go on until these were seen."""
counted: list[str] = []
"""The kind of every command sent in this process."""


class WholeLife(AccountLife):
    """An account under everything that institutions, banks, clerks, families and the clock can do to it."""

    @initialize(
        pack=st.sampled_from([EXAMPLE, EXAMPLE, PLATFORM, CITY, "zhongshan-2021"]),
        value=st.sampled_from([250, 350, 660, 720]),
        turn=st.sampled_from(sorted(TURNS)),
    )
    def enrol(self, pack, value, turn):
        """Score and agreement first, at the turn of a day, a month, a year or before a leap day."""
        self.world = World(RULED if pack == EXAMPLE else XIAMEN)
        self.world.city = self.world.wall = TURNS[turn]
        self.pack = pack
        self.taken = []
        self.send(score(self.world.policies, value, at=self.world.city), interface="score")
        self.send(signing(pack, at=self.world.city), interface="api")

    def send(self, body, **about):
        """Send a new message and count it."""
        counted.append(type(body).__name__)
        return super().send(body, **about)

    def relayed(self, body):
        """Send what another account of the family relays, once."""
        serial = len(self.taken) + 1
        return self.send(body, interface="relay", via=Via(0, CHILD, serial, (CHILD,)))

    def one_of(self, choice, known):
        """Return one of the known names, or a name that nobody knows."""
        names = [*known, "nobody's"]
        return names[choice % len(names)]

    def bill(self, choice):
        """Return a bill's name."""
        return self.one_of(choice, self.world.state.core.bills)

    @precondition(lambda self: self.taken)
    @rule(choice=st.integers(0, 60))
    def a_message_comes_again(self, choice):
        """Any earlier message, byte for byte: no money moves; a question is answered anew."""
        command = self.taken[-1 - choice % len(self.taken)]
        counted.append(type(command.body).__name__)
        known = [record for record in self.world.ledger if record.command_id == command.id]
        decision = self.world.take(command)
        if self.world.now.city - known[0].now < 35 * DAY:
            assert decision.record.outcome in REPEATED or isinstance(command.body, CheckEligibility)
            assert not decision.record.events
            assert not decision.record.journal

    @rule(visit=VISITS, place=PLACES, key=KEYS, beside=st.sampled_from([-1, 0, 0, 1]))
    def a_charge_at_the_limit(self, visit, place, key, beside):
        """What all sources together leave, to the fen, or one beside it."""
        core = self.world.state.core
        free = [a.limit_fen - a.used_fen - a.held_fen for a in core.agreements.values() if a.id == core.agreement]
        total = core.insurance_fen + core.prepayments.get(place, 0) + sum(free) + beside
        if total > 0:
            self.send(charge(line(f"{place}L{key}", total), visit=visit, institution=place, at=self.world.city))

    @rule(visit=VISITS, fen=FEN, late=st.sampled_from([HOUR, DAY, 32 * DAY]))
    def a_late_charge(self, visit, fen, late):
        """An event of some time ago."""
        self.send(charge(line(f"late{len(self.taken)}", fen), visit=visit, at=self.world.city - late))

    @rule(visit=VISITS, place=PLACES, fen=FEN, source=st.sampled_from(["credit", "credit", "prepayment"]))
    def a_hold(self, visit, place, fen, source):
        """Part of the line or a deposit is kept for a visit."""
        body = HoldCredit(place, visit, self.world.city, fen, source, "outpatient")
        self.send(body, interface="api")

    @rule(choice=CHOICE, fen=FEN, void=st.booleans())
    def a_hold_ends(self, choice, fen, void):
        """Captured or voided, also twice, also one that was never placed."""
        hold = self.one_of(choice, self.world.state.core.holds)
        body = VoidHold(hold, self.world.city) if void else CaptureHold(hold, self.world.city, fen)
        self.send(body, interface="api")

    @rule(place=PLACES, beside=st.sampled_from([0, 0, -1, 1]), balance=st.booleans())
    def money_goes_back(self, place, beside, balance):
        """What is left of a deposit or was paid too much, or a fen more."""
        core = self.world.state.core
        left = core.refundable_fen if balance else core.prepayments.get(place, 0)
        body = RefundBalance(self.world.city, left + beside)
        self.send(body if balance else RefundPrepayment(place, self.world.city, left + beside), interface="api")

    @rule(choice=CHOICE, author=PEOPLE, free=st.booleans())
    def a_bill_is_frozen_or_freed(self, choice, author, free):
        """Two people free it."""
        kind = UnfreezeBill if free else FreezeBill
        self.send(kind(self.bill(choice), self.world.city, author, "incident"), interface="api")

    @rule(colour=COLOURS, author=PEOPLE, off=st.booleans(), days=st.sampled_from([0, 1, 30]))
    def a_listing_is_proposed(self, colour, author, off, days):
        """On or off a list, for ever or for some days."""
        at = self.world.city
        until = at + days * DAY if days else 0
        body = ProposeUnlisting(colour, author, "appeal", at)
        self.send(body if off else ProposeListing(colour, author, "evidence", at, until), interface="api")

    @rule(choice=CHOICE, author=PEOPLE, later=st.sampled_from([0, 0, -1, 10]))
    def an_overdue_is_undone(self, choice, author, later):
        """A bill was wrongly recorded overdue, somebody says."""
        due_at = self.world.city + later * DAY if later else 0
        self.send(UndoOverdue(self.bill(choice), author, "wrong", self.world.city, due_at), interface="api")

    @rule(choice=CHOICE, author=PEOPLE, agree=st.sampled_from([True, True, False]))
    def somebody_answers_a_proposal(self, choice, author, agree):
        """The same person or another one."""
        kind = ConfirmProposal if agree else RejectProposal
        proposal = self.one_of(choice, self.world.state.core.proposals)
        self.send(kind(proposal, author, self.world.city), interface="api")

    @rule(choice=CHOICE, kind=RELIEFS, author=PEOPLE, fen=st.sampled_from([0, 0, 1, 5_000]))
    def relief_is_asked(self, choice, kind, author, fen):
        """For any bill, whatever its state."""
        self.send(ApplyRelief(self.bill(choice), kind, author, "hardship", self.world.city, fen), interface="api")

    @rule(choice=CHOICE, author=PEOPLE, word=st.sampled_from(["approve", "approve", "refused", "withdrawn"]))
    def relief_is_answered(self, choice, author, word):
        """Approved, refused or withdrawn, in any order."""
        case = self.one_of(choice, self.world.state.core.relief)
        at = self.world.city
        body = ApproveRelief(case, author, at) if word == "approve" else CloseRelief(case, word, author, at)
        self.send(body, interface="api")

    @rule(author=PEOPLE, good=st.booleans(), check=st.booleans())
    def a_register_speaks(self, author, good, check):
        """The dishonesty register or the insurer's credit check."""
        at = self.world.city
        body = RecordDishonesty("R1", author, "register", at, good)
        self.send(RecordInsuranceCredit(good, at) if check else body, interface="api")

    @rule(choice=CHOICE, fen=FEN, fee=st.sampled_from([0, 0, 1, 500]))
    def the_bank_collects(self, choice, fen, fee):
        """Part of a bill and of its fee, or more than there is."""
        serial = f"B{len(self.taken)}"
        self.send(RecordBankCollection(self.world.city, self.bill(choice), fen, fee, serial), interface="clerk")

    @rule(choice=CHOICE, author=PEOPLE, fen=FEN, what=st.sampled_from(["waive", "write_off", "recover", "recover"]))
    def a_bill_is_given_up(self, choice, author, fen, what):
        """Fees waived, a loss taken, money that still came in."""
        at, bill = self.world.city, self.bill(choice)
        bodies = {
            "waive": WaiveFees(at, bill, author, "goodwill"),
            "write_off": WriteOffBill(at, bill, author, "lost"),
            "recover": RecordRecovery(at, bill, fen, "court", f"C{len(self.taken)}"),
        }
        self.send(bodies[what], interface="clerk")

    @rule(place=PLACES, revoke=CHOICE)
    def a_kiosk_asks_or_a_consent_ends(self, place, revoke):
        """The question moves nothing; revoking is rare."""
        at = self.world.city
        body = CheckEligibility(place, "outpatient", at)
        self.send(body if revoke else RevokeConsent("egret", at, "auth-1"), interface="api")

    @rule(link=st.sampled_from(["L1", "L2"]), accept=st.sampled_from([True, True, False]))
    def a_child_is_linked(self, link, accept):
        """A minor's account offers a link, and this person answers."""
        at = self.world.city
        offer = OfferFamilyLink(link, "minor", "payer", CHILD, "2026-01", at + DAY, at, birth_on="2018-01-01")
        self.relayed(offer)
        self.send(AnswerFamilyLink(at, link, accept, "2026-01"), interface="api")

    @rule(serial=st.integers(0, 5), fen=FEN, place=PLACES)
    def a_child_uses_the_line(self, serial, fen, place):
        """A hold for the child's charge; the same hold may come again with another amount."""
        body = HoldFamilyLine(f"FH{serial}", "L1", place, f"C{serial}", "outpatient", self.world.city, fen)
        self.relayed(body)

    @rule(serial=st.integers(0, 5), fen=st.integers(0, 60_000), place=PLACES, back=st.booleans())
    def the_childs_hold_is_decided(self, serial, fen, place, back):
        """Posted, voided by 0, or reduced; in any order."""
        at, hold = self.world.city, f"FH{serial}"
        body = PostFamilyHold(hold, place, f"C{serial}", "outpatient", at, fen)
        self.relayed(ReduceFamilyCredit(hold, place, f"C{serial}", fen, at) if back else body)

    @rule(serial=st.integers(0, 5), place=PLACES, event=st.sampled_from(["closed", "closed", "reopened"]))
    def the_childs_visit_closes(self, serial, place, event):
        """Which bills what stands on the line."""
        self.relayed(NoteFamilyVisit(CHILD, place, f"C{serial}", event, self.world.city))

    @rule(choice=CHOICE, status=st.sampled_from(["taken", "refused", "unknown", "unknown", "untold"]))
    def the_score_source_answers(self, choice, status):
        """Any word about any message that left, in any order, also about one that is over."""
        left = [errand for errand in self.world.errands if isinstance(errand, FeedbackErrand)]
        if left:
            errand = left[-1 - choice % len(left)]
            word = RecordFeedbackResult(errand.id, errand.message, errand.source, status, self.world.wall, status)
            self.send(word, interface="courier")

    @rule(card=st.sampled_from(CARDS), asked=st.booleans(), place=PLACES)
    def a_card_is_linked_or_a_child_asked_about(self, card, asked, place):
        """At a counter; a kiosk's question about the child moves nothing."""
        if asked:
            self.relayed(CheckFamilyLine("L1", place, "outpatient", self.world.city, 100, 200, insurance_linked=True))
        else:
            subject = Subject(person=PERSON, number=card)
            self.send(LinkInsurance(place, self.world.city, "desk-1", subject), interface="api")

    @rule(really=CHOICE, place=PLACES, fen=FEN)
    def a_numbers_prepayment_comes_over(self, really, place, fen):
        """A hospital number of the person was linked."""
        if not really:
            self.relayed(ReceiveTransfer(CARDS[0], place, self.world.city, fen))

    @rule(really=CHOICE, fen=FEN, days=st.sampled_from([0, 4, 50]), pack=st.booleans())
    def another_record_of_the_person_comes_in(self, really, fen, days, pack):
        """A40, rarely: with deposits, bills, orders under way, arrears and fees of the retired account."""
        if really:
            return
        name = account_id(KEY, "person", f"other {len(self.taken)}")
        other, whose = World(self.world.policies, name), Subject(person=name)
        other.city, other.wall = self.world.city - days * DAY, self.world.wall
        other.send(score(other.policies, 720, at=other.city), interface="score")
        other.send(signing(self.pack if pack else "", "bank", at=other.city, subject=whose), interface="api")
        other.send(DepositPrepayment(A, other.city, fen, subject=whose), interface="api")
        other.send(charge(line(f"{name}1", 2 * fen), visit="W1", at=other.city, scene="inpatient"))
        other.close("W1")
        other.send(charge(line(f"{name}2", fen), visit="V1", at=other.city, settlement_mode="after"))
        other.move(city=days * DAY)
        other.send(MergePatient(A, other.city, Subject(person=PERSON), whose))
        (relay,) = [errand for errand in other.errands if isinstance(errand, RelayErrand)]
        counted.append(type(relay.command.body).__name__)
        self.taken.append(relay.command)
        self.world.take(relay.command)

    @rule(really=CHOICE, dies=CHOICE)
    def a_family_ends(self, really, dies):
        """A link ends; a death is rarer still."""
        at = self.world.city
        if not really:
            self.relayed(EndFamilyLink("L1", "unlinked", at))
        elif really == 1 and not dies:
            self.send(RecordDeath(at, "certificate"), interface="api")
        elif really == dies:
            self.send(RequestFamilyLink(at, "adult_child", "dependent", CHILD, "2026-01"), interface="api")

    @rule(beside=st.sampled_from([-1, 0, 0, 1]), jumps=st.integers(1, 3))
    def to_the_next_timer(self, beside, jumps):
        """Just before a timer, on it, or just past it."""
        for _ in range(jumps):
            due = next_due(self.world.state)[0]
            if due > self.world.city + 400 * DAY:
                return
            self.world.move(city=max(0, due - self.world.city + beside))

    @rule(beside=st.sampled_from([-1, 0, 0, 1]))
    def to_the_next_timer_of_the_wall(self, beside):
        """Retries, queries and answers that never come: just before, on or just past their time."""
        due = next_due(self.world.state)[1]
        if due <= self.world.wall + 400 * DAY:
            self.world.move(wall=max(0, due - self.world.wall + beside))

    @rule(days=st.sampled_from([28, 31, 45, 60]))
    def months_pass(self, days):
        """Month ends, leap days, the bank's free days and the fees after them."""
        self.world.move(city=days * DAY)

    def teardown(self):
        """The whole life again, judged from the ledger alone as `verify` does: fees and their cap too (1 to 7, 11)."""
        super().teardown()
        if hasattr(self, "world"):
            books = Invariants(self.world.policies.institution_funded)
            for record in self.world.ledger:
                books.add(record)
            assert [fault for finding in books.findings.values() for fault in finding.faults] == []


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_ten_thousand_commands_of_every_kind_keep_every_invariant(shard):
    """Each decision is checked by `domain_world`; the kinds are counted, none is left out."""
    begun = len(counted)
    while len(counted) - begun < COMMANDS or (
        len(set(counted[begun:])) < KINDS and len(counted) - begun < 3 * COMMANDS
    ):
        lives = settings(
            max_examples=60, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
        )
        run_state_machine_as_test(WholeLife, settings=lives)
    kinds = set(counted[begun:])
    assert len(counted) - begun >= COMMANDS, shard
    assert len(kinds) >= KINDS, sorted(kinds)

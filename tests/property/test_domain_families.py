"""Random families: relays late, twice and in any order between accounts, crashes, birthdays, unlinks, deaths, merges.

Every decision is checked by `domain_world` as it is made (fold, balanced postings, limits at acceptance, one live debit
for a bill). Here: each hold ends in exactly one of posted and voided, nobody pays twice, no hold is left, and money is
conserved over all accounts once everything was delivered.
"""

from collections import Counter

from domain_world import HOUR, MINUTE, A, charge, line, score, signing
from family_world import Town, person_account
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hub.domain.state import AccountState, decode_core, decode_encounter, encode_core, encode_encounter
from schemas.commands import (
    AnswerFamilyLink,
    AnswerFamilyUnlink,
    DepositPrepayment,
    IdentifyPatient,
    MergePatient,
    RecordDeath,
    RecordRepayment,
    RecordVisit,
    RequestFamilyLink,
    RequestFamilyUnlink,
    Subject,
)
from schemas.errands import FeedbackErrand, RefundErrand, RelayErrand
from schemas.events import (
    FamilyCreditPosted,
    FamilyCreditReduced,
    FamilyHoldDecided,
    FamilyHoldPlaced,
    FamilyHoldVoided,
)

PEOPLE = {name: person_account(name) for name in ("mother", "father", "baby", "teen", "grown", "double")}
BORN = {
    "baby": "2020-01-05",
    "teen": "2008-07-08",
    "mother": "1985-02-28",
    "father": "1984-02-29",
    "grown": "2000-01-01",
}
ADULTS, MINORS = ("mother", "father", "grown"), ("baby", "teen")
WHO = st.sampled_from(sorted(BORN))
TREATED = st.sampled_from(["baby", "teen", "baby", "teen", "mother"])
FEN = st.sampled_from([1, 500, 9_999, 20_000, 35_000, 60_000])


class FamilyLife(RuleBasedStateMachine):
    """Two parents with lines, a baby, a teenager who turns 18 within days and has a line, a grown child."""

    @initialize(twofold=st.sampled_from(["", "", "mother", "teen", "baby"]))
    def born(self, twofold):
        """Everybody is known; the baby and the teenager share the mother's line, the grown child repays hers."""
        self.town, self.serial = Town(), 0
        self.twofold = twofold
        for name, born in BORN.items():
            account = PEOPLE[name]
            self.town.send(account, IdentifyPatient(A, self.town.city, Subject(person=account, birth_on=born)))
            if name != "baby":
                value = 250 if name == "mother" else 150
                self.town.send(account, score(self.town.policies, value, at=self.town.city), interface="score")
                channel = "unionpay" if name == "grown" else "alipay"
                agreement = signing("example-city-2025", channel, at=self.town.city, subject=Subject(person=account))
                self.town.send(account, agreement)
        for name, relation, role in (("baby", "minor", "dependent"), ("teen", "minor", "dependent"),
                                     ("grown", "adult_child", "payer")):  # fmt: skip
            self.ask(name, "mother", relation, role)
            self.answer_first("mother", accept=True)

    def ask(self, name, other, relation, role):
        """Ask for a link."""
        body = RequestFamilyLink(self.town.city, relation, role, PEOPLE[other], "F")
        self.town.send(PEOPLE[name], body)

    def answer_first(self, name, *, accept):
        """Deliver everything and answer every open request of a person."""
        self.town.settle()
        for link in self.links(name):
            if link.state == "offered":
                answer = AnswerFamilyLink(self.town.city, link.id, accept=accept, consent_version="F")
                self.town.send(PEOPLE[name], answer)
        self.town.settle()

    def links(self, name):
        """Return the links a person knows."""
        family = self.town.world(PEOPLE[name]).state.core.family
        return list(family.links.values()) if family else []

    def numbered(self, prefix):
        """Return a name never used before."""
        self.serial += 1
        return f"{prefix}{self.serial}"

    def where(self, name):
        """Return the account that now stands for a person."""
        account = PEOPLE[name]
        while self.town.world(account).state.core.merged_into:
            account = self.town.world(account).state.core.merged_into
        return account

    @rule(name=TREATED, fen=FEN, visit=st.integers(1, 2), steps=st.integers(0, 3))
    def a_charge(self, name, fen, visit, steps):
        """Of a minor, or of the mother herself; some of what follows is delivered at once."""
        body = charge(line(self.numbered("F"), fen), visit=f"{name}{visit}", at=self.town.city)
        self.town.send(PEOPLE[name], body)
        for sender in (name, "mother", name)[:steps]:
            self.town.deliver(PEOPLE[sender], 9)

    @rule(name=TREATED, choice=st.integers(0, 9), share=st.integers(1, 100))
    def a_reversal(self, name, choice, share):
        """Part of any open line comes back."""
        encounters = self.town.world(self.where(name)).state.encounters.values()
        open_lines = [
            (each.visit, key, booked.open_fen)
            for each in encounters
            for key, booked in each.lines.items()
            if booked.open_fen and each.visit.startswith(name)
        ]
        if not open_lines:
            return
        visit, key, fen = open_lines[choice % len(open_lines)]
        credit = line(self.numbered("K"), max(1, fen * share // 100), kind="credit", reverses=key)
        self.town.send(PEOPLE[name], charge(credit, visit=visit, at=self.town.city))

    @rule(name=TREATED, choice=st.integers(0, 9), event=st.sampled_from(["discharged", "discharged", "reopened"]))
    def a_visit_closes(self, name, choice, event):
        """Or its close is taken back."""
        visits = [e.visit for e in self.town.world(self.where(name)).state.encounters.values() if not e.patient]
        if visits:
            self.town.send(PEOPLE[name], RecordVisit(A, visits[choice % len(visits)], event, self.town.city))

    @rule(name=WHO, fen=FEN)
    def a_payment(self, name, fen):
        """Prepaid by a minor, a repayment by an adult."""
        account = PEOPLE[name]
        if name in MINORS:
            body = DepositPrepayment(A, self.town.city, fen, subject=Subject(person=account))
        else:
            body = RecordRepayment(self.town.city, fen)
        self.town.send(account, body, interface="api")

    @rule(name=WHO, status=st.sampled_from(["paid", "paid", "failed", "unknown"]), choice=st.integers(0, 5))
    def a_gateway_answers(self, name, status, choice):
        """Any of the last errands of an account."""
        world = self.town.world(PEOPLE[name])
        errands = [errand for errand in world.errands if not isinstance(errand, RelayErrand | FeedbackErrand)]
        if not errands:
            return
        errand = errands[-1 - choice % len(errands)]
        if isinstance(errand, RefundErrand) and status == "paid":
            status = "refunded"
        world.answer(errand, status, **({"cause": "nsf"} if status == "failed" else {}))

    @rule(name=WHO, count=st.integers(1, 6))
    def relays_arrive(self, name, count):
        """Some of one account's, in their order, whatever others sent."""
        self.town.deliver(PEOPLE[name], count)

    @rule(name=WHO, count=st.integers(1, 5))
    def the_relay_loop_crashes(self, name, count):
        """What was delivered and not committed is delivered again."""
        self.town.go_back(PEOPLE[name], count)

    @rule(name=WHO)
    def a_lane_restarts(self, name):
        """Memory is what the compacted topic holds."""
        world = self.town.world(PEOPLE[name])
        core = decode_core(encode_core(world.state.core))
        visits = {key: decode_encounter(encode_encounter(each)) for key, each in world.state.encounters.items()}
        world.state = AccountState(core, visits)

    @rule(hours=st.sampled_from([0, 1, 24, 72, 24 * 8]), minutes=st.sampled_from([0, 1, 6, 200]))
    def time_passes(self, hours, minutes):
        """Asks and requests expire, bills are debited, a birthday comes."""
        self.town.move(city=hours * HOUR, wall=minutes * MINUTE)

    @rule(name=WHO, choice=st.integers(0, 3), accept=st.booleans(), really=st.integers(0, 3))
    def an_end_is_asked_for_or_answered(self, name, choice, accept, really):
        """Both consents end a link; now and then."""
        if really:
            return
        links = [link for link in self.links(name) if link.state == "active"]
        if not links:
            return
        link = links[choice % len(links)]
        if link.ending == "offered":
            body = AnswerFamilyUnlink(self.town.city, link.id, accept=accept, consent_version="U")
        else:
            body = RequestFamilyUnlink(self.town.city, link.id, "U")
        self.town.send(PEOPLE[name], body)

    @rule(name=st.sampled_from(MINORS), other=st.sampled_from(["mother", "father"]), accept=st.booleans())
    def a_link_is_asked_for_and_answered(self, name, other, accept):
        """A minor may change the payer once the old link is over."""
        self.ask(name, other, "minor", "dependent")
        if accept:
            self.answer_first(other, accept=True)

    @rule(name=WHO, really=st.integers(0, 15))
    def somebody_dies(self, name, really):
        """Rarely."""
        if not really:
            self.town.send(PEOPLE[name], RecordDeath(self.town.city))

    @rule(really=st.integers(0, 9))
    def a_person_turns_out_to_be_another_one(self, really):
        """Rarely; the second record takes everything over."""
        if self.twofold and not really:
            retired, survivor = Subject(person=PEOPLE[self.twofold]), Subject(person=PEOPLE["double"])
            self.town.send(PEOPLE[self.twofold], MergePatient(A, self.town.city, survivor, retired))

    def events(self):
        """Return every event of every account."""
        worlds = self.town.accounts.values()
        return [event for world in worlds for record in world.ledger for event in record.events]

    @invariant()
    def a_hold_is_placed_decided_and_finished_at_most_once(self):
        """Never posted and voided, never posted twice."""
        if hasattr(self, "town"):
            once = (FamilyHoldPlaced, FamilyHoldDecided, (FamilyCreditPosted, FamilyHoldVoided))
            for kinds in once:
                seen = Counter(event.hold for event in self.events() if isinstance(event, kinds))
                assert not [hold for hold, count in seen.items() if count > 1]

    def teardown(self):
        """Once everything was delivered and every wait is over, all accounts agree."""
        if not hasattr(self, "town"):
            return
        self.town.settle()
        self.town.move(wall=10 * MINUTE)
        self.town.settle()
        self.check_holds()
        self.check_money()

    def check_holds(self):
        """No hold and no ask is left; what the dependent decided is what the payer posted."""
        for world in self.town.accounts.values():
            family = world.state.core.family
            assert family is None or not (family.holds or family.asks)
            assert all(agreement.held_fen == 0 for agreement in world.state.core.agreements.values())
        events = self.events()
        placed = {event.hold for event in events if isinstance(event, FamilyHoldPlaced)}
        posted = {event.hold: event.amount_fen for event in events if isinstance(event, FamilyCreditPosted)}
        voided = {event.hold for event in events if isinstance(event, FamilyHoldVoided)}
        decided = {event.hold: event.posted_fen for event in events if isinstance(event, FamilyHoldDecided)}
        assert placed == set(posted) | voided
        assert posted == {hold: fen for hold, fen in decided.items() if fen}
        back = Counter()
        for event in events:
            if isinstance(event, FamilyCreditReduced):
                back[event.hold] += event.amount_fen
        assert all(fen <= posted[hold] for hold, fen in back.items())

    def check_money(self):
        """Nothing is on its way; what lines carry is what was charged on credit and not paid, each fen once."""
        balances = self.town.balances()
        assert not [name for name in balances if name.startswith("transit/")]
        owed = sum(fen for name, fen in balances.items() if name.endswith("/receivable"))
        credit = paid = waiting = 0
        for world in self.town.accounts.values():
            for encounter in world.state.encounters.values():
                if not encounter.patient:
                    credit += sum(c.parts.credit - c.returned.credit for c in encounter.charges.values())
            for bill in world.state.core.bills.values():
                paid += bill.paid_fen
                waiting += bill.reduction_waiting_fen
        assert owed == credit - paid + waiting


FamilyLife.TestCase.settings = settings(
    max_examples=80, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestFamilyLife = FamilyLife.TestCase

"""Random lives of an account: charges, credits, repeats, closings, gateways' words, payments, both clocks (domain 15).

Every decision is checked by `domain_world` as it is made: fold equality byte for byte, balanced postings that give the
state's balances, parts that sum to the charge, the limit at acceptance, one live order for a bill, one payment for an
order, refunds within what was paid, and exactly one record.
"""

import msgspec
from domain_world import (
    CITY,
    DAY,
    EXAMPLE,
    EXAMPLES,
    HOUR,
    MINUTE,
    PLATFORM,
    XIAMEN,
    A,
    B,
    World,
    charge,
    encoded,
    line,
    score,
    signing,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.domain.evolve import evolve
from hub.domain.state import (
    AccountState,
    decode_core,
    decode_encounter,
    due_from_bytes,
    encode_core,
    encode_encounter,
    new_state,
)
from hub.domain.timers import next_due
from schemas.commands import (
    CaptureHold,
    ConsentedSource,
    DepositInsuranceAccount,
    DepositPrepayment,
    FreezeBill,
    HoldCredit,
    InsuranceSplit,
    NoteAgreementEnd,
    ReceiveNotice,
    RecordRepayment,
    RecordVisit,
    RefundBalance,
    RefundPrepayment,
    ReverseSettlement,
    SetRepaymentSources,
    SettleInsurance,
    UnfreezeBill,
    VoidHold,
    WithdrawAgreement,
)
from schemas.errands import DebitErrand, FeedbackErrand, RefundErrand, RelayErrand
from schemas.events import DebitPaid, LatePaymentReceived
from schemas.ledger import LedgerRecord

VISITS = st.sampled_from(["V1", "V2", "V3"])
PLACES = st.sampled_from([A, B])
FEN = st.integers(1, 60_000)
KEYS = st.sampled_from([f"F{n}" for n in range(60)])
SCENES = st.sampled_from(["outpatient", "inpatient", "pharmacy"])
STATUSES = st.sampled_from(
    ["paid", "paid", "failed", "failed", "waiting", "unknown", "not_exist", "closed", "refunded", "refund_failed"]
)
CAUSES = st.sampled_from(
    ["", "nsf", "limit", "agreement_dead", "card", "risk", "technical", "config", "not_executed_same_number"]
)


class AccountLife(RuleBasedStateMachine):
    """One person's account under everything that can be sent to it."""

    @initialize(pack=st.sampled_from([EXAMPLE, PLATFORM, CITY]), value=st.sampled_from([250, 350, 660, 720]))
    def enrol(self, pack, value):
        """Score and agreement first, as people do; the rest may come in any order."""
        self.world = World(EXAMPLES if pack == EXAMPLE else XIAMEN)
        self.pack = pack
        self.taken = []
        self.send(score(self.world.policies, value, at=self.world.city), interface="score")
        self.send(signing(pack, at=self.world.city), interface="api")

    def send(self, body, **about):
        """Send a new message and keep it, so that it can come again."""
        command = self.world.command(body, **about)
        self.taken.append(command)
        return self.world.take(command)

    @rule(visit=VISITS, place=PLACES, key=KEYS, fen=FEN, scene=SCENES, replace=st.booleans())
    def one_charge(self, visit, place, key, fen, scene, replace):
        """A charge of one line; its key may be known."""
        self.send(
            charge(
                line(f"{place}{key}", fen), visit=visit, institution=place, scene=scene, at=self.world.city,
                replace_lines=replace,
            )
        )  # fmt: skip

    @rule(
        visit=VISITS, fens=st.lists(FEN, min_size=2, max_size=4), back=st.integers(1, 40_000), serial=st.integers(0, 99)
    )
    def lines_netted_in_one_message(self, visit, fens, back, serial):
        """Several lines and a credit to the first of them."""
        lines = [line(f"N{serial}-{n}", fen) for n, fen in enumerate(fens)]
        credit = line(f"N{serial}-c", back, kind="credit", reverses=f"N{serial}-0")
        self.send(charge(*lines, credit, visit=visit, at=self.world.city))

    @rule(visit=VISITS, place=PLACES, key=KEYS, fen=FEN, serial=st.integers(0, 20), whole=st.booleans())
    def a_credit(self, visit, place, key, fen, serial, whole):
        """A credit by name; its charge may be unknown, smaller, billed, paid or being debited."""
        credit = line(f"{place}K{serial}", fen, kind="credit", reverses=f"{place}{key}", entered_in_error=whole)
        self.send(charge(credit, visit=visit, institution=place, at=self.world.city))

    @rule(visit=VISITS, fen=FEN, serial=st.integers(0, 20), fund=st.integers(0, 20_000), account=st.integers(0, 9_000))
    def a_settled_charge(self, visit, fen, serial, fund, account):
        """The insurer's parts in the message; sometimes they do not add up."""
        cash = max(0, fen - fund - account)
        split = InsuranceSplit(f"S{serial}", fen, fund, account, 0, cash)
        body = charge(line(f"I{serial}", fen), visit=visit, at=self.world.city, settlement=split)
        self.send(body)

    @rule(visit=VISITS, fen=FEN, serial=st.integers(0, 20))
    def held_lines(self, visit, fen, serial):
        """Lines that wait for the insurer."""
        self.send(charge(line(f"H{serial}", fen), visit=visit, at=self.world.city, settlement_mode="after"))

    @rule(visit=VISITS, serial=st.integers(0, 20), right=st.booleans(), share=st.integers(0, 100))
    def the_insurer_settles(self, visit, serial, right, share):
        """What is held, or a wrong sum."""
        encounter = self.world.state.encounters.get(f"{A}|{visit}")
        held = {c.id for c in encounter.charges.values() if c.status == "held"} if encounter else set()
        total = sum(booked.open_fen for booked in encounter.lines.values() if booked.charge in held) if held else 0
        total += 0 if right else 1
        cash = total * share // 100
        split = InsuranceSplit(f"T{serial}", total, total - cash, 0, 0, cash)
        self.send(SettleInsurance(A, visit, self.world.city, split))

    @rule(visit=VISITS)
    def the_insurer_takes_it_back(self, visit):
        """The contra entry of the first settlement of a visit."""
        encounter = self.world.state.encounters.get(f"{A}|{visit}")
        settlement = encounter.settlements[0].id if encounter and encounter.settlements else "none"
        self.send(ReverseSettlement(A, visit, self.world.city, settlement))

    @rule(
        visit=VISITS,
        place=PLACES,
        event=st.sampled_from(["discharged", "discharged", "cancelled", "reopened", "updated"]),
    )
    def a_visit_event(self, visit, place, event):
        """ADT in any order."""
        self.send(RecordVisit(place, visit, event, self.world.city))

    @rule(fen=FEN, place=PLACES)
    def a_deposit(self, fen, place):
        """Prepayment at one institution."""
        self.send(DepositPrepayment(place, self.world.city, fen), interface="api")

    @rule(fen=FEN)
    def the_insurer_credits(self, fen):
        """The personal account that the hub keeps."""
        self.send(DepositInsuranceAccount(self.world.city, fen), interface="api")

    @rule(fen=FEN, named=st.booleans(), choice=st.integers(0, 9))
    def a_repayment(self, fen, named, choice):
        """To a bill or to the oldest."""
        bills = list(self.world.state.core.bills)
        bill = bills[choice % len(bills)] if named and bills else ""
        self.send(RecordRepayment(self.world.city, fen, bill), interface="api")

    @rule(fen=FEN, place=PLACES)
    def a_prepayment_goes_back(self, fen, place):
        """Never more than is left and not held."""
        self.send(RefundPrepayment(place, self.world.city, fen), interface="api")

    @rule(fen=FEN)
    def the_balance_goes_back(self, fen):
        """To the payments it came from."""
        self.send(RefundBalance(self.world.city, fen), interface="api")

    @rule(fen=FEN, visit=VISITS, source=st.sampled_from(["credit", "prepayment"]))
    def a_stay_is_held(self, fen, visit, source):
        """Before or after its first charges."""
        self.send(HoldCredit(A, visit, self.world.city, fen, source), interface="api")

    @rule(fen=FEN, choice=st.integers(0, 9), void=st.booleans())
    def a_hold_ends(self, fen, choice, void):
        """Captured in one charge, or voided; open, captured or expired."""
        holds = list(self.world.state.core.holds)
        if holds:
            hold = holds[choice % len(holds)]
            body = VoidHold(hold, self.world.city) if void else CaptureHold(hold, self.world.city, fen)
            self.send(body, interface="api")

    @rule(choice=st.integers(0, 9), freeze=st.booleans(), author=st.sampled_from(["wang", "li"]))
    def people_freeze_and_free(self, choice, freeze, author):
        """One person freezes a bill, two free it."""
        bills = list(self.world.state.core.bills)
        if bills:
            bill = bills[choice % len(bills)]
            word = FreezeBill if freeze else UnfreezeBill
            self.send(word(bill, self.world.city, author, "looked at"), interface="api")

    @rule(count=st.integers(0, 2))
    def further_sources(self, count):
        """Consent to none, a second channel, or a family payer as well."""
        agreement = self.world.state.core.agreement
        sources = (
            ConsentedSource("second_channel", "unionpay", "token-2"),
            ConsentedSource("family", "alipay", "child", B),
        )[:count]
        self.send(SetRepaymentSources(agreement, self.world.city, sources, "2026-07"), interface="api")

    @rule(value=st.sampled_from([50, 150, 250, 350, 480, 660, 720]), back=st.integers(0, 3))
    def a_score(self, value, back):
        """A newer or an older one; the line never claws back."""
        at = self.world.city - back * DAY
        self.send(score(self.world.policies, value, at=at), interface="score")

    @rule(really=st.integers(0, 9), again=st.booleans())
    def the_person_leaves(self, really, again):
        """Withdraw, and perhaps sign again; not often, or nothing else would happen."""
        if really:
            return
        agreement = self.world.state.core.agreement
        self.send(WithdrawAgreement(self.world.city, agreement), interface="api")
        if again:
            self.send(signing(self.pack, "unionpay", at=self.world.city), interface="api")

    @rule(choice=st.integers(0, 30), status=STATUSES, cause=CAUSES, late=st.integers(0, 5))
    def the_courier_answers(self, choice, status, cause, late):
        """Any errand so far, with any word, in any order, also long after."""
        errands = [errand for errand in self.world.errands if not isinstance(errand, RelayErrand | FeedbackErrand)]
        if not errands:
            return
        errand = errands[-1 - choice % len(errands)]
        if isinstance(errand, RefundErrand) and status == "paid":
            status = "refunded"
        about = {"cause": cause} if status == "failed" else {}
        self.world.answer(errand, status, sent_at=self.world.wall + late * HOUR, **about)

    @rule(
        choice=st.integers(0, 9),
        status=st.sampled_from(["waiting", "paid", "paid", "closed", "finished", "refunded"]),
        refund=st.sampled_from([None, None, 1, 500, 100_000]),
        wrong=st.sampled_from([0, 0, 0, 1]),
    )
    def a_gateway_notices(self, choice, status, refund, wrong):
        """Any word about any order, a wrong amount and refunds we never asked for included."""
        orders = list(self.world.state.core.debits.values())
        if not orders:
            return
        debit = orders[choice % len(orders)]
        body = ReceiveNotice(
            debit.channel, debit.order_no, status, debit.amount_fen + wrong, f"n{len(self.taken)}", "T9", refund
        )
        self.send(body, interface=debit.channel)

    @rule(really=st.integers(0, 9))
    def the_channel_unsigns(self, really):
        """The person ended the agreement at the channel; rarely."""
        if really:
            return
        agreement = self.world.agreement
        body = NoteAgreementEnd(agreement.channel, agreement.channel_agreement, f"u{len(self.taken)}", self.world.city)
        self.send(body, interface=agreement.channel)

    @precondition(lambda self: self.taken)
    @rule(choice=st.integers(0, 60))
    def a_message_comes_again(self, choice):
        """Any earlier message, byte for byte: nothing changes but the record's number."""
        command = self.taken[-1 - choice % len(self.taken)]
        known = [r for r in self.world.ledger if r.command_id == command.id and r.outcome != "DUPLICATE"]
        old = self.world.now.city - known[0].now >= 35 * DAY
        decision = self.world.take(command)
        if not old:
            assert decision.record.outcome == "DUPLICATE"
            assert not decision.record.events
            assert not decision.record.journal
            assert not decision.errands

    @rule(hours=st.sampled_from([1, 6, 12, 24, 72, 24 * 7]), minutes=st.sampled_from([0, 1, 7, 200]))
    def time_passes(self, hours, minutes):
        """Both clocks move; timers fire in order, once."""
        self.world.move(city=hours * HOUR, wall=minutes * MINUTE)
        assert next_due(self.world.state)[0] > self.world.city

    @rule()
    def the_lane_restarts(self):
        """Memory is what the compacted topic holds."""
        restore(self.world)

    def teardown(self):
        """At the end of every life the ledger is folded from its start."""
        if hasattr(self, "world"):
            check_whole_fold(self.world)

    @invariant()
    def the_state_survives_its_codec(self):
        """Decoding and encoding gives the same bytes; the head gives the due times."""
        if not hasattr(self, "world"):
            return
        state = self.world.state
        stored = encode_core(state.core)
        assert encode_core(decode_core(stored)) == stored
        assert due_from_bytes(stored) == next_due(state)
        for encounter in state.encounters.values():
            assert decode_encounter(encode_encounter(encounter)) == encounter

    @invariant()
    def no_order_number_is_debited_for_two_amounts(self):
        """Every call under one number is the same call."""
        if not hasattr(self, "world"):
            return
        calls = {}
        for errand in self.world.errands:
            if isinstance(errand, DebitErrand):
                call = (errand.bill, errand.amount_fen, errand.txn_wall_at, errand.expires_wall_at)
                assert calls.setdefault(errand.order_no, call) == call
                assert errand.not_after_wall_at <= errand.expires_wall_at


class DebitLife(RuleBasedStateMachine):
    """Bills on their way through the gateways: every word, every order, reversals and payments in between."""

    @initialize(channel=st.sampled_from(["alipay", "unionpay"]), fens=st.lists(FEN, min_size=1, max_size=3))
    def billed(self, channel, fens):
        """Some visits are closed and their first debits are out."""
        self.world = World()
        self.world.enrol(200_000, channel=channel)
        for number, fen in enumerate(fens):
            self.world.send(charge(line(f"F{number}", fen), visit=f"V{number}"))
            self.world.close(f"V{number}")
        self.world.move(city=72 * HOUR)
        self.serial = 0

    def numbered(self, prefix):
        """Return a name never used before."""
        self.serial += 1
        return f"{prefix}{self.serial}"

    @rule(choice=st.integers(0, 5), status=STATUSES, cause=CAUSES, late=st.sampled_from([0, 0, 1, 3, 4]))
    def the_courier_answers(self, choice, status, cause, late):
        """Any of the last errands, with any word, sent now or hours after the expiry."""
        errands = self.world.errands
        errand = errands[-1 - choice % len(errands)]
        if isinstance(errand, RefundErrand) and status == "paid":
            status = "refunded"
        about = {"cause": cause} if status == "failed" else {}
        if status == "paid" and late == 1:
            about["amount_fen"] = None
        self.world.answer(errand, status, sent_at=self.world.wall + late * HOUR, **about)

    @rule(
        choice=st.integers(0, 2),
        status=st.sampled_from(["waiting", "paid", "closed", "finished", "refunded"]),
        share=st.sampled_from([None, None, 0, 30, 100, 100, 130]),
        wrong=st.sampled_from([0, 0, 0, 0, 0, 1]),
    )
    def a_gateway_notices(self, choice, status, share, wrong):
        """Any word about any order; refunds are cumulative shares of the amount."""
        orders = list(self.world.state.core.debits.values())
        debit = orders[-1 - choice % len(orders)]
        refunded = None if share is None else debit.amount_fen * share // 100
        notice = self.numbered("n")
        body = ReceiveNotice(debit.channel, debit.order_no, status, debit.amount_fen + wrong, notice, "T9", refunded)
        self.world.send(body, interface=debit.channel)

    @rule(number=st.integers(0, 2), share=st.integers(1, 100))
    def a_reversal(self, number, share):
        """Part of what a line still leaves open comes back."""
        encounter = self.world.state.encounters.get(f"{A}|V{number}")
        booked = encounter.lines.get(f"F{number}") if encounter else None
        if booked is None or not booked.open_fen:
            return
        back = max(1, booked.open_fen * share // 100)
        credit = line(self.numbered("K"), back, kind="credit", reverses=f"F{number}")
        decision = self.world.send(charge(credit, visit=f"V{number}", at=self.world.city))
        assert decision.record.outcome == "POSTED"

    @rule(number=st.integers(0, 2), fen=FEN)
    def a_late_charge(self, number, fen):
        """On a bill not yet debited, or on a supplementary one."""
        self.world.send(charge(line(self.numbered("L"), fen), visit=f"V{number}", at=self.world.city))

    @rule(fen=FEN, named=st.booleans(), choice=st.integers(0, 5))
    def a_repayment(self, fen, named, choice):
        """To the oldest or to any bill, paid and frozen ones included."""
        bills = list(self.world.state.core.bills)
        bill = bills[choice % len(bills)] if named else ""
        self.world.send(RecordRepayment(self.world.city, fen, bill), interface="api")

    @rule(hours=st.sampled_from([0, 1, 12, 24, 72, 24 * 7]), minutes=st.sampled_from([0, 1, 7, 40, 200]))
    def time_passes(self, hours, minutes):
        """Both clocks move."""
        self.world.move(city=hours * HOUR, wall=minutes * MINUTE)

    @rule()
    def the_lane_restarts(self):
        """Memory is what the compacted topic holds."""
        restore(self.world)

    def teardown(self):
        """At the end of every life the ledger is folded from its start."""
        if hasattr(self, "world"):
            check_whole_fold(self.world)

    @invariant()
    def money_moves_once_for_an_order(self):
        """However often an order is heard of, its money is booked once."""
        if not hasattr(self, "world"):
            return
        booked = [
            event.order_no
            for record in self.world.ledger
            for event in record.events
            if isinstance(event, DebitPaid | LatePaymentReceived)
        ]
        assert len(booked) == len(set(booked))

    @invariant()
    def an_owed_bill_is_debited_or_waits_for_something(self):
        """An unpaid bill has a timer, an open order, or a reason to stand still."""
        if not hasattr(self, "world"):
            return
        core = self.world.state.core
        for bill in core.bills.values():
            if not bill.debiting:
                continue
            kinds = {key.partition("|")[0] for key in core.timers if key.endswith((bill.order_no, bill.id))}
            assert kinds & {"debit_query", "debit_retry"}, "an open order that nothing will ever ask about"


def restore(world):
    """Go on from the bytes a lane keeps, as after a restart."""
    state = world.state
    core = decode_core(encode_core(state.core))
    encounters = {key: decode_encounter(encode_encounter(e)) for key, e in state.encounters.items()}
    world.state = AccountState(core, encounters)


def check_whole_fold(world):
    """The ledger alone, read back from its JSON, makes the account from nothing."""
    state = new_state(world.state.core.account)
    for record in world.ledger:
        state = evolve(state, msgspec.json.decode(msgspec.json.encode(record), type=LedgerRecord))
    assert encoded(state) == encoded(world.state)
    assert [record.seq for record in world.ledger] == list(range(1, len(world.ledger) + 1))


LIFE = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
DebitLife.TestCase.settings = LIFE
AccountLife.TestCase.settings = LIFE
TestDebitLife = DebitLife.TestCase
TestAccountLife = AccountLife.TestCase

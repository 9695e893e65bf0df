"""Two implementations of the arithmetic agree on 100,000 random cases: the product's and one from the page alone."""

from datetime import date, datetime, timedelta
from random import Random

import pytest
import second_arithmetic as second
from domain_world import PERSON, charge, line, score, signing

from hub.domain.decide import decide
from hub.domain.decision import Now
from hub.domain.fee_rules import Sums, day_adds, fee_fen, fee_from
from hub.domain.state import new_state
from hub.policies import Policies, load_policies
from hub.policies.clauses import Enrolment, Settlement
from hub.policies.lpr import cap_fen, shipped_lpr
from hub.policies.standing import is_barred, points_for, reduced_fen, reduction_for, stepped_up_fen
from hub.policies.terms import due_at
from schemas.commands import (
    Command,
    DepositInsuranceAccount,
    DepositPrepayment,
    HoldCredit,
    InsuranceSplit,
)
from schemas.events import ChargePosted, ChargeReduced

SEED = 20_240_229
TERMS, FEES, LINES, STANDING, SPLITS = 30_000, 10_000, 10_000, 20_000, 30_000
assert TERMS + FEES + LINES + STANDING + SPLITS == 100_000

SHIPPED = load_policies()
OPEN = Policies([pack._replace(enrolment=Enrolment(), settlement=Settlement()) for pack in SHIPPED.packs.values()])
"""The packs without what enrolment asks beforehand and without waiting for the visit's end: neither is arithmetic."""
LPR = shipped_lpr()
HOUR, DAY = 3_600_000, 86_400_000
MILLISECONDS_OF_DAY = [0, 1, 8 * HOUR - 1, 8 * HOUR, 15 * HOUR - 1, 15 * HOUR, 16 * HOUR - 1, 16 * HOUR, DAY - 1]
"""In UTC; the city is eight hours ahead, so 15:00 is its 23:00 and 16:00 its midnight."""
TURNS = [date(y, m, d) for y in (2020, 2023, 2024, 2028) for m, d in ((2, 28), (3, 1), (12, 31), (1, 31), (4, 30))]
TURNS += [
    date(2020, 2, 29),
    date(2024, 2, 29),
    date(2028, 2, 29),
    date(2023, 3, 5),
    date(2024, 12, 5),
    date(2024, 12, 6),
]


def any_instant(random, first=date(2020, 1, 1), last=date(2030, 12, 31)):
    """Return an instant; every other one lies at the turn of a month, on a leap day or at the edge of an hour."""
    day = random.choice(TURNS) if random.random() < 0.3 else first + timedelta(random.randrange((last - first).days))
    of_day = random.choice(MILLISECONDS_OF_DAY) if random.random() < 0.4 else random.randrange(DAY)
    return round(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1000 + of_day


def any_fen(random, *bounds):
    """Return an amount: at a bound or a fen beside it, small, or any up to 50,000 yuan."""
    at_bound = max(1, random.choice([*bounds, 1, 100]) + random.randint(-1, 1))
    return random.choice([at_bound, random.randint(1, 200), random.randint(1, 5_000_000)])


@pytest.mark.timeout(120)
def test_the_terms_of_all_packs_end_at_the_same_instant():
    """Days, 23:00 of the next day, the end of the visit's day, the bank's due date of 42 free days, monthly bills."""
    random = Random(SEED)
    for number in range(TERMS):
        name = sorted(second.PACKS)[number % len(second.PACKS)]
        at, bank = any_instant(random), random.choice(["", "ICBC", "CCB", "XIB"])
        ours, theirs = due_at(SHIPPED.packs[name], at, bank), second.term_ends(second.PACKS[name], at, bank)
        assert ours == theirs, (name, at, bank, second.city(at), second.city(ours), second.city(theirs))
        if second.PACKS[name]["repayment"]["kind"] == "due_date":
            assert second.instant(second.city(at).date() + timedelta(1)) + 42 * DAY <= ours


@pytest.mark.timeout(120)
def test_fees_and_their_cap_agree_to_the_fen():
    """Principals that are repaid in part, rates beside the cap, changes of the LPR, the first day."""
    random, pack, shipped = Random(SEED + 1), second.PACKS["xiamen-city-2023"], SHIPPED.packs["xiamen-city-2023"].bank
    for _ in range(FEES):
        rates = {"penalty_bp": random.choice([150, 300, 1_000]), "interest_bp": random.randint(1, 400)}
        bank, theirs = shipped._replace(**rates), pack["bank"] | rates
        closed_at, offered = any_instant(random, date(2023, 1, 1)), random.choice(["", "CCB", "XIB"])
        first = second.first_fee_day(pack, closed_at, offered)
        ends = fee_from(bank, closed_at, due_at(SHIPPED.packs["xiamen-city-2023"], closed_at, offered))
        assert ends == second.instant(first, 24), (closed_at, offered, first)
        owed = any_fen(random, 300_000)
        days = [owed] * random.randint(0, 60) + [owed - random.randint(0, owed)] * random.randint(0, 60)
        sums = Sums()
        for number, principal in enumerate(days):
            adds = day_adds(bank, principal, LPR.rate_on(first + timedelta(number)))
            sums = Sums(sums.own + adds.own, sums.cap + adds.cap)
        fee = second.fee_of(theirs, days, first)
        assert fee_fen(bank, sums) == fee, (days, first)
        assert fee <= cap_fen(bank, LPR, owed, first, len(days))


@pytest.mark.timeout(120)
def test_scores_give_the_same_line():
    """Every pack, every provider, scores at and beside the edges of the tiers, every bank."""
    random = Random(SEED + 2)
    edges = [500, 501, 583, 584, 600, 601, 649, 650, 651, 699, 700, 59, 60, 79, 80]
    for number in range(LINES):
        name = sorted(second.PACKS)[number % len(second.PACKS)]
        provider, bank = random.choice(["egret", "sesame", "bank"]), random.choice(["", "ICBC", "CCB", "XIB", "ABC"])
        value = random.choice([random.choice(edges), random.randint(0, 999)])
        pack, cuts = SHIPPED.packs[name], SHIPPED.cut_points_hash(provider)
        grant = SHIPPED.grant(pack, provider, SHIPPED.band(provider, value), cuts, bank)
        if grant is None:
            grant = SHIPPED.unscored(pack, bank)
        expected = second.line_of(second.PACKS[name], {provider: value}, bank)
        assert (grant and grant.limit_fen) == expected, (name, provider, value, bank)


@pytest.mark.timeout(120)
def test_cuts_bars_points_and_steps_agree():
    """Days and amounts at and beside every band's edge (domain 8)."""
    random = Random(SEED + 3)
    for number in range(STANDING):
        name = sorted(second.PACKS)[number % len(second.PACKS)]
        ours, theirs = SHIPPED.packs[name], second.PACKS[name]
        days, count = random.choice([0, 1, 7, 8, 30, 31, 32, random.randint(0, 400)]), random.randint(0, 30)
        arrears, limit = any_fen(random, 50_000, 100_000, 300_000, 500_000), any_fen(random, 200_000, 500_000)
        band = reduction_for(ours, days, arrears)
        cut = reduced_fen(limit, band.cut_percent) if band else limit
        assert cut == second.line_after_cut(theirs, limit, days, arrears), (name, days, arrears, limit)
        assert is_barred(ours, count, 0) == second.barred(theirs, count), (name, count)
        assert points_for(ours.reward, arrears, count) == second.points(theirs, arrears, count), (name, arrears, count)
        assert stepped_up_fen(ours, limit) == second.line_after_step(theirs, limit), (name, limit)


class Both:
    """One person decided by the product and reckoned by the second implementation; both must agree at every step."""

    def __init__(self, random, name):
        self.random, self.pack = random, second.PACKS[name]
        begins = self.pack["valid_from"]
        self.at = second.instant(begins + timedelta(random.randint(2, 200)), random.randint(0, 23))
        covered = self.pack["coverage"]["institutions"]
        self.places = ["XMZSH", "XMDYY"] if "*" in covered else covered[:2]
        self.state, self.serial, self.lines = new_state(PERSON), 0, {}
        value = random.choice([480, 550, 620, 660, 800])
        bank = random.choice(["ICBC", "CCB", "XIB"])
        limit = second.line_of(self.pack, {"egret": value}, bank)
        self.purse = second.Purse(self.pack, limit or 0, signed=limit is not None)
        self.send(score(OPEN, value, at=self.at), "score")
        self.send(signing(name, bank=bank, at=self.at), "api")

    def send(self, body, interface="mllp"):
        """Let the product decide a new message."""
        self.serial += 1
        name = f"m{self.serial}"
        command = Command(name, PERSON, self.at, self.at, "HIS@XMZSH", interface, name, body)
        decision = decide(self.state, command, self.serial, OPEN, Now(self.at, self.at))
        self.state = decision.state
        return decision

    def step(self):
        """Take one random step; returns how many splits it compared."""
        kind = self.random.choices([self.deposit, self.hold, self.one_charge, self.take_back], weights=[2, 1, 8, 4])[0]
        compared = kind()
        self.same_balances()
        return compared

    def deposit(self):
        """Money on the personal account or at an institution."""
        fen, place = any_fen(self.random, 10_000), self.random.choice([*self.places, "XMSSH", ""])
        if place:
            self.send(DepositPrepayment(place, self.at, fen), "api")
            self.purse.prepaid[place] = self.purse.prepaid.get(place, 0) + fen
        else:
            self.send(DepositInsuranceAccount(self.at, fen), "api")
            self.purse.account += fen
        return 0

    def visit(self):
        """Return an institution, a visit and its scene."""
        stay = self.random.choice(["outpatient", "outpatient", "emergency", "inpatient", "pharmacy", "internet"])
        return self.random.choice(self.places), f"{stay}-{self.random.randint(1, 2)}", stay

    def hold(self):
        """Part of the line or of a prepayment is kept for a stay, or refused."""
        place, visit, scene = self.visit()
        source = self.random.choice(["credit", "credit", "prepayment"])
        purse, clause = self.purse, self.pack.get("holds", {"scenes": ()})
        own = purse.holds.get((source, place, visit), 0)
        fen = any_fen(self.random, max(1, purse.available(source, place, visit) - own))
        allowed = source == "prepayment" or (purse.signed and second.covers(self.pack, place, scene))
        allowed = allowed and scene in clause["scenes"]
        kept = allowed and purse.hold(source, place, visit, fen)
        decision = self.send(HoldCredit(place, visit, self.at, fen, source, scene), "api")
        assert (decision.record.outcome != "REFUSED") == kept, (decision.record, fen, self.purse)
        return 0

    def one_charge(self):
        """A charge of one or two items, settled by the insurer or not, on one of two city days."""
        place, visit, scene = self.visit()
        items = self.random.sample(["C0101", "C0202", "XD01", "HC01"], self.random.randint(1, 2))
        bounds = (max(1, self.purse.limit - self.purse.used), 100_000, 200_000)
        costs = {item: any_fen(self.random, *bounds) for item in items}
        at, total = self.at + self.random.choice([0, 0, -DAY]), sum(costs.values())
        cuts = sorted(self.random.choices([0, total, self.random.randint(0, total)], k=3))
        parts = {"fund": cuts[0], "account": cuts[1] - cuts[0], "other": cuts[2] - cuts[1]}
        settled = parts if self.random.random() < 0.2 else None
        name = f"c{self.serial + 1}"
        split = InsuranceSplit(name, total, *parts.values(), total - cuts[2]) if settled else None
        lines = [line(f"{name}-{item}", fen, item=item) for item, fen in costs.items()]
        body = charge(*lines, visit=visit, institution=place, scene=scene, at=at, settlement=split)
        record = self.send(body).record
        posted = [event for event in record.events if isinstance(event, ChargePosted)]
        assert posted, (record, body)
        expected = self.purse.charge(name, place, visit, scene, at, costs, settled)
        assert parts_of(posted[0].allocation) == expected, (costs, split, posted[0], self.purse)
        for item, fen in costs.items():
            self.lines[f"{name}-{item}"] = [name, item, fen, place, visit, scene]
        return 1

    def take_back(self):
        """Part or all of what one line still leaves open; of a settled charge the cash part only."""
        still = {key: known for key, known in self.lines.items() if known[2]}
        if not still:
            return 0
        key = self.random.choice(sorted(still))
        name, item, fen, place, visit, scene = still[key]
        booked = self.purse.charges[name]
        if booked.settled:
            cash = ("prepayment", "credit", "self_pay")
            fen = min(fen, sum(booked.parts[source] - booked.back[source] for source in cash))
        if not fen:
            return 0
        back = self.random.choice([fen, self.random.randint(1, fen)])
        self.lines[key][2] -= back
        credit = line(f"r{self.serial}", back, kind="credit", item=item, reverses=key)
        body = charge(credit, visit=visit, institution=place, scene=scene, at=self.at)
        decision = self.send(body)
        reduced = [e for e in decision.record.events if isinstance(e, ChargeReduced)]
        expected = self.purse.reverse(name, back, item)
        assert reduced, decision.record
        assert parts_of(reduced[0].returned) == expected, (reduced[0], booked)
        return 1

    def same_balances(self):
        """What is left after the step is the same fen for fen."""
        core, purse = self.state.core, self.purse
        assert core.insurance_fen == purse.account
        for place, fen in purse.prepaid.items():
            assert core.prepayments.get(place, 0) == fen
        for agreement in core.agreements.values():
            kept = sum(fen for (source, _, _), fen in purse.holds.items() if source == "credit")
            assert (agreement.limit_fen, agreement.used_fen) == (purse.limit, purse.used)
            assert agreement.held_fen == kept


def parts_of(allocation):
    """Return an allocation as the second implementation names it."""
    return {source: getattr(allocation, f"{source}_fen") for source in second.SOURCES}


@pytest.mark.timeout(300)
def test_charges_split_and_come_back_alike():
    """Random lives under all packs: presets, holds, the limit, settlements, reversals of any part of any line."""
    random, compared, life = Random(SEED + 4), 0, 0
    while compared < SPLITS:
        both = Both(random, sorted(second.PACKS)[life % len(second.PACKS)])
        life += 1
        for _ in range(25):
            compared += both.step()
    assert life > 1_000

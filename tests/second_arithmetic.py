"""The arithmetic of the money domain a second time, from the page and the packs' TOML alone (domain 4, 5, 6, 8, 10).

Nothing of the product is used: no loader, no clocks, no money. Days are counted one by one on the city's calendar and
fractions stay exact until the last step, so that an error of the product's integer arithmetic has no twin here.
"""

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

CITY_ZONE = ZoneInfo("Asia/Shanghai")
PACK_FILES = Path(__file__).parent.parent / "hub" / "policies" / "packs"
PACKS = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(PACK_FILES.glob("*.toml"))}
LPR = tomllib.loads((PACK_FILES.parent / "lpr.toml").read_text("utf-8"))["rates"]
HOUR = timedelta(hours=1)
NO_LIMIT = 10**15


# days and terms


def city(at):
    """Return an instant in milliseconds as the city's calendar and clock show it."""
    return datetime.fromtimestamp(at // 1000, CITY_ZONE) + timedelta(milliseconds=at % 1000)


def instant(day, hour=0):
    """Return the instant, in milliseconds, of a full hour of a city day; hour 24 is the next midnight."""
    moment = datetime.combine(day, time(0), CITY_ZONE) + hour * HOUR
    return round(moment.timestamp()) * 1000


def statement_day(pack, closed_on, bank):
    """Return the day on which a bill stands on the bank's statement: its own, or the month's where the bank has one."""
    monthly = {offer["bank"]: offer.get("statement_day", 0) for offer in pack.get("offers", ())}.get(bank, 0)
    day = closed_on
    while monthly and day.day != monthly:
        day += timedelta(days=1)
    return day


def term_ends(pack, closed_at, bank=""):
    """Return the first instant at which a bill closed then is overdue (domain 6, clock 1)."""
    term, closed_on = pack["repayment"], city(closed_at).date()
    if term["kind"] == "day_hour":
        return instant(closed_on + timedelta(days=term["days"]), term["hour"])
    if term["kind"] == "visit_end":
        return instant(closed_on, 24)
    if term["kind"] == "days":
        return closed_at + term["days"] * 24 * 3600 * 1000
    day = statement_day(pack, closed_on, bank)
    for _ in range(term["free_days"]):
        day += timedelta(days=1)
    return instant(day + timedelta(days=1), term["hour"])


# fees


def lpr_on(day):
    """Return the one-year LPR in force on a day, as a fraction of one."""
    return Fraction([rate["bp"] for rate in LPR if rate["from"] <= day][-1], 10_000)


def fee_of(bank, principals, first):
    """Return penalty plus interest of consecutive days in fen, never above 1.5 times the LPR, rounded down once.

    `principals` holds what was owed on each chargeable day, `first` is the first of them.
    """
    own, cap = Fraction(0), Fraction(0)
    yearly = Fraction(bank["penalty_bp"] + bank["interest_bp"], 10_000)
    runs = []
    for number, principal in enumerate(principals):
        rate = lpr_on(first + timedelta(days=number))
        if runs and runs[-1][:2] == [principal, rate]:
            runs[-1][2] += 1
        else:
            runs.append([principal, rate, 1])
    for principal, rate, days in runs:
        own += principal * yearly * days / 365
        cap += principal * Fraction(3, 2) * rate * days / 365
    return min(int(own), int(cap))


def first_fee_day(pack, closed_at, bank=""):
    """Return the first day that may cost anything: after the free days, and not while the term still runs."""
    due_on = city(term_ends(pack, closed_at, bank)).date()
    after_free = city(closed_at).date() + timedelta(days=pack["bank"]["free_days"] + 1)
    return max(due_on, after_free)


# lines and standing


def line_of(pack, scores, bank=""):
    """Return the line in fen that these scores give, by the pack's order of providers; None where none gives one."""
    order = pack.get("providers") or list(dict.fromkeys(tier["provider"] for tier in pack["tiers"]))
    for provider in order:
        value = 0 if provider == "none" else scores.get(provider)
        for tier in pack["tiers"]:
            if value is None or tier["provider"] != provider:
                continue
            if tier.get("min", -NO_LIMIT) <= value <= tier.get("max", NO_LIMIT):
                own = [o["limit_fen"] for o in pack.get("offers", ()) if o["bank"] == bank and tier.get("offer")]
                return max([tier["limit_fen"], *own])
    return None


def cut_percent(pack, days, arrears):
    """Return by how many hundredths a line is cut for so many days and so much in arrears."""
    cuts = [
        band["cut_percent"]
        for band in pack.get("reductions", ())
        if band["days_from"] <= days <= band.get("days_to", NO_LIMIT)
        and band.get("fen_from", 0) <= arrears <= band.get("fen_to", NO_LIMIT)
    ]
    return cuts[0] if cuts else 0


def line_after_cut(pack, limit, days, arrears):
    """Return the line that is left, rounded down to fen."""
    return int(Fraction(limit) - Fraction(limit) * cut_percent(pack, days, arrears) / 100)


def points(pack, repaid, repayments):
    """Return the points of a year on time: the most that amount and frequency both reach."""
    most = 0
    for step in pack.get("reward", {}).get("points", ()):
        if repaid >= step["repaid_from_fen"] and repayments >= step["repayments_from"]:
            most = max(most, step["points"])
    return most


def line_after_step(pack, limit):
    """Return the line after one more repayment on time; it never falls by it."""
    step = pack.get("step_up")
    if step is None or limit >= step["maximum_fen"]:
        return limit
    return min(limit + step["per_repayment_fen"], step["maximum_fen"])


def barred(pack, total):
    """Return True for more overdue bills in all than the pack bears."""
    bound = pack.get("blacklist", {}).get("after_total")
    return bound is not None and total > bound


# the split of a charge

SOURCES = ("fund", "account", "other", "prepayment", "credit", "self_pay")


@dataclass
class Booked:
    """A charge that was split: its parts, what was taken back of each, and where and when it was."""

    parts: dict
    back: dict
    visit: tuple
    day: date
    costs: dict
    settled: bool

    @property
    def open_credit(self):
        """What still stands on the line."""
        return self.parts["credit"] - self.back["credit"]


@dataclass
class Purse:
    """What one person has: balances, the line, and what visits keep of both."""

    pack: dict
    limit: int = 0
    signed: bool = False
    suspended: bool = False
    account: int = 0
    used: int = 0
    prepaid: dict = field(default_factory=dict)
    holds: dict = field(default_factory=dict)
    """(source, institution, visit) and fen, as yet uncaptured."""
    charges: dict = field(default_factory=dict)

    def available(self, source, institution, visit):
        """What a visit may take from a line or a prepayment: nothing that is kept for another visit."""
        kept = sum(
            fen
            for (kind, place, stay), fen in self.holds.items()
            if kind == source and (place, stay) != (institution, visit) and (source == "credit" or place == institution)
        )
        whole = self.limit - self.used if source == "credit" else self.prepaid.get(institution, 0)
        return max(0, whole - kept)

    def hold(self, source, institution, visit, fen):
        """Keep an amount for a visit if all of it is free; returns whether it is kept."""
        own = self.holds.get((source, institution, visit), 0)
        if fen <= 0 or fen > self.available(source, institution, visit) - own:
            return False
        self.holds[source, institution, visit] = own + fen
        return True

    def charge(self, name, institution, visit, scene, at, costs, settlement=None):
        """Split a charge in the order account, prepayment, credit, self-pay (domain 4.1); returns its parts."""
        total, parts = sum(costs.values()), dict.fromkeys(SOURCES, 0)
        left = total
        if settlement:
            parts.update(settlement)
            left -= sum(settlement.values())
        else:
            parts["account"] = min(left, self.account)
            self.account -= parts["account"]
            left -= parts["account"]
        parts["prepayment"] = min(left, self.available("prepayment", institution, visit))
        left -= parts["prepayment"]
        parts["credit"] = min(left, self.credit_room(institution, visit, scene, at, costs, left))
        parts["self_pay"] = left - parts["credit"]
        self._take(institution, visit, parts)
        day = city(at).date()
        back = dict.fromkeys(SOURCES, 0)
        self.charges[name] = Booked(parts, back, (institution, visit), day, dict(costs), bool(settlement))
        return parts

    def credit_room(self, institution, visit, scene, at, costs, asked):
        """What the credit step may give: the line where every condition holds, an exceeded preset among them, or 0."""
        if not self.signed or self.suspended or not covers(self.pack, institution, scene):
            return 0
        presets, line = self.pack.get("presets", {}), self.available("credit", institution, visit)
        wanted = min(asked, line)
        mine = [c for c in self.charges.values() if c.visit == (institution, visit)]
        if bound := presets.get("per_visit_fen"):
            line *= wanted + sum(c.open_credit for c in mine) <= bound
        if bound := presets.get("per_day_fen"):
            today = sum(c.open_credit for c in self.charges.values() if c.day == city(at).date())
            line *= wanted + today <= bound
        for letters, bound in presets.get("per_item_class_fen", {}).items():
            before = sum(cost for c in mine for code, cost in c.costs.items() if code.startswith(letters))
            now = sum(cost for code, cost in costs.items() if code.startswith(letters))
            line *= not now or before + now <= bound
        return line

    def _take(self, institution, visit, parts):
        self.used += parts["credit"]
        self.prepaid[institution] = self.prepaid.get(institution, 0) - parts["prepayment"]
        for source in ("credit", "prepayment"):
            kept = self.holds.get((source, institution, visit), 0)
            self.holds[source, institution, visit] = kept - min(kept, parts[source])

    def reverse(self, name, fen, item):
        """Give a part of a charge back, last source first; returns the parts given back (domain 4.2, rows 6 and 7)."""
        booked, back = self.charges[name], dict.fromkeys(SOURCES, 0)
        booked.costs[item] -= fen
        for source in ("self_pay", "credit", "prepayment", "account"):
            if source == "account" and booked.settled:
                break
            back[source] = min(fen, booked.parts[source] - booked.back[source])
            fen -= back[source]
            booked.back[source] += back[source]
        assert fen == 0, "more than what is left of the charge"
        self.used -= back["credit"]
        self.prepaid[booked.visit[0]] += back["prepayment"]
        self.account += back["account"]
        return back


def covers(pack, institution, scene):
    """Return True when a pack speaks of this institution and this scene."""
    coverage = pack["coverage"]
    return scene in coverage["scenes"] and ("*" in coverage["institutions"] or institution in coverage["institutions"])

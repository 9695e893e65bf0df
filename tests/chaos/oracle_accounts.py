"""A second arithmetic of the money, small and its own: what each account has after each thing the generator meant.

Amounts come from the generator's meanings, the order from the ledger. Rules are those of the public description
(deduction order, tiers, reversal backwards), written down here a second time and on purpose differently.
"""

from dataclasses import dataclass, field

SOURCES = ("fund", "account", "other", "prepayment", "credit", "self_pay")
_BACK = ("self_pay", "credit", "prepayment", "account")
_TIERS = {
    "xiamen-platform-2024": ((650, 500_000),),
    "xiamen-city-2023": ((651, 500_000), (601, 300_000), (501, 100_000), (0, 50_000)),
}
"""Lowest score and line in fen, best first; the city's bank ICBC offers 5,000 yuan from 651."""
HOLDS_FOR_SETTLEMENT = frozenset(("XMXZY",))
"""Institutions whose lines wait for the insurer's settlement."""

Parts = dict[str, int]


def limit_of(pack: str, score: int | None) -> int:
    """Return the line a score gives under a pack."""
    if score is None:
        return 0
    return next((limit for lowest, limit in _TIERS[pack] if score >= lowest), 0)


@dataclass
class Charge:
    """One split: what it took from each source and what went back since."""

    parts: Parts
    agreement: str = ""
    settled: bool = False
    bill: str = ""
    returned: Parts = field(default_factory=lambda: dict.fromkeys(SOURCES, 0))

    def credit_fen(self) -> int:
        """Return the credit part that still stands."""
        return self.parts["credit"] - self.returned["credit"]

    def plan_return(self, amount: int) -> Parts | None:
        """Return what goes back of each source, last source first; None when there is not that much."""
        back = dict.fromkeys(SOURCES, 0)
        for source in _BACK[:3] if self.settled else _BACK:
            back[source] = min(amount - sum(back.values()), self.parts[source] - self.returned[source])
        return back if sum(back.values()) == amount else None


@dataclass
class Visit:
    """One visit: its lines by key with their charge and what is open, what waits for the insurer."""

    closed: bool = False
    lines: dict[str, list[int]] = field(default_factory=dict)
    """Line key to [number of its charge, open fen]; charge -1 waits."""
    charges: list[Charge] = field(default_factory=list)

    def held_fen(self) -> int:
        """Return what waits for the insurer's settlement."""
        return sum(open_fen for charge, open_fen in self.lines.values() if charge < 0)


@dataclass
class Bill:
    """What is owed for a visit under one agreement."""

    amount: int
    closed_at: int
    paid: int = 0
    debiting: bool = False

    def owed(self) -> int:
        """Return what is still owed."""
        return self.amount - self.paid


@dataclass
class Account:
    """One person's or hospital number's money."""

    insurance: int = 0
    prepayments: dict[str, int] = field(default_factory=dict)
    refundable: int = 0
    used: int = 0
    score: int | None = None
    score_at: int = -1
    agreement: str = ""
    pack: str = ""
    suspended: bool = False
    visits: dict[str, Visit] = field(default_factory=dict)
    bills: dict[str, Bill] = field(default_factory=dict)

    def limit(self) -> int:
        """Return the line in force."""
        return limit_of(self.pack, self.score) if self.agreement else 0

    def visit(self, institution: str, number: str) -> Visit:
        """Return a visit, opened by its first mention."""
        return self.visits.setdefault(f"{institution}|{number}", Visit())

    def deposit(self, institution: str, amount: int) -> None:
        """Take money in advance."""
        self.prepayments[institution] = self.prepayments.get(institution, 0) + amount

    def observe(self, score: int, computed_at: int) -> None:
        """Take a score that is newer than the last."""
        if computed_at >= self.score_at:
            self.score, self.score_at = score, computed_at

    def split(self, institution: str, visit: Visit, total: int, settled: Parts | None = None) -> Charge:
        """Split an amount over the sources in their order and book it; a settlement's parts are facts."""
        parts = dict.fromkeys(SOURCES, 0)
        if settled is None:
            parts["account"] = min(total, self.insurance)
            self.insurance -= parts["account"]
        else:
            parts |= {name: settled[name] for name in ("fund", "account", "other")}
        rest = total - sum(parts.values())
        parts["prepayment"] = min(rest, self.prepayments.get(institution, 0))
        parts["credit"] = min(rest - parts["prepayment"], self._free_credit())
        parts["self_pay"] = rest - parts["prepayment"] - parts["credit"]
        if parts["prepayment"]:
            self.prepayments[institution] -= parts["prepayment"]
        self.used += parts["credit"]
        charge = Charge(parts, self.agreement if parts["credit"] else "", settled is not None)
        visit.charges.append(charge)
        return charge

    def _free_credit(self) -> int:
        return 0 if self.suspended else max(0, self.limit() - self.used)

    def give_back(self, institution: str, charge: Charge, back: Parts) -> None:
        """Undo part of a split; a bill is reduced by its credit part, which frees what it still owed."""
        for source, amount in back.items():
            charge.returned[source] += amount
        self.insurance += back["account"]
        self.deposit(institution, back["prepayment"])
        bill = self.bills.get(charge.bill)
        if bill is None:
            self.used -= back["credit"]
        elif not bill.debiting:
            self.reduce(bill, back["credit"])

    def reduce(self, bill: Bill, amount: int) -> None:
        """Take a reversal's credit part off a bill: what it still owes is free again, the rest was paid."""
        self.used -= min(amount, bill.owed())
        bill.amount -= amount

    def pay(self, bill: Bill, amount: int) -> None:
        """Take a payment of a bill."""
        bill.paid += amount
        self.used -= amount

    def unbilled(self) -> dict[str, int]:
        """Return the credit of closed visits that no bill holds, by visit."""
        amounts = {
            key: sum(charge.credit_fen() for charge in visit.charges if not charge.bill)
            for key, visit in self.visits.items()
            if visit.closed
        }
        return {key: amount for key, amount in amounts.items() if amount}

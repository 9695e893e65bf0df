"""Trouble on demand: answers that come late or never, by order number or by rate, after the work was done."""

from dataclasses import dataclass
from enum import StrEnum

from adapters.sandbox.outcomes import fraction


class Trouble(StrEnum):
    """What happens to an answer that is ready."""

    LATE = "late"
    CUT = "cut"


@dataclass
class Rule:
    """One trouble. `order_no` or `rate` chooses; `times` bounds it; `operation` is debit, query, refund or any."""

    trouble: Trouble
    order_no: str | None = None
    rate: float = 0.0
    seconds: float = 25.0
    operation: str = "debit"
    times: int | None = None


class Interference:
    """The rules in force; the first that fits an answer applies."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._rules: list[Rule] = []
        self.applied = 0

    def add(self, asked: dict[str, object]) -> None:
        """Add a rule of a control request. Raises ValueError or TypeError for one that makes no sense."""
        rule = Rule(**{**asked, "trouble": Trouble(str(asked.get("trouble")))})  # type: ignore[arg-type]
        if rule.order_no is None and not 0 < rule.rate <= 1:
            raise ValueError("name an order_no or a rate above 0 and up to 1")
        self._rules.append(rule)

    def clear(self) -> None:
        """Forget all rules."""
        self._rules.clear()

    def for_answer(self, order_no: str, operation: str, call: int) -> Rule | None:
        """Return the rule for the n-th call of an operation on an order, and count its use."""
        for rule in self._rules:
            if rule.operation in (operation, "any") and self._fits(rule, order_no, operation, call):
                if rule.times is not None:
                    rule.times -= 1
                self.applied += 1
                return rule
        return None

    def _fits(self, rule: Rule, order_no: str, operation: str, call: int) -> bool:
        if rule.times is not None and rule.times <= 0:
            return False
        if rule.order_no is not None:
            return rule.order_no == order_no
        return fraction(self._seed, order_no, operation, call, "trouble") < rule.rate

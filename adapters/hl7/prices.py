"""What the money of an FT1 means: kind, sign, amount, and the arithmetic that must hold (protocols 2.2-2.4).

Amounts become fen only through `schemas.money`; quantity times unit price is computed to check the amount, never to
replace it. The same price comes again and again: a hospital's list of them is short beside its lines, so each is judged
once and the judgement remembered.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import msgspec

from adapters.hl7.reader import Place, Separators, leaf
from schemas.commands import LineKind
from schemas.money import AMOUNT_FEN_MAX, AmountSyntaxError, fen_from_text, yuan_text
from schemas.reasons import Reason

Kind = Literal["CG", "CD", "PY", "AJ", "CO"]
SignRule = Literal["TYPE", "AMOUNT", "AGREE"]
Product = Literal["half_up", "half_even", "truncate", "within_1_fen", "none_unit"]
_NUMBER: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,6}0*)?", re.ASCII)
_CURRENCY: Final = re.compile(r"[^\W\d_]{3}")
"""What reads as a currency in the place of the caret form, where CP has its price type of two letters (table 0205)."""
_ROUNDING: Final = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "truncate": ROUND_DOWN}
_PAYMENTS: Final = ("PY", "CO")
"""Kinds that are no charge: they have neither quantity nor unit price, so the guard does not apply."""
_SIGNS: Final[Mapping[tuple[str, int, int, SignRule], LineKind]] = {
    ("CG", 1, 1, "TYPE"): "charge",
    ("CG", 1, 1, "AMOUNT"): "charge",
    ("CG", 1, 1, "AGREE"): "charge",
    ("CG", -1, -1, "AMOUNT"): "credit",
    ("CG", 1, -1, "AMOUNT"): "credit",
    ("CD", 1, 1, "TYPE"): "credit",
    ("CD", -1, -1, "AMOUNT"): "credit",
    ("CD", -1, -1, "AGREE"): "credit",
    ("CD", 1, -1, "AMOUNT"): "credit",
    ("CD", 1, -1, "AGREE"): "credit",
}
"""The table of 2.4: kind, sign of the quantity, sign of the amount, rule; what is not listed is quarantined."""
_REMEMBERED: Final = 16_384
"""Prices of one profile."""
_LONGEST: Final = 96
"""Characters of a price that is remembered: a sender of long nonsense shall not fill the memory."""


class PriceRules(msgspec.Struct, frozen=True):
    """What a profile says of money."""

    kinds: Mapping[str, Kind]
    sign_rule: SignRule
    product: Product
    currency: str
    quantity: str | None
    leading_dot: bool
    aj_direction: Literal["CG", "CD"] | None
    places: Mapping[str, Place]
    """Where a line's values stand, by name."""


class PriceTexts(NamedTuple):
    """The texts of one price; the last two are the whole fields of amount and unit price, with their currency."""

    kind: str
    qty: str
    amount: str
    unit: str
    amount_sent: str
    unit_sent: str


class Wrong(NamedTuple):
    """One fault of a line: the reason, the name of the field and what fills the reason's text."""

    reason: Reason
    name: str
    parameters: Mapping[str, str] = MappingProxyType({})


class Price(NamedTuple):
    """What a price means. `kind` is None, and the amount means nothing, where anything is wrong with it."""

    kind: LineKind | None
    amount_fen: int
    quantity: str
    unit: str
    faults: tuple[Wrong, ...]
    contradictions: tuple[Wrong, ...]
    """What its parts say against each other; a line with another fault is told that one first."""


class Prices:
    """The prices of one profile."""

    def __init__(self, rules: PriceRules) -> None:
        self.rules = rules
        self._remembered = lru_cache(_REMEMBERED)(self._judge)

    def read(self, texts: PriceTexts, separators: Separators) -> Price:
        """Return what a price means, with everything that is wrong with it."""
        if len(texts.amount_sent) + len(texts.unit_sent) + len(texts.qty) + len(texts.kind) > _LONGEST:
            return self._judge(texts, separators)
        return self._remembered(texts, separators)

    def _judge(self, texts: PriceTexts, separators: Separators) -> Price:
        rules = self.rules
        kind = rules.kinds.get(texts.kind)
        quantity = texts.qty or rules.quantity or ("1" if kind in _PAYMENTS else "")
        faults = [] if kind else [Wrong(Reason.KIND_UNKNOWN, "kind")]
        faults += self._amount_faults(texts, separators)
        faults += self._quantity_faults(quantity)
        faults += self._unit_faults(texts, kind, separators)
        if faults or kind is None:
            return Price(None, 0, quantity, texts.unit, tuple(faults), ())
        amount_fen = fen_from_text(texts.amount, leading_dot=rules.leading_dot)
        contradictions = [] if kind in _PAYMENTS else [*self._product_faults(quantity, texts.unit, abs(amount_fen))]
        meaning = line_kind(kind, -1 if quantity.startswith("-") else 1, amount_fen, rules)
        if meaning is None:
            contradictions.append(Wrong(Reason.SIGN_AMBIGUOUS, "amount"))
        return Price(meaning, abs(amount_fen), quantity, texts.unit, (), tuple(contradictions))

    def _amount_faults(self, texts: PriceTexts, separators: Separators) -> Iterator[Wrong]:
        if not texts.amount:
            yield Wrong(Reason.AMOUNT_MISSING, "amount")
            return
        yield from self._currency_faults("amount", texts.amount, texts.amount_sent, separators)
        try:
            amount_fen = fen_from_text(texts.amount, leading_dot=self.rules.leading_dot)
        except AmountSyntaxError:
            yield Wrong(Reason.AMOUNT_SYNTAX, "amount")
            return
        if abs(amount_fen) > AMOUNT_FEN_MAX:
            yield Wrong(Reason.AMOUNT_OUT_OF_RANGE, "amount")

    def _quantity_faults(self, quantity: str) -> Iterator[Wrong]:
        if not quantity:
            yield self._missing("qty")
        elif not _NUMBER.fullmatch(quantity):
            yield Wrong(Reason.AMOUNT_SYNTAX, "qty")

    def _unit_faults(self, texts: PriceTexts, kind: Kind | None, separators: Separators) -> Iterator[Wrong]:
        if texts.unit:
            yield from self._currency_faults("unit", texts.unit, texts.unit_sent, separators)
            if not _NUMBER.fullmatch(texts.unit):
                yield Wrong(Reason.AMOUNT_SYNTAX, "unit")
        elif self.rules.product != "none_unit" and kind not in _PAYMENTS and texts.amount:
            yield self._missing("unit")

    def _product_faults(self, quantity: str, unit: str, amount_fen: int) -> Iterator[Wrong]:
        """Check `round(quantity x unit) == |amount|`; the product is never used as an amount."""
        product = self.rules.product
        if unit and not agrees(quantity, unit, amount_fen, product):
            expected, sent = yuan_text(product_fen(quantity, unit, product)), yuan_text(amount_fen)
            parameters = {"quantity": quantity, "unit": unit, "expected": expected, "sent": sent}
            yield Wrong(Reason.AMOUNT_MISMATCH, "amount", parameters)

    def _currency_faults(self, name: str, text: str, sent: str, separators: Separators) -> Iterator[Wrong]:
        """Check the currency of `25.00&CNY` and of the caret form `200.00^EUR`; none means the profile's."""
        currency = self.rules.currency
        if sent in (text, f"{text}{separators.subcomponent}{currency}"):
            return
        position = self.rules.places[name]
        beside = leaf(sent, position.component, position.subcomponent + 1, separators)
        after = leaf(sent, position.component + 1, 1, separators)
        if beside not in ("", currency) or (_CURRENCY.fullmatch(after) and after != currency):
            yield Wrong(Reason.CURRENCY, name)

    def _missing(self, name: str) -> Wrong:
        position = self.rules.places.get(name)
        field = f"{position.segment}-{position.field}" if position else name
        return Wrong(Reason.FIELD_MISSING, name, {"field": field})


def line_kind(kind: Kind, quantity_sign: int, amount_fen: int, rules: PriceRules) -> LineKind | None:
    """Return what the sign table makes of a line, or None for quarantine (SIGN_AMBIGUOUS)."""
    if kind == "AJ":
        kind = rules.aj_direction or "AJ"
    if kind == "PY":
        return "payment" if amount_fen > 0 else "memo" if amount_fen == 0 else None
    if amount_fen == 0 or kind == "CO":
        return "memo"
    return _SIGNS.get((kind, quantity_sign, 1 if amount_fen > 0 else -1, rules.sign_rule))


def product_fen(quantity: str, unit: str, product: Product) -> int:
    """Return |quantity x unit| in fen, rounded as the profile says."""
    rounding = _ROUNDING.get(product, ROUND_HALF_UP)
    return int((abs(Decimal(quantity) * Decimal(unit)) * 100).quantize(Decimal(1), rounding=rounding))


def agrees(quantity: str, unit: str, amount_fen: int, product: Product) -> bool:
    """Return whether the extended amount is the product, exactly or within the one fen the profile allows."""
    if product == "within_1_fen":
        exact = abs(Decimal(quantity) * Decimal(unit)) * 100
        return abs(exact - amount_fen) <= 1
    return product_fen(quantity, unit, product) == amount_fen

"""FT1 lines to charge lines: positions from the profile, exact arithmetic guard, sign table (protocols 2.2-2.4).

Every fault of every line is returned, so that a sender corrects a message once. Amounts become fen only through
`schemas.money`; quantity times unit price is computed to check the amount, never to replace it.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from adapters.hl7.faults import Fault, Location
from adapters.hl7.profile import LINE_FIELDS, LINE_FIELDS_SENT, Kind, Product, Profile, SignRule
from adapters.hl7.reader import Message, Segment, leaf
from adapters.hl7.times import AHEAD_MAX_MS, instant
from schemas.commands import ChargeLine, Item, LineKind
from schemas.money import AMOUNT_FEN_MAX, AmountSyntaxError, fen_from_text, yuan_text
from schemas.reasons import Reason

_NUMBER: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,6}0*)?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
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


class Lines(msgspec.Struct, frozen=True):
    """The lines of one DFT that could be read, and every fault of every line."""

    lines: tuple[ChargeLine, ...]
    faults: tuple[Fault, ...]


class _Values(NamedTuple):
    """The texts of one FT1 at its profile's positions, in the order of LINE_FIELDS and LINE_FIELDS_SENT."""

    set_id: str
    line_id: str
    service_at: str
    kind: str
    item: str
    item_name: str
    item_system: str
    qty: str
    amount: str
    unit: str
    dept: str
    doctor: str
    ordered_by: str
    order_no: str
    ref: str
    ref_line: str
    intended_duplicate: str
    amount_sent: str
    unit_sent: str


# One order, written twice.
assert _Values._fields == (*LINE_FIELDS, *(f"{name}_sent" for name in LINE_FIELDS_SENT))  # noqa: S101


def line_kind(kind: Kind, quantity_sign: int, amount_fen: int, profile: Profile) -> LineKind | None:
    """Return what the sign table makes of a line, or None for quarantine (SIGN_AMBIGUOUS)."""
    if kind == "AJ":
        kind = profile.defaults.aj_direction or "AJ"
    if kind == "PY":
        return "payment" if amount_fen > 0 else "memo" if amount_fen == 0 else None
    if amount_fen == 0 or kind == "CO":
        return "memo"
    return _SIGNS.get((kind, quantity_sign, 1 if amount_fen > 0 else -1, profile.sign_rule))


def read_lines(message: Message, profile: Profile, control_id: str, event_at: int, now: int) -> Lines:
    """Return the charge lines of all FT1 segments in their order, with every fault of every line.

    `now` is the hub's city time: a service time more than 24 h ahead of it is refused.
    """
    read = profile.plan.under(message.separators)
    readers = [
        _LineReader(segment, _Values._make(read(segment)), profile, control_id, event_at)
        for segment in message.segments("FT1")
    ]
    keys = _keys_by_set_id(readers)
    latest = now + AHEAD_MAX_MS
    lines = [reader.read(keys, latest) for reader in readers]
    faults = [fault for reader in readers for fault in reader.faults]
    return Lines(tuple([line for line in lines if line is not None]), tuple(faults))


def _keys_by_set_id(readers: list["_LineReader"]) -> dict[str, str]:
    """Return the line keys by FT1-1; a set id used twice names no line."""
    keys: dict[str, str] = {}
    for reader in readers:
        keys[reader.set_id] = "" if reader.set_id in keys else reader.key
    keys.pop("", None)
    return keys


class _LineReader:
    """Reads one FT1 segment; `faults` collects what is wrong with it."""

    __slots__ = ("_event_at", "_profile", "_segment", "_values", "faults", "key", "set_id", "weak")

    def __init__(self, segment: Segment, values: _Values, profile: Profile, control_id: str, event_at: int) -> None:
        self._segment = segment
        self._profile = profile
        self._event_at = event_at
        self._values = values
        self.faults: list[Fault] = []
        self.set_id = values.set_id
        line_id = values.line_id
        self.weak = not line_id
        self.key = line_id or f"{control_id}#{self.set_id or segment.occurrence}"

    def read(self, keys: Mapping[str, str], latest: int) -> ChargeLine | None:
        """Return the line, or None once a fault was found; `keys` are the message's line keys by FT1-1."""
        kind = self._kind()
        amount_fen = self._amount()
        quantity = self._quantity(kind)
        unit = self._unit(kind)
        service_at = self._service_at(latest)
        if self.faults or kind is None or amount_fen is None:
            return None
        if kind not in _PAYMENTS:
            self._guard(quantity, unit, amount_fen)
        meaning = line_kind(kind, -1 if quantity.startswith("-") else 1, amount_fen, self._profile)
        if meaning is None:
            self._fault(Reason.SIGN_AMBIGUOUS, "amount")
        if self.faults or meaning is None:
            return None
        return self._line(meaning, abs(amount_fen), quantity, unit, service_at, keys)

    def _line(
        self, kind: LineKind, amount_fen: int, quantity: str, unit: str, service_at: int, keys: Mapping[str, str]
    ) -> ChargeLine:
        values = self._values
        return ChargeLine(
            line_key=self.key,
            kind=kind,
            amount_fen=amount_fen,
            item=_item(values.item, values.item_system, values.item_name),
            service_at=service_at,
            quantity=quantity,
            unit_price=unit,
            department=values.dept,
            doctor=values.doctor or values.ordered_by,
            order_no=values.order_no,
            # By set id within the message, else by FT1-30.
            reverses=(keys.get(values.ref, "") or values.ref_line) if kind == "credit" else "",
            weak_key=self.weak,
            intended_duplicate=bool(values.intended_duplicate),
        )

    def _kind(self) -> Kind | None:
        kind = self._profile.kinds.get(self._values.kind)
        if kind is None:
            self._fault(Reason.KIND_UNKNOWN, "kind")
        return kind

    def _amount(self) -> int | None:
        text = self._values.amount
        if not text:
            self._fault(Reason.AMOUNT_MISSING, "amount")
            return None
        self._currency("amount", text, self._values.amount_sent)
        amount_fen = _fen(text, self._profile.defaults.leading_dot)
        if amount_fen is None:
            self._fault(Reason.AMOUNT_SYNTAX, "amount")
        elif abs(amount_fen) > AMOUNT_FEN_MAX:
            self._fault(Reason.AMOUNT_OUT_OF_RANGE, "amount")
        return amount_fen

    def _quantity(self, kind: Kind | None) -> str:
        text = self._values.qty or self._profile.defaults.quantity or ("1" if kind in _PAYMENTS else "")
        if not text:
            self._missing("qty")
        elif not _is_number(text):
            self._fault(Reason.AMOUNT_SYNTAX, "qty")
        return text

    def _unit(self, kind: Kind | None) -> str:
        text = self._values.unit
        if text:
            self._currency("unit", text, self._values.unit_sent)
            if not _is_number(text):
                self._fault(Reason.AMOUNT_SYNTAX, "unit")
        elif self._profile.guard.product != "none_unit" and kind not in _PAYMENTS and self._values.amount:
            self._missing("unit")
        return text

    def _service_at(self, latest: int) -> int:
        """Return the service time; a line without one happened at the message's event time."""
        text = self._values.service_at
        if not text:
            return self._event_at
        service_at = instant(text, self._profile.offset)
        if service_at is None or service_at > latest:
            self._fault(Reason.TIME_INVALID, "service_at")
            return self._event_at
        return service_at

    def _guard(self, quantity: str, unit: str, amount_fen: int) -> None:
        """Check `round(quantity x unit) == |amount|`; the product is never used as an amount."""
        if not unit or agrees(quantity, unit, abs(amount_fen), self._profile.guard.product):
            return
        expected = yuan_text(product_fen(quantity, unit, self._profile.guard.product))
        sent = yuan_text(abs(amount_fen))
        self._fault(Reason.AMOUNT_MISMATCH, "amount", quantity=quantity, unit=unit, expected=expected, sent=sent)

    def _currency(self, name: str, text: str, sent: str) -> None:
        """Check the currency of `25.00&CNY` and of the caret form `200.00^EUR`; none means the profile's."""
        separators, currency = self._segment.separators, self._profile.defaults.currency
        if sent in (text, f"{text}{separators.subcomponent}{currency}"):
            return
        position = self._profile.places[name]
        written = (
            leaf(sent, position.component, position.subcomponent + 1, separators),
            leaf(sent, position.component + 1, 1, separators),
        )
        if any(_CURRENCY.fullmatch(name) and name != currency for name in written):
            self._fault(Reason.CURRENCY, name)

    def _missing(self, name: str) -> None:
        position = self._profile.places.get(name)
        field = f"{position.segment}-{position.field}" if position else name
        self._fault(Reason.FIELD_MISSING, name, field=field)

    def _fault(self, reason: Reason, name: str, **parameters: str) -> None:
        position = self._profile.places.get(name)
        field = position.field if position else 0
        self.faults.append(Fault(reason, Location("FT1", self._segment.occurrence, field), parameters))


@lru_cache(maxsize=65_536)
def _item(code: str, system: str, name: str) -> Item:
    """Return the item; a hospital's price list is short beside its lines."""
    return Item(code, system, name)


@lru_cache(maxsize=65_536)
def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


@lru_cache(maxsize=65_536)
def _fen(text: str, leading_dot: bool) -> int | None:  # noqa: FBT001 - positional for the cache's sake
    """Return the amount in fen, or None (AMOUNT_SYNTAX); prices repeat, so their reading is remembered."""
    try:
        return fen_from_text(text, leading_dot=leading_dot)
    except AmountSyntaxError:
        return None


@lru_cache(maxsize=65_536)
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

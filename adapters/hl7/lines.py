"""FT1 lines to charge lines: positions from the profile, money as `prices` reads it (protocols 2.2-2.4).

Every fault of every line is returned, so that a sender corrects a message once.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from adapters.hl7.faults import Fault, Location, too_long
from adapters.hl7.prices import Price, PriceTexts, Wrong
from adapters.hl7.profile import LINE_FIELDS, LINE_FIELDS_SENT, Profile
from adapters.hl7.reader import Message, Separators
from adapters.hl7.times import AHEAD_MAX_MS, instant
from schemas.commands import TEXT_CHARACTERS_MAX, ChargeLine, Item, LineKind
from schemas.reasons import Reason

_ITEMS: Final = 65_536
"""Of a price list, remembered."""
_TIME_INVALID: Final = Wrong(Reason.TIME_INVALID, "service_at")


class Lines(msgspec.Struct, frozen=True):
    """The lines of one DFT that could be read, and every fault of every line."""

    lines: tuple[ChargeLine, ...]
    faults: tuple[Fault, ...]


class _Texts(NamedTuple):
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
assert _Texts._fields == (*LINE_FIELDS, *(f"{name}_sent" for name in LINE_FIELDS_SENT))  # noqa: S101


def read_lines(message: Message, profile: Profile, control_id: str, event_at: int, now: int) -> Lines:
    """Return the charge lines of all FT1 segments in their order, with every fault of every line.

    `now` is the hub's city time: a service time more than 24 h ahead of it is refused.
    """
    read = profile.plan.under(message.separators)
    texts = [_Texts._make(read(line)) for line in message.named("FT1")]
    keys = [each.line_id or f"{control_id}#{each.set_id or number}" for number, each in enumerate(texts, 1)]
    reader = _LineReader(profile, message.separators, _keys_by_set_id(texts, keys), event_at, now + AHEAD_MAX_MS)
    lines = [reader.read(number, *each) for number, each in enumerate(zip(texts, keys, strict=True), 1)]
    faults = (*reader.faults, *_long_values(message, profile, texts))
    return Lines(tuple([line for line in lines if line is not None]), faults)


def _long_values(message: Message, profile: Profile, texts: Iterable[_Texts]) -> Iterator[Fault]:
    """Yield FIELD_TOO_LONG for each value that is; a line that is short as a whole has none."""
    for number, (line, values) in enumerate(zip(message.named("FT1"), texts, strict=True), 1):
        if len(line) <= TEXT_CHARACTERS_MAX:
            continue
        for name, value in zip(LINE_FIELDS, values, strict=False):
            position = profile.places.get(name)
            yield from too_long(value, "FT1", position.field if position else 1, number)


def _keys_by_set_id(texts: Iterable[_Texts], keys: Iterable[str]) -> dict[str, str]:
    """Return the line keys by FT1-1; a set id used twice names no line."""
    by_set_id: dict[str, str] = {}
    for each, key in zip(texts, keys, strict=True):
        by_set_id[each.set_id] = "" if each.set_id in by_set_id else key
    by_set_id.pop("", None)
    return by_set_id


class _LineReader:
    """Reads the lines of one message; `faults` collects what is wrong with them."""

    __slots__ = ("_event_at", "_keys", "_latest", "_prices", "_profile", "_separators", "faults")

    def __init__(
        self, profile: Profile, separators: Separators, keys: Mapping[str, str], event_at: int, latest: int
    ) -> None:
        """`keys` are the message's line keys by FT1-1; no service time is later than `latest`."""
        self._profile = profile
        self._prices = profile.prices
        self._separators = separators
        self._keys = keys
        self._event_at = event_at
        self._latest = latest
        self.faults: list[Fault] = []

    def read(self, number: int, texts: _Texts, key: str) -> ChargeLine | None:
        """Return the n-th line, or None once a fault was found."""
        sent = PriceTexts(texts.kind, texts.qty, texts.amount, texts.unit, texts.amount_sent, texts.unit_sent)
        price = self._prices.read(sent, self._separators)
        service_at = self._service_at(texts.service_at)
        if price.kind is not None and not price.contradictions and service_at is not None:
            return self._line(texts, key, price, price.kind, service_at)
        faults = price.faults if service_at is not None else (*price.faults, _TIME_INVALID)
        self.faults += [self._fault(number, each) for each in faults or price.contradictions]
        return None

    def _line(self, texts: _Texts, key: str, price: Price, kind: LineKind, service_at: int) -> ChargeLine:
        return ChargeLine(
            line_key=key,
            kind=kind,
            amount_fen=price.amount_fen,
            item=_item(texts.item, texts.item_system, texts.item_name),
            service_at=service_at,
            quantity=price.quantity,
            unit_price=price.unit,
            department=texts.dept,
            doctor=texts.doctor or texts.ordered_by,
            order_no=texts.order_no,
            # By set id within the message, else by FT1-30.
            reverses=(self._keys.get(texts.ref, "") or texts.ref_line) if kind == "credit" else "",
            weak_key=not texts.line_id,
            intended_duplicate=bool(texts.intended_duplicate),
        )

    def _service_at(self, text: str) -> int | None:
        """Return the service time, None where it is wrong; a line without one happened at the message's event time."""
        if not text:
            return self._event_at
        service_at = instant(text, self._profile.offset)
        return service_at if service_at is not None and service_at <= self._latest else None

    def _fault(self, number: int, wrong: Wrong) -> Fault:
        position = self._profile.places.get(wrong.name)
        return Fault(wrong.reason, Location("FT1", number, position.field if position else 0), dict(wrong.parameters))


@lru_cache(_ITEMS)
def _item(code: str, system: str, name: str) -> Item:
    """Return the item; a hospital's price list is short beside its lines."""
    return Item(code, system, name)

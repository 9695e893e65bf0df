"""Charge lines: their canonical form, and which of a message are new, repeated or changed (protocols 2.4)."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec.structs import replace

from hub.domain.frozen import Frozen
from hub.domain.state import AccountState, Encounter, Line
from schemas.commands import ChargeLine, PostCharge
from schemas.events import PostedLine
from schemas.money import AMOUNT_FEN_MAX

DIGITS_MAX: Final = 40
"""A quantity beyond this is compared as it was sent."""


def canonical_line(line: ChargeLine | PostedLine) -> str:
    """Return kind, amount, quantity and item: the same line over HL7 and FHIR gives the same text (architecture 4)."""
    return canonical_text(line.kind, line.amount_fen, line.quantity, line.item.code)


def canonical_text(kind: str, amount_fen: int, quantity: str, item: str) -> str:
    """Return what is compared of two lines under one key."""
    return f"{kind}|{amount_fen}|{canonical_quantity(quantity)}|{item}"


def canonical_quantity(text: str) -> str:
    """Return a quantity without superfluous zeros: `14.0` and `14` are one quantity."""
    if text.isdigit():
        return text.lstrip("0") or "0"
    try:
        quantity = Decimal(text).normalize()
    except InvalidOperation:
        return text
    plain = quantity.is_finite() and abs(quantity.adjusted()) <= DIGITS_MAX and len(text) <= DIGITS_MAX
    return format(quantity, "f") if plain else text


def posted_line(line: ChargeLine) -> PostedLine:
    """Return the line as it is booked."""
    return PostedLine(
        line.line_key,
        line.amount_fen,
        line.item,
        line.service_at,
        line.kind,
        line.quantity,
        line.unit_price,
        line.department,
        line.order_no,
        line.reverses,
    )


class Sorted(Frozen, frozen=True):
    """The lines of a message by what is to be done with them."""

    charges: dict[str, PostedLine]
    credits: list[ChargeLine]
    memos: dict[str, PostedLine]
    """Memo and payment lines: remembered, never split."""
    replaced: list[tuple[Encounter, str, Line]]
    """Known lines with other content, where the profile allows to replace them."""
    repeated: list[str]
    """Ids of the charges and reductions that known equal lines belong to."""
    charged_fen: int = 0
    """What `charges` come to."""
    plain: bool = False
    """True: new charge lines and nothing else, each within the bounds of an amount."""
    changed: str = ""
    """Key of the first known line with other content, where replacing is not allowed."""


def booked_line(state: AccountState, institution: str, line_key: str) -> tuple[Encounter, Line] | None:
    """Return the visit and the line of a key, unique within the institution across all unarchived visits."""
    return _find_line(visits_of(state, institution), line_key)


def visits_of(state: AccountState, institution: str) -> list[Encounter]:
    """Return the unarchived visits of an institution."""
    return [encounter for encounter in state.encounters.values() if encounter.institution == institution]


def open_amount(encounter: Encounter, charges: Iterable[str]) -> int:
    """Return what the lines of these charges leave open after credits."""
    ids = frozenset(charges)
    return sum(line.open_fen for line in encounter.lines.values() if line.charge in ids)


def _find_line(visits: list[Encounter], line_key: str) -> tuple[Encounter, Line] | None:
    for encounter in visits:
        line = encounter.lines.get(line_key)
        if line is not None:
            return encounter, line
    return None


def sort_lines(state: AccountState, body: PostCharge) -> Sorted:
    """Return the lines of a message by what is to be done with them."""
    plain = _all_new(state, body)
    if plain is not None:
        return plain
    visits, lines = visits_of(state, body.institution), Sorted({}, [], {}, [], [])
    for line in body.lines:
        sort = _sort_credit if line.kind == "credit" else _sort_line
        if not sort(visits, body, line, lines):
            return replace(lines, changed=line.line_key)
    return replace(lines, charged_fen=sum(line.amount_fen for line in lines.charges.values()))


def _all_new(state: AccountState, body: PostCharge) -> Sorted | None:
    """Return the lines in the common case: each charges something under a key that was never heard of; else None."""
    fresh: dict[str, PostedLine] = {}
    charged = 0
    for line in body.lines:
        amount = line.amount_fen
        if line.kind != "charge" or not 0 < amount <= AMOUNT_FEN_MAX:
            return None
        charged += amount
        fresh[line.line_key] = posted_line(line)
    keys = fresh.keys()
    for visit in state.encounters.values():
        if not visit.lines.keys().isdisjoint(keys) and visit.institution == body.institution:
            return None
    return Sorted(fresh, [], {}, [], [], charged, plain=True) if len(fresh) == len(body.lines) else None


def _sort_credit(visits: list[Encounter], _body: PostCharge, line: ChargeLine, lines: Sorted) -> bool:
    """Return False when the key is known with other content."""
    known = next((e.credits[line.line_key] for e in visits if line.line_key in e.credits), None)
    twice = next((other for other in lines.credits if other.line_key == line.line_key), None)
    if known is None and twice is None:
        lines.credits.append(line)
        return True
    content = canonical_line(line)
    if known is not None and known[0] == content:
        lines.repeated.append(known[1])
        return True
    return known is None and twice is not None and canonical_line(twice) == content


def _sort_line(visits: list[Encounter], body: PostCharge, line: ChargeLine, lines: Sorted) -> bool:
    """Return False when the key is known with other content and may not be replaced."""
    twice = lines.charges.get(line.line_key) or lines.memos.get(line.line_key)
    if twice is not None:
        return canonical_line(twice) == canonical_line(line)
    known = _find_line(visits, line.line_key)
    if known is None:
        _take(line, lines)
        return True
    encounter, booked = known
    if encounter.visit == body.visit and _says_the_same(booked, line):
        lines.repeated.append(booked.charge)
        return True
    if not body.replace_lines or encounter.visit != body.visit:
        return False
    lines.replaced.append((encounter, line.line_key, booked))
    _take(line, lines)
    return True


def _says_the_same(booked: Line, line: ChargeLine) -> bool:
    """Return True when a line's canonical text is that of a booked one."""
    known = canonical_text(booked.kind, booked.amount_fen, booked.quantity, booked.item)
    return known == canonical_line(line)


def _take(line: ChargeLine, lines: Sorted) -> None:
    if line.kind == "charge" and line.amount_fen:
        lines.charges[line.line_key] = posted_line(line)
    else:
        lines.memos[line.line_key] = posted_line(line)

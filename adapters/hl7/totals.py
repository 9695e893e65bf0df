"""What the lines of a DFT must add up to: control totals and the insurer's parts (protocols 2.3, 4.2)."""

from collections.abc import Iterable

from adapters.hl7.faults import Fault, Location, too_long
from adapters.hl7.profile import Profile
from adapters.hl7.reader import Message, Place
from schemas.commands import ChargeLine, InsuranceSplit
from schemas.money import AmountSyntaxError, fen_from_text, yuan_text
from schemas.reasons import Reason

_PARTS = ("total", "fund", "account", "other", "cash")


def net_fen(lines: Iterable[ChargeLine]) -> int:
    """Return the signed sum of charges and credits; payments and memos do not count."""
    return sum(
        line.amount_fen if line.kind == "charge" else -line.amount_fen
        for line in lines
        if line.kind in ("charge", "credit")
    )


def control_faults(message: Message, profile: Profile, lines: tuple[ChargeLine, ...]) -> list[Fault]:
    """Return CONTROL_TOTAL for each named total that differs from the lines; an empty total is not compared."""
    faults = []
    for position in profile.control:
        text = message.at(position)
        if text and _fen(text) != net_fen(lines):
            faults.append(Fault(Reason.CONTROL_TOTAL, _location(position), {"sum": yuan_text(net_fen(lines))}))
    return faults


def read_settlement(message: Message, profile: Profile) -> tuple[InsuranceSplit | None, list[Fault]]:
    """Return the insurer's parts of a profile with `settlement: in_message`, or everything wrong with them.

    A message without any of the positions filled carries no settlement. Absent is not zero: a part that is missing
    beside others is SPLIT_FIELD; parts that do not add up are SPLIT_TOTAL.
    """
    if profile.defaults.settlement != "in_message":
        return None, []
    places = profile.settlement
    texts = {name: message.at(position) for name, position in places.items()}
    if not any(texts.values()):
        return None, []
    faults = []
    amounts: dict[str, int] = {}
    for name in _PARTS:
        amount_fen = _fen(texts[name])
        reason = _part_fault(texts[name], amount_fen)
        if reason is not None:
            faults.append(Fault(reason, _location(places[name])))
        amounts[name] = amount_fen or 0
    faults += too_long(texts["id"], places["id"].segment, places["id"].field)
    if not texts["id"]:
        faults.append(Fault(Reason.SPLIT_FIELD, _location(places["id"])))
    if not faults and amounts["total"] != sum(amounts[name] for name in _PARTS[1:]):
        faults.append(Fault(Reason.SPLIT_TOTAL, _location(places["total"])))
    if faults:
        return None, faults
    return InsuranceSplit(texts["id"], *(amounts[name] for name in _PARTS)), []


def _part_fault(text: str, amount_fen: int | None) -> Reason | None:
    if not text:
        return Reason.SPLIT_FIELD
    if amount_fen is None:
        return Reason.AMOUNT_SYNTAX
    return Reason.SPLIT_NEGATIVE if amount_fen < 0 else None


def _fen(text: str) -> int | None:
    try:
        return fen_from_text(text)
    except AmountSyntaxError:
        return None


def _location(position: Place) -> Location:
    return Location(position.segment, 1, position.field)

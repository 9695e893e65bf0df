"""What is wrong with a message and where: one fault per ERR segment (protocols 1.4, 11)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from schemas.commands import TEXT_CHARACTERS_MAX
from schemas.reasons import REASONS, Reason

TABLE_0357: Final[Mapping[str, str]] = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "104": "Value too long",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}
"""HL7 table 0357, message error condition codes."""

QUARANTINED: Final = frozenset(
    {
        Reason.AMOUNT_MISMATCH,
        Reason.CONTROL_TOTAL,
        Reason.CREDIT_EXCEEDS,
        Reason.CREDIT_UNMATCHED,
        Reason.DIALECT_UNMAPPED,
        Reason.KIND_UNKNOWN,
        Reason.LINE_CHANGED,
        Reason.SIGN_AMBIGUOUS,
    }
)
"""Reasons a person must settle: the dead letter's interface is `quarantine.charge` (protocols 11, q)."""


class Location(msgspec.Struct, frozen=True):
    """ERR-2: segment, its occurrence, field, repetition, component, subcomponent; 0 means not that deep."""

    segment: str
    occurrence: int = 1
    field: int = 0
    repetition: int = 0
    component: int = 0
    subcomponent: int = 0

    def parts(self) -> tuple[str, ...]:
        """Return the parts down to the deepest one that is known."""
        numbers = (self.occurrence, self.field, self.repetition, self.component, self.subcomponent)
        depth = max((index for index, number in enumerate(numbers, 1) if number), default=0)
        return (self.segment, *(str(number or "") for number in numbers[:depth]))

    def __str__(self) -> str:
        """Return the position as `FT1^2^11`: what dead letters and lint show."""
        return "^".join(self.parts())


NOWHERE: Final = Location("", 0)
"""A fault of the whole message."""


class Fault(msgspec.Struct, frozen=True):
    """One fault: its reason, its place and what fills the reason's text; never a name or an id number."""

    reason: Reason
    location: Location = NOWHERE
    parameters: dict[str, str] = {}
    code: str = ""
    """Table 0357, where the row says another code than the registry."""

    @property
    def table_0357(self) -> str:
        """The code of ERR-3."""
        return self.code or REASONS[self.reason].hl7


def too_long(text: str, segment: str, field: int, occurrence: int = 1) -> tuple[Fault, ...]:
    """Return FIELD_TOO_LONG for a value of this place that is longer than what a command keeps may be; else nothing."""
    if len(text) <= TEXT_CHARACTERS_MAX:
        return ()
    parameters = {"field": f"{segment}-{field}", "limit": str(TEXT_CHARACTERS_MAX)}
    return (Fault(Reason.FIELD_TOO_LONG, Location(segment, occurrence, field), parameters),)

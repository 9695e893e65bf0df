"""What commands are made of."""

from typing import Literal

import msgspec

Instant = int
Scene = Literal["outpatient", "emergency", "inpatient", "pharmacy", "internet"]
LineKind = Literal["charge", "credit", "memo", "payment"]
SettlementMode = Literal["none", "in_message", "after"]
Channel = Literal["alipay", "unionpay", "bank"]
Interface = Literal["mllp", "fhir", "alipay", "unionpay", "score", "api", "courier", "clerk", "relay", "reinjection"]


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=False, omit_defaults=True, gc=False):
    """Base of every record on a topic: immutable, defaults left out, unknown fields of a later version ignored."""


class Item(Struct, frozen=True):
    """What was supplied; `system` is the code system, as NHSA."""

    code: str
    system: str = ""
    name: str = ""


class ChargeLine(Struct, frozen=True):
    """One line of a charge (protocols 2.2, 3.4).

    `line_key` is FT1-2 or the FHIR identifier value, unique within the institution. `amount_fen` is never negative:
    `kind` says which way it goes. `reverses` is the line key a credit names (FT1-30, FT1-31 or partOf).
    `quantity` and `unit_price` are exact decimal text, as sent.
    """

    line_key: str
    kind: LineKind
    amount_fen: int
    item: Item
    service_at: Instant
    quantity: str = "1"
    unit_price: str = ""
    department: str = ""
    doctor: str = ""
    order_no: str = ""
    reverses: str = ""
    weak_key: bool = False
    intended_duplicate: bool = False
    """FT1-28 is filled: exempt from the duplicate-charge rule."""
    entered_in_error: bool = False
    """FHIR status entered-in-error: a full reversal of the line with the same key."""


class InsuranceSplit(Struct, frozen=True):
    """A settlement of the insurer: `total = fund + account + other + cash`, all parts at least 0 (protocols 4.2)."""

    settlement_id: str
    total_fen: int
    fund_fen: int
    account_fen: int
    other_fen: int
    cash_fen: int


class Subject(Struct, frozen=True):
    """Whom a message is about, without any name or number that could be read back.

    `person` and `number` are account ids (schemas.ids); `number` belongs to (institution, hospital number). The mask
    and the birthday serve the person's own page.
    """

    person: str = ""
    number: str = ""
    name_masked: str = ""
    id_masked: str = ""
    birth_on: str = ""
    sex: str = ""


class ReplyTo(Struct, frozen=True):
    """Where a waiting caller listens: a partition of the replies topic.

    `ticket` names one waiting call: two calls with one command id (the same key with two bodies) get each its own
    outcome. The reply repeats it.
    """

    partition: int
    ticket: str = ""

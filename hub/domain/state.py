"""The state of one account, as kept in the compacted topic: the core, and each open encounter apart (architecture 4).

Structs are immutable and encoded as MessagePack arrays, so fields are only ever appended. An encoded core begins with
the version byte and the two earliest due times, so that a lane can rebuild its timers without decoding idle accounts.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec
from msgspec.structs import astuple

from hub.domain.clearing_state import Clearing
from hub.domain.family_state import Family
from hub.domain.feedback_state import Feedback
from hub.domain.frozen import Frozen
from hub.domain.holds_state import Hold
from hub.domain.prepayment_state import Deposit
from hub.domain.sources_state import RepaymentSource
from hub.domain.standing_state import Enrolment, Listing, Proposal, ReliefCase, Standing
from schemas.commands import Cause, Channel, Instant, LineKind, Scene

VERSION: Final = 1
NEVER: Final = (1 << 64) - 1
"""No timer by this clock."""
_HEAD = struct.Struct(">BQQ")


class Parts(Frozen, frozen=True):
    """The parts of a split, in fen, in this order; `schemas.events.Allocation` in the ledger."""

    fund: int = 0
    account: int = 0
    other: int = 0
    prepayment: int = 0
    credit: int = 0
    self_pay: int = 0

    def __iter__(self) -> Iterator[int]:
        """Iterate over the parts, insurance first."""
        return iter(astuple(self))


class Line(Frozen, frozen=True):
    """A line as booked; `open_fen` is what later credits may still take from it: nothing from what never charged."""

    charge: str
    amount_fen: int
    open_fen: int
    item: str
    order_no: str = ""
    kind: LineKind = "charge"
    quantity: str = "1"


class Charge(Frozen, frozen=True):
    """A charge, its original split and what was taken back since."""

    id: str
    seq: int
    event_at: Instant
    pack: str
    agreement: str
    department: str
    total_fen: int
    parts: Parts
    returned: Parts = Parts()
    status: Literal["posted", "held", "settled"] = "posted"
    bill: str = ""
    settled: bool = False
    """True: the insurer settled it; only its cash parts move without a contra entry."""
    into: str = ""
    """The charge that a held one was split as."""
    reason: str = ""
    parameters: dict[str, str] = {}
    payer: str = ""
    """The account on whose line the credit part stands (family payment); `bill` is its hold there."""

    @property
    def returned_fen(self) -> int:
        """What was taken back in all."""
        return sum(self.returned)


class Reduction(Frozen, frozen=True):
    """One taking back of part of a charge."""

    id: str
    charge: str
    amount_fen: int
    parts: Parts


class ParkedLine(Frozen, frozen=True):
    """A credit line that waits for its charge."""

    line_key: str
    amount_fen: int
    content: str
    item: str
    item_system: str
    item_name: str
    service_at: Instant
    quantity: str
    unit_price: str
    department: str
    order_no: str
    reverses: str
    in_full: bool


class Parked(Frozen, frozen=True):
    """The unmatched credit lines of one message."""

    lines: tuple[ParkedLine, ...]
    until: Instant
    command: str = ""
    """The id of the message."""


class Settlement(Frozen, frozen=True):
    """The insurer's settlement in force, and the charge it was split as."""

    id: str
    charge: str


class Encounter(Frozen, frozen=True):
    """One visit with its lines and splits, until it is archived."""

    institution: str
    visit: str
    scene: Scene = "outpatient"
    opened_at: Instant = 0
    closed_at: Instant = 0
    """0 while it is open."""
    cancelled: Literal["", "pending", "cancelled"] = ""
    blocked: str = ""
    """The reason for which the insurer's figures block split and bill."""
    settlements: tuple[Settlement, ...] = ()
    charges: dict[str, Charge] = {}
    lines: dict[str, Line] = {}
    credits: dict[str, tuple[str, str]] = {}
    """Line key of each credit → (content, reduction, or empty while parked)."""
    reductions: dict[str, Reduction] = {}
    parked: dict[str, Parked] = {}
    patient: str = ""
    """The account whose visit this one mirrors: credit that a family member used on this account's line."""

    @property
    def key(self) -> str:
        """The key within the account: `institution|visit`."""
        return f"{self.institution}|{self.visit}"


class Agreement(Frozen, frozen=True):
    """An agreement and its revolving line."""

    id: str
    pack: str
    bank: str
    channel: Channel
    channel_agreement: str
    score_consents: tuple[str, ...]
    consent_until: Instant
    debit_consent: bool
    signed_at: Instant
    ended_at: Instant = 0
    channel_ended: bool = False
    limit_fen: int = 0
    used_fen: int = 0
    held_fen: int = 0
    provider: str = ""
    band: int = -1
    granted_fen: int = 0
    """The line at signing: part of the answer."""
    sources: tuple[RepaymentSource, ...] = ()
    """Who repays when the own channel cannot, in the order of consent."""


class Score(Frozen, frozen=True):
    """The newest band of one provider."""

    band: int
    cut_points_hash: str
    message_id: str
    computed_at: Instant
    valid_until: Instant
    sequence: int
    authorisation: str
    authorisation_until: Instant
    source: str = ""
    """The feed it came from, which hears of repayments."""


class BillPayment(Frozen, frozen=True):
    """What one payment put to a bill, and what of it went back."""

    payment: str
    channel: str
    order_no: str
    trade_no: str
    amount_fen: int
    returned_fen: int = 0


class Bill(Frozen, frozen=True):
    """What a person owes for one closed visit, with its two clocks."""

    id: str
    visit: str
    institution: str
    agreement: str
    pack: str
    amount_fen: int
    closed_at: Instant
    debit_at: Instant
    due_at: Instant
    supplementary: bool = False
    paid_fen: int = 0
    revision: int = 1
    final: Literal["", "cancelled", "relieved", "written_off"] = ""
    overdue_since: Instant = 0
    term_passed: bool = False
    frozen: str = ""
    order_no: str = ""
    """The newest order number; live while `debiting`."""
    debiting: bool = False
    attempts: int = 0
    reduction_waiting_fen: int = 0
    payment_waiting_fen: int = 0
    payments: tuple[BillPayment, ...] = ()
    unfreezing_by: str = ""
    """Who proposed to free the frozen bill; somebody else must agree."""
    counted: bool = False
    """True: its settlement was counted in the person's standing."""
    paused_at: Instant = 0
    """Since when a relief case stops clock 1; 0 while it runs."""
    source: int = 0
    """Place of the contract that the next debit goes through at the earliest: 0 a grown child's, 1 the own."""
    part_fen: int = 0
    """The next debit is for at most so much; 0: for all that is owed."""
    statement_on: Instant = 0
    """The day of the monthly statement that the bill stands on, 0 without one."""
    statement: str = ""
    """The statement that named it."""

    @property
    def owed_fen(self) -> int:
        """What is still to be paid."""
        return 0 if self.final else self.amount_fen - self.paid_fen

    @property
    def settled(self) -> bool:
        """True when nothing is owed and no debit is under way."""
        return not self.debiting and (bool(self.final) or self.amount_fen <= self.paid_fen)


class Debit(Frozen, frozen=True):
    """One order number: never two live ones for a bill."""

    order_no: str
    bill: str
    channel: Channel
    amount_fen: int
    attempt: int
    started_at: Instant
    txn_wall_at: Instant
    expires_wall_at: Instant
    state: Literal["sent", "unknown", "failed", "paid"] = "sent"
    cause: Cause = ""
    gateway_code: str = ""
    trade_no: str = ""
    payment: str = ""
    queries: int = 0
    technical: int = 0
    """Technical retries under this number."""
    next_at: Instant = 0
    refunded_fen: int = 0
    finished: bool = False
    doubt: str = ""
    late: bool = False
    """True: paid after it had failed; the money went back."""
    channel_agreement: str = ""
    """The contract that this number debits."""
    link: str = ""
    source: int = 0

    @property
    def live(self) -> bool:
        """True while its outcome is open."""
        return self.state in ("sent", "unknown")


class Payment(Frozen, frozen=True):
    """Money that came in: how much, by which way, and what it paid."""

    id: str
    method: str
    amount_fen: int
    applied: tuple[tuple[str, int], ...] = ()
    free_fen: int = 0
    """What of it no bill took: part of the person's refundable balance."""


class Refund(Frozen, frozen=True):
    """Money going back through a gateway."""

    refund_no: str
    bill: str
    payment: str
    channel: str
    order_no: str
    trade_no: str
    amount_fen: int
    started_wall_at: Instant
    state: Literal["sent", "unknown", "resend", "settled", "failed"] = "sent"
    """`resend`: known not to exist, to be sent again."""
    queries: int = 0
    from_balance: bool = False

    @property
    def going(self) -> bool:
        """True while its outcome is open."""
        return self.state in ("sent", "unknown", "resend")


class Seen(Frozen, frozen=True):
    """A final outcome by its message's id, so that a repeat gets the same answer (architecture 4, ids seen)."""

    content: str
    offset: int
    at: Instant
    seq: int
    code: str
    reason: str = ""
    parameters: dict[str, str] = {}
    references: tuple[str, ...] = ()


class Feed(Frozen, frozen=True):
    """A feed account: the last sequence number and digests of the last 1,000 messages, oldest first."""

    stream: str
    sequence: int = 0
    digests: bytes = b""


class Alarm(Frozen, frozen=True):
    """An armed timer."""

    due_at: Instant
    city: bool
    outside: bool


class Core(Frozen, frozen=True):
    """Everything of an account but its encounters."""

    account: str
    seq: int = 0
    kind: Literal["person", "number", "feed"] = "person"
    name_masked: str = ""
    id_masked: str = ""
    birth_on: str = ""
    sex: str = ""
    insurance_fen: int = 0
    prepayments: dict[str, int] = {}
    refundable_fen: int = 0
    agreement: str = ""
    """The agreement in force, empty without one."""
    agreements: dict[str, Agreement] = {}
    scores: dict[str, Score] = {}
    revoked: dict[str, tuple[str, ...]] = {}
    bills: dict[str, Bill] = {}
    debits: dict[str, Debit] = {}
    payments: dict[str, Payment] = {}
    refunds: dict[str, Refund] = {}
    counters: dict[str, int] = {}
    suspended: bool = False
    barred: bool = False
    resume_at: Instant = 0
    archived: tuple[str, ...] = ()
    seen: dict[str, Seen] = {}
    relays: dict[str, tuple[int, tuple[str, ...]]] = {}
    """Sender account → (its last seq here, the command ids of that seq)."""
    linked_person: str = ""
    linked_institution: str = ""
    numbers: tuple[str, ...] = ()
    feed: Feed | None = None
    timers: dict[str, Alarm] = {}
    """`kind|subject` → when it is due."""
    deposits: dict[str, Deposit] = {}
    """Money paid in advance, by deposit, oldest first."""
    clearing: Clearing | None = None
    """Fees, losses, advances and the clerk's calendar; None where there was never one."""
    holds: dict[str, Hold] = {}
    """What visits hold of lines and prepayments; closed ones stay until their visit is archived."""
    family: Family | None = None
    """Links, holds and asks of family payment; None for who never had any."""
    merged_into: str = ""
    """The account that took everything over (ADT^A40); set, this one only forwards."""
    absorbed: tuple[str, ...] = ()
    """Accounts that merged into this one."""
    standing: Standing | None = None
    lists: dict[str, Listing] = {}
    """Colour → the person's entry."""
    proposals: dict[str, Proposal] = {}
    relief: dict[str, ReliefCase] = {}
    enrolment: Enrolment | None = None
    feedback: dict[str, Feedback] = {}
    """What a score source is told and has not answered for certain, by message."""


class AccountState(Frozen, frozen=True):
    """What `decide` sees: core and unarchived encounters, keyed `institution|visit`.

    Immutable by convention: a change makes new objects, so the lane writes exactly the keys whose objects changed.
    """

    core: Core
    encounters: dict[str, Encounter]


def new_state(account: str) -> AccountState:
    """Return the state of an account nothing was ever heard of."""
    return AccountState(Core(account=account), {})


def earliest_due(core: Core) -> tuple[int, int]:
    """Return the earliest due times by city and wall time, NEVER without one."""
    city = wall = NEVER
    for alarm in core.timers.values():
        due_at = alarm.due_at
        if alarm.city:
            city = due_at if due_at < city else city  # noqa: FURB136 - a call of min() would be most of the loop
        elif due_at < wall:
            wall = due_at
    return city, wall


_encoder = msgspec.msgpack.Encoder()
_core_decoder = msgspec.msgpack.Decoder(Core)
_encounter_decoder = msgspec.msgpack.Decoder(Encounter)
CORE_CONVERTERS: Final[dict[int, Callable[[bytes], Core]]] = {VERSION: _core_decoder.decode}
"""How to read each version of an encoded core."""
ENCOUNTER_CONVERTERS: Final[dict[int, Callable[[bytes], Encounter]]] = {VERSION: _encounter_decoder.decode}
"""How to read each version of an encoded encounter."""


class StateVersionError(ValueError):
    """The bytes were written by a version this program does not know: deploy the newer one."""


def encode_core(core: Core) -> bytes:
    """Return the bytes of a core: version, earliest due times (0 for one before 1970), MessagePack."""
    city, wall = earliest_due(core)
    return _HEAD.pack(VERSION, max(0, city), max(0, wall)) + _encoder.encode(core)


def decode_core(encoded: bytes) -> Core:
    """Return the core of these bytes, whatever known version wrote them. Raises StateVersionError."""
    convert = CORE_CONVERTERS.get(encoded[0])
    if convert is None:
        raise StateVersionError(f"state version {encoded[0]} is not known; the newest here is {VERSION}")
    return convert(encoded[_HEAD.size :])


def due_from_bytes(encoded: bytes) -> tuple[int, int]:
    """Return the earliest due times (city, wall) of an encoded core without decoding it."""
    _, city, wall = _HEAD.unpack_from(encoded)
    return city, wall


DEFLATED: Final = 0x80
"""Added to the version byte where the MessagePack is deflated."""
DEFLATE_FROM_BYTES: Final = 256 * 1024
"""A stay of thousands of lines repeats its ids: deflated, 5,000 lines take a twentieth, far below a record's limit."""


def encode_encounter(encounter: Encounter) -> bytes:
    """Return the bytes of an encounter: version, MessagePack, deflated where it is large."""
    packed = _encoder.encode(encounter)
    if len(packed) < DEFLATE_FROM_BYTES:
        return bytes((VERSION,)) + packed
    return bytes((VERSION | DEFLATED,)) + zlib.compress(packed, 1)


def decode_encounter(encoded: bytes) -> Encounter:
    """Return the encounter of these bytes, whatever known version wrote them. Raises StateVersionError."""
    version, deflated = encoded[0] & ~DEFLATED, encoded[0] & DEFLATED
    convert = ENCOUNTER_CONVERTERS.get(version)
    if convert is None:
        raise StateVersionError(f"state version {version} is not known; the newest here is {VERSION}")
    return convert(zlib.decompress(encoded[1:]) if deflated else encoded[1:])

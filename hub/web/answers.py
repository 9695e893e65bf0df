"""What the API answers: one type each, from which the OpenAPI document is made.

Money is integer fen, instants are milliseconds since the epoch (`*_at` city time, `*_wall_at` wall time). Texts for
people come in both languages; the page chooses.
"""

from typing import Generic, TypeVar

from schemas.commands import Instant, Struct
from schemas.ledger import FamilyView

T = TypeVar("T")
Figures = dict[str, str | int | None]
"""A row of a stream table: its id, its dimensions and its figures by name."""


class Text(Struct, frozen=True):
    """A sentence in both languages, with the code it belongs to."""

    code: str
    en: str
    zh: str


class Split(Struct, frozen=True):
    """An amount by source; the parts sum to `total_fen`."""

    total_fen: int
    fund_fen: int
    account_fen: int
    other_fen: int
    prepayment_fen: int
    credit_fen: int
    self_pay_fen: int


class Bar(Struct, frozen=True):
    """One bar of a waterfall: from `from_fen` to `from_fen + amount_fen` of the charge's total.

    `step` is the place of its step in the decision's order, -1 when the insurer settled it before.
    """

    source: str
    from_fen: int
    amount_fen: int
    step: int


class StepAnswer(Struct, frozen=True):
    """One step of the deduction order: what the source had and gave, by which rule, and what was then still to pay."""

    name: str
    available_fen: int
    taken_fen: int
    rest_fen: int
    reason: Text | None
    clause: str
    source: str
    score: str


class Decision(Struct, frozen=True):
    """Why a charge was split as it was, from the ledger record that split it; never computed anew."""

    partition: int
    position: int
    seq: int
    at: Instant
    wall_at: Instant
    outcome: str
    interface: str
    sender: str
    pack: str
    pack_hash: str
    hash: str
    split: Split
    bars: tuple[Bar, ...]
    steps: tuple[StepAnswer, ...]
    limit_fen: int | None
    used_fen: int | None
    """Of the credit line after the record; null when the record says nothing of the account."""


class LineAnswer(Struct, frozen=True):
    """A booked line of a charge."""

    line_key: str
    kind: str
    amount_fen: int
    item_code: str
    item_system: str
    item_name: str
    quantity: str
    unit_price: str
    department: str
    service_at: Instant


class Happening(Struct, frozen=True):
    """One ledger record that touched a thing: when, what came of it, which events."""

    seq: int
    at: Instant
    outcome: str
    interface: str
    events: tuple[str, ...]
    amount_fen: int


class ChargeSummary(Struct, frozen=True):
    """A charge in a list."""

    charge: str
    short: str
    account: str
    institution: str
    department: str
    visit: str
    scene: str
    event_at: Instant
    status: str
    bill: str
    total_fen: int
    credit_fen: int
    returned_fen: int


class ChargeAnswer(Struct, frozen=True):
    """A charge with its lines, its split as it stands, and the full explanation."""

    charge: str
    short: str
    account: str
    institution: str
    department: str
    visit: str
    scene: str
    event_at: Instant
    pack: str
    status: str
    bill: str
    allocated: Split
    returned: Split
    standing: Split
    lines: tuple[LineAnswer, ...]
    decision: Decision | None
    history: tuple[Happening, ...]


class DebitAnswer(Struct, frozen=True):
    """One attempt to debit a bill."""

    order_no: str
    attempt: int
    channel: str
    amount_fen: int
    state: str
    cause: str
    gateway_code: str
    trade_no: str
    started_at: Instant
    next_at: Instant


class Mark(Struct, frozen=True, omit_defaults=False):
    """A point on a bill's line of time; `planned` ones have not happened."""

    kind: str
    at: Instant
    planned: bool
    state: str = ""
    amount_fen: int = 0


class BillSummary(Struct, frozen=True):
    """A bill in a list."""

    bill: str
    short: str
    account: str
    institution: str
    visit: str
    state: str
    amount_fen: int
    paid_fen: int
    open_fen: int
    closed_at: Instant
    debit_at: Instant
    due_at: Instant
    overdue: bool


class BillAnswer(Struct, frozen=True):
    """A bill with its two clocks, every attempt to debit it and what happens next."""

    bill: str
    short: str
    account: str
    institution: str
    visit: str
    agreement: str
    pack: str
    state: str
    amount_fen: int
    paid_fen: int
    open_fen: int
    revision: int
    closed_at: Instant
    debit_at: Instant
    due_at: Instant
    overdue: bool
    frozen: bool
    supplementary: bool
    channel: str
    fee_fen: int
    """Penalty and interest of the bank so far, less what was waived: never part of `amount_fen`."""
    fee_paid_fen: int
    debits: tuple[DebitAnswer, ...]
    marks: tuple[Mark, ...]
    charges: tuple[ChargeSummary, ...]


class PersonAnswer(Struct, frozen=True):
    """A person's account, masked; the lists are pages of their own."""

    account: str
    short: str
    kind: str
    name_masked: str
    id_masked: str
    status: str
    insurance_fen: int
    prepayments: dict[str, int]
    refundable_fen: int
    agreement: str
    pack: str
    bank: str
    channel: str
    limit_fen: int
    used_fen: int
    held_fen: int
    available_fen: int
    linked_person: str
    charges: tuple[ChargeSummary, ...]
    bills: tuple[BillSummary, ...]
    family: FamilyView | None = None


class UnclaimedPrepayment(Struct, frozen=True):
    """Money paid in advance under a hospital number that no person is linked to for certain (domain 4, real names)."""

    account: str
    short: str
    name_masked: str
    prepayments: dict[str, int]
    total_fen: int
    at: Instant
    """When the account last changed."""


class Rate(Struct, frozen=True):
    """A share with its 95 % Wilson interval, from 0 to 1."""

    rate: float
    low: float
    high: float


class DebitGroup(Struct, frozen=True):
    """How often one group of debits succeeded, by number and by value."""

    group: str
    tried: int
    succeeded: int
    tried_fen: int
    succeeded_fen: int
    by_number: Rate
    by_value: Rate


class DebitReportAnswer(Struct, frozen=True):
    """Debits by channel and attempt, and bills recovered after their first failure by its cause (domain 7)."""

    orders: int
    since: Instant
    by_channel: tuple[DebitGroup, ...]
    by_attempt: tuple[DebitGroup, ...]
    recovered_by_cause: tuple[DebitGroup, ...]
    recovered: DebitGroup


class BillTotals(Struct, frozen=True):
    """Bills of an institution in one state."""

    state: str
    bills: int
    amount_fen: int
    paid_fen: int


class InstitutionAnswer(Struct, frozen=True):
    """An institution: its row of the live risk table, and its bills by state from the books."""

    institution: str
    risk: Figures | None
    bills: tuple[BillTotals, ...]
    charges: tuple[ChargeSummary, ...]


class DeadLetterSummary(Struct, frozen=True):
    """A refused or quarantined message in a list."""

    id: str
    at: Instant
    wall_at: Instant
    interface: str
    source: str
    institution: str
    reason: Text
    position: str
    arrivals: int
    status: str


class DeadLetterCount(Struct, frozen=True):
    """Dead letters of one interface, reason and source; `arrivals` counts every time their bytes came.

    `open` ones were neither sent again nor dropped; `oldest_open_wall_at` is null when none is.
    """

    interface: str
    reason: Text
    source: str
    letters: int
    open: int
    arrivals: int
    oldest_open_wall_at: Instant | None
    newest_wall_at: Instant


class Arrival(Struct, frozen=True):
    """One time the same bytes came, and what the sender saw."""

    at: Instant
    wall_at: Instant
    reply_sent: str


class DeadLetterAnswer(Struct, frozen=True):
    """One dead letter; its bytes stay sealed."""

    id: str
    at: Instant
    wall_at: Instant
    interface: str
    wire: str
    source: str
    institution: str
    reason: Text
    detail: str
    parameters: dict[str, str]
    position: str
    receipt_key: str
    raw_length: int
    raw_sm3: str
    account: str
    command_id: str
    status: str
    arrivals: tuple[Arrival, ...]


class OutcomeAnswer(Struct, frozen=True, omit_defaults=False):
    """What became of an accepted command: an outcome code of the ledger, or PENDING while the books do not show it.

    `reference` is the id of what it made (charge, bill, agreement, …) and `href` its page; `reason` says why it was
    refused, or why credit gave less.
    """

    key: str
    account: str
    outcome: str
    reason: Text | None = None
    reference: str = ""
    href: str = ""
    at: Instant | None = None
    wall_at: Instant | None = None


class Found(Struct, frozen=True):
    """One thing that carries a key."""

    kind: str
    id: str
    href: str
    at: Instant


class AsOf(Struct, frozen=True):
    """How old figures are. `wall` is when they were last known complete, `server_wall` the server's time now.

    `behind` are source partitions whose latest facts are not in the table yet: sums are lower bounds until it is empty.
    """

    city: Instant
    wall: Instant
    server_wall: Instant
    complete_to: Instant
    offsets: dict[str, int]
    partitions: int
    behind: tuple[int, ...]
    restoring: bool


class ViewAnswer(Struct, frozen=True):
    """A snapshot of one stream table."""

    view: str
    as_of: AsOf
    refresh_ms: int
    rows: tuple[Figures, ...]


class Page(Struct, Generic[T], frozen=True, omit_defaults=False):
    """A page of a list; `next` is the cursor of the next one, null on the last."""

    items: tuple[T, ...]
    next: str | None = None

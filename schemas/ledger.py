"""What `medcredit.ledger.v1` carries: exactly one record for each command and each timer that fired.

The record is complete: what was decided, why, the balanced postings, and how each thing it touched stands afterwards,
so that a projection copies and never computes.
"""

from typing import Final, Literal

from schemas.commands import Channel, Instant, Interface, Scene, Struct, Via
from schemas.events import Allocation, Event

OutcomeCode = Literal[
    "POSTED",  # money was allocated, paid, deposited or reversed
    "RECORDED",  # a fact was booked that moves no money
    "DUPLICATE",  # the same outside message again: nothing changed, the stored outcome was answered
    "RELAY_REPEATED",  # the same relay again, counted apart from outside duplicates
    "RESULT_REPEATED",  # the same word of a gateway's answer again
    "LATE",  # overtaken by a later state, nothing changed
    "FORWARDED",  # left for the linked person; not an outcome, no reply
    "HELD",  # accepted and waiting: lines before their settlement, a credit before its charge
    "TIMER",  # a timer fired and something happened
    "REFUSED",  # `reason` says why; nothing changed
    "PARKED",  # set aside by a person with `dlq park`
]

TimerKind = Literal[
    "auto_debit",
    "debit_retry",
    "debit_query",
    "refund_query",
    "term",
    "idle_close",
    "parked_credit",
    "hold_expiry",
    "message",
    "statement",
    "resume",
    "overdue",
    "reminder",
    "repair",
    "reward",
    "listing",
    "proposal",
    "archive",
    "fee",
    "feedback_retry",
    "family_request",
    "family_hold",
    "of_age",
]


class CommandSource(Struct, frozen=True, tag="command"):
    """The record came from a command at this offset of the partition's `commands`."""

    offset: int


class TimerSource(Struct, frozen=True, tag="timer"):
    """The record came from a timer of the account that was due at this instant of its clock."""

    kind: TimerKind
    due_at: Instant
    subject: str = ""
    """The bill, visit or refund the timer belongs to."""


class Posting(Struct, frozen=True):
    """A movement from one ledger account to another: debits equal credits by construction (domain 11).

    Account names are paths: `institution/XMZSH/charges`, `person/<account>/insurance`,
    `person/<account>/prepayment/XMZSH`, `agreement/<id>/receivable`, `insurer/fund`, `insurer/other`,
    `institution/XMZSH/window`, `clearing/alipay`, `clearing/counter`, `person/<account>/refundable`.
    """

    debit: str
    credit: str
    amount_fen: int


class Step(Struct, frozen=True):
    """One step of the deduction order: what the source had and gave, and why (domain 4.1).

    `clause` cites the pack: `xiamen-city-2023 tiers[0]`; `source` the public description: key and paragraph.
    """

    name: Literal["insurance", "prepayment", "credit", "self_pay"]
    available_fen: int = 0
    taken_fen: int = 0
    reason: str = ""
    parameters: dict[str, str] = {}
    clause: str = ""
    source: str = ""
    score: str = ""
    """The version of the credit score behind the line, provider and message: `egret/EG2026…`. Of a family member's
    line it is the payer's."""


class FamilyMember(Struct, frozen=True):
    """A family link as one account sees it."""

    link: str
    relation: str
    role: Literal["payer", "dependent"]
    other: str
    state: Literal["requested", "offered", "active", "ended"]
    since: Instant = 0
    ended_at: Instant = 0
    cause: str = ""
    ending: str = ""


class FamilyHoldView(Struct, frozen=True):
    """A hold between two accounts: asked for by the dependent, or held on the payer's line."""

    hold: str
    side: Literal["asked", "held"]
    other: str
    institution: str
    visit: str
    amount_fen: int


class FamilyView(Struct, frozen=True):
    """An account's family: its links and the holds that are open now."""

    members: tuple[FamilyMember, ...] = ()
    holds: tuple[FamilyHoldView, ...] = ()
    died_at: Instant = 0


class PersonView(Struct, frozen=True, tag="person"):
    """The account after the record."""

    account: str
    kind: Literal["person", "number", "feed"] = "person"
    name_masked: str = ""
    id_masked: str = ""
    status: Literal["active", "suspended", "barred"] = "active"
    insurance_fen: int = 0
    prepayments: dict[str, int] = {}
    refundable_fen: int = 0
    agreement: str = ""
    pack: str = ""
    bank: str = ""
    channel: str = ""
    limit_fen: int = 0
    used_fen: int = 0
    held_fen: int = 0
    linked_person: str = ""
    family: FamilyView | None = None


NOTHING: Final = Allocation()
"""Nothing was taken back."""


class ChargeView(Struct, frozen=True, tag="charge"):
    """A charge after the record: its original split and what was taken back since."""

    charge: str
    visit: str
    institution: str
    scene: Scene
    department: str
    event_at: Instant
    pack: str
    total_fen: int
    allocation: Allocation
    returned: Allocation = NOTHING
    status: Literal["posted", "held", "settled", "reversed"] = "posted"
    """`held` waits for its settlement; `settled` was split as part of another charge."""
    bill: str = ""


class BillView(Struct, frozen=True, tag="bill"):
    """A bill after the record, with its two clocks (domain 6, architecture 12 bill states)."""

    bill: str
    visit: str
    institution: str
    agreement: str
    pack: str
    state: Literal[
        "open", "issued", "partially_paid", "debiting", "overdue", "paid", "cancelled", "relieved", "written_off"
    ]
    amount_fen: int
    paid_fen: int
    revision: int
    closed_at: Instant
    debit_at: Instant
    due_at: Instant
    overdue: bool
    frozen: bool
    supplementary: bool
    channel: str
    fee_fen: int = 0
    """Penalty and interest so far, less what was waived (domain 10)."""
    fee_paid_fen: int = 0


class DebitView(Struct, frozen=True, tag="debit"):
    """An attempt to debit a bill after the record."""

    order_no: str
    bill: str
    channel: Channel
    attempt: int
    amount_fen: int
    state: Literal["sent", "unknown", "failed", "paid"]
    cause: str
    gateway_code: str
    trade_no: str
    started_at: Instant
    next_at: Instant = 0
    """City time of the next attempt, 0 when there is none."""


class ListingView(Struct, frozen=True):
    """A person's entry on the white or black list."""

    colour: str
    reason: str
    author: str
    confirmed_by: str
    at: Instant
    until: Instant = 0


class StandingView(Struct, frozen=True, tag="standing"):
    """How the person repays and what that earned or cost, after the record (domain 8); entitlements as of its time."""

    account: str
    overdue_total: int
    overdue_in_row: int
    cut_percent: int
    clean_from: Instant
    on_time: int
    months_in_row: int
    blacklisted: bool
    """True: more bills were overdue than the pack allows."""
    lists: tuple[ListingView, ...]
    entitlements: tuple[str, ...]
    deposit_waived: bool
    dishonesty: bool
    insurance_linked: bool
    insurance_credit: str


class ProposalView(Struct, frozen=True, tag="proposal"):
    """What one person proposed and another decides, after the record."""

    proposal: str
    action: str
    subject: str
    author: str
    reason: str
    at: Instant
    until: Instant
    needed: int
    confirmed_by: tuple[str, ...]
    state: Literal["open", "confirmed", "rejected", "expired"]
    ended_by: str = ""


class ReliefView(Struct, frozen=True, tag="relief"):
    """A relief case after the record (domain 12)."""

    case: str
    bill: str
    kind: str
    state: Literal["open", "paid", "refused", "withdrawn"]
    asked_fen: int
    paid_fen: int
    author: str
    reason: str
    opened_at: Instant
    approved_by: tuple[str, ...]


View = PersonView | ChargeView | BillView | DebitView | StandingView | ProposalView | ReliefView


class LedgerRecord(Struct, frozen=True):
    """One outcome. `hash` stands last in the JSON: SM3(previous hash ‖ key ‖ value without it) of the partition.

    `seq` counts the account's records from 1. `now` and `wall_now` are the lane's two clocks. `reason` is a reason code
    for REFUSED and for reduced credit steps' first cause. `duplicate_of` is the seq of the first outcome.
    """

    account: str
    seq: int
    source: CommandSource | TimerSource
    now: Instant
    wall_now: Instant
    outcome: OutcomeCode
    command_id: str = ""
    content_hash: str = ""
    interface: Interface | Literal["timer"] = "timer"
    sender: str = ""
    reason: str = ""
    parameters: dict[str, str] = {}
    pack: str = ""
    pack_hash: str = ""
    reference: str = ""
    """The id of what the caller asked for: charge, bill, agreement, repayment."""
    duplicate_of: int = 0
    events: tuple[Event, ...] = ()
    journal: tuple[Posting, ...] = ()
    explanation: tuple[Step, ...] = ()
    after: tuple[View, ...] = ()
    reinjects: str = ""
    via: Via | None = None
    """How a relayed or forwarded command came here."""
    control_id: str = ""
    """Key of MSH-10 where the source's control ids are strict."""
    generation: int = 0
    """How many accounts have merged into this one, one after another or at once. It never falls, and a survivor's is
    above those of all it absorbed: of two records about one thing the one with the higher (generation, seq) is later.
    """
    previous_hash: str = ""
    hash: str = ""

"""What `medcredit.commands.v1` carries: one inbound message as one command to one account (architecture 3, 4, 5).

A command is imperative and complete: parsed content, the sealed original bytes, who sent it and when the edge accepted
it. Whether it is new, a repeat or refused is decided once, by the account lane.

Instants are integer milliseconds since the Unix epoch in UTC. `accepted_at` and every `*_at` without another word are
city time; wall instants are named `*_wall_at`. Money is integer fen.
"""

from typing import Literal

import msgspec

Instant = int
Scene = Literal["outpatient", "emergency", "inpatient", "pharmacy", "internet"]
LineKind = Literal["charge", "credit", "memo", "payment"]
SettlementMode = Literal["none", "in_message", "after"]
Channel = Literal["alipay", "unionpay", "bank"]
Interface = Literal["mllp", "fhir", "alipay", "unionpay", "score", "api", "courier", "relay", "reinjection"]


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


class PostCharge(Struct, frozen=True, tag="post_charge"):
    """One DFT^P03 or one ChargeItem: its lines are netted and split once (architecture 12, a charge).

    `condition_key` is the line key of a conditional create (If-None-Exist): a known one answers with what is stored.
    `replace_lines` is the profile's `line_replace: allow`.
    """

    institution: str
    visit: str
    scene: Scene
    event_at: Instant
    lines: tuple[ChargeLine, ...]
    subject: Subject = Subject()
    settlement: InsuranceSplit | None = None
    settlement_mode: SettlementMode = "none"
    replace_lines: bool = False
    condition_key: str = ""
    strict_control_id: str = ""
    """MSH-10 when the profile's control_id_policy is strict: a known one with other content is CONTROL_ID_REUSED."""
    visit_required: bool = False
    """FHIR: the visit must be known (VISIT_UNKNOWN); HL7 opens it with the first charge."""


class RecordVisit(Struct, frozen=True, tag="record_visit"):
    """A visit event: ADT^A01/A04 opened, A08 updated, A03 discharged, A11 cancelled, A13 reopened; FHIR Encounter."""

    institution: str
    visit: str
    event: Literal["opened", "updated", "discharged", "cancelled", "reopened"]
    event_at: Instant
    scene: Scene | None = None
    subject: Subject = Subject()


class IdentifyPatient(Struct, frozen=True, tag="identify_patient"):
    """FHIR Patient or an ADT that carries both a citizen id and a hospital number: may link a number account."""

    institution: str
    event_at: Instant
    subject: Subject


class SettleInsurance(Struct, frozen=True, tag="settle_insurance"):
    """The insurer's result for a visit (ClaimResponse, 2207): triggers the split of what was held."""

    institution: str
    visit: str
    event_at: Instant
    split: InsuranceSplit
    subject: Subject = Subject()


class ReverseSettlement(Struct, frozen=True, tag="reverse_settlement"):
    """The contra entry of a settlement (2208)."""

    institution: str
    visit: str
    event_at: Instant
    settlement_id: str
    subject: Subject = Subject()


class SignAgreement(Struct, frozen=True, tag="sign_agreement"):
    """A person signs: bank or institution funding, repayment channel, consents (domain 5)."""

    event_at: Instant
    pack: str
    bank: str
    channel: Channel
    channel_agreement: str
    """The gateway's agreement number (Alipay) or token (UnionPay): the hub stores tokens, never cards."""
    score_consents: tuple[str, ...]
    """Providers whose score may be read: egret, sesame, bank."""
    consent_version: str
    consent_until: Instant
    debit_consent: bool = True
    subject: Subject = Subject()


class WithdrawAgreement(Struct, frozen=True, tag="withdraw_agreement"):
    """The person ends the agreement: no new credit; what is owed stays owed."""

    event_at: Instant
    agreement: str


class DepositPrepayment(Struct, frozen=True, tag="deposit_prepayment"):
    """Money paid in advance to one institution: JSON API, FT1-6 PY or PaymentNotice (domain 1)."""

    institution: str
    event_at: Instant
    amount_fen: int
    receipt_no: str = ""
    subject: Subject = Subject()


class DepositInsuranceAccount(Struct, frozen=True, tag="deposit_insurance_account"):
    """The insurer credits the personal insurance account that the hub keeps where no settlement is sent."""

    event_at: Instant
    amount_fen: int
    reference: str = ""


class RecordRepayment(Struct, frozen=True, tag="record_repayment"):
    """A payment that already happened at a counter or in a channel; names a bill or goes to the oldest (domain 6)."""

    event_at: Instant
    amount_fen: int
    bill: str = ""
    method: str = "counter"
    receipt_no: str = ""


class CheckEligibility(Struct, frozen=True, tag="check_eligibility"):
    """The kiosk's question; its answer is the reply, nothing changes."""

    institution: str
    scene: Scene
    event_at: Instant


class ObserveScore(Struct, frozen=True, tag="observe_score"):
    """A score, already reduced to its band over all packs' cut points; the value itself goes nowhere (architecture 12).

    `band` is the number of cut points at or below the value; `cut_points_hash` names the list it was made with.
    """

    provider: Literal["egret", "sesame", "bank"]
    band: int
    cut_points_hash: str
    message_id: str
    computed_at: Instant
    valid_until: Instant
    sequence: int
    authorisation: str
    authorisation_from: Instant
    authorisation_until: Instant
    authorisation_scopes: tuple[str, ...] = ()


class RevokeConsent(Struct, frozen=True, tag="revoke_consent"):
    """The person withdrew the authorisation to read scores: freezes the line for new use (domain 5)."""

    provider: Literal["egret", "sesame", "bank"]
    event_at: Instant
    authorisation: str


class ReceiveFeedMessage(Struct, frozen=True, tag="receive_feed_message"):
    """A verified score message at its feed's account, which judges the sequence and relays the rest (protocols 8.2).

    `payload_sm3` is SM3 of the sealed payload text; `relay_account` is the person's account.
    """

    stream: str
    sequence: int
    message_id: str
    payload_sm3: str
    relay_account: str
    message: ObserveScore | RevokeConsent | None = None


class ReceiveNotice(Struct, frozen=True, tag="receive_notice"):
    """A verified notice of a gateway about one of our orders (protocols 5.2, 6.3).

    `status` is the gateway's own word reduced to ours; `refunded_fen` is cumulative; `notice_id` names the delivery.
    """

    channel: Channel
    order_no: str
    status: Literal["waiting", "paid", "closed", "finished", "refunded"]
    amount_fen: int
    notice_id: str
    trade_no: str = ""
    refunded_fen: int | None = None
    refund_no: str = ""
    happened_at: Instant = 0
    text: str = ""


class NoteAgreementEnd(Struct, frozen=True, tag="note_agreement_end"):
    """The channel says its agreement ended (dut_user_unsign, binding dead)."""

    channel: Channel
    channel_agreement: str
    notice_id: str
    event_at: Instant


GatewayStatus = Literal["paid", "failed", "waiting", "unknown", "not_exist", "closed", "refunded", "refund_failed"]
Cause = Literal[
    "",
    "nsf",
    "limit",
    "agreement_dead",
    "card",
    "risk",
    "period_rule",
    "technical",
    "config",
    "expired",
    "not_executed_same_number",
    "refund_refused",
    "amount_mismatch",
]


class RecordGatewayResult(Struct, frozen=True, tag="record_gateway_result"):
    """What one call of the courier brought back; its id is hash(errand id, content), so a later word is never dropped.

    `sent_wall_at` is when the call left: NOT_EXIST frees an order number only if sent later than expiry + 5 minutes
    (architecture 12, new order number).
    """

    errand_id: str
    operation: Literal["debit", "query", "refund", "refund_query", "close"]
    channel: Channel
    order_no: str
    status: GatewayStatus
    sent_wall_at: Instant
    cause: Cause = ""
    gateway_code: str = ""
    trade_no: str = ""
    amount_fen: int | None = None
    refund_no: str = ""
    refunded_fen: int | None = None


class ReceiveTransfer(Struct, frozen=True, tag="receive_transfer"):
    """At the link of a number account: its prepayments, ahead of the first forward (architecture 5)."""

    from_account: str
    institution: str
    event_at: Instant
    prepayment_fen: int
    subject: Subject = Subject()


Body = (
    PostCharge
    | RecordVisit
    | IdentifyPatient
    | SettleInsurance
    | ReverseSettlement
    | SignAgreement
    | WithdrawAgreement
    | DepositPrepayment
    | DepositInsuranceAccount
    | RecordRepayment
    | CheckEligibility
    | ObserveScore
    | RevokeConsent
    | ReceiveFeedMessage
    | ReceiveNotice
    | NoteAgreementEnd
    | RecordGatewayResult
    | ReceiveTransfer
)


class ReplyTo(Struct, frozen=True):
    """Where a waiting caller listens: a partition of the replies topic.

    `ticket` names one waiting call: two calls with one command id (the same key with two bodies) get each its own
    outcome. The reply repeats it.
    """

    partition: int
    ticket: str = ""


class Via(Struct, frozen=True):
    """How a relayed or forwarded command came here; the receiver recognises repeats by it (architecture 4).

    `accounts` are those visited, oldest first: a visited one again, or more than 4, is FORWARD_LOOP.
    """

    partition: int
    account: str
    seq: int
    accounts: tuple[str, ...] = ()


class Command(Struct, frozen=True):
    """The record on `commands`, keyed by `account`.

    `id` is the message's own idempotency key, the same for every repeat; `content_hash` tells a repeat (equal) from a
    conflict (other). `source` is the sender, as `HIS@XMZSH`; `profile` its version, as `HIS@XMZSH/3`.
    `sealed` is the envelope of the original bytes (purpose `raw`). `accepted_at` and `accepted_wall_at` are stamped by
    the edge. `reinjects` names the dead letter this command was re-injected from.
    """

    id: str
    account: str
    accepted_at: Instant
    accepted_wall_at: Instant
    source: str
    interface: Interface
    content_hash: str
    body: Body
    profile: str = ""
    reply: ReplyTo | None = None
    sealed: str = ""
    receipt_key: str = ""
    """Bound into the envelope's additional data `v1|kid|raw|interface|receipt_key`."""
    via: Via | None = None
    reinjects: str = ""


COMMAND_BYTES_MAX = 512 * 1024
"""What becomes one command is at most 512 KiB as received (architecture 5)."""
LINES_MAX = 500
"""And at most 500 lines."""

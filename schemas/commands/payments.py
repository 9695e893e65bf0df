"""Money coming in and what gateways report."""

from typing import Literal

from schemas.commands.parts import Channel, Instant, Struct, Subject


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


PaymentBody = (
    DepositPrepayment
    | DepositInsuranceAccount
    | RecordRepayment
    | ReceiveNotice
    | NoteAgreementEnd
    | RecordGatewayResult
    | ReceiveTransfer
)

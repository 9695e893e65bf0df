"""What `medcredit.commands.v1` carries: one inbound message as one command to one account (architecture 3, 4, 5).

A command is imperative and complete: parsed content, the sealed original bytes, who sent it and when the edge accepted
it. Whether it is new, a repeat or refused is decided once, by the account lane.

Instants are integer milliseconds since the Unix epoch in UTC. `accepted_at` and every `*_at` without another word are
city time; wall instants are named `*_wall_at`. Money is integer fen.
"""

from schemas.commands.balances import RefundBalance, RefundPrepayment
from schemas.commands.billing import FreezeBill, UnfreezeBill
from schemas.commands.clearing import (
    CloseDay,
    OpenAdvance,
    RecordAdvanceWord,
    RecordBankCollection,
    RecordRecovery,
    Tick,
    WaiveFees,
    WriteOffBill,
)
from schemas.commands.command import COMMAND_BYTES_MAX, LINES_MAX, Body, Command, ReplyTo, Via
from schemas.commands.credit import (
    CheckEligibility,
    ObserveScore,
    ReceiveFeedMessage,
    RevokeConsent,
    SignAgreement,
    WithdrawAgreement,
)
from schemas.commands.holds import CaptureHold, HoldCredit, HoldSource, VoidHold
from schemas.commands.parts import (
    Channel,
    ChargeLine,
    Instant,
    InsuranceSplit,
    Interface,
    Item,
    LineKind,
    Scene,
    SettlementMode,
    Struct,
    Subject,
)
from schemas.commands.payments import (
    Cause,
    DepositInsuranceAccount,
    DepositPrepayment,
    GatewayStatus,
    NoteAgreementEnd,
    ReceiveNotice,
    ReceiveTransfer,
    RecordGatewayResult,
    RecordRepayment,
)
from schemas.commands.treatment import IdentifyPatient, PostCharge, RecordVisit, ReverseSettlement, SettleInsurance

__all__ = [
    "COMMAND_BYTES_MAX",
    "LINES_MAX",
    "Body",
    "CaptureHold",
    "Cause",
    "Channel",
    "ChargeLine",
    "CheckEligibility",
    "CloseDay",
    "Command",
    "DepositInsuranceAccount",
    "DepositPrepayment",
    "FreezeBill",
    "GatewayStatus",
    "HoldCredit",
    "HoldSource",
    "IdentifyPatient",
    "Instant",
    "InsuranceSplit",
    "Interface",
    "Item",
    "LineKind",
    "NoteAgreementEnd",
    "ObserveScore",
    "OpenAdvance",
    "PostCharge",
    "ReceiveFeedMessage",
    "ReceiveNotice",
    "ReceiveTransfer",
    "RecordAdvanceWord",
    "RecordBankCollection",
    "RecordGatewayResult",
    "RecordRecovery",
    "RecordRepayment",
    "RecordVisit",
    "RefundBalance",
    "RefundPrepayment",
    "ReplyTo",
    "ReverseSettlement",
    "RevokeConsent",
    "Scene",
    "SettleInsurance",
    "SettlementMode",
    "SignAgreement",
    "Struct",
    "Subject",
    "Tick",
    "UnfreezeBill",
    "Via",
    "VoidHold",
    "WaiveFees",
    "WithdrawAgreement",
    "WriteOffBill",
]

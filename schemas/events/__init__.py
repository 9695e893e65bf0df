"""What happened, in the past tense: the only things that change an account's state (architecture 4, style 4).

`hub.domain.evolve` applies them; nothing else may. A field ending in `_fen` is integer fen, `_at` city time and
`_wall_at` wall time in milliseconds since the epoch. An event carries what evolve needs, never the time of day.
"""

from schemas.events.accounts import (
    BalanceEvent,
    FeedAdvanced,
    Forwarded,
    InsuranceAccountDeposited,
    NumberLinked,
    NumberNoted,
    PersonIdentified,
    PrepaymentDeposited,
    PrepaymentTransferred,
)
from schemas.events.agreements import (
    AgreementEnded,
    AgreementEvent,
    AgreementSigned,
    ChannelAgreementEnded,
    ConsentRevoked,
    CreditHeld,
    CreditReleased,
    LineSet,
    ScoreObserved,
)
from schemas.events.allocation import Allocation, PostedLine, Provider
from schemas.events.balances import BalanceRefunded, MoneyBackEvent, PrepaymentRefunded
from schemas.events.bills import (
    BillClosed,
    BillEvent,
    BillFrozen,
    BillIssued,
    BillOverdue,
    BillReductionDue,
    BillReductionHeld,
    BillRevised,
    BillTermPassed,
    BillUnfreezeProposed,
    BillUnfrozen,
    RepaymentApplied,
    RepaymentReceived,
)
from schemas.events.charges import (
    ChargeEvent,
    ChargePosted,
    ChargeReduced,
    CreditParked,
    CreditUnparked,
    InsuranceSettled,
    LinesHeld,
    SettlementBlocked,
    SettlementReversed,
)
from schemas.events.clearing import (
    AdvanceConfirmed,
    AdvanceOpened,
    AdvanceRefused,
    BankCollected,
    BillWrittenOff,
    ClearingEvent,
    DayClosed,
    FeeAccrued,
    FeePaid,
    FeesWaived,
    LossRecovered,
)
from schemas.events.debits import (
    ChannelRefunded,
    DebitDoubted,
    DebitEvent,
    DebitFailed,
    DebitFinished,
    DebitPaid,
    DebitQueried,
    DebitStarted,
    DebitUnknown,
    LatePaymentReceived,
)
from schemas.events.family import (
    FamilyBillOffered,
    FamilyBillTaken,
    FamilyContractNoted,
    FamilyCreditPosted,
    FamilyCreditReduced,
    FamilyEvent,
    FamilyHoldAsked,
    FamilyHoldDecided,
    FamilyHoldPlaced,
    FamilyHoldVoided,
    FamilyLinked,
    FamilyLinkEnded,
    FamilyLinkOffered,
    FamilyLinkRequested,
    FamilyUnlinkAsked,
    FamilyUnlinkRefused,
    PersonDied,
)
from schemas.events.holds import HoldCaptured, HoldEvent, HoldPlaced, HoldReleased
from schemas.events.identity import AccountAbsorbed, AccountMerged, IdentityEvent
from schemas.events.refunds import RefundEvent, RefundFailed, RefundQueried, RefundSettled, RefundStarted, RefundUnknown
from schemas.events.standing import Resumed, ResumePlanned, StandingEvent, Suspended
from schemas.events.visits import (
    VisitArchived,
    VisitCancelPending,
    VisitClosed,
    VisitEvent,
    VisitOpened,
    VisitReopened,
    VisitSettled,
    VisitUpdated,
)

Event = (
    VisitEvent
    | ChargeEvent
    | BalanceEvent
    | MoneyBackEvent
    | AgreementEvent
    | StandingEvent
    | HoldEvent
    | BillEvent
    | DebitEvent
    | RefundEvent
    | ClearingEvent
    | FamilyEvent
    | IdentityEvent
)

__all__ = [
    "AccountAbsorbed",
    "AccountMerged",
    "AdvanceConfirmed",
    "AdvanceOpened",
    "AdvanceRefused",
    "AgreementEnded",
    "AgreementSigned",
    "Allocation",
    "BalanceRefunded",
    "BankCollected",
    "BillClosed",
    "BillFrozen",
    "BillIssued",
    "BillOverdue",
    "BillReductionDue",
    "BillReductionHeld",
    "BillRevised",
    "BillTermPassed",
    "BillUnfreezeProposed",
    "BillUnfrozen",
    "BillWrittenOff",
    "ChannelAgreementEnded",
    "ChannelRefunded",
    "ChargePosted",
    "ChargeReduced",
    "ConsentRevoked",
    "CreditHeld",
    "CreditParked",
    "CreditReleased",
    "CreditUnparked",
    "DayClosed",
    "DebitDoubted",
    "DebitFailed",
    "DebitFinished",
    "DebitPaid",
    "DebitQueried",
    "DebitStarted",
    "DebitUnknown",
    "Event",
    "FamilyBillOffered",
    "FamilyBillTaken",
    "FamilyContractNoted",
    "FamilyCreditPosted",
    "FamilyCreditReduced",
    "FamilyHoldAsked",
    "FamilyHoldDecided",
    "FamilyHoldPlaced",
    "FamilyHoldVoided",
    "FamilyLinkEnded",
    "FamilyLinkOffered",
    "FamilyLinkRequested",
    "FamilyLinked",
    "FamilyUnlinkAsked",
    "FamilyUnlinkRefused",
    "FeeAccrued",
    "FeePaid",
    "FeedAdvanced",
    "FeesWaived",
    "Forwarded",
    "HoldCaptured",
    "HoldPlaced",
    "HoldReleased",
    "InsuranceAccountDeposited",
    "InsuranceSettled",
    "LatePaymentReceived",
    "LineSet",
    "LinesHeld",
    "LossRecovered",
    "NumberLinked",
    "NumberNoted",
    "PersonDied",
    "PersonIdentified",
    "PostedLine",
    "PrepaymentDeposited",
    "PrepaymentRefunded",
    "PrepaymentTransferred",
    "Provider",
    "RefundFailed",
    "RefundQueried",
    "RefundSettled",
    "RefundStarted",
    "RefundUnknown",
    "RepaymentApplied",
    "RepaymentReceived",
    "ResumePlanned",
    "Resumed",
    "ScoreObserved",
    "SettlementBlocked",
    "SettlementReversed",
    "Suspended",
    "VisitArchived",
    "VisitCancelPending",
    "VisitClosed",
    "VisitOpened",
    "VisitReopened",
    "VisitSettled",
    "VisitUpdated",
]

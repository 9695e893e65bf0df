"""The answer to a caller that waits: from the decision alone, equal for every repeat (architecture 4, 5).

`Reply.code` is the outcome code (`POSTED`, `RECORDED`, `HELD`, `LATE`, …) or the reason of a refusal; a repeat carries
code, instant and result of the first outcome, and `repeated`. Shapes of `Reply.result` by body:

* `PostCharge`, `SettleInsurance`, `ReverseSettlement`: `{institution, visit}`; with a charge also `charge, total_fen,
  held, pack, allocation{fund_fen, account_fen, other_fen, prepayment_fen, credit_fen, self_pay_fen}, reason,
  parameters` (why credit gave less); with credits applied also `reductions[{reduction, charge, amount_fen}],
  returned{as allocation}, refund_at_window_fen`. A parked credit: `HELD` with `{institution, visit}` only.
  The two settlement bodies also say `settlement`.
* `DepositPrepayment`: `{reference, institution}`. `WithdrawAgreement`: `{agreement}`.
* `SignAgreement`: `{agreement, pack, bank, channel, limit_fen}` (the line at signing).
* `RecordRepayment`: `{payment, amount_fen, applied[{bill, amount_fen}], refundable_fen}`.
* `RefundPrepayment`: `{reference, institution}`. `RefundBalance`: `{refunds[]}`.
* `HoldCredit`: `{hold, institution, visit}`. `CaptureHold`: as a charge, and `hold`. `VoidHold`: `{hold}`.
* `SetRepaymentSources`: `{agreement}`.
* `FreezeBill`, `UnfreezeBill`: `{bill}`; `HELD` means that a second person must agree.
* `RecordVisit`: `{visit, institution}`. `ObserveScore`: `{message_id, sequence, provider}`.
* `ReceiveNotice`: `{order_no}`.
* `RequestFamilyLink`, `AnswerFamilyLink`, `RequestFamilyUnlink`, `AnswerFamilyUnlink`: `{link}`.
* `AnswerFamilyHold` answers the caller of the charge that waited for it, in the charge's shape.
* `ProposeListing`, `ProposeUnlisting`, `UndoOverdue`, `ConfirmProposal`, `RejectProposal`: `{proposal}`; `ApplyRelief`,
  `ApproveRelief`, `CloseRelief`: `{case}`. `HELD` means that another person must still agree.
* `CheckEligibility`: `{eligible, reason, next_step, available_fen, line, limit_fen, used_fen, prepayment_fen,
  insurance_fen, insurance_linked, deposit_waived, entitlements[], pack}`; judged anew each time. `line` is `payer` for
  a minor who shares a parent's (`CheckFamilyLine`): the parent's account answers the minor's question.
* Every other body, and a refusal: `{}`; what fills a refusal's text is in `parameters` (`SEQ_GAP`: `expected`, `got`).
"""

from hub.domain.decision import Decision, Now
from schemas.commands import AnswerFamilyHold, Command, ReceiveFeedMessage
from schemas.events import FamilyHoldAsked
from schemas.ledger import LedgerRecord
from schemas.replies import Reply

REPEATED = frozenset(("DUPLICATE", "RELAY_REPEATED", "RESULT_REPEATED"))


def reply_for(decision: Decision, command: Command, now: Now) -> Reply | None:
    """Return the reply to a command, or None for a forwarded one: the account it went to answers."""
    record, first = decision.record, decision.repeats
    told_before = isinstance(command.body, AnswerFamilyHold) and record.outcome != "POSTED"
    if record.outcome == "FORWARDED" or told_before or _answered_later(record):
        return None
    if first is not None:
        code, reason, at, parameters = first.code, first.reason, first.at, first.parameters
    else:
        # Lines known from other messages, and a feed's heartbeat, are repeats without a remembered id.
        first_code = "RECORDED" if isinstance(command.body, ReceiveFeedMessage) else "POSTED"
        code = first_code if record.outcome == "DUPLICATE" else record.outcome
        reason, at, parameters = record.reason, now.city, record.parameters
    refused = code == "REFUSED"
    return Reply(
        command_id=command.body.answers if isinstance(command.body, AnswerFamilyHold) else command.id,
        account=record.account,
        code=reason if refused else code,
        refused=refused,
        at=at,
        parameters=parameters,
        result=decision.result or {},
        repeated=record.outcome in REPEATED,
    )


def _answered_later(record: LedgerRecord) -> bool:
    """Return True while a payer's account is asked: the charge's caller gets its split with that answer, once."""
    return record.outcome == "HELD" and any(isinstance(event, FamilyHoldAsked) for event in record.events)

"""Money paid in advance, to one institution or by the insurer to the personal account (domain 1)."""

from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.numbers import identify
from schemas.commands import DepositInsuranceAccount, DepositPrepayment, ReceiveTransfer
from schemas.events import InsuranceAccountDeposited, PrepaymentDeposited
from schemas.money import AMOUNT_FEN_MAX
from schemas.reasons import Reason


def deposit_prepayment(draft: Draft, body: DepositPrepayment) -> Outcome | Refusal:
    """Book a deposit; it can pay only that institution's charges."""
    if not 0 < body.amount_fen <= AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    identify(draft, body.subject)
    deposit = draft.new_id("P")
    draft.emit(PrepaymentDeposited(body.institution, body.amount_fen, body.receipt_no, deposit=deposit))
    return Outcome("POSTED", deposit)


def deposit_insurance(draft: Draft, body: DepositInsuranceAccount) -> Outcome | Refusal:
    """Book the insurer's credit to the personal account that the hub keeps."""
    if not 0 < body.amount_fen <= AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    draft.emit(InsuranceAccountDeposited(body.amount_fen, body.reference))
    return Outcome("POSTED")


def receive_transfer(draft: Draft, body: ReceiveTransfer) -> Outcome | Refusal:
    """Book the prepayment that a linked number account gives to its person."""
    if not body.prepayment_fen > 0:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    identify(draft, body.subject)
    deposit = draft.new_id("P")
    draft.emit(
        PrepaymentDeposited(body.institution, body.prepayment_fen, from_account=body.from_account, deposit=deposit)
    )
    return Outcome("POSTED", deposit)

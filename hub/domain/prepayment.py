"""Money paid in advance, to one institution or by the insurer to the personal account (domain 1)."""

from hub.domain.deposits import deposits_to_return, known_deposit
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.holds import prepayment_held
from hub.domain.numbers import identify
from hub.domain.prepayment_state import Deposit
from schemas.commands import DepositInsuranceAccount, DepositPrepayment, ReceiveTransfer, RefundPrepayment
from schemas.events import InsuranceAccountDeposited, PrepaymentDeposited, PrepaymentRefunded
from schemas.money import AMOUNT_FEN_MAX, yuan_text
from schemas.reasons import Reason


def deposit_prepayment(draft: Draft, body: DepositPrepayment) -> Outcome | Refusal:
    """Book a deposit; it can pay only that institution's charges."""
    if not 0 < body.amount_fen <= AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    known = known_deposit(draft.core, body.institution, body.receipt_no)
    if known is not None:
        return _receipt_again(known, body)
    identify(draft, body.subject)
    deposit = draft.new_id("P")
    draft.emit(PrepaymentDeposited(body.institution, body.amount_fen, body.receipt_no, deposit=deposit))
    return Outcome("POSTED", deposit)


def _receipt_again(known: tuple[str, Deposit], body: DepositPrepayment) -> Outcome | Refusal:
    """One receipt is one deposit, whatever message brings it; with another amount it is a contradiction."""
    deposit_id, deposit = known
    if deposit.amount_fen != body.amount_fen:
        parameters = {"receipt": body.receipt_no, "booked": yuan_text(deposit.amount_fen)}
        return Refusal(Reason.RECEIPT_CHANGED, parameters)
    return Outcome("DUPLICATE", deposit_id, references=(deposit_id,), duplicate_of=deposit.seq)


def refund_prepayment(draft: Draft, body: RefundPrepayment) -> Outcome | Refusal:
    """Pay back what is left at one institution, to the deposits it came from, the newest first; never more."""
    if not 0 < body.amount_fen <= AMOUNT_FEN_MAX:
        return Refusal(Reason.AMOUNT_OUT_OF_RANGE)
    core = draft.core
    kept = core.prepayments.get(body.institution, 0) - prepayment_held(core, body.institution)
    if body.amount_fen > kept:
        parameters = {"asked": yuan_text(body.amount_fen), "left": yuan_text(kept)}
        return Refusal(Reason.PREPAYMENT_EXCEEDS, parameters)
    refund, sources = draft.new_id("R"), deposits_to_return(draft.core, body.institution, body.amount_fen)
    draft.emit(PrepaymentRefunded(body.institution, body.amount_fen, refund, sources, body.reference))
    return Outcome("POSTED", refund)


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

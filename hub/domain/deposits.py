"""Deposits of an account: found by receipt, and taken back newest first (domain 4)."""

from hub.domain.prepayment_state import Deposit
from hub.domain.state import Core


def known_deposit(core: Core, institution: str, receipt_no: str) -> tuple[str, Deposit] | None:
    """Return the deposit that a receipt of an institution was booked as; an empty receipt names none."""
    if not receipt_no:
        return None
    for deposit_id, deposit in core.deposits.items():
        if deposit.receipt_no == receipt_no and deposit.institution == institution:
            return deposit_id, deposit
    return None


def deposits_to_return(core: Core, institution: str, amount_fen: int) -> tuple[tuple[str, int], ...]:
    """Return how much of which deposit goes back, newest first, never more than a deposit brought."""
    rest, sources = amount_fen, []
    for deposit_id, deposit in reversed(core.deposits.items()):
        left = deposit.amount_fen - deposit.returned_fen if deposit.institution == institution else 0
        if rest and left:
            sources.append((deposit_id, min(rest, left)))
            rest -= sources[-1][1]
    if rest:
        raise AssertionError(f"the deposits at {institution} never brought the {rest} fen that go back")
    return tuple(sources)

"""The states of a bill and the only ways between them (architecture 12, bill states)."""

from itertools import product
from typing import Final, Literal

from hub.domain.state import Bill

BillState = Literal[
    "open", "issued", "partially_paid", "debiting", "overdue", "paid", "cancelled", "relieved", "written_off"
]
OWING: Final[tuple[BillState, ...]] = ("issued", "partially_paid", "overdue")
"""Something is owed and no debit is under way: only such a bill is debited, paid, cancelled, relieved, written off."""

_FROM_OWING: Final[tuple[BillState, ...]] = ("debiting", "paid", "cancelled", "relieved", "written_off")
TRANSITIONS: Final[frozenset[tuple[BillState, BillState]]] = frozenset(
    {
        ("open", "issued"),
        *product(OWING, _FROM_OWING),
        ("issued", "partially_paid"),
        ("issued", "overdue"),
        ("partially_paid", "overdue"),
        ("debiting", "issued"),
        ("debiting", "partially_paid"),
        ("debiting", "overdue"),
        ("debiting", "paid"),
    }
)
"""From → to. The overdue mark survives part payments and debits, so an overdue bill stays so until nothing is owed."""
REOPENED: Final[frozenset[tuple[BillState, BillState]]] = frozenset(
    {("paid", "issued"), ("paid", "partially_paid"), ("paid", "overdue"), ("partially_paid", "issued")}
)
"""Only when a channel paid money back that we never asked for: it is owed again and the bill is frozen."""
UNDONE: Final[frozenset[tuple[BillState, BillState]]] = frozenset(
    {("overdue", "issued"), ("overdue", "partially_paid")}
)
"""Only by the compensating event of a wrongly recorded overdue (domain 8)."""


def bill_state(bill: Bill) -> BillState:
    """Return the bill's state: final, debiting, paid, then the overdue mark, then what was paid."""
    if bill.final:
        return bill.final
    if bill.debiting:
        return "debiting"
    if bill.owed_fen <= 0:
        return "paid"
    if bill.overdue_since:
        return "overdue"
    return "partially_paid" if bill.paid_fen else "issued"


def may_close(bill: Bill) -> bool:
    """Return True when a bill may become cancelled, relieved or written off."""
    return bill_state(bill) in OWING

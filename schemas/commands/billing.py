"""What operators and banks say about bills: frozen, freed by two people, collected by the bank itself."""

from schemas.commands.parts import Instant, Struct


class FreezeBill(Struct, frozen=True, tag="freeze_bill"):
    """Stop every debit of a bill until two people free it; `author` says so, `note` why."""

    bill: str
    event_at: Instant
    author: str
    note: str


class UnfreezeBill(Struct, frozen=True, tag="unfreeze_bill"):
    """One of the two people who free a frozen bill; the first proposes, another one confirms (domain 8, four eyes)."""

    bill: str
    event_at: Instant
    author: str
    note: str


BillingBody = FreezeBill | UnfreezeBill

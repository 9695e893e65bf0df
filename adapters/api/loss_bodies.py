"""The bodies of what funders and banks say about a bill: given up, waived, recovered, collected (domain 10)."""

from adapters.api.bodies import Amount, BaseBody, BillFreezeBody, Text, Time, Word


class WriteOffBody(BillFreezeBody, frozen=True):
    """The funder gives the overdue bill in the address up: the loss is its own."""


class FeeWaiverBody(BillFreezeBody, frozen=True):
    """What the fee of the bill in the address still holds is taken back."""


class RecoveryBody(BaseBody, frozen=True):
    """Money that came in for the bill in the address after it was written off."""

    amount: Amount
    method: Word = "counter"
    receipt_no: Text = ""
    paid_at: Time = ""


class BankCollectionBody(BaseBody, frozen=True):
    """The bank collected the bill in the address from its customer; `serial` is the bank's own number."""

    serial: Word
    amount: Amount = "0.00"
    fee: Amount = "0.00"
    collected_at: Time = ""


LossBody = WriteOffBody | FeeWaiverBody | RecoveryBody | BankCollectionBody

"""The bodies the API accepts; the OpenAPI document is made from these types.

Amounts are text in yuan with at most two decimals, times RFC 3339 with an offset. A person is named in the body, never
in an address.
"""

from typing import Annotated, Literal

import msgspec

Institution = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{2,16}$", description="Code of the institution, as XMZSH")]
Amount = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,10}(\.[0-9]{1,2})?$", description="Yuan, as 18.34")]
Time = Annotated[str, msgspec.Meta(max_length=40, description="RFC 3339 with an offset, as 2026-07-03T10:15:00+08:00")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Text = Annotated[str, msgspec.Meta(max_length=128)]
Card = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z:-]{0,64}$", description="Number of a card, or a code as read")]
Scene = Literal["outpatient", "emergency", "inpatient", "pharmacy", "internet"]


class BaseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every body: unknown members are refused."""


class PersonBody(BaseBody, frozen=True):
    """A person by citizen id; or, at one institution, by that institution's own patient number."""

    citizen_id: Annotated[str, msgspec.Meta(pattern="^[0-9]{17}[0-9Xx]$")] = ""
    number: Text = ""
    name: Text = ""


class AgreementBody(BaseBody, frozen=True):
    """A person signs: who advances the money, which channel repays, whose scores may be read."""

    person: PersonBody
    pack: Word
    bank: Text
    channel: Literal["alipay", "unionpay", "bank"]
    channel_agreement: Word
    score_consents: Annotated[list[Literal["egret", "sesame", "bank"]], msgspec.Meta(max_length=3)]
    consent_version: Word
    consent_until: Time
    debit_consent: bool = True
    signed_at: Time = ""


class WithdrawalBody(BaseBody, frozen=True):
    """The person ends the agreement; what is owed stays owed."""

    withdrawn_at: Time = ""


class PrepaymentBody(BaseBody, frozen=True):
    """Money paid in advance to one institution."""

    person: PersonBody
    institution: Institution
    amount: Amount
    receipt_no: Text = ""
    paid_at: Time = ""


class RepaymentBody(BaseBody, frozen=True):
    """A payment that already happened; without `bill` it goes to the oldest one."""

    person: PersonBody
    amount: Amount
    method: Word = "counter"
    receipt_no: Text = ""
    bill: Annotated[str, msgspec.Meta(max_length=64)] = ""
    paid_at: Time = ""


class BillRepaymentBody(BaseBody, frozen=True):
    """A payment that already happened, for the bill in the address."""

    amount: Amount
    method: Word = "counter"
    receipt_no: Text = ""
    paid_at: Time = ""


class InsuranceDepositBody(BaseBody, frozen=True):
    """The insurer credits the personal insurance account that the hub keeps."""

    person: PersonBody
    amount: Amount
    reference: Text = ""
    paid_at: Time = ""


class EligibilityBody(BaseBody, frozen=True):
    """The kiosk's question at check-in: by person, or by a card that was linked at a counter."""

    institution: Institution
    person: PersonBody | None = None
    insurance_card: Card = ""
    e_health_code: Card = ""
    scene: Scene = "outpatient"


class PrepaymentRefundBody(BaseBody, frozen=True):
    """What is left of money paid in advance goes back at the institution that took it."""

    person: PersonBody
    institution: Institution
    amount: Amount
    reference: Text = ""
    paid_at: Time = ""


class BalanceRefundBody(BaseBody, frozen=True):
    """What was paid beyond every bill goes back to the payments it came from, the newest first."""

    person: PersonBody
    amount: Amount
    reference: Text = ""
    paid_at: Time = ""


class BillFreezeBody(BaseBody, frozen=True):
    """A person stops the debits of the bill in the address, or says that it may go on; `author` is a staff number."""

    author: Word
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class BillUnfreezeBody(BillFreezeBody, frozen=True):
    """One of the two people who free the frozen bill in the address."""


class HoldBody(BaseBody, frozen=True):
    """At admission: an amount of the credit line, or of the prepayment, is held for the visit."""

    person: PersonBody
    institution: Institution
    visit: Word
    amount: Amount
    hold: Literal["credit", "prepayment"] = "credit"
    scene: Scene = "inpatient"


class CaptureBody(BaseBody, frozen=True):
    """One charge completes the hold in the address; what it does not take is free again."""

    amount: Amount
    line_key: Text = ""


class VoidBody(BaseBody, frozen=True):
    """The hold in the address is given back."""


class FamilyLinkBody(BaseBody, frozen=True):
    """One side asks for a family link and consents; `role` is that side's own."""

    person: PersonBody
    other: PersonBody
    relation: Literal["minor", "adult_child"]
    role: Literal["payer", "dependent"]
    consent_version: Word
    asked_at: Time = ""


class FamilyAnswerBody(BaseBody, frozen=True):
    """The other side consents to the link in the address, or refuses it."""

    person: PersonBody
    accept: bool
    consent_version: Text = ""


class FamilyUnlinkBody(BaseBody, frozen=True):
    """One side asks to end the link in the address."""

    person: PersonBody
    consent_version: Word


class FamilyUnlinkAnswerBody(FamilyAnswerBody, frozen=True):
    """The other side consents to the end of the link in the address, or refuses it."""


class DeathBody(BaseBody, frozen=True):
    """A person died, as a clerk knows it."""

    person: PersonBody
    died_at: Time = ""
    reference: Text = ""


class SourceBody(BaseBody, frozen=True):
    """One further source: the person's second channel, or the contract of a family payer, named by account."""

    kind: Literal["second_channel", "family"]
    channel: Literal["alipay", "unionpay", "bank"]
    channel_agreement: Word
    payer: Annotated[str, msgspec.Meta(max_length=26)] = ""


class RepaymentSourcesBody(BaseBody, frozen=True):
    """The person consents to further sources in this order; an empty list takes the consent back."""

    sources: Annotated[list[SourceBody], msgspec.Meta(max_length=5)]
    consent_version: Word
    consented_at: Time = ""


AnyBody = (
    AgreementBody
    | WithdrawalBody
    | PrepaymentBody
    | RepaymentBody
    | BillRepaymentBody
    | InsuranceDepositBody
    | EligibilityBody
    | PrepaymentRefundBody
    | BalanceRefundBody
    | BillFreezeBody
    | BillUnfreezeBody
    | HoldBody
    | CaptureBody
    | VoidBody
    | FamilyLinkBody
    | FamilyAnswerBody
    | FamilyUnlinkBody
    | FamilyUnlinkAnswerBody
    | DeathBody
    | RepaymentSourcesBody
)


class Outcome(msgspec.Struct, frozen=True):
    """What the books decided; the members beside these depend on the route."""

    outcome: str
    id: str


class ProblemError(msgspec.Struct, frozen=True):
    """One place of the body that is at fault."""

    pointer: str
    code: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    retriable: bool
    trace_id: str
    retry_after_s: int = 0
    errors: list[ProblemError] = []

"""The bodies of what people decide about a person: lists, undoing, relief, and what enrolment asks.

`author` is a staff number of whoever acts; what takes two people takes two of them.
"""

from typing import Annotated, Literal

import msgspec

from adapters.api.bodies import Amount, BaseBody, Card, Institution, PersonBody, Text, Time, Word

Note = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class ListingBody(BaseBody, frozen=True):
    """Put a person on the white or black list; another person must confirm."""

    person: PersonBody
    colour: Literal["white", "black"]
    author: Word
    reason: Note
    until: Time = ""


class UnlistingBody(BaseBody, frozen=True):
    """Take a person off a list; another person must confirm."""

    person: PersonBody
    colour: Literal["white", "black"]
    author: Word
    reason: Note


class RepairBody(BaseBody, frozen=True):
    """The bill in the address was wrongly recorded overdue; `due_at` is its new term while something is owed."""

    author: Word
    reason: Note
    due_at: Time = ""


class ConfirmationBody(BaseBody, frozen=True):
    """Another person agrees to the proposal in the address."""

    author: Word


class RejectionBody(BaseBody, frozen=True):
    """The proposal in the address is dropped."""

    author: Word


class ReliefBody(BaseBody, frozen=True):
    """Ask a third party to pay the bill in the address, wholly where no amount is named."""

    kind: Literal["civil_affairs", "insurance_claim", "fiscal"]
    author: Word
    reason: Note
    amount: Amount | None = None


class ReliefApprovalBody(BaseBody, frozen=True):
    """Another person approves the case in the address, for all that is asked where no amount is named."""

    author: Word
    amount: Amount | None = None


class ReliefClosureBody(BaseBody, frozen=True):
    """The case in the address is refused, or withdrawn by whoever opened it."""

    state: Literal["refused", "withdrawn"]
    author: Word
    reason: Text = ""


class DishonestyBody(BaseBody, frozen=True):
    """The city's register names the person, or takes the record back."""

    person: PersonBody
    reference: Word
    author: Word
    reason: Note
    cleared: bool = False


class InsuranceLinkBody(BaseBody, frozen=True):
    """A card or code that was seen at a counter, with the person it belongs to; one of the two is named."""

    person: PersonBody
    institution: Institution
    author: Word
    insurance_card: Card = ""
    e_health_code: Card = ""


class InsuranceCreditBody(BaseBody, frozen=True):
    """What the insurer's credit check said about the person."""

    person: PersonBody
    passed: bool
    reference: Text = ""
    checked_at: Time = ""


StandingBody = (
    ListingBody
    | UnlistingBody
    | RepairBody
    | ConfirmationBody
    | RejectionBody
    | ReliefBody
    | ReliefApprovalBody
    | ReliefClosureBody
    | DishonestyBody
    | InsuranceLinkBody
    | InsuranceCreditBody
)

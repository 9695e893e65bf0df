"""Standing, lists, relief and what enrolment asks: mostly decisions of people, many of which take two of them.

`author` names who acts, as the institution's or platform's own staff number; two people are two authors.
"""

from typing import Literal

from schemas.commands.parts import Instant, Struct, Subject

Colour = Literal["white", "black"]


class ProposeListing(Struct, frozen=True, tag="propose_listing"):
    """Put a person on the white or black list until an instant (0: until taken off); another person must confirm."""

    colour: Colour
    author: str
    reason: str
    event_at: Instant
    until: Instant = 0


class ProposeUnlisting(Struct, frozen=True, tag="propose_unlisting"):
    """Take a person off a list; another person must confirm."""

    colour: Colour
    author: str
    reason: str
    event_at: Instant


class UndoOverdue(Struct, frozen=True, tag="undo_overdue"):
    """A bill was wrongly recorded overdue; another person must confirm.

    `due_at` is its new term, needed while something is owed.
    """

    bill: str
    author: str
    reason: str
    event_at: Instant
    due_at: Instant = 0


class ConfirmProposal(Struct, frozen=True, tag="confirm_proposal"):
    """Another person agrees: what was proposed is done."""

    proposal: str
    author: str
    event_at: Instant


class RejectProposal(Struct, frozen=True, tag="reject_proposal"):
    """The proposal is dropped, by anybody."""

    proposal: str
    author: str
    event_at: Instant


class ApplyRelief(Struct, frozen=True, tag="apply_relief"):
    """Ask civil affairs, an insurance claim or the fiscal backstop to pay a bill, wholly (0) or in part."""

    bill: str
    kind: Literal["civil_affairs", "insurance_claim", "fiscal"]
    author: str
    reason: str
    event_at: Instant
    amount_fen: int = 0


class ApproveRelief(Struct, frozen=True, tag="approve_relief"):
    """Another person approves the case for an amount (0: all that is asked)."""

    case: str
    author: str
    event_at: Instant
    amount_fen: int = 0


class CloseRelief(Struct, frozen=True, tag="close_relief"):
    """The case is refused, or withdrawn by whoever opened it."""

    case: str
    state: Literal["refused", "withdrawn"]
    author: str
    event_at: Instant
    reason: str = ""


class RecordDishonesty(Struct, frozen=True, tag="record_dishonesty"):
    """The city's register names the person, or `cleared` takes the record back."""

    reference: str
    author: str
    reason: str
    event_at: Instant
    cleared: bool = False


class LinkInsurance(Struct, frozen=True, tag="link_insurance"):
    """The person's insurance card or e-health code was seen at a counter: from here on it stands for the person.

    `subject.number` is the card's account, `subject.person` the person's.
    """

    institution: str
    event_at: Instant
    author: str
    subject: Subject


class RecordInsuranceCredit(Struct, frozen=True, tag="record_insurance_credit"):
    """What the insurer's credit check said about the person."""

    passed: bool
    event_at: Instant
    reference: str = ""


StandingBody = (
    ProposeListing
    | ProposeUnlisting
    | UndoOverdue
    | ConfirmProposal
    | RejectProposal
    | ApplyRelief
    | ApproveRelief
    | CloseRelief
    | RecordDishonesty
    | LinkInsurance
    | RecordInsuranceCredit
)
